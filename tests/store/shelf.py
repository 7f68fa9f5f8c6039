"""A store on a file, opened as often as a test needs it, with a clock that a test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl
from sqlalchemy import select

from koppel.model.coupling import (
    ASIDE_SCHEMA,
    CONFLICT_SCHEMA,
    COUPLING_SCHEMA,
    ERROR_SCHEMA,
    INTENT_SCHEMA,
    History,
    Intent,
    Settlement,
)
from koppel.model.job import Job, JobKind, JobState
from koppel.model.policy import Side
from koppel.model.write import WriteKind
from koppel.ports import Watermark
from koppel.store import SqlStore, open_store
from koppel.store.connection import Owner
from koppel.store.schema import metadata

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
        store = open_store(self.url, lambda: self.moment, self.owner(owner))
        self.opened.append(store)
        return store

    def owner(self, name: str = "one") -> Owner:
        """The process of that name."""
        return Owner(name, lambda other: other not in self.dead)

    def close(self) -> None:
        """Close every store that was opened."""
        while self.opened:
            self.opened.pop().close()

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


def intent() -> Intent:
    """A create on its way."""
    row = (0, None, "l1", None, b"source", b"sent", None, 1)
    return Intent(Side.RIGHT, WriteKind.CREATE, pl.DataFrame([row], schema=INTENT_SCHEMA, orient="row"))


def fill(store: SqlStore) -> Job:
    """Something in every table, with what is easily lost on the way; answers the job, which is at work for good."""
    done = job(store, "COMPANY")
    store.finish_job(
        done, JobState.DONE, "", [Watermark("2026", "filter", ("l1", "7")), Watermark("", "f")], swept=True
    )
    store.finish_run(done.run, ["COMPANY"])
    store.remember_system("erp", "one")
    store.environment("sandbox")
    at = job(store, document='{"a": "\\u0000 \\ é"}')
    layout = store.layout("CUSTOMER", ("name", "city"))
    odd = ["", " ", "NULL", "\\N", "\\.", 'a"b', "a,b", "a\tb", "a\r\nb", "it's", "{é}", "日本", "😀", "%s", ":x"]
    base = {"left_base": b"\x00\xff\\\n" * 4, "right_base": bytes(range(16)), "layout": layout}
    settle(store, at, couplings=couplings(*((f"{text}l", f"{text}r") for text in odd), **base))
    settle(store, at, couplings=couplings(("l1", "r1"), left_version=None, **base), errors=error("l9"))
    number = store.coupled("CUSTOMER", Side.LEFT, pl.Series(["l1"]))["coupling"][0]
    question = (number, "l1", "r1", "update", ["name"], ["A"], [None], b"\x00", None)
    frame = pl.DataFrame([question], schema=CONFLICT_SCHEMA, orient="row")
    changes = pl.DataFrame({"record": ["l1"], "field": ["name"], "before": ["A"], "after": [""]}).write_ipc(None)
    settle(store, at, conflicts=frame, history=History(Side.LEFT, ["l1"], changes.getvalue()))
    store.keep_apart("CUSTOMER", pl.DataFrame({"left_id": ["x"], "right_id": ["y"]}), creates=True)
    (given_up,) = store.intend(
        at, Settlement(), [intent()], pl.DataFrame([(number, "delete")], schema=ASIDE_SCHEMA, orient="row")
    )
    store.abandon(at, given_up, Settlement(), pl.DataFrame({"id": ["l7"], "chosen": ["r7"]}))
    store.intend(at, Settlement(), [intent()], NOTHING_ASIDE)
    stay_at_work(store)
    return at


def stay_at_work(store: SqlStore) -> None:
    """Its leases last, also for what goes by the real clock."""
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE lease SET expires = '2999-01-01 00:00:00.000000'")


def content(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with store.transaction() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }
