"""From configuration to open tables: systems are opened once, checked to be the installations they were, and mappings
bound to them.
"""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Table
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from uuid_utils import uuid7

from koppel.config import Configuration, Connector
from koppel.engine.bind import bind
from koppel.engine.context import Claim, OpenTable, Tables
from koppel.errors import ConfigurationError, Halted, Problem
from koppel.model.bound import BoundMapping
from koppel.model.mapping import Mapping, SideOptions, TableRef
from koppel.model.policy import Side
from koppel.model.values import TableShape
from koppel.ports import NumberKeeper, System, TableOptions
from koppel.store import SqlStore
from koppel.transform.filter import check as check_filter

if TYPE_CHECKING:
    from koppel.connectors.odata.recording import Recorder
    from koppel.connectors.odata.tokens import Credential


def now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(UTC)


def new_ids(how_many: int) -> Sequence[str]:
    """Ids that grow, so that their indexes do at one end only."""
    return [str(uuid7()) for _ in range(how_many)]


@dataclass
class Connections:
    """The systems of a configuration, opened when they are needed. `credentials`: by system, those that the program
    handed over. `wrap` may put something between a table and its users.
    """

    configuration: Configuration
    systems: dict[str, System] = field(default_factory=dict)
    numbers: NumberKeeper | None = field(default=None, kw_only=True)
    credentials: "Table[str, Credential]" = field(default_factory=dict, kw_only=True, repr=False)
    ahead: dict[str, timedelta] = field(default_factory=dict, init=False)
    wrap: Callable[[Mapping, str, OpenTable], OpenTable] = lambda mapping, system, table: table

    def system(self, name: str) -> System:
        """The open system of that name. Raises `Unreachable` or `ConfigurationError`."""
        if name not in self.systems:
            credential = self.credentials.get(name)
            with self.configuration.placing():
                self.systems[name] = open_system(name, self.configuration, self.numbers, credential=credential)
        return self.systems[name]

    def identity(self, name: str) -> str:
        """Which installation a system is. Raises `SystemFailure` or `ConfigurationError`."""
        with self.configuration.placing():
            return self.system(name).identity()

    def clock_ahead(self, name: str) -> timedelta:
        """How far the clock of a system is ahead of ours, measured when it was first asked; the answer takes a moment,
        of which half is the way there.
        """
        if name not in self.ahead:
            before = now()
            there = self.system(name).now()
            self.ahead[name] = there - before - (now() - before) / 2
        return self.ahead[name]

    def close(self) -> None:
        """Close what was opened."""
        self.ahead.clear()
        while self.systems:  # one that cannot be closed must not be used again either
            self.systems.popitem()[1].close()

    def check_identities(self, mappings: Sequence[Mapping], store: SqlStore) -> None:
        """Halt when a name stands for another installation than before."""
        changed = []
        for name in dict.fromkeys(m.table(side).system for m in mappings for side in Side):
            identity, known = self.identity(name), store.system_identity(name)
            if known not in (None, identity):
                changed.append((name, f"{name} is not the installation it was: it was {known}, it is {identity}"))
        if changed:
            names = changed[0][0]
            raise Halted([text for _, text in changed], f"koppel systems adopt {names} --as copy|restored|moved")

    def remember_identities(self, mappings: Sequence[Mapping], store: SqlStore) -> None:
        """Know the installations met for the first time from now on."""
        for name in dict.fromkeys(m.table(side).system for m in mappings for side in Side):
            if store.system_identity(name) is None:
                store.remember_system(name, self.identity(name))

    def tables(self, mapping: Mapping) -> Tables:
        """Both tables of a mapping, and those its references lead through."""
        left, right = (self._wrapped(mapping, side) for side in Side)
        referenced: dict[str, tuple[OpenTable, OpenTable]] = {}
        hops: dict[TableRef, OpenTable] = {}
        for line in mapping.fields:
            if line.reference is None or not line.enabled:
                continue
            for name in line.reference.mappings:
                other = self.configuration.mappings[name]
                referenced[name] = (self._wrapped(other, Side.LEFT), self._wrapped(other, Side.RIGHT))
            if line.reference.hop is not None:
                hops[line.reference.hop.table] = self._open(line.reference.hop.table, SideOptions())
        names = (mapping.left.system, mapping.right.system)
        shared = (self._shared(mapping, Side.LEFT), self._shared(mapping, Side.RIGHT))
        claims = (self._claims(mapping, Side.LEFT, left.shape), self._claims(mapping, Side.RIGHT, right.shape))
        directions = {name: self.configuration.mappings[name].direction for name in referenced}
        return Tables(names, (left, right), referenced, hops, shared=shared, claims=claims, directions=directions)

    def _shared(self, mapping: Mapping, side: Side) -> list[tuple[str, Side]]:
        """The other mappings that may write to the same table, and on which of their sides it is."""
        return [
            (name, there)
            for name, other in self.configuration.mappings.items()
            for there in Side
            if name != mapping.name and other.table(there) == mapping.table(side) and other.direction.reaches(there)
        ]

    def _claims(self, mapping: Mapping, side: Side, shape: TableShape) -> list[Claim]:
        """The other mappings of the same table that lead to a different table of the same counterpart, with their
        filters. A filter that does not fit is told with its own mapping.
        """
        return [
            Claim(name, there, filter_ if filter_ is not None and not check_filter(filter_, shape) else None)
            for name, other in self.configuration.mappings.items()
            for there in Side
            if name != mapping.name
            and other.table(there) == mapping.table(side)
            and other.table(there.other).system == mapping.table(side.other).system
            and other.table(there.other) != mapping.table(side.other)
            for filter_ in (other.options(there).filter,)
        ]

    def bind(self, mapping: Mapping) -> tuple[BoundMapping, Tables]:
        """The mapping with its tables open and known. Raises `ConfigurationError` with every problem, or
        `SystemFailure`.
        """
        with self.configuration.placing():
            try:
                tables = self.tables(mapping)
            except ConfigurationError:
                raise ConfigurationError(self._problems(mapping)) from None
            bound = bind(mapping, tables)
        if bound.asks_the_clock:
            left, right = (self.clock_ahead(mapping.table(side).system) for side in Side)
            tables = replace(tables, ahead=(left, right))
        return bound, tables

    def _problems(self, mapping: Mapping) -> list[Problem]:
        """What is wrong with the tables of a mapping, with all of them."""
        references = [line.reference for line in mapping.fields if line.reference is not None and line.enabled]
        used = [
            mapping,
            *(self.configuration.mappings[name] for reference in references for name in reference.mappings),
        ]
        wanted = [
            (f"mappings.{one.name}.{side.word}", one.table(side), one.options(side)) for one in used for side in Side
        ]
        hops = [reference.hop.table for reference in references if reference.hop is not None]
        wanted += [(f"mappings.{mapping.name}.fields", table, SideOptions()) for table in hops]
        problems: list[Problem] = []
        for where, table, options in wanted:
            try:
                self._open(table, options)
            except ConfigurationError as error:
                problems += [replace(each, where=each.where or where) for each in error.problems]
        return list(dict.fromkeys(problems))

    def _wrapped(self, mapping: Mapping, side: Side) -> OpenTable:
        return self.wrap(mapping, mapping.table(side).system, self._open(mapping.table(side), mapping.options(side)))

    def _open(self, table: TableRef, options: SideOptions) -> OpenTable:
        system = self.system(table.system)
        if table.table not in system.tables():
            near = get_close_matches(table.table, system.tables(), n=1)
            remedy = f"did you mean {near[0]}?" if near else f"its tables are {', '.join(system.tables()[:20])}"
            raise ConfigurationError([Problem("", f"{table.system} has no table {table.table!r}", remedy)])
        if options.numbers and self.configuration.systems[table.system].connector is not Connector.BUSINESS_CENTRAL:
            what = f"numbers = {options.numbers!s} means something to Business Central only"
            raise ConfigurationError([Problem("", what, "leave it out")])
        lag = None if options.lag_seconds is None else timedelta(seconds=options.lag_seconds)
        opened = system.table(table.table, TableOptions(options.key, options.modified, lag, options.numbers))
        return OpenTable(opened, opened.describe())


def open_system(
    name: str,
    configuration: Configuration,
    numbers: NumberKeeper | None,
    recorder: "Recorder | None" = None,
    credential: "Credential | None" = None,
) -> System:
    """A service, or a database; no connector is loaded that nobody asked for. `recorder`: takes notes of what Dataverse
    and Business Central are asked. `credential`: signs in to a service instead of what the file says.
    """
    config, url = configuration.systems[name], configuration.system_url(name)
    auth = configuration.system_auth(name, handed_over=credential is not None)
    ca_file = configuration.system_ca_file(name)
    if config.connector is Connector.ODATA:
        from koppel.connectors import odata

        return odata.open_system(name, url, auth, batch=config.options.get("batch"), credential=credential)
    if config.connector is Connector.DATAVERSE:
        from koppel.connectors import dataverse

        initial_load = config.options.get("initial_load", False)
        return dataverse.open_system(name, url, auth, config.timezone, ca_file, initial_load, recorder, credential)
    if config.connector is Connector.BUSINESS_CENTRAL:
        from koppel.connectors import business_central

        said = {name: config.options[name] for name in ("environment", "company", "api") if name in config.options}
        place = business_central.Place(**said, kinds=config.options.get("fields", {}))
        return business_central.open_system(name, url, auth, place, ca_file, numbers, recorder, credential)
    return _open_database(name, url, config.timezone, config.options.get("fields"))


def _open_database(name: str, url: str, timezone: str, kinds: dict[str, dict[str, str]] | None) -> System:
    """The connector that the URL asks for."""
    scheme = url.partition(":")[0].partition("+")[0]
    try:
        match scheme:
            case "postgresql" | "postgres":
                from koppel.connectors import postgresql

                return postgresql.open_system(name, url, timezone, kinds)
            case "mariadb" | "mysql":
                from koppel.connectors import mariadb

                return mariadb.open_system(name, url, timezone, kinds)
    except ModuleNotFoundError as error:
        extra = "mariadb" if error.name == "pymysql" else "postgresql"
        remedy = f"install it with: pip install 'koppel[{extra}]'"
        raise ConfigurationError([Problem(name, f"{error.name} is not installed", remedy)]) from error
    from koppel.connectors import sql

    return sql.open_system(name, url, timezone, kinds)


def closing(connections: Connections) -> None:
    """Close, whatever a half-open system has to say about it."""
    with suppress(Exception):
        connections.close()
