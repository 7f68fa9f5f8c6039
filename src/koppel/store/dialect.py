"""What SQLite and PostgreSQL say differently, said once."""

import json
from enum import Enum
from typing import Any

import polars as pl
from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    Select,
    String,
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
from sqlalchemy.types import TypeEngine


class _List(TypeDecorator[pl.Series]):
    """A column of ids as one parameter: a JSON text for SQLite, an array for PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, numbers: bool) -> None:
        super().__init__()
        self.numbers = numbers

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type the database is told."""
        if dialect.name == "sqlite":
            return Text()
        return postgresql.ARRAY(BigInteger() if self.numbers else String())

    def process_bind_param(self, value: pl.Series | None, dialect: Dialect) -> Any:
        """The value the driver is given."""
        assert value is not None, "a list of ids may be empty, not missing"
        listed = value.to_list()
        return json.dumps(listed) if dialect.name == "sqlite" else listed


class _Spread(FunctionElement[Any]):
    """A parameter of ids as a table with the one column `value`."""

    inherit_cache = True


@compiles(_Spread, "sqlite")
def _spread_json(element: _Spread, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Spread, "postgresql")
def _spread_array(element: _Spread, compiler: SQLCompiler, **options: Any) -> str:
    return f"unnest({compiler.process(element.clauses, **options)}) AS spread (value)"


def spread(ids: pl.Series) -> Select[Any]:
    """Texts or whole numbers as one column to select from: one parameter and one statement whatever their number."""
    kind = _List(numbers=ids.dtype.is_integer())
    return select(column("value")).select_from(_Spread(bindparam(None, ids, type_=kind)))


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


def identity(table: Table) -> list[str]:
    """The columns that tell a row from others: those of its unique constraint, else its primary key."""
    unique = [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    return list((unique[0] if unique else table.primary_key).columns.keys())
