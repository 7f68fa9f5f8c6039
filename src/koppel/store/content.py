"""A store's content from one database into another, table by table, and the proof that all of it arrived."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sqlalchemy import Boolean, Column, Connection, DateTime, Integer, LargeBinary, Table, select

from koppel.errors import StoreFailure
from koppel.store import schema
from koppel.store.backup import copy_file, restart_numbers
from koppel.store.connection import make_schema
from koppel.store.opened import file_of, whole
from koppel.store.revision import require_newest, revision_of
from koppel.store.rows import FETCH_ROWS, insert_frame, stream_frames

_BLOB_ROWS = 100
"""Rows at a time of tables whose rows hold a whole write."""
_BLOBS = frozenset({"journal", "history"})
_WITHOUT_HISTORY = frozenset({"history", "history_record"})


@dataclass(frozen=True)
class Sum:
    """How many rows a table has, and a number that changes when any value of any of them does."""

    rows: int = 0
    checksum: int = 0

    def of(self, frame: pl.DataFrame) -> "Sum":
        """This, with more rows; in which order they come does not matter."""
        more = int(frame.hash_rows().to_numpy().sum(dtype=np.uint64))
        return Sum(self.rows + len(frame), (self.checksum + more) % 2**64)


def copy_content(source: Connection, target: Connection, without: Collection[str] = ()) -> dict[str, Sum]:
    """Copy every row into the empty tables of another store; what was copied, by table."""
    copied = {}
    for table in schema.metadata.sorted_tables:
        if table.name in without:
            continue
        total = Sum()
        for frame in _frames(source, table):
            insert_frame(target, table, frame)
            total = total.of(frame)
        copied[table.name] = total
        if target.dialect.name == "postgresql":
            restart_numbers(target, target.dialect.identifier_preparer.format_table(table))
    return copied


def verify(target: Connection, copied: dict[str, Sum]) -> None:
    """Read everything again. Raises `StoreFailure` when it is not what was copied."""
    wrong = [name for name, total in copied.items() if _sum(target, schema.metadata.tables[name]) != total]
    if wrong:
        what = f"what was written and what is read again differ in {', '.join(wrong)}; nothing was changed"
        raise StoreFailure(f"{what}\n    → try again; if it stays so, report it")


def snapshot(url: str, path: Path) -> None:
    """The store as it stands, but without its history, in a new SQLite file; the store may be in use."""
    file = file_of(url)
    if file is not None:
        copy_file(file, path)
        return
    with whole(url, reads=True) as source, whole(f"sqlite:///{path}") as target:
        require_newest(source, revision_of(source))
        make_schema(target)
        copy_content(source, target, without=_WITHOUT_HISTORY)


def _sum(connection: Connection, table: Table) -> Sum:
    total = Sum()
    for frame in _frames(connection, table):
        total = total.of(frame)
    return total


def _frames(connection: Connection, table: Table) -> Iterator[pl.DataFrame]:
    size = _BLOB_ROWS if table.name in _BLOBS else FETCH_ROWS
    kinds = {column.name: _kind(column) for column in table.c}
    yield from stream_frames(connection, select(table).order_by(*table.primary_key.columns), kinds, size)


def _kind(column: Column[object]) -> pl.DataType:
    match column.type:
        case Boolean():
            return pl.Boolean()
        case Integer():
            return pl.Int64()
        case DateTime():
            return pl.Datetime("us")
        case LargeBinary():
            return pl.Binary()
        case _:
            return pl.String()
