"""Writing: one transaction per write, in which rows are compared, written, and read again.

Everything happens under BEGIN IMMEDIATE, so between comparing a record with what koppel saw and changing it nobody else
can write. Rows go in together; when the database refuses some, halves are tried until the bad ones are known. What is
answered was read back inside the same transaction, after all triggers (RETURNING would run before them, DESIGN 14).
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

import polars as pl

from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.progress import (
    NOT_STORED,
    READ_ONLY,
    Progress,
    Refusal,
    differs,
    expected_fields,
    outcomes,
)
from koppel.connectors.sql.batch import Batch, batches
from koppel.connectors.sql.database import Database, prove_writable
from koppel.connectors.sql.read import Page, Query, fetch_page, keys_of, read_page
from koppel.connectors.sql.reflect import Relation
from koppel.connectors.sql.refusal import ROW_ERRORS, missing_parent, refusal_of
from koppel.model.values import FAULT, ID, OP
from koppel.model.write import Outcome, Write, WriteKind


class _Undone(Exception):
    """The whole transaction is undone because of these rows; none named: because of one that is not known yet."""

    def __init__(self, rows: Sequence[int], refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.rows = rows
        self.refusal = refusal


def write_rows(database: Database, relation: Relation, write: Write, now: Callable[[], datetime]) -> pl.DataFrame:
    """Carry out one write. Raises `SystemFailure` when the database fails; unless COMMIT failed nothing was written."""
    refused: dict[int, Refusal] = {}
    one_by_one = False
    if relation.view:
        refused = dict.fromkeys(range(len(write.rows)), READ_ONLY)
    with database.connection() as connection:
        if not len(write.rows):
            prove_writable(connection)
        while True:
            progress = Progress.of(write)
            for row, refusal in refused.items():
                progress.refuse(row, refusal)
            try:
                stored = _in_transaction(database, connection, relation, write, progress, now, one_by_one)
                return outcomes(write, progress, stored)
            except _Undone as undone:  # everything is as it was: again, without those rows
                refused |= dict.fromkeys(undone.rows, undone.refusal)
                one_by_one = True


def _in_transaction(
    database: Database,
    connection: sqlite3.Connection,
    relation: Relation,
    write: Write,
    progress: Progress,
    now: Callable[[], datetime],
    one_by_one: bool,
) -> pl.DataFrame:
    """Do it all; `progress` says what became of the rows, the answer what is stored now."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        keys = _compare(connection, relation, write, progress, now())
        for batch in batches(relation, write, progress, keys):
            _run(connection, relation, batch, progress, one_by_one)
        stored = _stored(connection, relation, write, progress, now())
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise database.failure(error, "nothing was written") from error
        raise
    try:
        connection.execute("COMMIT")
    except sqlite3.IntegrityError as error:  # a foreign key that is checked at this moment only
        rows = _violating(connection, relation, progress) or progress.open()
        connection.execute("ROLLBACK")
        raise _Undone(rows, refusal_of(error, relation)) from error
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise database.failure(error, "whether this write was stored is found out by looking") from error
    return stored


# ---- before: is the record still what it was


def _compare(
    connection: sqlite3.Connection, relation: Relation, write: Write, progress: Progress, now: datetime
) -> list[tuple[object, ...]]:
    """Mark rows whose record is gone or not as expected; the stored key per row (empty where there is none)."""
    if write.kind is WriteKind.CREATE:
        return []
    page = fetch_page(connection, relation, write.rows[ID], expected_fields(write), now)
    found = page.frame.with_row_index("@at").unique(ID, keep="first")
    seen = write.rows.select(OP, ID).join(found, on=ID, how="left", maintain_order="left")
    stored = list(zip(*(key.to_list() for key in page.keys), strict=True))
    if any(relation.columns[name].affinity == "BLOB" for name in relation.key):
        stored = [_as_stored(connection, relation, id_) for id_ in page.frame[ID].to_list()]
    keys: list[tuple[object, ...]] = []
    for row, (at, is_stale) in enumerate(zip(seen["@at"], differs(write, seen), strict=True)):
        keys.append(() if at is None else stored[at])
        if progress.codes[row] is Outcome.WRITTEN and (at is None or is_stale):
            progress.codes[row] = Outcome.MISSING if at is None else Outcome.STALE
    return keys


def _as_stored(connection: sqlite3.Connection, relation: Relation, id_: str) -> tuple[object, ...]:
    """The key of a record where a column without a type keeps 5 and '5' apart."""
    where = " AND ".join(f"{quoted(name)} = ?" for name in relation.key)
    sql = f"SELECT {', '.join(map(quoted, relation.key))} FROM {quoted(relation.name)} WHERE {where}"
    for key in keys_of(id_, [relation.columns[name] for name in relation.key]):
        row: tuple[object, ...] | None = connection.execute(sql, key).fetchone()
        if row is not None:
            return row
    return ()


# ---- the rows themselves


def _run(
    connection: sqlite3.Connection, relation: Relation, batch: Batch, progress: Progress, one_by_one: bool
) -> None:
    """Execute a batch; halves of it as long as it is refused."""
    count = len(batch.rows)
    single = one_by_one or batch.returns_key
    todo = [(at, at + 1) for at in range(count)] if single else [(0, count)]
    while todo:
        start, end = todo.pop()
        refusal = _tried(connection, relation, batch, start, end, progress)
        if refusal is not None and end - start == 1:
            progress.refuse(batch.rows[start], refusal)
        elif refusal is not None:
            half = (start + end) // 2
            todo += [(half, end), (start, half)]


def _tried(
    connection: sqlite3.Connection, relation: Relation, batch: Batch, start: int, end: int, progress: Progress
) -> Refusal | None:
    """Execute some rows of a batch, all or none; why not, if not."""
    connection.execute("SAVEPOINT rows")
    try:
        if batch.returns_key:
            keys = connection.execute(batch.sql, batch.values[start]).fetchall()
            changed = len(keys)
            if keys:
                progress.ids[batch.rows[start]] = keys[0][0]
        else:
            changed = connection.executemany(batch.sql, batch.values[start:end]).rowcount
        refusal = None if changed == end - start else NOT_STORED
    except ROW_ERRORS as error:
        refusal = refusal_of(error, relation)
        if not connection.in_transaction:  # a trigger that says RAISE(ROLLBACK)
            raise _Undone(batch.rows[start:end] if end - start == 1 else (), refusal) from error
        if refusal.field is None and end - start == 1 and "FOREIGN KEY" in str(error):
            connection.execute("ROLLBACK TO rows")
            bound = dict(zip(batch.names, batch.values[start], strict=False))
            refusal = missing_parent(connection, relation, bound) or refusal
    if refusal is not None:
        connection.execute("ROLLBACK TO rows")
    connection.execute("RELEASE rows")
    return refusal


def _violating(connection: sqlite3.Connection, relation: Relation, progress: Progress) -> list[int]:
    """The rows whose record refers to one that does not exist."""
    violations = connection.execute(f"PRAGMA foreign_key_check({quoted(relation.name)})").fetchall()
    rowids = json.dumps([rowid for _, rowid, *_ in violations if rowid is not None])
    tail = f"FROM {quoted(relation.name)} AS t WHERE t.rowid IN (SELECT value FROM json_each(?))"
    if rowids == "[]":
        return []
    page = read_page(connection, relation, (), Query(tail, (rowids,)), datetime.min)
    bad = set(page.frame[ID].to_list())
    return [row for row in progress.open() if progress.ids[row] in bad]


# ---- after: what is stored now


def _stored(
    connection: sqlite3.Connection, relation: Relation, write: Write, progress: Progress, now: datetime
) -> pl.DataFrame:
    """The written records as they are now, read in the same transaction."""
    rows = [] if write.kind is WriteKind.DELETE else progress.open()
    ids = pl.Series(ID, [progress.ids[row] for row in rows], dtype=pl.String)
    frame: Page = fetch_page(connection, relation, ids, write.want, now)
    progress.gone_meanwhile(rows, frame.frame[ID])
    return frame.frame.drop(FAULT).unique(ID, keep="first")
