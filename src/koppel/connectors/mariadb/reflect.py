"""What a table is: its columns with their kinds, its key, its change stamp, what may be written.

char, varchar, …text text; enum and CHECK (column IN (…)) choices; uuid; …int, year, bit(n) whole numbers; bit(1) and
tinyint(1), which is what BOOLEAN makes, booleans; decimal(p, s) decimals, floats decimals with ten digits after the
point; date; datetime (time of day in the system's zone) and timestamp date-times; anything else is shown as text that
cannot be written (binary columns in hexadecimal). Views are read only, and so are tables of an engine without
transactions: a write that is interrupted could not be taken back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from koppel.connectors.agreed.mistakes import Mistakes
from koppel.connectors.agreed.names import quoted, unknown, usual_stamp
from koppel.connectors.agreed.progress import READ_ONLY, Refusal
from koppel.connectors.agreed.shapes import Stamp, chosen_kinds, found_key, key_kind, stamp_column, tick
from koppel.connectors.mariadb import catalog
from koppel.connectors.mariadb.catalog import Attribute, Found, Index, Rules
from koppel.connectors.mariadb.database import Connection
from koppel.errors import ConfigurationError, Problem
from koppel.model.values import FieldShape, KeyOrigin, Kind, TableShape
from koppel.ports import TableOptions

LONG_TEXTS = frozenset({"tinytext", "text", "mediumtext", "longtext"})
TEXTS = LONG_TEXTS | {"char", "varchar"}
WHOLE = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "year"})
FLOATS = {"float": 6, "double": 15}
"""Significant decimal digits that come back the same."""
TIMES = frozenset({"datetime", "timestamp"})
BINARY = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "point",
                    "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
                    "vector"})  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One column: its shape and what information_schema says of it."""

    shape: FieldShape
    attribute: Attribute

    @property
    def type(self) -> str:
        """The word of its type: varchar, int, datetime, …"""
        return self.attribute.type

    @property
    def stored(self) -> str:
        """The declared type, for messages and for the temporary table."""
        return self.attribute.declared

    @property
    def is_bit(self) -> bool:
        """Written as a number, where anything else is a text."""
        return self.type == "bit"

    @property
    def sorts(self) -> bool:
        """ORDER BY and > mean the same order (an enum is sorted by its numbers and compared as text)."""
        return self.type in TEXTS | WHOLE | {"uuid", "date", "datetime", "timestamp", "decimal"}

    @property
    def of_another_encoding(self) -> bool:
        """It has no room for some characters, or for all in another form."""
        return self.attribute.charset not in (None, "utf8mb4")

    def zone(self, zone: str) -> str:
        """What its date-times are in: a timestamp is in the session's zone, which is UTC."""
        return "UTC" if self.type == "timestamp" else zone


@dataclass(frozen=True)
class Relation:
    """One table or view as the other modules of this package see it."""

    system: str
    table: Found
    columns: Mapping[str, Column]
    shape: TableShape
    stamp: Stamp | None
    zone: str
    read_only: Refusal | None
    """Why no row can be written."""
    sequence: str | None
    """The sequence that gives the key its numbers."""
    indexes: Sequence[Index]
    rules: Rules

    @property
    def name(self) -> str:
        """As `System.tables` names it."""
        return self.table.name

    @property
    def sql(self) -> str:
        """The table as SQL takes it."""
        return self.table.sql

    @property
    def key(self) -> tuple[str, ...]:
        """The names of the key columns."""
        return self.shape.key


def reflect(
    connection: Connection, system: str, name: str, options: TableOptions, kinds: Mapping[str, str], zone: str
) -> Relation:
    """Read what a table is. Raises ConfigurationError when there is none, or with all in which the options or its own
    make do not fit.
    """
    table = catalog.found(connection, name)
    if table is None:
        raise unknown(system, f"there is no table {name}", name, catalog.names(connection), "its tables are")
    where = f"{system}.{table.name}"
    indexes, rules = catalog.indexes(connection, table), catalog.rules(connection, table)
    read_only = _read_only(table)
    attributes = catalog.attributes(connection, table)
    columns = {a.name: _column(a, indexes, rules, read_only is not None) for a in attributes}
    primary = next((index.columns for index in indexes if index.name == "PRIMARY"), ())
    unique = [index.columns for index in indexes if index.unique and index.whole]
    key: tuple[str, ...] = ()
    stamp, mistakes = None, Mistakes()
    with mistakes.noted():
        for given, kind in chosen_kinds(columns, kinds, where).items():
            columns[given] = replace(columns[given], shape=replace(columns[given].shape, kind=kind))
    with mistakes.noted():
        key = found_key(columns, primary, unique, options.key, table.view, where)
    for part in key:
        with mistakes.noted():
            columns[part] = _as_key(columns[part], where)
    with mistakes.noted():
        stamp = _stamp(connection, table, columns, indexes, options, where, zone)
    mistakes.tell()
    origin, sequence = _origin(columns[key[0]].attribute) if len(key) == 1 else (KeyOrigin.CHOSEN, None)
    shape = TableShape(table.name, tuple(column.shape for column in columns.values()), key, origin)
    if stamp is not None:
        shape = replace(shape, modified=stamp.field, granularity=stamp.granularity)
    return Relation(system, table, columns, shape, stamp, zone, read_only, sequence, indexes, rules)


def _read_only(table: Found) -> Refusal | None:
    if table.view:
        return READ_ONLY
    if table.transactions:
        return None
    what = f"its engine {table.engine} has no transactions, so its records are read, not written"
    return Refusal(None, f"{what}; ALTER TABLE … ENGINE=InnoDB changes that")


# ---- columns


def _column(attribute: Attribute, indexes: Sequence[Index], rules: Rules, read_only: bool) -> Column:
    name, shape = attribute.name, field_shape(attribute)
    choices = next((found for text in rules.checks.values() if (found := choices_of(text, name))), ())
    if choices and shape.kind in (Kind.TEXT, Kind.INTEGER):
        shape = replace(shape, kind=Kind.CHOICE, choices=choices)
    return Column(
        replace(
            shape,
            nullable=not attribute.not_null,
            read_only=shape.read_only or read_only or "generated" in attribute.extra,
            unique=any(index.unique and index.whole and index.columns == (name,) for index in indexes),
            references=next((refers for columns, refers in rules.foreign.values() if columns == (name,)), None),
        ),
        attribute,
    )


def field_shape(attribute: Attribute) -> FieldShape:
    """Kind, length and scale by the type."""
    name, type_ = attribute.name, attribute.type
    if attribute.declared in ("bit(1)", "tinyint(1)"):
        return FieldShape(name, Kind.BOOLEAN)
    if type_ == "enum":
        return FieldShape(name, Kind.CHOICE, choices=_texts(attribute.declared))
    if type_ in TEXTS:  # the others count bytes
        return FieldShape(name, Kind.TEXT, length=attribute.length if type_ in ("char", "varchar") else None)
    if type_ == "decimal":
        return FieldShape(name, Kind.DECIMAL, scale=attribute.scale)
    kind = {
        "uuid": Kind.UUID, "date": Kind.DATE, "bit": Kind.INTEGER, **dict.fromkeys(TIMES, Kind.DATETIME),
        **dict.fromkeys(WHOLE, Kind.INTEGER), **dict.fromkeys(FLOATS, Kind.DECIMAL),
    }.get(type_)  # fmt: skip
    return FieldShape(name, kind or Kind.TEXT, read_only=kind is None)


_TEXT = re.compile(r"'((?:[^'\\]|''|\\.)*)'|(-?\d+)", re.DOTALL)
_LIST = re.compile(rf"\s*(?:{_TEXT.pattern})(?:\s*,\s*(?:{_TEXT.pattern}))*\s*", re.DOTALL)


def _texts(listed: str) -> tuple[str, ...]:
    """The texts and whole numbers in a list; backslashes are doubled there, whatever the session's mode."""
    return tuple(
        number or re.sub(r"\\(.)", r"\1", text.replace("''", "'"), flags=re.DOTALL)
        for text, number in _TEXT.findall(listed)
    )


def choices_of(rule: str, column: str) -> tuple[str, ...]:
    """The values that a CHECK rule allows for `column` (beside null), as text; none when it says something else."""
    name = f"(?:{re.escape(quoted(column))}|`{re.escape(column.replace('`', '``'))}`)"
    match = re.fullmatch(rf"(?:{name} is null or )?{name} (?:in \((.*)\)|= (.*))", rule, re.DOTALL)
    listed = (match[1] or match[2] or "") if match else ""
    return _texts(listed) if _LIST.fullmatch(listed) else ()


def _as_key(column: Column, where: str) -> Column:
    """Key columns are never null. What is not compared as it is shown cannot tell records apart."""
    if column.type in FLOATS or column.type in BINARY or column.is_bit:
        what = f"records cannot be told apart: {column.shape.name} is stored as {column.stored}"
        raise ConfigurationError([Problem(where, what, "name another unique key")])
    return replace(column, shape=replace(column.shape, kind=key_kind(column.shape), nullable=False))


def _origin(key: Attribute) -> tuple[KeyOrigin, str | None]:
    """AUTO_INCREMENT gives numbers at the moment of writing and keeps none back; a sequence does."""
    if "auto_increment" in key.extra:
        return KeyOrigin.GENERATED, None
    default = key.default or ""
    sequence = re.fullmatch(r"nextval\((.*)\)", default, re.IGNORECASE)
    if sequence is not None:
        return KeyOrigin.RESERVED, sequence[1]
    made = "(" in default and "uuid" not in default.lower() and key.type != "uuid"
    return KeyOrigin.GENERATED if made else KeyOrigin.CHOSEN, None


# ---- change stamp


def _stamp(
    connection: Connection,
    table: Found,
    columns: Mapping[str, Column],
    indexes: Sequence[Index],
    options: TableOptions,
    where: str,
    zone: str,
) -> Stamp | None:
    times = {name: column for name, column in columns.items() if column.type in TIMES}
    zones = {name: column.zone(zone) for name, column in times.items()}
    name = stamp_column(columns, zones, _usual_stamp(times), options.modified, "timestamp or datetime", where)
    if name is None:
        return None
    granularity = tick(columns[name].attribute.digits, catalog.tick_digits(connection, table.sql, quoted(name)))
    first = any(index.columns[0] == name for index in indexes)
    return Stamp(name, granularity, columns[name].shape.nullable, first)


def _usual_stamp(times: Mapping[str, Column]) -> str | None:
    """By its name; else the only one that the database itself moves with every edit."""
    moved = [name for name, column in times.items() if "on update" in column.attribute.extra]
    return usual_stamp(times) or (moved[0] if len(moved) == 1 else None)
