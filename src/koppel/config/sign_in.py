"""Reads `auth` of a system: how koppel signs in to a service. What is secret is named there, never written."""

from collections.abc import Mapping

from koppel.config.document import Node, check_keys
from koppel.config.reading import filled, parsed, wrong_type
from koppel.config.secret import is_reference
from koppel.config.settings import SIGN_IN_SETTINGS, Credential
from koppel.config.words import parse_word

SECRETS = frozenset({"password", "secret", "certificate"})
BESIDE_A_CREDENTIAL = frozenset({"tenant", "scope"})
"""What still counts where a credential was handed over."""

_WAYS = ({"user", "password"}, {"tenant", "client", "secret"}, {"tenant", "client", "certificate"})
_OPTIONAL = {"scope", "authority"}


def read_sign_in(node: Node) -> dict[str, str]:
    """The parts by name, secrets as references; every mistake is noted as a problem."""
    if not isinstance(node.value, dict):
        wrong_type(node, "a table")
        return {}
    check_keys(node, (setting.name for setting in SIGN_IN_SETTINGS))
    given = {setting.name: part for setting in SIGN_IN_SETTINGS if (part := node.get(setting.name)) is not None}
    found = {name: value for name, part in given.items() if (value := filled(part)) is not None}
    if "credential" in given:
        return found if _is_handed_over(given) else {}
    for name in SECRETS & found.keys():
        if not is_reference(found[name]):
            given[name].problem(f"the {name} itself does not belong in this file", _remedy(name))
    if given.keys() - _OPTIONAL not in _WAYS:
        node.problem(
            "this is no way to sign in",
            "give user and password, or tenant, client and one of secret and certificate, or credential",
        )
    return found


def _is_handed_over(given: Mapping[str, Node]) -> bool:
    """Whether a credential is all that is said, but for what may stand beside it."""
    word = parsed(given["credential"], lambda said: parse_word(said, Credential))
    for name in given.keys() - BESIDE_A_CREDENTIAL - {"credential"}:
        given[name].problem(f"the credential takes the place of the {name}", "leave one of them out")
    return word is not None


def _remedy(name: str) -> str:
    if name == "certificate":
        return 'write "file:PATH", the path of a PEM file with certificate and private key'
    return f'put it into an environment variable and write "env:ERP_{name.upper()}", or "file:PATH"'
