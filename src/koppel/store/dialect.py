"""What SQLite and PostgreSQL say differently, said once."""

from enum import Enum
from typing import Any

import polars as pl
from sqlalchemy import (
    Connection,
    Dialect,
    Select,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    bindparam,
    column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _List(TypeDecorator[pl.Series]):
    """A column of ids as one text: JSON for SQLite, an array as PostgreSQL writes it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: pl.Series | None, dialect: Dialect) -> str:
        """The value the driver is given."""
        assert value is not None, "a list of ids may be empty, not missing"
        return _json(value) if dialect.name == "sqlite" else _array(value)


def _json(ids: pl.Series) -> str:
    listed = ids.implode().alias("ids").to_frame().to_struct().struct.json_encode()[0]
    return str(listed).removeprefix('{"ids":').removesuffix("}")


def _array(ids: pl.Series) -> str:
    texts = ids
    if ids.dtype == pl.String:
        texts = '"' + ids.str.replace_all(r'(["\\])', r"\$1") + '"'
    return "{" + ",".join(texts.cast(pl.String).fill_null("NULL").to_list()) + "}"


class _Spread(FunctionElement[Any]):
    """A parameter of ids as a table with the one column `value`."""

    inherit_cache = True
    numbers = False


class _SpreadNumbers(_Spread):
    """The same for whole numbers."""

    inherit_cache = True
    numbers = True


@compiles(_Spread, "sqlite")
def _spread_json(element: _Spread, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Spread, "postgresql")
def _spread_array(element: _Spread, compiler: SQLCompiler, **options: Any) -> str:
    kind = "bigint[]" if element.numbers else "text[]"
    return f"unnest(CAST({compiler.process(element.clauses, **options)} AS {kind})) AS spread (value)"


def spread(ids: pl.Series) -> Select[Any]:
    """Texts or whole numbers as one column to select from: one parameter and one statement whatever their number."""
    table = _SpreadNumbers if ids.dtype.is_integer() else _Spread
    return select(column("value")).select_from(table(bindparam(None, ids, type_=_List())))


class Existing(Enum):
    """What becomes of a row that is there already, when another of the same unique key is inserted."""

    STAYS = "stays"
    """And the new one is left out."""
    GOES = "goes"
    """And the new one takes its place."""


def upsert(connection: Connection, table: Table) -> sqlite.Insert:
    """An insert that can say `on_conflict_…`. PostgreSQL's has the same methods."""
    made: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    insert: sqlite.Insert = made
    return insert


def minding(statement: sqlite.Insert, table: Table, names: list[str], existing: Existing | None) -> sqlite.Insert:
    """The insert of these columns, minding rows that are there already (None: they are an error)."""
    if existing is None:
        return statement
    rest = [name for name in names if name not in identity(table)]
    if existing is Existing.STAYS or not rest:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(
        index_elements=identity(table), set_={name: statement.excluded[name] for name in rest}
    )


def refresh_statistics(connection: Connection, table: Table) -> None:
    """Tell PostgreSQL what a temporary table holds: nobody else does, and it plans by it."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE {connection.dialect.identifier_preparer.format_table(table)}")


def identity(table: Table) -> list[str]:
    """The columns that tell a row from others: those of its unique constraint, else its primary key."""
    unique = [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    return list((unique[0] if unique else table.primary_key).columns.keys())
