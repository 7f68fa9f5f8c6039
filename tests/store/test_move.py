"""A store moved from one database into another: every row of every table arrives, numbers go on, nobody goes on using
the old one by mistake.
"""

from pathlib import Path

import polars as pl
import pytest

from koppel.errors import ConfigurationError, Halted, StoreFailure
from koppel.model.coupling import COUPLING
from koppel.model.job import JobKind
from koppel.model.policy import Side
from koppel.store import content as copying
from koppel.store import inspect_store, move_store, open_store, snapshot
from koppel.store.opened import whole
from tests.store.conftest import Place
from tests.store.shelf import Shelf, content, couplings, fill, intent, job, settle, stay_at_work

WAYS = [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "sqlite"), ("postgresql", "postgresql")]


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_everything_arrives_and_goes_on(place: Place, source: str, target: str) -> None:
    old, new = Shelf(place(source)), Shelf(place(target))
    at = fill(old.open())
    before = content(old.opened[0])
    assert all(before.values()), [name for name, rows in before.items() if not rows]
    old.dead.add("one")
    moved = move_store(old.url, new.url, old.owner("two"))
    assert moved.rows == {name: len(rows) for name, rows in before.items()}
    store = new.open()
    assert content(store) == before
    assert [found.intent.rows.equals(intent().rows) for found in store.open_intents("CUSTOMER")] == [True]
    settle(store, at, couplings=couplings(("new l", "new r")))
    number = store.coupled("CUSTOMER", Side.LEFT, pl.Series(["new l"]))[COUPLING][0]
    assert number == max(row[0] for row in before["coupling"]) + 1
    stay_at_work(store)
    about_new = "1 baselines are not as wide as their layout 1 (16 bytes)"  # the test's own coupling
    assert [flaw.what for flaw in inspect_store(new.url, new.owner())] == [about_new]
    for shelf in (old, new):
        shelf.close()


def test_the_old_store_sends_everybody_to_the_new_one(shelf: Shelf, place: Place) -> None:
    """A worker that was left running would couple in the old one what the new one does not know of."""
    left_running, new = shelf.open(), place("sqlite")
    left_running.apply_mapping("CUSTOMER", "{}")
    move_store(shelf.url, new)
    with pytest.raises(ConfigurationError, match=r"moved to sqlite:///.*koppel"):
        job(left_running)
    with pytest.raises(ConfigurationError, match="moved to"):
        shelf.open("two")
    with pytest.raises(ConfigurationError, match="moved to"):
        move_store(shelf.url, place("sqlite"))
    back = place("postgresql")
    move_store(new, back)
    open_store(back).close()


def test_a_place_that_holds_something_is_refused(shelf: Shelf, place: Place) -> None:
    shelf.open()
    for kind in ("sqlite", "postgresql"):
        other = Shelf(place(kind))
        other.open().apply_mapping("VENDOR", "{}")
        with pytest.raises(ConfigurationError, match="holds a store already, with rows in mapping"):
            move_store(shelf.url, other.url)
        assert other.opened[0].applied_document("VENDOR") == "{}"
        other.close()
    with pytest.raises(ConfigurationError, match="is the store itself"):
        move_store(shelf.url, shelf.url)
    job(shelf.open())  # the store is still in use


def test_an_empty_store_is_a_place(shelf: Shelf, place: Place) -> None:
    """The first command with the new configuration has made one already."""
    shelf.open().environment("sandbox")
    new = place("sqlite")
    made = open_store(new)
    made.environment("production")
    made.close()
    move_store(shelf.url, new)
    moved = open_store(new)
    assert moved.environment("production") == "sandbox"
    moved.close()


def test_nothing_moves_while_a_worker_is_at_work(shelf: Shelf, place: Place) -> None:
    fill(shelf.open())
    with pytest.raises(Halted, match="CUSTOMER is being synchronised by one"):
        move_store(shelf.url, place("sqlite"), shelf.owner("two"))
    shelf.open("two")


def test_a_row_that_gets_lost_is_noticed(shelf: Shelf, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(shelf.open())
    shelf.dead.add("one")
    insert = copying.insert_frame

    def blank(connection: object, table: object, frame: pl.DataFrame) -> int:
        """An insert that blanks one value."""
        changed = (
            frame.with_columns(pl.lit(None, pl.String).alias("left_version")) if "left_version" in frame else frame
        )
        return insert(connection, table, changed)  # type: ignore[arg-type]

    monkeypatch.setattr(copying, "insert_frame", blank)
    new = place("sqlite")
    with pytest.raises(StoreFailure, match="differ in coupling; nothing was changed"):
        move_store(shelf.url, new, shelf.owner("two"))
    with whole(new) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0
    shelf.open("two")


def test_a_snapshot_is_taken_while_the_store_is_in_use(shelf: Shelf, tmp_path: Path) -> None:
    """What a plan runs over (decision 3): the same couplings and open writes, and a place to write of its own."""
    fill(shelf.open())
    shelf.dead.add("one")
    snapshot(shelf.url, tmp_path / "plan.db")
    copy = Shelf(f"sqlite:///{tmp_path}/plan.db", dead={"one"})
    mine, theirs = content(copy.open("two")), content(shelf.opened[0])
    without = {"history", "history_record"} if shelf.url.startswith("postgresql") else set()
    assert {name: rows for name, rows in mine.items() if name not in without} == {
        name: rows for name, rows in theirs.items() if name not in without
    }
    copy.opened[0].open_job(copy.opened[0].open_run(JobKind.SYNC), "CUSTOMER", JobKind.SYNC, "<->", "{}")
    assert content(shelf.opened[0]) == theirs
    copy.close()
