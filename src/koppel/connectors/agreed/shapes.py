"""What the shared code asks of a column, a change stamp and a table; keys and kinds that a configuration names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from koppel.connectors.agreed.mistakes import Mistakes
from koppel.connectors.agreed.names import column_named, refuse_unknown
from koppel.errors import ConfigurationError, Problem
from koppel.model.values import FieldShape, Kind, TableShape

_STAMP_REMEDY = (
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


@dataclass(frozen=True)
class Stamp:
    """The change stamp of a table: its column, how finely it ticks, whether it can be null, whether an index begins
    with it.
    """

    field: str
    granularity: timedelta
    nullable: bool
    indexed: bool


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
    def stamp(self) -> Stamp | None:
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

    `bare`: a view, of which nothing can be declared: the user's word counts. Raises ConfigurationError, with every name
    that is no column's.
    """
    if named is not None:
        refuse_unknown(columns, named, where)
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


def stamp_column(
    columns: Mapping[str, DeclaredColumn],
    zones: Mapping[str, str],
    usual: str | None,
    said: str | None,
    type_: str,
    where: str,
) -> str | None:
    """The column of the change stamp: the `usual` one unless another is `said`; '' says that there is none. `zones`:
    the columns of date-times, each with the zone that its values are in; `type_`: what such a column had better be.
    Raises ConfigurationError for what is no moment, or not one for sure.
    """
    name = column_named(columns, said, where) if said else usual
    if said == "" or name is None:
        return None
    remedy = _STAMP_REMEDY.format(type=type_)
    if name not in zones:
        what = f"the change stamp {name} is stored as {columns[name].stored}"
        raise ConfigurationError([Problem(where, what, remedy)])
    if zones[name] != "UTC":
        what = f"the change stamp {name} holds local time of {zones[name]}, which repeats an hour every year"
        raise ConfigurationError([Problem(where, what, remedy)])
    return name


def tick(declared: int, used: int | None) -> timedelta:
    """How finely a stamp ticks whose column keeps so many digits of a second, and whose values use so many (None: there
    are none).
    """
    digits = declared if used is None else min(used, declared)
    return timedelta(microseconds=10 ** (6 - digits))


def key_kind(shape: FieldShape) -> Kind:
    """What a key column is read as: something whose text leads back to what is stored."""
    if shape.kind is Kind.DECIMAL and shape.scale is None:
        return Kind.TEXT
    return {Kind.DATETIME: Kind.TEXT, Kind.BOOLEAN: Kind.TEXT}.get(shape.kind, shape.kind)
