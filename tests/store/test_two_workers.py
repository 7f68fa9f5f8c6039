"""Several workers on one store at the same moment: what SQLite's single writer gives for free, PostgreSQL must give too
(DESIGN 7, fencing; decision 12).
"""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from threading import Barrier
from time import sleep

import polars as pl
import pytest

from koppel.errors import LeaseLost
from koppel.model.coupling import Settlement
from koppel.model.job import Job, JobKind, JobState
from koppel.model.policy import Side
from koppel.store import SqlStore, inspect_store, open_store, schema
from koppel.store.rows import insert_frame
from tests.store.shelf import NOTHING_ASIDE, Shelf, couplings, job, settle, stay_at_work

WAITS = 0.3
"""Seconds after which something that has not happened is believed to wait."""


def at_once(works: Sequence[Callable[[], object]]) -> list[object]:
    """What comes out when all of them are begun at the same moment; a lost lease is an outcome."""
    start = Barrier(len(works))

    def begun(work: Callable[[], object]) -> object:
        start.wait()
        try:
            return work()
        except LeaseLost as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begun, works))


def test_of_many_that_begin_a_mapping_at_once_one_has_it(shelf: Shelf) -> None:
    stores = [shelf.open(f"worker {number}") for number in range(4)]
    for name in ("A", "B", "C", "D", "E"):
        outcomes = at_once([partial(job, store, name) for store in stores])
        assert [type(outcome) for outcome in outcomes if isinstance(outcome, Job)] == [Job]
        assert [record.state for record in stores[0].jobs(mapping=name)] == [JobState.RUNNING]


def test_of_many_that_take_over_from_a_dead_worker_one_has_it(shelf: Shelf) -> None:
    job(shelf.open("dead"))
    shelf.dead.add("dead")
    stores = [shelf.open(f"worker {number}") for number in range(4)]
    outcomes = at_once([partial(job, store) for store in stores])
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Job)]
    assert winner.epoch == 2


def test_a_number_is_given_once(shelf: Shelf) -> None:
    """Whoever asks, and whenever: nobody knows whether the create that it was given to has happened."""
    stores = [shelf.open(f"worker {number}") for number in range(4)]
    first = at_once([partial(store.reserve_numbers, "K", 3, 10) for store in stores])
    assert sorted(int(str(number)) for number in first) == [10, 13, 16, 19]
    assert stores[0].reserve_numbers("K", 1, 40) == 40, "what the system has by now is passed over"
    assert stores[1].reserve_numbers("K", 1, 1) == 41 and stores[1].reserve_numbers("L", 1, 1) == 1


def test_a_store_is_made_once(shelf: Shelf) -> None:
    stores = at_once([partial(shelf.open, f"worker {number}") for number in range(4)])
    assert all(isinstance(store, SqlStore) for store in stores)
    assert inspect_store(shelf.url, shelf.owner()) == []


def test_a_file_that_another_is_just_making_is_waited_for(tmp_path: Path) -> None:
    """SQLite refuses at once to switch a file to WAL while another process writes to it, however long it may wait."""
    other = sqlite3.connect(tmp_path / "koppel.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE made_by_another (x)")
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(open_store, f"sqlite:///{tmp_path}/koppel.db")
        sleep(WAITS)
        assert not opening.done()
        other.execute("ROLLBACK")
        opening.result().close()
    other.close()


def test_a_settle_is_waited_for_by_the_one_who_takes_over(shelf: Shelf) -> None:
    """Either the settle is over before, or it changes nothing: never half of both."""
    late, second = shelf.open("one"), shelf.open("two")
    at = job(late)
    shelf.later(hours=1)
    with ThreadPoolExecutor(1) as pool:
        with late.transaction() as connection:
            late.hold_lease(connection, at)
            taking = pool.submit(job, second)
            sleep(WAITS)
            assert not taking.done()
        with pytest.raises(LeaseLost, match="one"):  # the settle has prolonged the lease
            taking.result()
        shelf.later(hours=1)
        with second.transaction() as connection:
            second._take_lease(connection, second.mapping_id(connection, "CUSTOMER"), "CUSTOMER")
            settling = pool.submit(settle, late, at, couplings=couplings(("l1", "r1")))
            sleep(WAITS)
            assert not settling.done()
        with pytest.raises(LeaseLost, match="another worker has taken over"):
            settling.result()
    assert second.count_couplings("CUSTOMER") == 0


def test_a_coupling_by_hand_and_one_of_a_job_meet(shelf: Shelf) -> None:
    """The unique constraint decides: the one that comes later is told, and the rest of its rows settles."""
    worker, person = shelf.open("one"), shelf.open("two")
    at = job(worker)
    by_hand = pl.DataFrame({"left_id": ["l1"], "right_id": ["r9"]})
    with ThreadPoolExecutor(1) as pool:
        with worker.transaction() as connection:
            worker._settle(connection, at, Settlement(couplings=couplings(("l1", "r1"), ("l2", "r2"))))
            coupling = pool.submit(person.couple, "CUSTOMER", by_hand)
            sleep(WAITS)
            assert not coupling.done()
        assert coupling.result() == 0
        with person.transaction() as connection:
            taken = person.mapping_id(connection, "CUSTOMER")
            fresh = couplings(("l3", "r3")).drop("coupling")
            insert_frame(connection, schema.coupling, fresh, mapping=taken)
            settling = pool.submit(settle, worker, at, couplings=couplings(("l3", "r4"), ("l5", "r5")))
            sleep(WAITS)
            assert not settling.done()
        settling.result()
    ids = worker.coupled("CUSTOMER", Side.LEFT, pl.Series(["l1", "l2", "l3", "l5"])).select("left_id", "right_id")
    assert sorted(ids.rows()) == [("l1", "r1"), ("l2", "r2"), ("l3", "r3"), ("l5", "r5")]
    assert [(e.record, e.other, e.code) for e in worker.errors()] == [("l3", "r4", "unknown_outcome")]


def test_workers_of_different_mappings_do_not_wait_for_each_other(shelf: Shelf) -> None:
    if shelf.url.startswith("sqlite"):
        pytest.skip("SQLite has one writer")
    one, two = shelf.open("one"), shelf.open("two")
    at = job(one, "CUSTOMER")
    with one.transaction() as connection:
        one.hold_lease(connection, at)
        one._settle(connection, at, Settlement(couplings=couplings(("l1", "r1"))))
        other = job(two, "VENDOR")
        settle(two, other, couplings=couplings(("l1", "r1")))
        two.finish_job(other, JobState.DONE, "", [None, None], swept=True)


def test_workers_who_do_all_at_once_never_lock_each_other_out(shelf: Shelf) -> None:
    """No dead end, no half of anything: after a busy while the store is sound and every coupling is there once."""
    stores = [shelf.open(f"worker {number}") for number in range(3)]

    def busy(number: int) -> int:
        draw, store, done = Random(number), stores[number], 0
        for turn in range(12):
            mapping = draw.choice(["CUSTOMER", "VENDOR"])
            try:
                at = store.open_job(store.open_run(JobKind.SYNC), mapping, JobKind.SYNC, "<->", draw.choice("ab"))
                store.layout(mapping, ("name",))
                record = f"{number}-{turn}"
                store.intend(at, Settlement(couplings=couplings((record, record), layout=0)), [], NOTHING_ASIDE)
                store.uncouple(mapping, store.all_couplings(mapping)[:1], apart=True)
                store.finish_job(at, JobState.DONE, "", [None, None], swept=True)
                done += 1
            except LeaseLost:
                store.keep_apart(mapping, pl.DataFrame({"left_id": ["x"], "right_id": ["y"]}), creates=bool(turn % 2))
        return done

    done = at_once([partial(busy, number) for number in range(3)])
    assert sum(map(int, done)) == len([r for r in stores[0].jobs() if r.state is JobState.DONE]) > 0  # type: ignore[call-overload]
    stay_at_work(stores[0])
    assert inspect_store(shelf.url, shelf.owner()) == []
