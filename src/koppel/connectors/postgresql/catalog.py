"""What pg_catalog says of one table: four questions, asked once when the table is opened.

Everything is asked by the table's oid, so neither the search path nor the case of a name matters after `found`.
"""

from dataclasses import dataclass

from koppel.connectors.agreed.names import literal
from koppel.connectors.postgresql.database import Connection

_KINDS = "'r', 'p', 'v', 'm', 'f'"
"""Tables, partitioned tables, views, materialized views, foreign tables."""

_NAME = "CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END"
_OURS = f"c.relkind IN ({_KINDS}) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"


@dataclass(frozen=True)
class Found:
    """A table or view. `name`: as `names` tells it; `row_security`: policies may refuse single rows. `rewritten`:
    rules turn statements into others."""

    oid: int
    name: str
    schema: str
    relation: str
    kind: str
    row_security: bool
    rewritten: bool


@dataclass(frozen=True)
class Attribute:
    """One column. `type`: the name of its base type, `cast`: the same as SQL takes it, `stored`: with its modifier."""

    name: str
    type: str
    cast: str
    stored: str
    modifier: int
    labels: tuple[str, ...]
    not_null: bool
    identity: str
    generated: str
    default: str | None
    sequence: str | None
    """The sequence of an identity or serial column."""
    may_reserve: bool


@dataclass(frozen=True)
class Index:
    """One index. `columns`: its key columns; empty where it has an expression."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    primary: bool
    whole: bool
    """It covers every row and is valid."""


@dataclass(frozen=True)
class Rule:
    """One constraint. `kind`: c(heck), f(oreign key), p(rimary), u(nique), n(ot null), x (exclusion)."""

    name: str
    kind: str
    columns: tuple[str, ...]
    text: str
    references: tuple[str, str] | None


def names(connection: Connection) -> tuple[str, ...]:
    """Tables and views: by name alone where the search path finds them, else `schema.table`."""
    sql = f"SELECT {_NAME} FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OURS} ORDER BY 1"
    return tuple(str(name) for (name,) in connection.execute(sql))


def found(connection: Connection, name: str) -> Found | None:
    """The table of that name; in another case when only one table has it so."""
    sql = (
        f"SELECT c.oid::int8, {_NAME}, n.nspname, c.relname, c.relkind::text, c.relrowsecurity, c.relhasrules"
        f" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE {_OURS} AND lower(%s) IN (lower({_NAME}), lower(n.nspname || '.' || c.relname))"
    )
    hits = [Found(*row) for row in connection.execute(sql, (name,))]  # type: ignore[arg-type]
    exact = [hit for hit in hits if name == hit.name] or [hit for hit in hits if name == f"{hit.schema}.{hit.relation}"]
    return exact[0] if exact else hits[0] if len(hits) == 1 else None


_ATTRIBUTES = """
WITH RECURSIVE base AS (
  SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier, false AS strict, 0 AS depth
  FROM pg_attribute a WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT b.attnum, t.typbasetype, t.typtypmod, b.strict OR t.typnotnull, b.depth + 1
  FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
), plain AS (SELECT DISTINCT ON (attnum) * FROM base ORDER BY attnum, depth DESC)
SELECT a.attname, t.typname, format_type(t.oid, -1), format_type(t.oid, p.modifier), p.modifier,
  ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
  a.attnotnull OR p.strict, a.attidentity::text, a.attgenerated::text, d.expression, s.name,
  coalesce(has_sequence_privilege(s.name, 'USAGE'), false)
FROM pg_attribute a
JOIN plain p USING (attnum)
JOIN pg_type t ON t.oid = p.type
LEFT JOIN LATERAL (
  SELECT pg_get_expr(d.adbin, d.adrelid) AS expression FROM pg_attrdef d
  WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
) d ON true
LEFT JOIN LATERAL (
  SELECT coalesce(
    pg_get_serial_sequence({oid}::regclass::text, a.attname),
    CASE WHEN a.attgenerated = '' THEN substring(d.expression FROM '^nextval\\(''(.*)''::regclass\\)$') END
  ) AS name
) s ON true
WHERE a.attrelid = {oid} ORDER BY a.attnum"""


def attributes(connection: Connection, oid: int) -> list[Attribute]:
    """The columns in order. A domain is shown as the type under it."""
    rows = connection.execute(_ATTRIBUTES.format(oid=oid)).fetchall()
    return [Attribute(*row[:5], tuple(row[5]), *row[6:]) for row in rows]  # type: ignore[arg-type, call-arg]


def indexes(connection: Connection, oid: int) -> list[Index]:
    """The indexes; a unique one may carry more columns, which are not part of its key."""
    rows = connection.execute(
        "SELECT i.relname, ARRAY(SELECT a.attname::text FROM generate_series(0, x.indnkeyatts - 1) AS k"
        "   JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k] ORDER BY k),"
        " x.indnkeyatts, x.indisunique, x.indisprimary, x.indpred IS NULL AND x.indisvalid AND x.indisready"
        f" FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = {oid} ORDER BY i.relname"
    )
    return [
        Index(str(name), tuple(columns) if len(columns) == count else (), unique, primary, whole)  # type: ignore[arg-type]
        for name, columns, count, unique, primary, whole in rows
    ]


def rules(connection: Connection, oid: int) -> list[Rule]:
    """The constraints; a foreign key of one column says what it refers to."""
    rows = connection.execute(
        "SELECT k.conname, k.contype::text,"
        " ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(n, o)"
        "   JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.o),"
        f" pg_get_constraintdef(k.oid), {_NAME}, a.attname"
        " FROM pg_constraint k LEFT JOIN pg_class c ON c.oid = k.confrelid AND k.contype = 'f'"
        " LEFT JOIN pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = k.confkey[1]"
        f" WHERE k.conrelid = {oid} ORDER BY k.conname"
    )
    return [
        Rule(str(name), str(kind), tuple(columns), str(text), (str(table), str(field)) if table is not None else None)  # type: ignore[arg-type]
        for name, kind, columns, text, table, field in rows
    ]


def tick_digits(connection: Connection, source: str, column: str) -> int | None:
    """How many digits of a second the first stamps of the table use; None when there are none."""
    sample = f"SELECT {column} AS m FROM {source} WHERE {column} IS NOT NULL AND isfinite({column}) LIMIT 500"
    digits = f"SELECT max(length(rtrim(to_char(m, 'US'), '0'))) FROM ({sample}) AS sample"
    answer = connection.execute(digits).fetchone()
    return None if answer is None or answer[0] is None else int(str(answer[0]))


def sequence_numbers(connection: Connection, sequence: str, count: int) -> list[str]:
    """The next numbers of a sequence, which it gives to nobody else."""
    sql = f"SELECT nextval({literal(sequence)})::text FROM generate_series(1, {count})"
    return [str(number) for (number,) in connection.execute(sql)]
