"""The rows of a write on their way into the database: statements with many rows, one for all, halves when refused.

Creates are inserted straight into the table. Updates and deletions go through a temporary table whose columns are those
of the table, beside the old key, the row's number and, where a column is not sent by every row, whether it is; the
statements join it, in its order, so that they lock nothing but the records meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from koppel.connectors.agreed.carry import Attempt
from koppel.connectors.agreed.carry import carry as carry_rows
from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.progress import Progress, Refusal
from koppel.connectors.agreed.rows import Rows
from koppel.connectors.agreed.stage import NUMBER, STAGE, of_stage, old_key
from koppel.connectors.mariadb.database import Answer, Connection
from koppel.connectors.mariadb.encode import sql_rows, sql_texts, sql_values
from koppel.connectors.mariadb.reflect import WHOLE, Column, Relation
from koppel.connectors.mariadb.refusal import is_of_a_row, refusal_of

_STATEMENT_BYTES = 4 * 1024 * 1024
"""About how long a statement may become; a server takes 16 MB unless it is told otherwise."""


class TooLong(Exception):
    """One row is longer than the server takes."""


def carry(connection: Connection, relation: Relation, progress: Progress, rows: list[int], attempt: Attempt) -> None:
    """Carry out the rows; when the database refuses some, all others."""
    carry_rows(progress, rows, attempt, connection.savepoint, partial(_verdict, relation))


def _verdict(relation: Relation, error: Exception, count: int) -> tuple[Refusal, int | None] | None:
    """Whose trouble an error is."""
    if isinstance(error, TooLong):
        return Refusal(None, "the record is longer than max_allowed_packet of the server"), None
    if not is_of_a_row(error):
        return None
    return refusal_of(error, relation), None


# ---- many rows in a statement


@dataclass(frozen=True)
class Insert:
    """An INSERT of many rows. `values`: `(…,…)` per row of the write; `head` and `tail`: the statement around them."""

    head: str
    values: pl.Series
    tail: str = ""

    def run(self, connection: Connection, rows: list[int]) -> list[Answer]:
        """Insert some of the rows, in order, in as few statements as their lengths allow. Raises TooLong."""
        chosen = self.values[rows]
        number = chosen.str.len_bytes().cum_sum() // _STATEMENT_BYTES
        answers = []
        for part in pl.DataFrame([chosen.alias("v"), number.alias("@")]).partition_by("@", maintain_order=True):
            statement = f"{self.head} {','.join(part['v'])} {self.tail}"
            if len(statement.encode()) >= connection.packet_bytes:
                raise TooLong
            answers.append(connection.execute(statement))
        return answers

    def attempt(self, connection: Connection) -> Attempt:
        """How many of some rows go in."""
        return lambda rows: sum(answer.count for answer in self.run(connection, rows))


# ---- through the temporary table


@dataclass(frozen=True)
class Staged:
    """A temporary table with rows. `sent`: its columns, each with the column that says whether a row sends it."""

    relation: Relation
    sent: tuple[tuple[str, str | None], ...]

    @property
    def joined(self) -> str:
        """The staged rows `s` and, for each, the table's row `t` with its key."""
        same = (f"t.{quoted(name)} = {of_stage(old_key(at))}" for at, name in enumerate(self.relation.key))
        return f"{STAGE} AS s STRAIGHT_JOIN {self.relation.sql} AS t ON {' AND '.join(same)}"

    def update(self) -> str:
        """The statement that changes the rows."""
        changes = ", ".join(
            f"t.{quoted(name)} = "
            + (of_stage(name) if says is None else f"if({of_stage(says)}, {of_stage(name)}, t.{quoted(name)})")
            for name, says in self.sent
        )
        return f"UPDATE {self.joined} SET {changes} WHERE TRUE"

    def delete(self) -> str:
        """The statement that deletes the rows."""
        return f"DELETE t FROM {self.joined} WHERE TRUE"


def create_stage(connection: Connection, staged: Staged) -> None:
    """Make the temporary table anew, empty."""
    columns = staged.relation.columns
    parts = enumerate(staged.relation.key)
    keys = [_declared(old_key(at), columns[name], _key_type(columns[name])) for at, name in parts]
    values = [_declared(name, columns[name], columns[name].stored) for name, _ in staged.sent]
    says = [f"{quoted(says)} tinyint(1)" for _, says in staged.sent if says is not None]
    connection.execute(f"DROP TEMPORARY TABLE IF EXISTS {STAGE}")
    body = ", ".join([f"{quoted(NUMBER)} int PRIMARY KEY", *keys, *values, *says])
    connection.execute(f"CREATE TEMPORARY TABLE {STAGE} ({body}) ENGINE=InnoDB")


def _declared(name: str, column: Column, type_: str) -> str:
    """A column of the same type and collation, so that what does not fit is refused."""
    attribute = column.attribute
    text = f" CHARACTER SET {attribute.charset} COLLATE {attribute.collation}" if attribute.charset else ""
    return f"{quoted(name)} {type_}{text} NULL DEFAULT NULL"


def _key_type(column: Column) -> str:
    """A type that holds every key somebody may ask for and is compared by the column's index."""
    if column.type in WHOLE:
        return "bigint"
    return f"decimal(65, {column.attribute.scale})" if column.type == "decimal" else column.stored


def fill_stage(connection: Connection, staged: Staged, rows: Rows, progress: Progress, todo: list[int]) -> None:
    """Put the rows into the temporary table; those that do not fit are refused."""
    relation = staged.relation
    columns = {NUMBER: pl.Series(np.arange(len(rows.keys))).cast(pl.String)}
    for at, name in enumerate(relation.key):
        columns[old_key(at)] = sql_texts(rows.keys[name])
    for name, says in staged.sent:
        columns[name] = sql_values(relation.columns[name], rows.columns[name])
        if says is not None:
            columns[says] = sql_values(None, pl.Series(rows.sent[name]).cast(pl.Int8))
    head = f"INSERT INTO {STAGE} ({', '.join(map(quoted, columns))}) VALUES"
    carry(connection, relation, progress, todo, Insert(head, sql_rows(list(columns.values()))).attempt(connection))


def run_staged(connection: Connection, statement: str) -> Attempt:
    """The attempt that runs a statement for some of the staged rows."""

    def attempt(rows: list[int]) -> int:
        return connection.execute(f"{statement} AND {of_stage(NUMBER)} BETWEEN {rows[0]} AND {rows[-1]}").count

    return attempt


def drop_staged(connection: Connection, rows: Iterator[int]) -> None:
    """Take rows out of the temporary table that are not to be carried out."""
    numbers = ",".join(map(str, rows))
    if numbers:
        connection.execute(f"DELETE FROM {STAGE} WHERE {quoted(NUMBER)} IN ({numbers})")
