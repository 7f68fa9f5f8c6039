"""What people look at: one error, one conflict, one line of a record's history."""

from dataclasses import dataclass
from datetime import datetime

from koppel.model.policy import Side


@dataclass(frozen=True)
class ErrorRecord:
    """A record that could not be carried. `side` and `record`: the source; `skipped`: it failed the same way in two
    jobs and waits.
    """

    id: int
    mapping: str
    side: Side
    record: str
    other: str | None
    code: str
    field: str
    message: str
    times: int
    skipped: bool
    job: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Conflict:
    """An open question to a person. The prints are what the sides looked like; a resolution is refused when one has
    moved since.
    """

    id: int
    mapping: str
    coupling: int
    left_id: str
    right_id: str
    kind: str
    fields: tuple[str, ...]
    left_values: tuple[str | None, ...]
    right_values: tuple[str | None, ...]
    left_print: bytes | None
    right_print: bytes | None
    job: int
    opened_at: datetime


@dataclass(frozen=True)
class HistoryEntry:
    """One value that koppel wrote: when, in which job, what stood there before."""

    at: datetime
    job: int
    field: str
    before: str | None
    after: str | None
