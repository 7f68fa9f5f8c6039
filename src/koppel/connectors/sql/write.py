"""Writing: one transaction per write, in which rows are compared, written, and read again.

Everything happens under BEGIN IMMEDIATE, so between comparing a record with what koppel saw and changing it nobody else
can write. Rows go in together; when the database refuses some, halves are tried until the bad ones are known. What is
answered was read back inside the same transaction, after all triggers (RETURNING would run before them, DESIGN 14).
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from koppel.connectors.sql.database import Database, quoted
from koppel.connectors.sql.encode import REASONS, encode
from koppel.connectors.sql.read import fetch_page
from koppel.connectors.sql.reflect import Relation
from koppel.connectors.sql.refusal import Refusal, refusal_of
from koppel.model.values import FAULT, ID, OP, FieldShape, KeyOrigin, Kind, dtype, key_parts, key_text
from koppel.model.write import CODE, FIELD, MESSAGE, Outcome, Write, WriteKind

Now = Callable[[], datetime]


@dataclass(frozen=True)
class Batch:
    """Rows (positions in the write) that share one statement, with the values to bind for each."""

    sql: str
    rows: list[int]
    values: list[tuple[object, ...]]
    returns_key: bool = False


@dataclass
class Progress:
    """What is known of each row so far. `ids`: the id a row has after the write."""

    ids: list[str | None]
    codes: list[Outcome]
    refusals: dict[int, Refusal] = field(default_factory=dict)

    def refuse(self, row: int, refusal: Refusal) -> None:
        """This row does not go in."""
        self.codes[row] = Outcome.REFUSED
        self.refusals[row] = refusal

    def open(self) -> list[int]:
        """The rows nothing speaks against."""
        return [row for row, code in enumerate(self.codes) if code is Outcome.WRITTEN]


class _Undone(Exception):
    """A trigger has rolled the whole transaction back because of this row."""

    def __init__(self, row: int, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.row = row
        self.refusal = refusal


def write_rows(database: Database, relation: Relation, write: Write, now: Now) -> pl.DataFrame:
    """Carry out one write. Raises `SystemFailure` when the database fails; before COMMIT nothing was written."""
    refused: dict[int, Refusal] = {}
    with database.connection() as connection:
        while True:
            try:
                progress, page = _in_transaction(database, connection, relation, write, now, refused)
                return _outcomes(relation, write, progress, page)
            except _Undone as undone:  # everything is as before: again without that row
                refused[undone.row] = undone.refusal


def _in_transaction(
    database: Database,
    connection: sqlite3.Connection,
    relation: Relation,
    write: Write,
    now: Now,
    refused: dict[int, Refusal],
) -> tuple[Progress, pl.DataFrame]:
    try:
        connection.execute("BEGIN IMMEDIATE")
        progress = Progress(write.rows[ID].to_list(), [Outcome.WRITTEN] * len(write.rows))
        for row, refusal in refused.items():
            progress.refuse(row, refusal)
        keys = _compare(connection, relation, write, progress, now())
        for batch in _batches(relation, write, progress, keys):
            _run(connection, relation, batch, progress, one_by_one=bool(refused))
        page = _stored(connection, relation, write, progress, now())
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise database.failure(error, "nothing was written") from error
        raise
    try:
        connection.execute("COMMIT")
    except sqlite3.IntegrityError as error:  # constraints that are deferred to this moment
        bad = _deferred(connection, relation, progress, page)
        connection.execute("ROLLBACK")
        raise _Undone(bad[0] if bad else progress.open()[0], refusal_of(error, relation)) from error
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise database.failure(error, "whether this write was stored is found out by looking") from error
    return progress, page
