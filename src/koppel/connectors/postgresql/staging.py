"""The rows of a write on their way into the database: COPY, one statement for all, and halves when some are refused.

Creates are copied straight into the table. Updates and deletions are copied into a temporary table whose columns are
called as the table's, beside the old key, the row's number and, where a column is not sent by every row, whether it is;
the statements join it. Everything runs under savepoints, so what is
refused leaves no trace.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import polars as pl
import psycopg

from koppel.connectors.agreed.carry import Attempt
from koppel.connectors.agreed.carry import carry as carry_rows
from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.progress import Progress, Refusal
from koppel.connectors.agreed.stage import NUMBER, STAGE, of_stage, old_key
from koppel.connectors.postgresql.database import Connection
from koppel.connectors.postgresql.encode import copy_bytes
from koppel.connectors.postgresql.read import as_key, key_cast
from koppel.connectors.postgresql.reflect import Relation
from koppel.connectors.postgresql.refusal import copied_line, is_of_a_row, refusal_of


def carry(connection: Connection, relation: Relation, progress: Progress, rows: list[int], attempt: Attempt) -> None:
    """Carry out the rows; when the database refuses some, all others."""
    carry_rows(progress, rows, attempt, partial(connection.transaction, "koppel_rows"), partial(_verdict, relation))


def _verdict(relation: Relation, error: Exception, count: int) -> tuple[Refusal, int | None] | None:
    """Whose trouble an error is; COPY names the line."""
    if not isinstance(error, psycopg.Error) or not is_of_a_row(error, relation):
        return None
    lines = (copied_line(error, table) for table in (relation.relation, STAGE))
    return refusal_of(error, relation), next((line[0] for line in lines if line and line[0] < count), None)


# ---- into the table


def copy_in(connection: Connection, table: str, frame: pl.DataFrame) -> int:
    """COPY the frame's columns into a table of the same names; how many rows went in."""
    columns = ", ".join(map(quoted, frame.columns))
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            copy.write(copy_bytes(frame))
        return cursor.rowcount


# ---- through the temporary table


@dataclass(frozen=True)
class Staged:
    """A temporary table with rows. `sent`: its columns, each with the column that says whether a row sends it."""

    relation: Relation
    sent: tuple[tuple[str, str | None], ...]

    @property
    def joined(self) -> str:
        """Where the key of the table's row `t` is that of the staged row `s`."""
        columns = [self.relation.columns[name] for name in self.relation.key]
        return " AND ".join(f"{as_key(column)} = {of_stage(old_key(at))}" for at, column in enumerate(columns))

    def update(self) -> str:
        """The statement that changes the rows."""
        changes = ", ".join(
            f"{quoted(name)} = "
            + (
                of_stage(name)
                if says is None
                else f"CASE WHEN {of_stage(says)} THEN {of_stage(name)} ELSE t.{quoted(name)} END"
            )
            for name, says in self.sent
        )
        return f"UPDATE {self.relation.sql} AS t SET {changes} FROM pg_temp.{STAGE} AS s WHERE {self.joined}"

    def delete(self) -> str:
        """The statement that deletes the rows."""
        return f"DELETE FROM {self.relation.sql} AS t USING pg_temp.{STAGE} AS s WHERE {self.joined}"


def create_stage(connection: Connection, staged: Staged) -> None:
    """Make the temporary table; it goes with the transaction."""
    relation = staged.relation
    keys = [f"{quoted(old_key(at))} {key_cast(relation.columns[name])}" for at, name in enumerate(relation.key)]
    values = [f"{quoted(name)} {relation.columns[name].attribute.stored}" for name, _ in staged.sent]
    says = [f"{quoted(says)} bool" for _, says in staged.sent if says is not None]
    own = [f"{quoted(NUMBER)} int8", *keys, *values, *says]
    connection.execute(f"CREATE TEMP TABLE {STAGE} ({', '.join(own)}) ON COMMIT DROP")


def run_staged(connection: Connection, statement: str) -> Attempt:
    """The attempt that runs a statement for some of the staged rows."""

    def attempt(rows: list[int]) -> int:
        first, last = rows[0], rows[-1]
        some = f" AND {of_stage(NUMBER)} BETWEEN {first} AND {last}"
        return connection.execute(statement + some).rowcount

    return attempt


def drop_staged(connection: Connection, rows: Iterator[int]) -> None:
    """Take rows out of the temporary table that are not to be carried out."""
    numbers = ",".join(map(str, rows))
    if numbers:
        connection.execute(f"DELETE FROM pg_temp.{STAGE} WHERE {quoted(NUMBER)} = ANY('{{{numbers}}}')")
