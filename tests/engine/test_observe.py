"""What a job looks at: watermarks, edits while it runs, runs without anything to do, counters (DESIGN 5, 8)."""

from datetime import timedelta

import polars as pl
import pytest
from sqlalchemy import text

from koppel.connectors.memory import Knobs, MemoryTable
from koppel.engine.context import Asked
from koppel.model.policy import OnDelete, Side
from koppel.model.write import Write
from koppel.ports import Feed
from tests.engine.twin import Twin, counts, lines, values


def stored(twin: Twin) -> list[tuple[object, ...]]:
    """Every coupling exactly as the store keeps it."""
    with twin.store.transaction() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM coupling ORDER BY id"))]


def test_a_run_without_changes_writes_nothing_and_looks_at_nothing(twin: Twin) -> None:
    """DESIGN 7, last law; DESIGN 9: no-op cost follows the changes. Neither system nor coupling is touched."""
    for number in range(20):
        twin.put(Side.LEFT, number, name=f"n{number}")
    twin.full()
    twin.clock.moment += timedelta(minutes=5)
    twin.sync()
    effects, couplings = twin.effects(), stored(twin)
    twin.clock.moment += timedelta(minutes=5)
    assert counts(twin.sync()) == {}
    assert counts(twin.full()) == {"unchanged": 20}
    assert (twin.effects(), stored(twin)) == (effects, couplings)


def test_a_change_that_appears_late_is_not_lost(twin: Twin) -> None:
    """DESIGN 5: the watermark never passes the cursor minus the side's lag; a stamp from before it still counts."""
    left, right = twin.pair(name="Anna")
    twin.clock.moment += timedelta(hours=1)
    twin.sync()
    late = twin.clock.moment - timedelta(seconds=4)
    twin.left.edit(left, {"name": "Bea", "modified": late})
    twin.sync()
    assert values(twin.right, right) == {"name": "Bea"}


def test_an_edit_while_the_feed_is_read_is_not_lost(twin: Twin) -> None:
    """DESIGN 5: both cursors are taken before the first read of either side."""
    left, right = twin.pair(name="Anna")
    twin.sync(meanwhile=lambda: twin.left.edit(left, {"name": "Bea"}))
    twin.sync()
    assert values(twin.right, right) == {"name": "Bea"}


def test_an_edit_between_read_and_write_is_stale_and_then_decided_again(twin: Twin) -> None:
    """DESIGN 7: updates are conditional; STALE is decided again at the end of the job. Nobody's edit is overwritten."""
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"phone": "2"})
    twin.during("before", "update customer", lambda: twin.right.edit(right, {"name": "Bea"}))
    job = twin.sync()
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Bea", "phone": "2"}
    assert job.tally.to_right.modified == 1


def test_a_table_without_conditional_writes_is_read_again_just_before(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN 7: such a table is re-read just before the call; an edit between our read and that is seen."""
    twin.add(Side.RIGHT, twin.shapes[1], Knobs(conditional=False))
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"phone": "2"})
    write, edits = MemoryTable.write, iter([{"name": "Bea"}])

    def overtaken(table: MemoryTable, batch: Write) -> pl.DataFrame:
        for edit in edits:
            twin.right.edit(right, edit)
        return write(table, batch)

    monkeypatch.setattr(MemoryTable, "write", overtaken)
    twin.sync()
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Bea", "phone": "2"}


def test_both_edits_of_a_race_for_one_field_are_kept_as_a_conflict(twin: Twin) -> None:
    """Bar R4: between our read and our write a user edits the very field; nothing is lost."""
    left, right = twin.pair(name="Anna")
    twin.left.edit(left, {"name": "L"})
    twin.during("before", "update customer", lambda: twin.right.edit(right, {"name": "R"}))
    assert counts(twin.sync()) == {"conflicts": 1}
    assert (values(twin.left, left)["name"], values(twin.right, right)["name"]) == ("L", "R")


def test_a_record_that_never_stands_still_is_in_the_retry_set(twin: Twin) -> None:
    """DESIGN 7: STALE is decided again at the end of the job, then in the next run; it never leads to skipping."""
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"phone": "2"})
    ticks = iter(range(99))
    twin.during("before", "update customer", lambda: twin.right.edit(right, {"city": f"c{next(ticks)}"}), times=99)
    for _ in range(3):
        twin.sync()
        assert [(error.code, error.skipped) for error in twin.errors()] == [("stale", False)]
    twin.systems[1].on_effect = lambda phase, name: None
    twin.sync()
    assert values(twin.right, right)["phone"] == "2"
    assert not twin.errors()


def test_a_record_deleted_between_read_and_write_is_a_deletion(twin: Twin) -> None:
    """DESIGN 7: MISSING is decided again like STALE."""
    twin.having(on_delete=OnDelete.RESTORE)
    left, right = twin.pair(name="Anna")
    twin.left.edit(left, {"name": "Bea"})
    twin.during("before", "update customer", lambda: twin.right.remove(right))
    twin.sync()
    twin.sync()
    ((_, again),) = twin.couplings()
    assert values(twin.right, again) == {"name": "Bea"}
    assert len(twin.right.records()) == 1


@pytest.mark.parametrize("feed", [Feed.FULL, Feed.MODIFIED_ON])
def test_every_feed_finds_every_change(twin: Twin, feed: Feed) -> None:
    """DESIGN 5: without any change stamp it works by full compare."""
    for side in Side:
        twin.add(side, twin.shapes[side], Knobs(feed=feed))
    left, right = twin.pair(name="Anna")
    twin.right.edit(right, {"phone": "1"})
    twin.sync()
    assert values(twin.left, left) == {"name": "Anna", "phone": "1"}


def test_clearing_only_coupled_reads_from_the_start(twin: Twin) -> None:
    """DESIGN 7: a watermark's identity includes whether lone records were considered."""
    twin.put(Side.LEFT, 1, name="Anna")
    twin.sync()
    twin.clock.moment += timedelta(hours=1)
    twin.sync()
    assert counts(twin.sync(Asked(creates=True))) == {"inserted": 1}


def test_another_filter_or_field_reads_from_the_start(twin: Twin) -> None:
    """DESIGN 7: a watermark's identity includes filter, fields and direction."""
    twin.having(fields=lines("name <-> name"))
    left, right = twin.pair(name="Anna")
    twin.left.edit(left, {"city": "Ghent"})
    twin.clock.moment += timedelta(hours=1)
    twin.sync()
    twin.clock.moment += timedelta(hours=1)
    twin.having(fields=lines("name <-> name", "city <-> city"))
    twin.sync()
    assert values(twin.right, right) == {"name": "Anna", "city": "Ghent"}


def test_small_pages_and_batches_give_the_same(twin: Twin) -> None:
    """Bar R6, metamorphic: splitting a run into parts changes nothing; page order never matters."""
    for side in Side:
        twin.add(side, twin.shapes[side], Knobs(batch_rows=3, page_rows=2))
    for number in range(10):
        twin.put(Side.LEFT, number, name=f"l{number}")
        twin.put(Side.RIGHT, 50 + number, name=f"r{number}")
    assert counts(twin.full()) == {"inserted": 20}
    for left, right in twin.couplings():
        assert values(twin.left, left) == values(twin.right, right)
    assert counts(twin.full()) == {"unchanged": 20}


def test_every_record_counts_once_and_the_counts_add_up(twin: Twin) -> None:
    """DESIGN 8: every record decided in a direction counts exactly once; a merge is modified in
    both (semantics 4.13).
    """
    pairs = [twin.put(Side.LEFT, number, name=f"n{number}", phone="1") for number in range(7)]
    twin.full()
    there = dict(twin.couplings())
    twin.left.edit(pairs[0], {"name": "edited"})
    twin.right.edit(there[pairs[1]], {"name": "edited"})
    twin.left.edit(pairs[2], {"name": "merged"})
    twin.right.edit(there[pairs[2]], {"phone": "merged"})
    twin.left.edit(pairs[3], {"name": "clash"})
    twin.right.edit(there[pairs[3]], {"name": "other clash"})
    twin.left.remove(pairs[4])
    twin.put(Side.LEFT, 8, name="new")
    job = twin.full()
    assert counts(job) == {"inserted": 1, "modified": 4, "conflicts": 2, "unchanged": 2}
    assert counts(job.tally.to_right) == {"inserted": 1, "modified": 2, "conflicts": 2, "unchanged": 2}
    assert counts(job.tally.to_left) == {"modified": 2}
