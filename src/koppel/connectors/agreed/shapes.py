"""What the shared code asks of a column, a change stamp and a table; keys and kinds that a configuration names."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from koppel.connectors.agreed.mistakes import Mistakes
from koppel.connectors.agreed.names import column_named
from koppel.errors import ConfigurationError, Problem
from koppel.model.values import FieldShape, Kind, TableShape

STAMP_REMEDY = (
    "a change stamp is a {type}: name such a column, or name none "
    '(modified = ""), then the ids of all records are read every time'
)


class DeclaredColumn(Protocol):
    """One column of a table, or property of an entity."""

    @property
    def shape(self) -> FieldShape:
        """As `koppel.ports` describes it."""

    @property
    def stored(self) -> str:
        """The declared type, for messages."""


class SqlStamp(Protocol):
    """The change stamp of a table."""

    @property
    def field(self) -> str:
        """Its column."""

    @property
    def granularity(self) -> timedelta:
        """How finely it ticks."""


class SqlRelation(Protocol):
    """One table or view."""

    @property
    def system(self) -> str:
        """The system's name, for messages."""

    @property
    def name(self) -> str:
        """As `System.tables` names it."""

    @property
    def columns(self) -> Mapping[str, DeclaredColumn]:
        """In order."""

    @property
    def shape(self) -> TableShape:
        """As `koppel.ports` describes it."""

    @property
    def key(self) -> tuple[str, ...]:
        """The names of the key columns."""

    @property
    def stamp(self) -> SqlStamp | None:
        """The change stamp."""


_REDEFINABLE = {
    Kind.TEXT: (Kind.TEXT, Kind.CODE, Kind.CHOICE),
    Kind.CHOICE: (Kind.TEXT, Kind.CODE, Kind.CHOICE),
    Kind.INTEGER: (Kind.INTEGER, Kind.CHOICE),
}


def chosen_kinds(columns: Mapping[str, DeclaredColumn], kinds: Mapping[str, str], where: str) -> dict[str, Kind]:
    """The kinds that the configuration gives to columns whose types say too little. Raises ConfigurationError with
    every column that is not there or cannot be read so.
    """
    chosen, mistakes = {}, Mistakes()
    for given, word in kinds.items():
        with mistakes.noted():
            name = column_named(columns, given, where)
            column, kind = columns[name], Kind(word)
            if kind not in _REDEFINABLE.get(column.shape.kind, (column.shape.kind,)):
                what = f"{name} is stored as {column.stored}, which cannot be read as {kind}"
                raise ConfigurationError([Problem(where, what, "leave its kind out")])
            chosen[name] = kind
    mistakes.tell()
    return chosen


def known_kinds(name: str, fields: Mapping[str, Mapping[str, str]] | None) -> dict[str, dict[str, str]]:
    """`fields` of a system's configuration by table in lower case. Raises ConfigurationError for unknown kinds."""
    kinds = {table.lower(): dict(columns) for table, columns in (fields or {}).items()}
    known = [str(kind) for kind in Kind]
    problems = [
        Problem(f"{name}.{table}.{column}", f"unknown kind {kind}", f"the kinds are: {', '.join(known)}")
        for table, columns in kinds.items()
        for column, kind in columns.items()
        if kind not in known
    ]
    if problems:
        raise ConfigurationError(problems)
    return kinds


def check_kinds_have_tables(name: str, kinds: Mapping[str, object], tables: Sequence[str]) -> None:
    """Raises ConfigurationError when kinds are given to a table that is not there."""
    missing = sorted(kinds.keys() - {table.lower() for table in tables})
    if missing:
        raise ConfigurationError([Problem(name, f"there is no table {table} to give kinds") for table in missing])


def found_key(
    columns: Mapping[str, DeclaredColumn],
    primary: tuple[str, ...],
    unique: Sequence[tuple[str, ...]],
    named: tuple[str, ...] | None,
    bare: bool,
    where: str,
) -> tuple[str, ...]:
    """The key: the one that is named, else the primary one, else the only unique columns that are never null.

    `bare`: a view, of which nothing can be declared: the user's word counts. Raises ConfigurationError.
    """
    if named is not None:
        key = tuple(column_named(columns, name, where) for name in named)
        if not bare and set(key) not in [set(names) for names in unique]:
            raise _no_key(where, f"nothing keeps {', '.join(key)} unique", f"CREATE UNIQUE INDEX … ({', '.join(key)})")
        return key
    if primary:
        return primary
    strict = sorted({names for names in unique if not any(columns[name].shape.nullable for name in names)})
    if len(strict) != 1:
        raise _no_key(where, "it has no primary key", "name a unique key, or give the table one")
    return strict[0]


def _no_key(where: str, what: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(where, f"records cannot be told apart: {what}", remedy)])


def key_kind(shape: FieldShape) -> Kind:
    """What a key column is read as: something whose text leads back to what is stored."""
    if shape.kind is Kind.DECIMAL and shape.scale is None:
        return Kind.TEXT
    return {Kind.DATETIME: Kind.TEXT, Kind.BOOLEAN: Kind.TEXT}.get(shape.kind, shape.kind)
