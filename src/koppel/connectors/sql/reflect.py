"""What a table is: its columns with their kinds, its key, its change stamp, what may be written.

Everything comes from PRAGMAs and the text of CREATE TABLE, read once when the table is opened. Kinds follow the
declared type word: CODE… code; UUID…, GUID, UNIQUEIDENTIFIER uuid; BOOL…, BIT boolean; DATETIME…, TIMESTAMP… date-time;
DATE date; …CHAR…, TEXT…, CLOB, STRING text; DECIMAL, NUMERIC, NUMBER, MONEY decimal; REAL, FLOAT, DOUBLE decimal with
ten digits after the point; …INT… integer; anything else text. A CHECK (column IN (…)) makes a choice of it.
"""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from koppel.connectors.agreed.names import column_named, quoted, refuse_unknown, usual_stamp
from koppel.connectors.sql.ddl import Definition, read_definition
from koppel.connectors.sql.stamps import Stamp, TimeForm, find_stamp, form_of
from koppel.errors import ConfigurationError, Problem
from koppel.model.values import FieldShape, KeyOrigin, Kind, TableShape
from koppel.ports import TableOptions


@dataclass(frozen=True)
class Column:
    """One column: its shape, SQLite's affinity, and the form in which it stores what SQLite has no type for."""

    shape: FieldShape
    affinity: str
    time: TimeForm = field(default_factory=TimeForm)
    uuid: str = "lower-hyphens"
    """`lower` or `upper`, then `-hyphens`, `-plain` or `-braces`."""
    words: bool = False
    """Booleans are stored as 'true' and 'false'."""
    indexed: bool = False
    """It is the first column of an index."""


@dataclass(frozen=True)
class Relation:
    """One table or view as the other modules of this package see it."""

    system: str
    name: str
    columns: Mapping[str, Column]
    shape: TableShape
    stamp: Stamp | None
    zone: str
    view: bool
    conflict: str = ""
    """' OR ABORT' where a rule of the table would replace or leave out rows in silence. Not where there are triggers:
    SQLite would apply it to their statements too."""

    @property
    def key(self) -> tuple[str, ...]:
        """The names of the key columns."""
        return self.shape.key


def table_names(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Tables and views, without SQLite's own."""
    sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
    return tuple(name for (name,) in connection.execute(sql) if not name.startswith("sqlite_"))


def reflect(
    connection: sqlite3.Connection,
    system: str,
    name: str,
    options: TableOptions,
    kinds: Mapping[str, str],
    zone: str,
) -> Relation:
    """Read what a table is. Raises ConfigurationError when there is none, or the options or its own make do not fit."""
    name, type_, sql = _named(connection, system, name)
    where = f"{system}.{name}"
    definition = read_definition(sql or "")
    columns = _columns(connection, name, definition, kinds, where)
    view = type_ == "view"
    if view:
        columns = {n: replace(c, shape=replace(c.shape, read_only=True)) for n, c in columns.items()}
    refuse_unknown(columns, (*(options.key or ()), *((options.modified,) if options.modified else ())), where)
    key, origin = _key(connection, name, columns, definition, options, where)
    columns = {n: _as_key(c) if n in key else c for n, c in columns.items()}
    columns = {n: _with_form(connection, name, c, zone) for n, c in columns.items()}
    stamp = _stamp(connection, name, columns, options, where, zone)
    if stamp is not None:
        column = columns[stamp.field]
        shape = replace(column.shape, kind=Kind.DATETIME, length=None, choices=())
        columns[stamp.field] = replace(column, shape=shape, time=stamp.form)
    fields = tuple(column.shape for column in columns.values())
    shape_ = TableShape(name, fields, key, origin)
    if stamp is not None:
        shape_ = replace(shape_, modified=stamp.field, granularity=stamp.granularity)
    triggers = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (name,)
    ).fetchone()
    conflict = " OR ABORT" if definition.conflict and triggers is None else ""
    return Relation(system, name, columns, shape_, stamp, zone, view, conflict)


def _named(connection: sqlite3.Connection, system: str, name: str) -> tuple[str, str, str | None]:
    sql = "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = lower(?)"
    row: tuple[str, str, str | None] | None = connection.execute(sql, (name,)).fetchone()
    if row is None:
        known = table_names(connection)
        close = get_close_matches(name, known, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"its tables are: {', '.join(known) or 'none'}"
        raise ConfigurationError([Problem(system, f"there is no table {name}", remedy)])
    return row


# ---- columns


def _columns(
    connection: sqlite3.Connection, table: str, definition: Definition, kinds: Mapping[str, str], where: str
) -> dict[str, Column]:
    infos = [row for row in connection.execute(f"PRAGMA table_xinfo({quoted(table)})") if row[6] != 1]
    unique, first = _indexes(connection, table)
    foreign = _foreign_keys(connection, table)
    chosen = {name.lower(): Kind(kind) for name, kind in kinds.items()}
    unknown = sorted(chosen.keys() - {str(info[1]).lower() for info in infos})
    if unknown:
        raise ConfigurationError([Problem(where, f"there is no column {name} to give a kind") for name in unknown])
    columns = {}
    for _, name, declared, not_null, _, in_key, hidden in infos:
        shape = field_shape(name, declared)
        choices = definition.choices.get(name.lower(), ())
        if choices and shape.kind in (Kind.TEXT, Kind.CODE, Kind.INTEGER):
            shape = replace(shape, kind=Kind.CHOICE, choices=choices)
        if name.lower() in chosen:
            shape = replace(shape, kind=chosen[name.lower()], choices=choices)
        shape = replace(
            shape,
            nullable=not (not_null or in_key),
            read_only=hidden in (2, 3),
            unique=name in unique,
            references=foreign.get(name),
        )
        columns[name] = Column(shape, affinity(declared), indexed=name in first)
    return columns


def field_shape(name: str, declared: str) -> FieldShape:
    """Kind, length and scale by the declared type."""
    word, numbers = declared.upper().split("(")[0].strip(), [int(n) for n in re.findall(r"\d+", declared)]
    length = numbers[0] if numbers else None
    if word.startswith("CODE"):
        return FieldShape(name, Kind.CODE, length=length)
    for words, kind in _KIND_WORDS:
        if word.startswith(words):
            return FieldShape(name, kind)
    if any(part in word for part in ("CHAR", "TEXT", "CLOB", "STRING")):
        return FieldShape(name, Kind.TEXT, length=length)
    if word.startswith(("DECIMAL", "NUMERIC", "NUMBER", "MONEY")):
        return FieldShape(name, Kind.DECIMAL, scale=numbers[1] if len(numbers) > 1 else 0 if numbers else None)
    if word.startswith(("REAL", "FLOAT", "DOUBLE")):
        return FieldShape(name, Kind.DECIMAL)
    return FieldShape(name, Kind.INTEGER if "INT" in word else Kind.TEXT)


_KIND_WORDS: tuple[tuple[tuple[str, ...], Kind], ...] = (
    (("UUID", "GUID", "UNIQUEIDENTIFIER"), Kind.UUID),
    (("BOOL", "BIT"), Kind.BOOLEAN),
    (("DATETIME", "TIMESTAMP"), Kind.DATETIME),
    (("DATE",), Kind.DATE),
)


def affinity(declared: str) -> str:
    """SQLite's rules (https://sqlite.org/datatype3.html, 3.1)."""
    word = declared.upper()
    if "INT" in word:
        return "INTEGER"
    if any(part in word for part in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if word == "" or "BLOB" in word:
        return "BLOB"
    return "REAL" if any(part in word for part in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def _indexes(connection: sqlite3.Connection, table: str) -> tuple[set[str], set[str]]:
    """Columns that are unique by themselves, and columns an index begins with (expressions have no name)."""
    unique, first = set(), set()
    for _, index, is_unique, _, partial in connection.execute(f"PRAGMA index_list({quoted(table)})").fetchall():
        names = [row[2] for row in connection.execute(f"PRAGMA index_info({quoted(index)})")]
        if not partial and names[0] is not None:
            first.add(names[0])
            if is_unique and len(names) == 1:
                unique.add(names[0])
    return unique, first


def _foreign_keys(connection: sqlite3.Connection, table: str) -> dict[str, tuple[str, str]]:
    rows = connection.execute(f"PRAGMA foreign_key_list({quoted(table)})").fetchall()
    columns = [row[0] for row in rows]
    found = {}
    for id_, _, other, own, its, *_ in rows:
        if columns.count(id_) == 1:
            key = [info[1] for info in connection.execute(f"PRAGMA table_info({quoted(other)})") if info[5]]
            if its or len(key) == 1:
                found[own] = (other, its or key[0])
    return found


def _as_key(column: Column) -> Column:
    """Key columns are never null, and are read as something whose text leads back to what is stored."""
    kind = {Kind.DATETIME: Kind.TEXT, Kind.DATE: Kind.TEXT, Kind.BOOLEAN: Kind.INTEGER}.get(column.shape.kind)
    return replace(column, shape=replace(column.shape, kind=kind or column.shape.kind, nullable=False))


def _with_form(connection: sqlite3.Connection, table: str, column: Column, zone: str) -> Column:
    """The form in which the column's first value is stored is the one koppel writes."""
    if column.shape.kind not in (Kind.DATETIME, Kind.UUID, Kind.BOOLEAN):
        return column
    name = quoted(column.shape.name)
    row = connection.execute(f"SELECT {name} FROM {quoted(table)} WHERE typeof({name}) = 'text' LIMIT 1").fetchone()
    text = "" if row is None else str(row[0])
    if column.shape.kind is Kind.BOOLEAN:
        return replace(column, words=text.lower() in ("true", "false"))
    if column.shape.kind is Kind.DATETIME:
        default = TimeForm(suffix="Z" if zone == "UTC" else "", zone=zone)
        return replace(column, time=form_of(text, zone) or default)
    case = "upper" if text != text.lower() else "lower"
    punctuation = "braces" if text.startswith("{") else "plain" if text and "-" not in text else "hyphens"
    return replace(column, uuid=f"{case}-{punctuation}")


# ---- key


def _key(
    connection: sqlite3.Connection,
    table: str,
    columns: Mapping[str, Column],
    definition: Definition,
    options: TableOptions,
    where: str,
) -> tuple[tuple[str, ...], KeyOrigin]:
    infos = connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
    primary = tuple(info[1] for info in sorted((info for info in infos if info[5]), key=lambda info: int(info[5])))
    key = primary
    if options.key is not None:
        key = tuple(column_named(columns, name, where) for name in options.key)
        if infos and not _is_unique(connection, table, key) and set(key) != set(primary):
            raise _no_key(where, f"nothing keeps {', '.join(key)} unique", f"CREATE UNIQUE INDEX … ({', '.join(key)})")
    elif not primary:
        unique = [name for name, column in columns.items() if column.shape.unique and not column.shape.nullable]
        if len(unique) != 1:
            raise _no_key(where, "it has no primary key", "name a unique key, or give the table one")
        key = (unique[0],)
    if key == primary and len(key) == 1 and _is_rowid(connection, table, infos, key[0]):
        return key, KeyOrigin.RESERVED if definition.autoincrement else KeyOrigin.GENERATED
    return key, KeyOrigin.CHOSEN


def _no_key(where: str, what: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(where, f"records cannot be told apart: {what}", remedy)])


def _is_unique(connection: sqlite3.Connection, table: str, key: tuple[str, ...]) -> bool:
    if connection.execute("SELECT type FROM sqlite_master WHERE name = ?", (table,)).fetchone() == ("view",):
        return True  # nothing can be declared of a view: the user's word counts
    for _, index, is_unique, _, partial in connection.execute(f"PRAGMA index_list({quoted(table)})").fetchall():
        names = {row[2] for row in connection.execute(f"PRAGMA index_info({quoted(index)})")}
        if is_unique and not partial and names == set(key):
            return True
    return False


def _is_rowid(connection: sqlite3.Connection, table: str, infos: Sequence[tuple[object, ...]], key: str) -> bool:
    """Whether SQLite numbers the records: an INTEGER PRIMARY KEY without an index of its own (DESC, WITHOUT ROWID)."""
    declared = next(str(info[2]).upper() for info in infos if info[1] == key)
    origins = [row[3] for row in connection.execute(f"PRAGMA index_list({quoted(table)})")]
    return declared == "INTEGER" and "pk" not in origins


# ---- change stamp


def _stamp(
    connection: sqlite3.Connection,
    table: str,
    columns: Mapping[str, Column],
    options: TableOptions,
    where: str,
    zone: str,
) -> Stamp | None:
    if options.modified:
        name: str | None = column_named(columns, options.modified, where)
    else:
        dated = (Kind.TEXT, Kind.DATETIME)
        name = usual_stamp(known for known, column in columns.items() if column.shape.kind in dated)
    if name is None or options.modified == "":
        return None
    column = columns[name]
    samples = _samples(connection, table, name, column.indexed)
    default = None
    if not samples:
        info = connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
        expression = next((row[4] for row in info if row[1] == name), None)
        default = None if expression is None else connection.execute(f"SELECT {expression}").fetchone()[0]
    return find_stamp(where, name, samples, default, column.shape.nullable, zone)


def _samples(connection: sqlite3.Connection, table: str, name: str, indexed: bool) -> list[object]:
    """Some values: where an index makes it cheap the smallest and largest ones, else those that come first."""
    column, source = quoted(name), quoted(table)
    rule = f"SELECT {column} FROM {source} WHERE {column} IS NOT NULL"
    queries = [f"{rule} LIMIT 500"]
    if indexed:
        queries += [f"{rule} ORDER BY {column} LIMIT 100", f"{rule} ORDER BY {column} DESC LIMIT 100"]
    return [value for query in queries for (value,) in connection.execute(query)]
