"""Reads the tables `[systems.NAME]`, with those of a stage file in place of single settings."""

import re
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from koppel.config.configuration import SystemConfig
from koppel.config.document import Mistake, Node, check_keys, did_you_mean
from koppel.config.reading import parsed, read_table, text, wrong_type
from koppel.config.secret import ACCEPTED, absolute_url, check_reference
from koppel.config.settings import SYSTEM_SETTINGS, Connector
from koppel.config.sign_in import read_sign_in
from koppel.model.api import STANDARD_API
from koppel.model.values import Kind

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_SIGN_IN = {
    Connector.ODATA: 'write auth = {user = "…", password = "env:…"}',
    Connector.DATAVERSE: 'write auth = {tenant = "…", client = "…", secret = "env:…"}',
    Connector.BUSINESS_CENTRAL: 'write auth = {tenant = "…", client = "…", secret = "env:…"}',
}
"""Connectors of services, with the remedy where it is not said how to sign in."""

_ONLY_OF = {
    "batch": {Connector.ODATA},
    "ca_file": {Connector.DATAVERSE, Connector.BUSINESS_CENTRAL},
    "environment": {Connector.BUSINESS_CENTRAL},
    "company": {Connector.BUSINESS_CENTRAL},
    "api": {Connector.BUSINESS_CENTRAL},
    "initial_load": {Connector.DATAVERSE},
}
"""Settings that mean something to these connectors only."""

_FOR_GRANTED = {
    "batch": "{} takes many records at once anyway",
    "ca_file": "{} trusts the authorities of this machine",
}

_API = re.compile(rf"{re.escape(STANDARD_API)}|[^/\s]+/[^/\s]+/(beta|v\d+\.\d+)")

_SIDE_WORDS = ("left", "right", "newest")


def read_systems(root: Node, stage: Node | None, folder: Path) -> dict[str, SystemConfig]:
    """The systems by name. `folder` is where relative SQLite paths begin."""
    systems = root.get("systems")
    if systems is None or systems.value == {}:
        (systems or root).problem("no systems are named", "write [systems.NAME] with connector and url")
        return {}
    if not isinstance(systems.value, dict):
        wrong_type(systems, "a table of systems")
    known = [name for name, _ in systems.tables()]
    others = dict(given.tables()) if stage and (given := stage.get("systems")) else {}
    for name, node in others.items():
        if name not in known:
            node.problem(f"there is no system {name!r} to override", did_you_mean(name, known))
    read = {name: _system(name, node, others.get(name), folder) for name, node in systems.tables()}
    return {name: system for name, system in read.items() if system is not None}


def _system(name: str, node: Node, stage: Node | None, folder: Path) -> SystemConfig | None:
    _check_name(name, node)
    for given in (node, stage):
        if given is not None and not isinstance(given.value, dict):
            wrong_type(given, "a table")
        elif given is not None:
            check_keys(given, (setting.name for setting in SYSTEM_SETTINGS))

    def lookup(key: str) -> Node | None:
        return (stage and stage.get(key)) or node.get(key)

    values = read_table(SYSTEM_SETTINGS, lookup)
    if lookup("connector") is None:
        node.problem("the connector is missing", 'write connector = "sql"')
    _check_url(name, node, lookup("url"))
    if zone := lookup("timezone"):
        parsed(zone, _timezone)
    fields = _kinds(kinds) if (kinds := lookup("fields")) else {}
    auth = read_sign_in(way) if (way := lookup("auth")) else {}
    _check_fits(node, values.get("connector"), lookup)
    if not values.keys() >= {"connector", "url"}:
        return None
    options = {"fields": fields or None, "auth": auth or None}
    options |= {name: values.get(name) for name in _ONLY_OF}
    return SystemConfig(
        name=name,
        connector=values["connector"],
        url=absolute_url(values["url"], folder),
        timezone=values.get("timezone", "UTC"),
        options={name: value for name, value in options.items() if value is not None},
    )


def _check_fits(node: Node, connector: Connector | None, lookup: Callable[[str], Node | None]) -> None:
    """A service is signed in to and declares its types; a database is the other way round."""
    auth, fields = lookup("auth"), lookup("fields")
    if connector in _SIGN_IN and auth is None:
        node.problem("the way to sign in is missing", _SIGN_IN[connector])
    if connector in (Connector.ODATA, Connector.DATAVERSE) and fields is not None:
        fields.problem("a service says itself of what kind its fields are", "leave it out")
    if connector is Connector.SQL and auth is not None:
        auth.problem("a database is signed in to by its url", "leave it out")
    if connector is Connector.DATAVERSE and auth is not None and auth.get("user") is not None:
        auth.problem("Dataverse takes no user and password", _SIGN_IN[connector])
    if connector is Connector.BUSINESS_CENTRAL and auth is not None and lookup("environment") is not None:
        _check_tenant(auth)
    for name, connectors in _ONLY_OF.items():
        if (given := lookup(name)) is not None and connector is not None and connector not in connectors:
            what = _FOR_GRANTED.get(name, "it means nothing to {}")
            given.problem(what.format(connector), "leave it out")
    if connector is Connector.BUSINESS_CENTRAL and (api := lookup("api")):
        parsed(api, api_named)


def _check_tenant(auth: Node) -> None:
    """Whoever leaves the sign-in to a credential says the tenant all the same (wire 2.1)."""
    if auth.get("credential") is not None and auth.get("tenant") is None:
        auth.problem("the tenant is missing, which is a part of the service's addresses", 'write tenant = "…"')


def api_named(said: str) -> str:
    """An API of Business Central as it is written. Raises `Mistake`."""
    if _API.fullmatch(said) is None:
        raise Mistake(
            f"{said!r} is no API", f"write {STANDARD_API}, or publisher/group/version such as contoso/sync/v1.0"
        )
    return said


def _check_name(name: str, node: Node) -> None:
    if name in _SIDE_WORDS:
        node.problem(f"a system cannot be called {name!r}: '{name} wins' would mean two things", "choose another name")
    elif _NAME.fullmatch(name) is None:
        node.problem("this cannot be the name of a system", "begin with a letter; then letters, digits, _ and -")


def _check_url(name: str, node: Node, url: Node | None) -> None:
    if url is None:
        node.problem("the url is missing", ACCEPTED)
    else:
        parsed(url, lambda said: check_reference(said, name))


def _timezone(said: str) -> str:
    try:
        # UTC needs no data base of zones, which not every machine has.
        return said if said == "UTC" else ZoneInfo(said).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Mistake(f"unknown time zone {said!r}", did_you_mean(said, sorted(available_timezones()))) from None


def _kinds(node: Node) -> dict[str, dict[str, str]]:
    """`fields`: table -> column -> kind."""
    known = {str(kind) for kind in Kind}
    if not isinstance(node.value, dict):
        wrong_type(node, "a table of tables")
    found: dict[str, dict[str, str]] = {}
    for table, columns in node.tables():
        if not isinstance(columns.value, dict):
            wrong_type(columns, "a table that gives columns their kind")
        for column, given in columns.tables():
            kind = text(given)
            if kind is not None and kind not in known:
                given.problem(f"unknown kind {kind!r}", did_you_mean(kind, sorted(known)))
            elif kind is not None:
                found.setdefault(table, {})[column] = kind
    return found
