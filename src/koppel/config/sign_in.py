"""Reads `auth` of a system: how koppel signs in to a service. What is secret is named there, never written."""

from koppel.config.document import Node, check_keys
from koppel.config.reading import filled, wrong_type
from koppel.config.secret import is_reference
from koppel.config.settings import SIGN_IN_SETTINGS

SECRETS = frozenset({"password", "secret", "certificate"})
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
    for name in SECRETS & found.keys():
        if not is_reference(found[name]):
            given[name].problem(f"the {name} itself does not belong in this file", _remedy(name))
    if given.keys() - _OPTIONAL not in _WAYS:
        node.problem(
            "this is no way to sign in",
            "give user and password, or tenant, client and one of secret and certificate",
        )
    return found


def _remedy(name: str) -> str:
    if name == "certificate":
        return 'write "file:PATH", the path of a PEM file with certificate and private key'
    return f'put it into an environment variable and write "env:ERP_{name.upper()}", or "file:PATH"'
