"""Frames into tables and back: the only place where the store meets rows. One statement per batch, never one per
record.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from sqlalchemy import Connection, Executable, Table, bindparam, insert, update

FETCH_ROWS = 20_000
"""Rows asked of a cursor at a time; `partitions` without a size would keep them all."""


def insert_frame(
    connection: Connection, table: Table, frame: pl.DataFrame, prefix: str = "", **constants: object
) -> int:
    """Insert every row of the frame; its columns bear the table's names. `constants` fill further columns, `prefix` is
    e.g. 'OR IGNORE'. Answers how many rows went in.
    """
    if not len(frame):
        return 0
    statement = insert(table).values({name: bindparam(name) for name in (*frame.columns, *constants)})
    if prefix:
        statement = statement.prefix_with(prefix)
    compiled = statement.compile(connection.engine)
    filled = frame.with_columns(**{name: pl.lit(value) for name, value in constants.items()}) if constants else frame
    return _execute_many(connection, str(compiled), filled, compiled.positiontup or filled.columns)


def insert_one(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert one row; its number."""
    key = connection.execute(insert(table).values(**values)).inserted_primary_key
    assert key is not None, "the store's tables are numbered"
    return int(key[0])


def update_frame(connection: Connection, table: Table, frame: pl.DataFrame, key: str, *extra_keys: str) -> None:
    """Set the frame's columns in the rows that its `key` columns name."""
    if not len(frame):
        return
    keys = (key, *extra_keys)
    # A bind parameter must not bear a column's name where that column is set, hence the prefix.
    where = [table.c[name] == bindparam(f"key_{name}") for name in keys]
    statement = (
        update(table).where(*where).values({name: bindparam(name) for name in frame.columns if name not in keys})
    )
    compiled = statement.compile(connection.engine)
    renamed = frame.rename({name: f"key_{name}" for name in keys})
    _execute_many(connection, str(compiled), renamed, compiled.positiontup or renamed.columns)


def _execute_many(connection: Connection, sql: str, frame: pl.DataFrame, order: Sequence[str]) -> int:
    return connection.exec_driver_sql(sql, frame.select(order).rows()).rowcount


def read_frame(connection: Connection, query: Executable, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """All rows of a query as a frame of this schema; the caller bounds how many there can be."""
    result = connection.execution_options(yield_per=FETCH_ROWS).execute(query)
    pages = [_frame(rows, schema) for rows in result.partitions(FETCH_ROWS)]
    return pl.concat(pages) if pages else pl.DataFrame(schema=pl.Schema(schema))


def _frame(rows: Sequence[Any], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    columns = zip(*rows, strict=True)
    return pl.DataFrame(
        [pl.Series(name, values, dtype=kind) for (name, kind), values in zip(schema.items(), columns, strict=True)]
    )


def texts(ids: pl.Series) -> str:
    """A column of ids as one JSON parameter, to be spread by the database: one statement whatever their number."""
    return json.dumps(ids.to_list())
