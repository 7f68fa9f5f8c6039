"""What a table is: its columns with their kinds, its key, its change stamp, what may be written.

text, varchar, char, citext text; enum types and CHECK (column IN (…)) choices; uuid; int2, int4, int8 whole numbers;
numeric(p, s) decimals, numeric and floats decimals with ten digits after the point; bool; date; timestamp (time of day
in the system's zone) and timestamptz date-times; a domain is what it is made of; anything else is shown as text that
cannot be written. Views and foreign tables are read only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from koppel.connectors.agreed.mistakes import Mistakes
from koppel.connectors.agreed.names import quoted, unknown, usual_stamp
from koppel.connectors.agreed.shapes import Stamp, chosen_kinds, found_key, key_kind, stamp_column, tick
from koppel.connectors.postgresql import catalog
from koppel.connectors.postgresql.catalog import Attribute, Index, Rule
from koppel.connectors.postgresql.choices import choices_of
from koppel.connectors.postgresql.database import Connection
from koppel.model.values import FieldShape, KeyOrigin, Kind, TableShape
from koppel.ports import TableOptions

TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "name"})
WHOLE = frozenset({"int2", "int4", "int8"})
FLOATS = {"float4": 6, "float8": 15}
"""Significant decimal digits that come back the same."""
TIMES = frozenset({"timestamp", "timestamptz"})


@dataclass(frozen=True)
class Column:
    """One column: its shape and what PostgreSQL calls its type."""

    shape: FieldShape
    attribute: Attribute
    enum: bool = False

    @property
    def type(self) -> str:
        """The base type's name: text, int4, timestamptz, …"""
        return self.attribute.type

    @property
    def stored(self) -> str:
        """The declared type, for messages."""
        return self.attribute.stored

    @property
    def digits(self) -> int:
        """Of a date-time: how many digits of a second it keeps."""
        return 6 if self.attribute.modifier < 0 else self.attribute.modifier


@dataclass(frozen=True)
class Relation:
    """One table or view as the other modules of this package see it."""

    system: str
    name: str
    oid: int
    schema: str
    relation: str
    columns: Mapping[str, Column]
    shape: TableShape
    stamp: Stamp | None
    zone: str
    read_only: bool
    transactions: bool
    """Its rows know which transaction wrote them (xmin); those of views and foreign tables do not."""
    row_security: bool
    copies: bool
    """COPY may fill it: it knows neither row security nor rules."""
    blame: Mapping[str, tuple[str, ...]]
    """The columns of each constraint and index, to say which field was refused."""
    rules: Sequence[Rule]

    @property
    def key(self) -> tuple[str, ...]:
        """The names of the key columns."""
        return self.shape.key

    @property
    def sql(self) -> str:
        """The table as SQL takes it."""
        return f"{quoted(self.schema)}.{quoted(self.relation)}"


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
    indexes, rules = catalog.indexes(connection, table.oid), catalog.rules(connection, table.oid)
    read_only = table.kind in ("v", "m", "f")
    columns = {
        attribute.name: _column(attribute, indexes, rules, read_only)
        for attribute in catalog.attributes(connection, table.oid)
    }
    key: tuple[str, ...] = ()
    origin, stamp, mistakes = KeyOrigin.CHOSEN, None, Mistakes()
    with mistakes.noted():
        columns |= _chosen_kinds(columns, kinds, where)
    with mistakes.noted():
        key, origin = _key(columns, indexes, options, table.kind in ("v", "f"), where)
        columns |= {part: _as_key(columns[part]) for part in key}
    with mistakes.noted():
        source = f"{quoted(table.schema)}.{quoted(table.relation)}"
        stamp = _stamp(connection, source, columns, indexes, options, where, zone)
    mistakes.tell()
    shape = TableShape(table.name, tuple(column.shape for column in columns.values()), key, origin)
    if stamp is not None:
        shape = replace(shape, modified=stamp.field, granularity=stamp.granularity)
    return Relation(
        system, table.name, table.oid, table.schema, table.relation, columns, shape, stamp, zone, read_only,
        table.kind not in ("v", "f"), table.row_security, not (table.row_security or table.rewritten),
        {index.name: index.columns for index in indexes} | {rule.name: rule.columns for rule in rules}, rules,
    )  # fmt: skip


# ---- columns


def _column(attribute: Attribute, indexes: list[Index], rules: list[Rule], read_only: bool) -> Column:
    shape = field_shape(attribute)
    name = attribute.name
    checks = [choices_of(rule.text, name) for rule in rules if rule.kind == "c" and rule.columns == (name,)]
    choices = next((found for found in checks if found), ())
    if choices and attribute.type in TEXTS | WHOLE:
        shape = replace(shape, kind=Kind.CHOICE, choices=choices)
    return Column(
        replace(
            shape,
            nullable=not attribute.not_null,
            read_only=shape.read_only or read_only or attribute.generated != "" or attribute.identity == "a",
            unique=any(index.unique and index.whole and index.columns == (name,) for index in indexes),
            references=next((rule.references for rule in rules if rule.kind == "f" and rule.columns == (name,)), None),
        ),
        attribute,
        enum=bool(attribute.labels),
    )


def field_shape(attribute: Attribute) -> FieldShape:
    """Kind, length and scale by the type."""
    name, modifier = attribute.name, attribute.modifier
    if attribute.labels:
        return FieldShape(name, Kind.CHOICE, choices=attribute.labels)
    if attribute.type in TEXTS:
        return FieldShape(name, Kind.TEXT, length=modifier - 4 if modifier > 4 else None)
    if attribute.type == "numeric":
        scale = None if modifier < 4 else (((modifier - 4) & 0x7FF) ^ 0x400) - 0x400
        return FieldShape(name, Kind.DECIMAL, scale=None if scale is None else max(0, min(scale, 38)))
    kind = {
        "uuid": Kind.UUID, "bool": Kind.BOOLEAN, "date": Kind.DATE,
        **dict.fromkeys(TIMES, Kind.DATETIME),
        **dict.fromkeys(WHOLE, Kind.INTEGER), **dict.fromkeys(FLOATS, Kind.DECIMAL),
    }.get(attribute.type)  # fmt: skip
    return FieldShape(name, kind or Kind.TEXT, read_only=kind is None)


def _chosen_kinds(columns: Mapping[str, Column], kinds: Mapping[str, str], where: str) -> dict[str, Column]:
    chosen = chosen_kinds(columns, kinds, where)
    return {
        name: replace(columns[name], shape=replace(columns[name].shape, kind=kind)) for name, kind in chosen.items()
    }


def _as_key(column: Column) -> Column:
    """Key columns are never null."""
    return replace(column, shape=replace(column.shape, kind=key_kind(column.shape), nullable=False))


# ---- key


def _key(
    columns: Mapping[str, Column], indexes: list[Index], options: TableOptions, bare: bool, where: str
) -> tuple[tuple[str, ...], KeyOrigin]:
    """`bare`: a view or foreign table, of which nothing can be declared: the user's word counts."""
    primary = next((index.columns for index in indexes if index.primary), ())
    unique = [index.columns for index in indexes if index.unique and index.whole and index.columns]
    key = found_key(columns, primary, unique, options.key, bare, where)
    return key, _origin(columns[key[0]].attribute) if len(key) == 1 else KeyOrigin.CHOSEN


def _origin(key: Attribute) -> KeyOrigin:
    if key.sequence is not None:
        return KeyOrigin.RESERVED if key.may_reserve else KeyOrigin.GENERATED
    default = key.default or ""
    made = "(" in default and "uuid" not in default.lower() and key.type != "uuid"
    return KeyOrigin.GENERATED if made else KeyOrigin.CHOSEN


# ---- change stamp


def _stamp(
    connection: Connection,
    source: str,
    columns: Mapping[str, Column],
    indexes: list[Index],
    options: TableOptions,
    where: str,
    zone: str,
) -> Stamp | None:
    times = {name: column.type for name, column in columns.items() if column.type in TIMES}
    zones = {name: "UTC" if type_ == "timestamptz" else zone for name, type_ in times.items()}
    name = stamp_column(columns, zones, usual_stamp(times), options.modified, "timestamp with time zone", where)
    if name is None:
        return None
    granularity = tick(columns[name].digits, catalog.tick_digits(connection, source, quoted(name)))
    first = any(index.whole and index.columns[:1] == (name,) for index in indexes)
    return Stamp(name, granularity, columns[name].shape.nullable, first)
