"""A store on a file, opened as often as a test needs it, with a clock that a test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

from koppel.model.coupling import ASIDE_SCHEMA, COUPLING_SCHEMA, ERROR_SCHEMA, Settlement
from koppel.model.job import Job, JobKind
from koppel.store import SqlStore, open_store
from koppel.store.connection import Owner

NOTHING_ASIDE = pl.DataFrame(schema=ASIDE_SCHEMA)


@dataclass
class Shelf:
    """Where the store stands. `dead`: owners whose process is gone."""

    url: str
    moment: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    dead: set[str] = field(default_factory=set)
    opened: list[SqlStore] = field(default_factory=list)

    def open(self, owner: str = "one") -> SqlStore:
        """The store as the process of that name sees it."""
        store = open_store(self.url, lambda: self.moment, Owner(owner, lambda name: name not in self.dead))
        self.opened.append(store)
        return store

    def later(self, **passed: float) -> None:
        """Let time pass."""
        self.moment += timedelta(**passed)


def job(store: SqlStore, mapping: str = "CUSTOMER", document: str = "{}") -> Job:
    """An open job."""
    return store.open_job(store.open_run(JobKind.SYNC), mapping, JobKind.SYNC, "<->", document)


def couplings(*pairs: tuple[str, str], **columns: object) -> pl.DataFrame:
    """New couplings with a baseline, both versions known."""
    known = {
        "left_version": "1",
        "right_version": "1",
        "left_base": b"l",
        "right_base": b"r",
        "layout": 1,
        "generation": 0,
        "recovered": False,
    }
    rows = [{"coupling": None, "left_id": left, "right_id": right, **known, **columns} for left, right in pairs]
    return pl.DataFrame(rows, schema=COUPLING_SCHEMA)


def error(record: str, code: str = "too_long", side: int = 0) -> pl.DataFrame:
    """One record that could not be carried."""
    return pl.DataFrame(
        [(side, record, None, code, "name", "It is too long.", b"p", False)], schema=ERROR_SCHEMA, orient="row"
    )


def settle(store: SqlStore, at: Job, **settlement: object) -> None:
    """Commit facts that need no write."""
    store.intend(at, Settlement(**settlement), [], NOTHING_ASIDE)  # type: ignore[arg-type]


def lined_up(store: SqlStore, at: Job, size: int = 100) -> list[tuple[str | None, str | None]]:
    """The pairs that were lined up."""
    pages = store.pairs(at, size)
    return [row for page in pages for row in page.select("left_id", "right_id").rows()]
