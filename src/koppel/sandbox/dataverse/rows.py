"""The rows of an environment, and what a lookup holds."""

from collections.abc import Callable
from typing import NamedTuple

from koppel.sandbox.dataverse.refusal import DUPLICATE_KEY
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.rows import Key, Keyed, Rows


class Ref(NamedTuple):
    """The row a lookup names."""

    table: str
    id: str


def empty_rows(duplicate_status: Callable[[], int]) -> Rows:
    """No rows yet. A key that is taken is refused with a status, and the winner's id in the message (wire 1.10)."""

    def taken(table: Keyed, key: Key, holder: str) -> Refusal:
        text = f"Entity Key {key.name} violated. A record with the same value for the key already exists."
        winner = f"<Error><EntityKeyName>{key.name}</EntityKeyName><DuplicateId>{holder}</DuplicateId></Error>"
        return Refusal(duplicate_status(), DUPLICATE_KEY, f"{text} {winner}")

    return Rows(TABLES, "versionnumber", taken)
