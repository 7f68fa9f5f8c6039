"""The temporary table that carries the rows of an update or deletion: its columns are called as the table's, beside its
own, whose names begin with a sign that makes them different from any that the table has.
"""

from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.rows import Rows

STAGE = "koppel_rows"

NUMBER = "@n"
"""The row's number in the write."""


def old_key(at: int) -> str:
    """The column with a part of the key that the record has now."""
    return f"@k{at}"


def sent_columns(rows: Rows, todo: list[int]) -> tuple[tuple[str, str | None], ...]:
    """The columns that are sent, each with the one that says whether a row sends it (None: every row does)."""
    return tuple((name, None if rows.always(name, todo) else f"@s{at}") for at, name in enumerate(rows.columns))


def of_stage(name: str) -> str:
    """A column of the temporary table, which is called `s`, as SQL takes it."""
    return f"s.{quoted(name)}"
