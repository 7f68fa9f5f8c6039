"""Writing: one transaction per write, in which rows are locked, compared, written, and read again.

The rows of an update are locked (FOR UPDATE) before they are compared with what koppel saw, so nobody changes them in
between. Rows go in together; those the database refuses are found and left out. What is answered was read back inside
the same transaction, after all triggers (RETURNING would run before the AFTER ones). Deferred rules are checked at
once, so COMMIT refuses nothing.
"""

from functools import partial

import numpy as np
import polars as pl
import psycopg

from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.page import Query
from koppel.connectors.agreed.patterns import patterns
from koppel.connectors.agreed.progress import READ_ONLY, Progress, expected_fields, judge, nothing_stored, outcomes
from koppel.connectors.agreed.rows import Rows, prepare
from koppel.connectors.agreed.stage import NUMBER, STAGE, of_stage, old_key, sent_columns
from koppel.connectors.agreed.values import Reasoned
from koppel.connectors.postgresql.catalog import sequence_numbers
from koppel.connectors.postgresql.cursor import Clock, present
from koppel.connectors.postgresql.database import AGAIN, Connection, Database
from koppel.connectors.postgresql.encode import encode
from koppel.connectors.postgresql.read import fetch_page, key_texts, read_page
from koppel.connectors.postgresql.reflect import Relation
from koppel.connectors.postgresql.staging import Staged, carry, copy_in, create_stage, drop_staged, run_staged
from koppel.errors import Denied, Unreachable
from koppel.model.values import FAULT, ID, KeyOrigin
from koppel.model.write import Outcome, Write, WriteKind


def write_rows(database: Database, relation: Relation, write: Write, clock: Clock) -> pl.DataFrame:
    """Carry out one write. Raises `SystemFailure` when the database fails; unless COMMIT failed nothing was written."""
    with database.connection() as connection:
        progress = Progress.of(write)
        if not len(write.rows):
            prove_writable(database, connection, relation)
        if relation.read_only:
            progress.refuse_all(READ_ONLY)
        if not progress.open():
            return outcomes(write, progress, nothing_stored(write, relation.shape))
        try:
            return _in_transaction(database, connection, relation, write, progress, clock)
        except Unreachable as failure:
            cause = failure.__cause__
            if not isinstance(cause, psycopg.Error) or cause.sqlstate not in AGAIN:
                raise
        return _in_transaction(database, connection, relation, write, Progress.of(write), clock)


def prove_writable(database: Database, connection: Connection, relation: Relation) -> None:
    """Raise what a write would: the server takes none, or the user may not write this table. Nothing is changed."""
    rights = ("INSERT", "UPDATE", "DELETE")
    checks = ", ".join(f"has_table_privilege({relation.oid}::oid, '{right}')" for right in rights)
    columns = f"has_any_column_privilege({relation.oid}::oid, 'INSERT, UPDATE')"
    row = connection.execute(f"SELECT current_setting('transaction_read_only')::bool, {columns}, {checks}").fetchone()
    assert row is not None, "the question has one answer"
    if row[0]:
        what = "the server takes no writes: it is a standby, or set to read-only; nothing was written"
        raise Unreachable(database.name, what, "name the server that takes writes in the url")
    if not any(row[1:]) and not relation.read_only:
        what = f"the user may not write {relation.name}; nothing was written"
        raise Denied(database.name, what, f"GRANT INSERT, UPDATE, DELETE ON {relation.name} TO the user of the url")


def _in_transaction(
    database: Database, connection: Connection, relation: Relation, write: Write, progress: Progress, clock: Clock
) -> pl.DataFrame:
    try:
        connection.execute("BEGIN; SET CONSTRAINTS ALL IMMEDIATE")
        rows = _prepared(connection, relation, write, progress, clock)
        if write.kind is WriteKind.CREATE:
            _create(connection, relation, rows, progress)
        else:
            _change(connection, relation, write, rows, progress)
        stored = _stored(connection, relation, write, progress, clock)
    except psycopg.Error as error:
        _undo(connection)
        raise database.failure(error, "nothing was written") from error
    except BaseException:
        _undo(connection)
        raise
    try:
        connection.execute("COMMIT")
    except psycopg.Error as error:
        _undo(connection)
        fate = "whether this write was stored is found out by looking"
        if error.sqlstate in AGAIN:
            fate = "nothing was written"
        raise database.failure(error, fate) from error
    return outcomes(write, progress, stored)


def _prepared(connection: Connection, relation: Relation, write: Write, progress: Progress, clock: Clock) -> Rows:
    def as_stored(name: str, values: pl.Series) -> Reasoned:
        return encode(relation.columns[name], values, relation.zone)

    keys = key_texts(relation, write.rows[ID])
    return prepare(relation, write, progress, present(connection, clock), keys, as_stored)


def _undo(connection: Connection) -> None:
    if not connection.closed:
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:  # the connection is gone, and the transaction with it
            connection.close()


# ---- creating


def _create(connection: Connection, relation: Relation, rows: Rows, progress: Progress) -> None:
    """COPY the new records into the table, together those that send the same columns."""
    if relation.shape.key_origin is KeyOrigin.RESERVED:
        _number(connection, relation, rows, progress)
    todo = progress.open()
    if not todo:
        return
    for sent, chosen in _patterns(rows, todo):
        frame = pl.DataFrame([rows.columns[name].alias(name) for name in sent])
        if relation.copies and set(relation.key) <= set(sent):
            carry(connection, relation, progress, chosen, partial(_copy, connection, relation.sql, frame))
        else:
            for row in chosen:
                carry(connection, relation, progress, [row], partial(_insert, connection, relation, frame, progress))


def _patterns(rows: Rows, todo: list[int]) -> list[tuple[list[str], list[int]]]:
    """The rows by which columns they send."""
    return [
        ([name for name, is_sent in zip(rows.sent, pattern, strict=True) if is_sent], chosen)
        for pattern, chosen in patterns(np.column_stack(list(rows.sent.values())), todo)
    ]


def _number(connection: Connection, relation: Relation, rows: Rows, progress: Progress) -> None:
    """Reserve numbers for the records that came without, so that their ids are known."""
    name = relation.key[0]
    without = [row for row in progress.open() if not rows.sent[name][row]]
    sequence = relation.columns[name].attribute.sequence
    if without and sequence is not None:
        numbers = sequence_numbers(connection, sequence, len(without))
        rows.columns[name] = rows.columns[name].scatter(without, numbers)
        rows.sent[name][without] = True
        for row, number in zip(without, numbers, strict=True):
            progress.ids[row] = number


def _copy(connection: Connection, table: str, frame: pl.DataFrame, rows: list[int]) -> int:
    return copy_in(connection, table, frame[rows])


def _insert(
    connection: Connection, relation: Relation, frame: pl.DataFrame, progress: Progress, rows: list[int]
) -> int:
    """One record whose key the database gives, or that COPY may not bring."""
    (row,) = rows
    columns, values = "DEFAULT VALUES", frame.row(row) if frame.width else ()
    if frame.width:
        casts = ", ".join(f"%s::{relation.columns[name].attribute.cast}" for name in frame.columns)
        columns = f"({', '.join(map(quoted, frame.columns))}) OVERRIDING SYSTEM VALUE VALUES ({casts})"
    if set(relation.key) <= set(frame.columns):
        return connection.execute(f"INSERT INTO {relation.sql} {columns}", values).rowcount
    answer = connection.execute(
        f"INSERT INTO {relation.sql} {columns} RETURNING {quoted(relation.key[0])}::text", values
    )
    for (key,) in answer:
        progress.ids[row] = str(key)
    return answer.rowcount


# ---- updating and deleting


def _change(connection: Connection, relation: Relation, write: Write, rows: Rows, progress: Progress) -> None:
    """Stage, lock and compare, then change or delete what is as expected."""
    no_key = rows.keys.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()
    for row in np.flatnonzero(no_key).tolist():
        if progress.codes[row] is Outcome.WRITTEN:
            progress.codes[row] = Outcome.MISSING
    todo = progress.open()
    if not todo:
        return
    sent = sent_columns(rows, todo)
    staged = Staged(relation, sent)
    create_stage(connection, staged)
    _stage(connection, relation, staged, rows, progress, todo)
    connection.execute(f"ANALYZE pg_temp.{STAGE}")
    _compare(connection, relation, write, staged, progress)
    drop_staged(connection, (row for row in todo if progress.codes[row] is not Outcome.WRITTEN))
    if write.kind is WriteKind.DELETE:
        carry(connection, relation, progress, progress.open(), run_staged(connection, staged.delete()))
    elif sent:
        carry(connection, relation, progress, progress.open(), run_staged(connection, staged.update()))


def _stage(
    connection: Connection, relation: Relation, staged: Staged, rows: Rows, progress: Progress, todo: list[int]
) -> None:
    keys = [rows.keys[name].alias(old_key(at)) for at, name in enumerate(relation.key)]
    number = pl.Series(NUMBER, np.arange(len(rows.keys)), dtype=pl.Int64)
    says = [pl.Series(says, rows.sent[name]).cast(pl.String) for name, says in staged.sent if says is not None]
    frame = pl.DataFrame([number, *keys, *(rows.columns[name].alias(name) for name, _ in staged.sent), *says])
    carry(connection, relation, progress, todo, partial(_copy, connection, f"pg_temp.{STAGE}", frame))


def _compare(connection: Connection, relation: Relation, write: Write, staged: Staged, progress: Progress) -> None:
    """Lock the records; mark rows whose record is gone or not as expected."""
    source = f"pg_temp.{STAGE} AS s JOIN {relation.sql} AS t ON {staged.joined}"
    tail = f"FROM {source} ORDER BY {of_stage(old_key(0))} FOR UPDATE OF t"
    page = read_page(connection, relation, expected_fields(write), Query(tail, of_stage(NUMBER)))
    judge(write, progress, page.frame, page.rows)


# ---- after: what is stored now


def _stored(connection: Connection, relation: Relation, write: Write, progress: Progress, clock: Clock) -> pl.DataFrame:
    """The written records as they are now, read in the same transaction."""
    rows = [] if write.kind is WriteKind.DELETE else progress.open()
    ids = pl.Series(ID, [progress.ids[row] for row in rows], dtype=pl.String)
    frame = fetch_page(connection, relation, ids, write.want, clock).frame
    progress.gone_meanwhile(rows, frame[ID])
    return frame.drop(FAULT).unique(ID, keep="first")
