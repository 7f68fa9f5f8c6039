"""The rows of a write on their way into the database: COPY, one statement for all, and halves when some are refused.

Creates are copied straight into the table. Updates and deletions are copied into a temporary table whose columns are
called as the table's, beside the old key (`k0`, …), the row's number (`n`) and, where a column is not sent by every
row, whether it is (`s0`, …); the statements join it. Everything runs under savepoints, so what is
refused leaves no trace.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import polars as pl
import psycopg

from koppel.connectors.postgresql.database import Connection, quoted
from koppel.connectors.postgresql.encode import copy_bytes
from koppel.connectors.postgresql.read import as_key, key_cast
from koppel.connectors.postgresql.reflect import Relation
from koppel.connectors.postgresql.refusal import NOT_STORED, STAGE, Refusal, copied_line, is_of_a_row, refusal_of
from koppel.model.write import Outcome


@dataclass
class Progress:
    """What is known of each row so far. `ids`: the id the row has after the write."""

    ids: list[str | None]
    codes: list[Outcome]
    refusals: dict[int, Refusal] = field(default_factory=dict)

    def refuse(self, row: int, refusal: Refusal) -> None:
        """This row does not go in, unless something else has been found to keep it out."""
        if self.codes[row] is Outcome.WRITTEN:
            self.codes[row] = Outcome.REFUSED
            self.refusals[row] = refusal

    def open(self) -> list[int]:
        """The rows nothing speaks against."""
        return [row for row, code in enumerate(self.codes) if code is Outcome.WRITTEN]


Attempt = Callable[[list[int]], int]
"""Carries out some rows, all or none; how many the database says it changed."""


def carry(connection: Connection, relation: Relation, progress: Progress, rows: list[int], attempt: Attempt) -> None:
    """Carry out the rows; when the database refuses some, all others."""
    waiting = [rows]
    while waiting:
        part = waiting.pop()
        if not part:
            continue
        try:
            with connection.transaction("koppel_rows"):  # a savepoint
                if attempt(part) != len(part):
                    raise _NotStored
        except (psycopg.Error, _NotStored) as error:
            if isinstance(error, psycopg.Error) and not is_of_a_row(error, relation):
                raise
            at = _blamed(error, relation, len(part))
            if at is not None:
                refusal = NOT_STORED if isinstance(error, _NotStored) else refusal_of(error, relation)
                progress.refuse(part[at], refusal)
                waiting += [part[at + 1 :], part[:at]]
            else:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]


class _NotStored(Exception):
    """A trigger left rows out in silence."""


def _blamed(error: Exception, relation: Relation, count: int) -> int | None:
    """Which row it was, where that is known: the only one, or the line that COPY names."""
    if count == 1:
        return 0
    if isinstance(error, psycopg.Error):
        for table in (relation.relation, STAGE):
            line = copied_line(error, table)
            if line is not None and line[0] < count:
                return line[0]
    return None


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
        return " AND ".join(f"{as_key(column)} = s.k{at}" for at, column in enumerate(columns))

    def update(self) -> str:
        """The statement that changes the rows."""
        changes = ", ".join(
            f"{quoted(name)} = "
            + (
                f"s.{quoted(name)}"
                if says is None
                else f"CASE WHEN s.{says} THEN s.{quoted(name)} ELSE t.{quoted(name)} END"
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
    keys = [f"k{at} {key_cast(relation.columns[name])}" for at, name in enumerate(relation.key)]
    values = [f"{quoted(name)} {relation.columns[name].attribute.stored}" for name, _ in staged.sent]
    says = [f"{says} bool" for _, says in staged.sent if says is not None]
    connection.execute(f"CREATE TEMP TABLE {STAGE} (n int8, {', '.join([*keys, *values, *says])}) ON COMMIT DROP")


def run_staged(connection: Connection, statement: str) -> Attempt:
    """The attempt that runs a statement for some of the staged rows."""

    def attempt(rows: list[int]) -> int:
        first, last = rows[0], rows[-1]
        some = f" AND s.n BETWEEN {first} AND {last}"
        return connection.execute(statement + some).rowcount

    return attempt


def drop_staged(connection: Connection, rows: Iterator[int]) -> None:
    """Take rows out of the temporary table that are not to be carried out."""
    numbers = ",".join(map(str, rows))
    if numbers:
        connection.execute(f"DELETE FROM pg_temp.{STAGE} WHERE n = ANY('{{{numbers}}}')")
