"""Writing: one transaction per write, in which rows are locked, compared, written, and read again.

The rows of an update are locked (FOR UPDATE) before they are compared with what koppel saw, so nobody changes them in
between; READ COMMITTED, so what is compared is what the last writer left. Rows go in together; those the database
refuses are found and left out. What is answered was read back inside the same transaction, after all triggers.
"""

import numpy as np
import polars as pl
import pymysql

from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.page import Query
from koppel.connectors.agreed.progress import Progress, expected_fields, judge, nothing_stored, outcomes
from koppel.connectors.agreed.rows import Rows, prepare
from koppel.connectors.agreed.stage import NUMBER, of_stage, sent_columns
from koppel.connectors.agreed.values import Reasoned
from koppel.connectors.mariadb.catalog import next_numbers
from koppel.connectors.mariadb.cursor import Watch
from koppel.connectors.mariadb.database import AGAIN, Connection, Database, code_of
from koppel.connectors.mariadb.encode import encode, sql_rows, sql_values
from koppel.connectors.mariadb.read import Reader, key_texts
from koppel.connectors.mariadb.reflect import Relation
from koppel.connectors.mariadb.staging import (
    Insert,
    Staged,
    carry,
    create_stage,
    drop_staged,
    fill_stage,
    run_staged,
)
from koppel.errors import Denied, Unreachable
from koppel.model.values import FAULT, ID, KeyOrigin
from koppel.model.write import Outcome, Write, WriteKind


class Writer:
    """Writes one table."""

    def __init__(self, reader: Reader, watch: Watch) -> None:
        self._reader = reader
        self._watch = watch

    @property
    def _database(self) -> Database:
        return self._reader.database

    @property
    def _relation(self) -> Relation:
        return self._reader.relation

    def write(self, write: Write) -> pl.DataFrame:
        """Carry out one write. Raises `SystemFailure` when the database fails; unless COMMIT failed nothing was
        written.
        """
        with self._database.connection() as connection:
            if not len(write.rows):
                self._prove_writable(connection)
            if self._relation.read_only is not None:
                progress = Progress.of(write)
                progress.refuse_all(self._relation.read_only)
                return outcomes(write, progress, nothing_stored(write, self._relation.shape))
            try:
                return self._in_transaction(connection, write)
            except Unreachable as failure:
                if not isinstance(failure.__cause__, pymysql.Error) or code_of(failure.__cause__) not in AGAIN:
                    raise
            return self._in_transaction(connection, write)

    def _prove_writable(self, connection: Connection) -> None:
        """Raise what a write would: the server takes none, or the user may not write this table. Nothing is changed."""
        relation = self._relation
        name, told = self._database.name, f"the user may not write {relation.name}; nothing was written"
        rights = {right for column in relation.columns.values() for right in column.attribute.rights}
        if relation.read_only is None and not rights & {"insert", "update"}:
            raise Denied(name, told, f"GRANT INSERT, UPDATE, DELETE ON {relation.name} TO the user of the url")
        try:
            connection.execute("START TRANSACTION READ WRITE")
            connection.execute("ROLLBACK")
            if "update" in rights:
                create_stage(connection, Staged(relation, ()))
        except pymysql.Error as error:
            failure = self._database.failure(error, "nothing was written")
            if isinstance(failure, Denied):
                failure = Denied(name, told, "GRANT CREATE TEMPORARY TABLES ON the database TO the user of the url")
            raise failure from error

    def _in_transaction(self, connection: Connection, write: Write) -> pl.DataFrame:
        progress = Progress.of(write)
        try:
            connection.execute("START TRANSACTION READ WRITE")
            rows = self._prepared(connection, write, progress)
            if write.kind is WriteKind.CREATE:
                self._create(connection, rows, progress)
            else:
                self._change(connection, write, rows, progress)
            stored = self._stored(connection, write, progress)
        except (pymysql.MySQLError, OSError) as error:
            _undo(connection)
            raise self._database.failure(error, "nothing was written") from error
        except BaseException:
            _undo(connection)
            raise
        try:
            connection.execute("COMMIT")
        except (pymysql.MySQLError, OSError) as error:
            _undo(connection)
            refused = code_of(error) in AGAIN
            fate = "nothing was written" if refused else "whether this write was stored is found out by looking"
            raise self._database.failure(error, fate) from error
        return outcomes(write, progress, stored)

    def _prepared(self, connection: Connection, write: Write, progress: Progress) -> Rows:
        relation = self._relation

        def as_stored(name: str, values: pl.Series) -> Reasoned:
            return encode(relation.columns[name], values, relation.zone)

        keys = key_texts(relation, write.rows[ID])
        return prepare(relation, write, progress, self._watch.present(connection), keys, as_stored)

    # ---- creating

    def _create(self, connection: Connection, rows: Rows, progress: Progress) -> None:
        """Insert the new records; a column that a record does not send gets its default."""
        relation = self._relation
        if relation.sequence is not None:
            self._number(connection, relation.sequence, rows, progress)
        todo = progress.open()
        sent = [name for name in rows.columns if rows.sent[name][todo].any()]
        if not todo:
            return
        values = [_or_default(sql_values(relation.columns[name], rows.columns[name]), rows, name) for name in sent]
        every = sql_rows(values) if sent else pl.Series(["()"]).new_from_index(0, len(rows.keys))
        key = relation.key[0]
        known = relation.shape.key_origin is not KeyOrigin.GENERATED
        tail = "" if known else f"RETURNING CAST({quoted(key)} AS CHAR)"
        insert = Insert(f"INSERT INTO {relation.sql} ({', '.join(map(quoted, sent))}) VALUES", every, tail)

        def attempt(part: list[int]) -> int:
            answers = insert.run(connection, part)
            if known:
                return sum(answer.count for answer in answers)
            told = [answer_row[0] for answer in answers for answer_row in answer.rows]
            for row, id_ in zip(part, told, strict=True):  # the server inserts and answers them one after another
                progress.ids[row] = id_
            return len(told)

        carry(connection, relation, progress, todo, attempt)

    def _number(self, connection: Connection, sequence: str, rows: Rows, progress: Progress) -> None:
        """Reserve numbers for the records that came without, so that their ids are known."""
        name = self._relation.key[0]
        without = [row for row in progress.open() if not rows.sent[name][row]]
        if without:
            numbers = next_numbers(connection, sequence, len(without))
            rows.columns[name] = rows.columns[name].scatter(without, numbers)
            rows.sent[name][without] = True
            for row, number in zip(without, numbers, strict=True):
                progress.ids[row] = number

    # ---- updating and deleting

    def _change(self, connection: Connection, write: Write, rows: Rows, progress: Progress) -> None:
        """Stage, lock and compare, then change or delete what is as expected."""
        for row in np.flatnonzero(~self._possible(connection, write, rows).to_numpy()).tolist():
            if progress.codes[row] is Outcome.WRITTEN:
                progress.codes[row] = Outcome.MISSING
        todo = progress.open()
        if not todo:
            return
        sent = sent_columns(rows, todo)
        staged = Staged(self._relation, sent)
        create_stage(connection, staged)
        fill_stage(connection, staged, rows, progress, todo)
        self._compare(connection, write, staged, progress)
        drop_staged(connection, (row for row in todo if progress.codes[row] is not Outcome.WRITTEN))
        if write.kind is WriteKind.DELETE or sent:
            statement = staged.delete() if write.kind is WriteKind.DELETE else staged.update()
            carry(connection, self._relation, progress, progress.open(), run_staged(connection, statement))

    def _possible(self, connection: Connection, write: Write, rows: Rows) -> pl.Series:
        """Which rows can name a record: the temporary table has room for their keys."""
        if any(self._relation.columns[name].of_another_encoding for name in self._relation.key):
            return write.rows[ID].is_in(self._reader.fetch(connection, write.rows[ID], ())[ID].implode())
        return rows.keys.select(pl.all_horizontal(pl.all().is_not_null())).to_series()

    def _compare(self, connection: Connection, write: Write, staged: Staged, progress: Progress) -> None:
        """Lock the records; mark rows whose record is gone or not as expected."""
        query = Query(f"FROM {staged.joined} ORDER BY {of_stage(NUMBER)} FOR UPDATE", of_stage(NUMBER))
        page = self._reader.page(connection, expected_fields(write), query)
        judge(write, progress, page.frame, page.rows)

    # ---- after: what is stored now

    def _stored(self, connection: Connection, write: Write, progress: Progress) -> pl.DataFrame:
        """The written records as they are now, read in the same transaction."""
        rows = [] if write.kind is WriteKind.DELETE else progress.open()
        frame = self._fetched(connection, [progress.ids[row] for row in rows], write)
        progress.gone_meanwhile(rows, frame[ID])
        return frame

    def _fetched(self, connection: Connection, ids: list[str | None], write: Write) -> pl.DataFrame:
        frame = self._reader.fetch(connection, pl.Series(ID, ids, dtype=pl.String), write.want)
        return frame.drop(FAULT).unique(ID, keep="first")


def _or_default(values: pl.Series, rows: Rows, name: str) -> pl.Series:
    sent = rows.sent[name]
    return values if sent.all() else values.set(pl.Series(~sent), "DEFAULT")


def _undo(connection: Connection) -> None:
    try:
        connection.execute("ROLLBACK")
    except (pymysql.MySQLError, OSError):  # the connection is gone, and the transaction with it
        connection.close()
