"""What information_schema says of one table, asked once when the table is opened.

The server compares names there without case, so the exact ones are picked here.
"""

from collections import defaultdict
from dataclasses import dataclass

from koppel.connectors.agreed.names import literal, quoted
from koppel.connectors.mariadb.database import Connection

_OURS = "table_schema NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys')"
_TYPES = "('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')"


@dataclass(frozen=True)
class Found:
    """A table or view. `name`: as `names` tells it; `transactions`: its engine can take back what was written."""

    name: str
    schema: str
    relation: str
    view: bool
    engine: str
    transactions: bool

    @property
    def sql(self) -> str:
        """As SQL takes it."""
        return f"{quoted(self.schema)}.{quoted(self.relation)}"


@dataclass(frozen=True)
class Attribute:
    """One column. `type`: the word of its type, `declared`: with its length and the like, as SQL takes it."""

    name: str
    type: str
    declared: str
    length: int | None
    scale: int | None
    digits: int
    """Of a second, for date-times."""
    charset: str | None
    collation: str | None
    not_null: bool
    default: str | None
    extra: str
    rights: frozenset[str]
    """What the user may do: select, insert, update, references."""


@dataclass(frozen=True)
class Index:
    """One index. `whole`: it holds the complete values, not beginnings of them."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    whole: bool


@dataclass(frozen=True)
class Rules:
    """What keeps rows out. `checks`: the text by name; `foreign`: columns, and the column each foreign key refers to
    (None when there are several)."""

    checks: dict[str, str]
    foreign: dict[str, tuple[tuple[str, ...], tuple[str, str] | None]]


def names(connection: Connection) -> tuple[str, ...]:
    """Tables and views of the database by name alone, those of others as `schema.table`."""
    return tuple(sorted(name for name, _, _ in _all(connection)))


def _all(connection: Connection) -> list[tuple[str, str, str]]:
    """(name as told, schema, table)"""
    own = connection.value("SELECT DATABASE()")
    sql = f"SELECT table_schema, table_name FROM information_schema.tables WHERE {_OURS} AND table_type IN {_TYPES}"
    rows = [(str(schema), str(table)) for schema, table in connection.execute(sql).rows]
    return [(table if schema == own else f"{schema}.{table}", schema, table) for schema, table in rows]


def found(connection: Connection, name: str) -> Found | None:
    """The table of that name; in another case when only one table has it so."""
    everything = _all(connection)
    lower = name.lower()
    hits = [hit for hit in everything if lower in (hit[0].lower(), f"{hit[1]}.{hit[2]}".lower())]
    exact = [hit for hit in hits if name == hit[0]] or [hit for hit in hits if name == f"{hit[1]}.{hit[2]}"]
    if not exact and len(hits) != 1:
        return None
    told, schema, table = (exact or hits)[0]
    answer = connection.execute(
        "SELECT table_type, coalesce(t.engine, ''), coalesce(e.transactions, 'NO')"
        " FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine"
        f" WHERE table_schema = {literal(schema)} AND table_name = {literal(table)}"
        f" ORDER BY BINARY table_schema = {literal(schema)} AND BINARY table_name = {literal(table)} DESC LIMIT 1"
    )
    kind, engine, transactions = answer.rows[0]
    return Found(told, schema, table, kind == "VIEW", str(engine), transactions == "YES")


def _of(table: Found) -> str:
    return f"table_schema = {literal(table.schema)} AND table_name = {literal(table.relation)}"


def attributes(connection: Connection, table: Found) -> list[Attribute]:
    """The columns in order."""
    rows = connection.execute(
        "SELECT column_name, data_type, column_type, character_maximum_length, numeric_scale, datetime_precision,"
        " character_set_name, collation_name, is_nullable, column_default, extra, privileges, table_name"
        f" FROM information_schema.columns WHERE {_of(table)} ORDER BY ordinal_position"
    ).rows
    return [
        Attribute(
            str(row[0]), str(row[1]).lower(), str(row[2]), _number(row[3]), _number(row[4]), _number(row[5]) or 0,
            row[6], row[7], row[8] == "NO", None if row[9] == "NULL" else row[9], str(row[10]).lower(),
            frozenset(str(row[11]).split(",")),
        )
        for row in rows
        if row[12] == table.relation
    ]  # fmt: skip


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def indexes(connection: Connection, table: Found) -> list[Index]:
    """The indexes, the primary one called PRIMARY."""
    rows = connection.execute(
        "SELECT index_name, column_name, non_unique, sub_part, table_name FROM information_schema.statistics"
        f" WHERE {_of(table)} ORDER BY index_name, seq_in_index"
    ).rows
    grouped = defaultdict(list)
    for row in rows:
        if row[4] == table.relation:
            grouped[str(row[0])].append(row)
    return [
        Index(name, tuple(str(part[1]) for part in parts), parts[0][2] == "0", all(part[3] is None for part in parts))
        for name, parts in grouped.items()
    ]


def rules(connection: Connection, table: Found) -> Rules:
    """CHECK rules and foreign keys."""
    checks = connection.execute(
        "SELECT constraint_name, check_clause, table_name FROM information_schema.check_constraints"
        f" WHERE constraint_schema = {literal(table.schema)} AND table_name = {literal(table.relation)}"
    ).rows
    rows = connection.execute(
        "SELECT constraint_name, column_name, referenced_table_schema, referenced_table_name, referenced_column_name,"
        f" table_name FROM information_schema.key_column_usage WHERE {_of(table)}"
        " AND referenced_table_name IS NOT NULL ORDER BY constraint_name, ordinal_position"
    ).rows
    own = connection.value("SELECT DATABASE()")
    grouped = defaultdict(list)
    for row in rows:
        if row[5] == table.relation:
            grouped[str(row[0])].append(row)
    foreign = {}
    for name, parts in grouped.items():
        _, _, schema, other, column, _ = parts[0]
        refers = (str(other) if schema == own else f"{schema}.{other}", str(column)) if len(parts) == 1 else None
        foreign[name] = tuple(str(part[1]) for part in parts), refers
    return Rules({str(name): str(text) for name, text, of in checks if of == table.relation}, foreign)


def tick_digits(connection: Connection, source: str, column: str) -> int | None:
    """How many digits of a second the first stamps of the table use; None when there are none."""
    sample = f"SELECT {column} AS m FROM {source} WHERE {column} IS NOT NULL LIMIT 500"
    digits = "char_length(trim(TRAILING '0' FROM date_format(m, '%f')))"
    answer = connection.value(f"SELECT max({digits}) FROM ({sample}) AS sample")
    return None if answer is None else int(answer)


def next_numbers(connection: Connection, sequence: str, count: int) -> list[str]:
    """The next numbers of a sequence (as SQL takes its name), which it gives to nobody else."""
    counted = f"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count})"
    return [str(row[0]) for row in connection.execute(f"{counted} SELECT nextval({sequence}) FROM c").rows]
