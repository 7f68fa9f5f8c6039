"""What changed: feeds, cursors, lag, deletions."""

from datetime import timedelta
from threading import Thread

import polars as pl

from koppel.model.values import ID
from koppel.ports import Feed, Want
from koppel.testing.contract.ways import CREATE, FILTERS, VARIED, chosen, offered, uuid
from koppel.testing.stage import FIELDS, Stage, Trait, named, written
from koppel.transform.filter import to_polars


class Feeding:
    """The method `changes`."""

    # ---- what changed

    def test_without_a_cursor_every_record_is_named_once(self, stage: Stage) -> None:
        """`complete`: one that is not named does not exist."""
        table = chosen(stage)
        for number in range(5):
            stage.put(table, uuid(number), {"name": "x"})
        changes = table.changes(None, Want(("name",)))
        assert changes.complete
        assert sorted(named(changes)) == [uuid(number) for number in range(5)]

    def test_a_feed_names_every_change_at_least_once(self, stage: Stage) -> None:
        """Records created and edited after the cursor are named by the next feed."""
        table = chosen(stage)
        for number in range(4):
            stage.put(table, uuid(number), {"name": "x"})
        stage.wait(table.features.lag + timedelta(minutes=1))
        first = table.changes(None, Want(()))
        named(first)
        stage.wait(timedelta(seconds=1))
        stage.edit(table, uuid(2), {"name": "y"})
        stage.put(table, uuid(9), {"name": "z"})
        second = table.changes(first.cursor, Want(("name",)))
        assert {uuid(2), uuid(9)} <= set(named(second))
        if table.features.feed is not Feed.FULL:
            assert not second.complete
            assert set(named(table.changes(first.cursor, Want(())))) == {uuid(2), uuid(9)}

    def test_the_cursor_is_taken_before_the_first_read(self, stage: Stage) -> None:
        """An edit between `changes` and its pages is named by the next feed, whether or not this one saw it."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "x"})
        stage.wait(table.features.lag + timedelta(minutes=1))
        first = table.changes(None, Want(()))
        stage.wait(timedelta(seconds=1))
        stage.edit(table, uuid(1), {"name": "y"})
        stage.wait(timedelta(seconds=1))
        named(first)
        assert uuid(1) in named(table.changes(first.cursor, Want(())))

    def test_the_lag_reaches_back_behind_the_cursor(self, stage: Stage) -> None:
        """A change that was stamped within the lag before the cursor is named again (DESIGN 5)."""
        table = chosen(stage)
        assert table.features.lag or table.features.feed is not Feed.MODIFIED_ON, "clocks are never the same"
        if table.features.feed is Feed.TOKEN and not table.features.lag:
            return  # what it has told is in the token, so it need not look back
        stage.put(table, uuid(1), {"name": "x"})
        stage.wait(table.features.lag / 2)
        assert uuid(1) in named(table.changes(table.changes(None, Want(())).cursor, Want(())))

    def test_an_edit_that_is_committed_late_is_not_lost(self, stage: Stage) -> None:
        """It is stamped before a cursor that could not see it (DESIGN 5): the cursor does not pass it, or waits for it.
        Without any lag: nothing but the cursor keeps the edit from being lost.
        """
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "early"})
        live = stage.live(table)
        assert live.features.lag == timedelta(0), "the lag is what the options say"
        commit = offered(stage, Trait.TRANSACTIONS, stage.begin(live, uuid(1), {"name": "late"}))
        if commit is None:
            return
        cursors: list[str] = []
        names: list[object] = []

        def read() -> None:
            changes = live.changes(None, Want(("name",)))
            names.extend(name for page in changes.pages for name in page["name"])
            cursors.append(changes.cursor)

        reader = Thread(target=read)
        reader.start()
        reader.join(1)
        commit()
        reader.join()
        again = live.changes(cursors[0], Want(("name",)))
        names.extend(name for page in again.pages for name in page["name"])
        assert "late" in names

    def test_a_deletion_is_found_by_a_sweep(self, stage: Stage) -> None:
        """The complete feed no longer names it (DESIGN 5), nor does a fetch; whether the other one does is claimed."""
        table = chosen(stage)
        for number in range(3):
            stage.put(table, uuid(number), {"name": "x"})
        stage.wait(table.features.lag + timedelta(minutes=1))
        cursor = table.changes(None, Want(())).cursor
        stage.wait(timedelta(seconds=1))
        stage.remove(table, uuid(1))
        sweep = table.changes(None, Want(()))
        assert (sweep.complete, sorted(named(sweep))) == (True, [uuid(0), uuid(2)])
        if table.features.feed is not Feed.FULL:
            assert (uuid(1) in named(table.changes(cursor, Want(())))) == table.features.reports_deletions

    def test_a_filter_leaves_out_nothing_that_fits(self, stage: Stage) -> None:
        """`Want.filter` may be used or ignored (ports); a record that the engine would let in is always named."""
        table = chosen(stage)
        rows = [{"id": uuid(number), "name": f"n{number}", **values} for number, values in enumerate(VARIED)]
        written(stage, table, CREATE, rows)
        everything = Want(tuple(field.name for field in FIELDS))
        page = pl.concat(table.changes(None, everything).pages)
        for filter_ in FILTERS:
            fitting = set(page.filter(to_polars(filter_, table.describe()))[ID])
            assert fitting <= set(named(table.changes(None, Want((), filter_)))), filter_
