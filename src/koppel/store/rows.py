"""Frames into tables and back: the only place where the store meets rows. One statement per batch, never one per
record.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    LargeBinary,
    Select,
    Table,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.sql.expression import ColumnElement

from koppel.store.copying import copy_in, staged
from koppel.store.dialect import Existing, identity, minding, upsert

FETCH_ROWS = 20_000
"""Rows asked of a cursor at a time; `partitions` without a size would keep them all."""

_COUNTED = {"preserve_rowcount": True}
"""SQLAlchemy forgets how many rows an insert made, unless it is asked to remember."""

_SQLITE_MOMENT = "%Y-%m-%d %H:%M:%S%.6f"
"""How SQLAlchemy writes a moment into SQLite."""


def insert_frame(
    connection: Connection, table: Table, frame: pl.DataFrame, existing: Existing | None = None, **constants: object
) -> int:
    """Insert every row of the frame; its columns bear the table's names. `constants` fill further columns; `existing`:
    what becomes of rows that are there already (None: they are an error). Answers how many went in.
    """
    if not len(frame):
        return 0
    names = [*frame.columns, *constants]
    statement = minding(upsert(connection, table), table, names, existing)
    if connection.dialect.name == "sqlite":
        numbers: dict[str, Any] = {
            name: literal_column(str(int(v))) for name, v in constants.items() if isinstance(v, int)
        }
        rest = {name: pl.lit(value) for name, value in constants.items() if name not in numbers}
        statement = statement.values({**{name: bindparam(name) for name in names}, **numbers})
        return _execute_many(connection, statement, frame.with_columns(**rest))
    if existing is None and not constants:
        return copy_in(connection, table, frame)
    if existing is Existing.GOES:  # one statement cannot replace a row twice
        frame = frame.unique([n for n in identity(table) if n in frame.columns], keep="last", maintain_order=True)
    stage = staged(connection, table, frame)
    filled = [literal(value, table.c[name].type) for name, value in constants.items()]
    return counted(connection, statement.from_select(names, select(*stage.c, *filled)))


def counted(connection: Connection, statement: Executable) -> int:
    """Insert rows by one statement; how many went in."""
    result: CursorResult[Any] = connection.execute(statement, execution_options=_COUNTED)
    return result.rowcount


def insert_one(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert one row; its number."""
    key = connection.execute(insert(table).values(**values)).inserted_primary_key
    assert key is not None, "the store's tables are numbered"
    return int(key[0])


def update_frame(
    connection: Connection, table: Table, frame: pl.DataFrame, key: str, *extra_keys: str, differing: bool = False
) -> None:
    """Set the frame's columns in the rows that its `key` columns name; `differing`: only in those not like that yet."""
    if not len(frame):
        return
    keys = (key, *extra_keys)
    rest = [name for name in frame.columns if name not in keys]
    sqlite = connection.dialect.name == "sqlite"
    # A bind parameter must not bear a column's name where that column is set, hence the prefix.
    stage = None if sqlite else staged(connection, table, frame)
    new = {name: bindparam(f"new_{name}") if stage is None else stage.c[name] for name in (*keys, *rest)}
    where = [table.c[name] == new[name] for name in keys]
    if differing:
        where.append(or_(*(table.c[name].is_distinct_from(new[name]) for name in rest)))
    statement = update(table).where(*where).values({name: new[name] for name in rest})
    if stage is None:
        _execute_many(connection, statement, frame.rename({name: f"new_{name}" for name in frame.columns}))
    else:
        connection.execute(statement)


def _execute_many(connection: Connection, statement: Any, frame: pl.DataFrame) -> int:
    """For SQLite: past SQLAlchemy, which would look at every value. Answers how many rows it changed."""
    compiled = statement.compile(connection.engine)
    moments = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    ready = frame.with_columns(pl.col(moments).dt.strftime(_SQLITE_MOMENT)) if moments else frame
    order = compiled.positiontup or ready.columns  # a name may stand there more than once
    rows = ready.select(pl.col(name).alias(str(at)) for at, name in enumerate(order)).rows()
    return connection.exec_driver_sql(str(compiled), rows).rowcount


def has_any(connection: Connection, table: Table, mapping: int) -> bool:
    """Whether the table has a row of this mapping: asked before ids are looked up where there is mostly nothing."""
    return bool(connection.execute(select(exists().where(table.c.mapping == mapping))).scalar())


def read_frame(
    connection: Connection, query: Select[*tuple[Any, ...]], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """All rows of a query as a frame of this schema (no moments); the caller bounds how many there can be.

    SQLite answers with one row, a list for each column: between two rows Python's lock is free, and while other threads
    read and write records a page of rows would wait for it as many times.
    """
    if connection.dialect.name == "sqlite":
        return _unpacked(connection, query, schema)
    cursor = connection.execute(query).cursor
    assert cursor is not None, "a query answers with rows"
    rows = cursor.fetchall()  # past SQLAlchemy, which would make an object of every row
    cursor.close()
    return _frame(rows, schema) if rows else pl.DataFrame(schema=pl.Schema(schema))


def _unpacked(
    connection: Connection, query: Select[*tuple[Any, ...]], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    columns = list(query.subquery().c)
    assert len(columns) == len(schema), "every column has a name of its own"
    packed = [_packed(column, kind) for column, kind in zip(columns, schema.values(), strict=True)]
    count, *texts = connection.execute(select(func.count(), *itertools.chain(*packed))).one()
    if not count:
        return pl.DataFrame(schema=pl.Schema(schema))
    answers = iter(texts)
    return pl.DataFrame([_column(name, kind, answers) for name, kind in schema.items()])


def _packed(column: ColumnElement[Any], kind: pl.DataType) -> list[ColumnElement[Any]]:
    """A column in one value: a list in JSON; of bytes all of them in a row, and how long each is."""
    if kind != pl.Binary:
        return [func.json_group_array(column)]
    return [func.json_group_array(func.length(column)), cast(func.group_concat(column, ""), LargeBinary)]


def _column(name: str, kind: pl.DataType, answers: Iterator[Any]) -> pl.Series:
    if kind == pl.Boolean:  # SQLite has numbers for them
        return _listed(name, pl.Int64(), next(answers)).cast(kind)
    if kind != pl.Binary:
        return _listed(name, kind, next(answers))
    lengths, together = _listed(name, pl.Int64(), next(answers)), next(answers) or b""
    ends = lengths.fill_null(0).cum_sum().to_list()
    cut = [together[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return pl.Series(name, cut, dtype=pl.Binary).set(lengths.is_null(), None)


def _listed(name: str, kind: pl.DataType, text: str) -> pl.Series:
    return pl.Series(name, [text]).str.json_decode(pl.List(kind)).explode()


def stream_frames(
    connection: Connection, query: Executable, schema: Mapping[str, pl.DataType], size: int
) -> Iterator[pl.DataFrame]:
    """All rows of a query as frames of `size` rows, read while they are iterated."""
    result = connection.execute(query, execution_options={"yield_per": size})
    for rows in result.partitions(size):
        yield _frame(rows, schema)


def _frame(rows: Sequence[Any], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    columns = zip(schema.items(), zip(*rows, strict=True), strict=True)
    return pl.DataFrame([_series(name, values, kind) for (name, kind), values in columns])


def _series(name: str, values: Sequence[Any], kind: pl.DataType) -> pl.Series:
    if kind == pl.Boolean:  # SQLite has numbers for them
        return pl.Series(name, values).cast(kind)
    return pl.Series(name, values, dtype=kind)
