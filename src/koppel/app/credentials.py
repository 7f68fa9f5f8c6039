"""Credentials that the program hands over, for systems whose way to sign in does not stand in koppel.toml."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from koppel.config import Configuration, Connector
from koppel.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from koppel.connectors.odata.tokens import Credential


def check_credentials(configuration: Configuration, credentials: "Mapping[str, Credential]") -> None:
    """Raise ConfigurationError, with all problems, unless each is one and belongs to a service."""
    problems = []
    for name, credential in credentials.items():
        where = f"credentials: {name}"
        if name not in configuration.systems:
            known = ", ".join(configuration.systems)
            problems.append(Problem(where, f"there is no system {name!r}", f"there are {known}"))
        elif configuration.systems[name].connector is Connector.SQL:
            problems.append(Problem(where, "a database is signed in to by its url", "leave the credential out"))
        if not callable(getattr(credential, "get_token", None)):
            what = f"an object of {type(credential).__name__} has no get_token"
            problems.append(Problem(where, what, "hand over a credential, such as those of azure-identity"))
    if problems:
        raise ConfigurationError(problems)
