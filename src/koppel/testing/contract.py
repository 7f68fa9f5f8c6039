"""The contract of a table, as tests: what `koppel.ports` says, proven for each feature a connector claims.

Subclass `TableContract` in a pytest module and give it a fixture `stage` that returns a `koppel.testing.Stage`. A
feature that a table does not claim is skipped, one that it claims must hold.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import cast
from unittest import SkipTest

import polars as pl

from koppel.model.values import FAULT, ID, OP, VERSION, KeyOrigin, dtype
from koppel.model.write import CODE, FIELD, MESSAGE, WriteKind
from koppel.ports import Feed, Table, Want
from koppel.testing.stage import FIELDS, Stage, columns, fetched, named, written

CREATE, UPDATE, DELETE = WriteKind.CREATE, WriteKind.UPDATE, WriteKind.DELETE
ALL = tuple(field.name for field in FIELDS)

RICH: dict[str, object] = {
    "no": "C0001",
    "name": "Ærøskøbing Ünïted 株式会社 👩‍👩‍👧 e\u0301",
    "note": "line one\nline two\t'quoted' \"twice\"; -- and a \\ with 100 %",
    "amount": Decimal("-1234567890123.45"),
    "pieces": -(2**53) - 1,
    "active": False,
    "since": date(1999, 12, 31),
    "seen": datetime(2026, 10, 25, 0, 30, 0, 123456, tzinfo=UTC),
    "partner": "0190a5f2-1c3d-7abc-8def-0123456789ab",
    "rank": "high",
    "number": "7",
}


def uuid(number: int) -> str:
    """A uuid that grows with `number`."""
    return f"0190a5f2-0000-7000-8000-{number:012x}"


class TableContract:
    """Every test of the contract. `stage` is fresh for each."""

    # ---- shape and fetching

    def test_the_shape_is_the_tables(self, stage: Stage) -> None:
        """Kinds, lengths, scales, choices and uniqueness are found out, not configured."""
        shape = chosen(stage).describe()
        assert shape.key == ("id",)
        assert shape.key_origin is KeyOrigin.CHOSEN
        assert shape.modified == "modified"
        for wanted in FIELDS:
            assert shape.field(wanted.name) == wanted

    def test_fetch_names_what_exists_and_nothing_else(self, stage: Stage) -> None:
        """A missing id means that there is no such record (ports)."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "one"})
        found = fetched(table, [uuid(1), uuid(2), uuid(1), "no such id", ""], "name")
        assert list(found) == [uuid(1)]
        assert found[uuid(1)]["name"] == "one"
        assert found[uuid(1)][FAULT] is None
        assert fetched(table, []) == {}

    def test_pages_have_the_dtypes_of_their_kinds(self, stage: Stage) -> None:
        """Nothing is inferred (DESIGN 10): an empty page and a page of nulls look like any other."""
        table = chosen(stage)
        wanted: dict[str, pl.DataType] = {ID: pl.String(), VERSION: pl.String(), FAULT: pl.String()}
        wanted |= {field.name: dtype(field) for field in FIELDS}
        assert dict(table.fetch(pl.Series([], dtype=pl.String), Want(ALL)).schema) == wanted
        stage.put(table, uuid(1), {"name": "one", "number": "n"})
        assert dict(table.fetch(pl.Series([uuid(1)]), Want(ALL)).schema) == wanted
        for page in table.changes(None, Want(ALL)).pages:
            assert dict(page.schema) == wanted

    def test_values_come_back_as_they_were_put(self, stage: Stage) -> None:
        """Unicode, long text, exact decimals, big whole numbers, microseconds: read as stored, never rounded or cut."""
        table = chosen(stage)
        stage.put(table, uuid(1), RICH)
        row = fetched(table, [uuid(1)], *ALL)[uuid(1)]
        assert {name: row[name] for name in ALL} == RICH

    def test_a_blank_text_is_not_a_null(self, stage: Stage) -> None:
        """They are both blank to the reconciler; a connector shows what is stored."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "a", "note": ""})
        stage.put(table, uuid(2), {"name": "a", "note": None})
        found = fetched(table, [uuid(1), uuid(2)], "note")
        assert [found[uuid(1)]["note"], found[uuid(2)]["note"]] == ["", None]

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
        if table.features.feed is not Feed.MODIFIED_ON or not table.features.lag:
            raise SkipTest("no feed by change stamp with a lag")
        stage.put(table, uuid(1), {"name": "x"})
        stage.wait(table.features.lag / 2)
        assert uuid(1) in named(table.changes(table.changes(None, Want(())).cursor, Want(())))

    # ---- versions

    def test_an_edit_moves_the_version(self, stage: Stage) -> None:
        """And reading does not."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "x"})
        before = ripe_version(stage, table, uuid(1))
        if before is None:
            raise SkipTest("the table has no versions")
        assert ripe_version(stage, table, uuid(1)) == before
        stage.edit(table, uuid(1), {"name": "y"})
        assert ripe_version(stage, table, uuid(1)) not in (None, before)
        before = ripe_version(stage, table, uuid(1))
        written(stage, table, UPDATE, [{"id": uuid(1), "name": "z"}])
        assert ripe_version(stage, table, uuid(1)) not in (None, before)

    def test_a_version_that_another_edit_could_share_is_not_told(self, stage: Stage) -> None:
        """A stamp younger than one tick of its clock is no version yet (DESIGN 14); one that is told all the same (with
        a number of its own for every edit) is never seen again, whoever edits within that tick.
        """
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "x"})
        if ripe_version(stage, table, uuid(1)) is None:
            raise SkipTest("the table has no versions")
        told = []
        for name in ("y", "z", "y"):
            stage.edit(table, uuid(1), {"name": name})
            told.append(fetched(table, [uuid(1)])[uuid(1)][VERSION])
            (page,) = table.changes(None, Want(())).pages
            assert page[VERSION].to_list() == told[-1:]
        assert told == [None] * 3 or (None not in told and len(set(told)) == 3)

    # ---- finding

    def test_find_compares_stripped_text_of_the_whole_table(self, stage: Stage) -> None:
        """Surrounding blanks never count, of any kind; case does."""
        table = chosen(stage)
        for number, name in enumerate(
            ["Acme", "  Acme ", "acme", "Acme\u00a0", "\tAcme", "\u3000Acme\u2009", "Acme B.V."]
        ):
            stage.put(table, uuid(number), {"name": name})
        hits = found(table, [{"name": " Acme"}, {"name": "nobody"}], ignore_case=False)
        assert hits == [(1, uuid(number)) for number in (0, 1, 3, 4, 5)]

    def test_find_without_case_knows_all_of_unicode(self, stage: Stage) -> None:
        """SQL's lower() that knows ASCII only would miss these."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "ÅNGSTRÖM"})
        stage.put(table, uuid(2), {"name": "ångström "})
        keys: list[dict[str, object]] = [{"name": "Ångström"}]
        assert found(table, keys, ignore_case=True) == [(1, uuid(1)), (1, uuid(2))]
        assert found(table, keys, ignore_case=False) == []

    def test_find_takes_all_fields_of_a_key(self, stage: Stage) -> None:
        """A key of two fields, one of them not text."""
        table = chosen(stage)
        for number, pieces in enumerate([7, 8, None]):
            stage.put(table, uuid(number), {"name": "Acme", "pieces": pieces})
        keys: list[dict[str, object]] = [{"name": "Acme", "pieces": 8}, {"name": "Acme", "pieces": 9}]
        assert found(table, keys, ignore_case=False) == [(1, uuid(1))]

    def test_find_never_takes_blank_for_equal(self, stage: Stage) -> None:
        """A null never equals anything (ports), and two blanks say nothing about two records."""
        table = chosen(stage)
        for number, note in enumerate([None, "", "  "]):
            stage.put(table, uuid(number), {"name": "x", "note": note})
        keys: list[dict[str, object]] = [{"note": None}, {"note": ""}, {"note": " "}]
        assert found(table, keys, ignore_case=False) == found(table, keys, ignore_case=True) == []

    # ---- creating

    def test_a_created_record_is_stored_exactly(self, stage: Stage) -> None:
        """The way out is as exact as the way in."""
        table = chosen(stage)
        answers = written(stage, table, CREATE, [{"id": uuid(1), **RICH}], want=ALL)
        assert codes(answers) == ["written"]
        assert answers[0][ID] == uuid(1)
        row = fetched(table, [uuid(1)], *ALL)[uuid(1)]
        assert {name: row[name] for name in ALL} == RICH
        if table.features.returns_stored:
            assert {name: answers[0][name] for name in ALL} == RICH

    def test_a_refused_row_does_not_hold_back_the_others(self, stage: Stage) -> None:
        """The bad rows say which field and why, without the record's values."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "there", "no": "A1"})
        rows: list[dict[str, object]] = [{"id": uuid(number), "name": f"n{number}"} for number in range(2, 12)]
        rows[3] = {"id": uuid(5), "name": None}
        rows[6] = {"id": uuid(8), "name": "SECRET", "no": "A1"}
        rows[8] = {"id": uuid(1), "name": "SECRET"}
        answers = written(stage, table, CREATE, rows)
        wanted = ["written"] * 10
        for bad in (3, 6, 8):
            wanted[bad] = "refused"
        assert codes(answers) == wanted
        assert [answers[bad][FIELD] for bad in (3, 6, 8)] == ["name", "no", "id"]
        assert all(answers[bad][MESSAGE] and "SECRET" not in str(answers[bad][MESSAGE]) for bad in (3, 6, 8))
        assert len(fetched(table, [uuid(number) for number in range(12)])) == 8
        assert fetched(table, [uuid(1)], "name")[uuid(1)]["name"] == "there"

    def test_what_the_system_fills_in_itself_comes_back(self, stage: Stage) -> None:
        """Number series and triggers: the answer is what is stored after them (DESIGN 14)."""
        table = chosen(stage)
        answers = written(stage, table, CREATE, [{"id": uuid(1), "name": "Acme"}], want=["number"])
        assert fetched(table, [uuid(1)], "number")[uuid(1)]["number"] == "N-Acme"
        if table.features.returns_stored:
            assert answers[0]["number"] == "N-Acme"

    def test_generated_keys_come_back(self, stage: Stage) -> None:
        """Each row gets the key of its own record."""
        table = of_origin(stage, KeyOrigin.GENERATED)
        answers = written(stage, table, CREATE, [{"name": "a"}, {"name": None}, {"name": "c"}])
        assert codes(answers) == ["written", "refused", "written"]
        rows = fetched(table, [str(answers[0][ID]), str(answers[2][ID])], "name")
        assert [rows[str(answers[0][ID])]["name"], rows[str(answers[2][ID])]["name"]] == ["a", "c"]

    def test_reserved_keys_are_given_to_nobody_else(self, stage: Stage) -> None:
        """Not to another reservation and not to a record created without one; and they can be used."""
        table = of_origin(stage, KeyOrigin.RESERVED)
        first, second = table.reserve(3).to_list(), table.reserve(2).to_list()
        assert codes(written(stage, table, CREATE, [{"id": first[1], "name": "reserved"}])) == ["written"]
        third = written(stage, table, CREATE, [{"name": "unreserved"}])[0][ID]
        assert len({*first, *second, third}) == 6
        assert fetched(table, [first[1]], "name")[first[1]]["name"] == "reserved"

    def test_composite_ids_are_reversible(self, stage: Stage) -> None:
        """Whatever the parts hold (DESIGN 6)."""
        table = stage.composite()
        if table is None:
            raise SkipTest("no composite keys")
        ids = ["a|b", "a\\|b|c", "a|b\\|c", "|x", "\\\\|\\|"]
        answers = written(stage, table, CREATE, [{"id": id_, "name": id_} for id_ in ids])
        assert codes(answers) == ["written"] * len(ids)
        assert {id_: row["name"] for id_, row in fetched(table, ids, "name").items()} == {id_: id_ for id_ in ids}
        assert sorted(named(table.changes(None, Want(())))) == sorted(ids)
        written(stage, table, UPDATE, [{"id": ids[1], "name": "new"}], expected=[{"name": ids[1]}])
        assert [row["name"] for row in fetched(table, ids[1:3], "name").values()].count("new") == 1

    # ---- updating and deleting

    def test_null_is_null_and_unsent_is_unsent(self, stage: Stage) -> None:
        """A write is a frame plus a mask (DESIGN 10), row by row."""
        table = chosen(stage)
        before: dict[str, object] = {"name": "x", "note": "n", "pieces": 1, "amount": Decimal("1.50")}
        for number in (1, 2, 3):
            stage.put(table, uuid(number), before)
        rows: list[dict[str, object]] = [
            {"id": uuid(1), "note": None},
            {"id": uuid(2), "pieces": 2, "amount": None},
            {"id": uuid(3), "note": "", "pieces": None},
        ]
        assert codes(written(stage, table, UPDATE, rows)) == ["written"] * 3
        after = fetched(table, [uuid(1), uuid(2), uuid(3)], *before)
        for row in rows:
            now = {name: after[str(row["id"])][name] for name in before}
            assert now == {**before, **{name: value for name, value in row.items() if name != "id"}}

    def test_a_record_that_changed_meanwhile_is_left_alone(self, stage: Stage) -> None:
        """Also where a value was or has become null (null-safe comparison)."""
        table = chosen(stage)
        now: list[dict[str, object]] = [{"note": "a"}, {"note": None}, {"note": "c"}, {"note": None}, {"note": "e"}]
        for number, values in enumerate(now):
            stage.put(table, uuid(number), {"name": "x", **values})
        seen: list[dict[str, object]] = [{"note": "a"}, {"note": None}, {"note": None}, {"note": "d"}, {"note": "E"}]
        rows = [{"id": uuid(number), "name": "new"} for number in range(5)]
        answers = written(stage, table, UPDATE, rows, expected=seen)
        assert codes(answers) == ["written", "written", "stale", "stale", "stale"]
        names = fetched(table, [uuid(number) for number in range(5)], "name")
        assert [names[uuid(number)]["name"] for number in range(5)] == ["new", "new", "x", "x", "x"]
        answers = written(
            stage, table, DELETE, [{"id": uuid(0)}, {"id": uuid(2)}], expected=[{"note": "a"}, {"note": "?"}]
        )
        assert codes(answers) == ["written", "stale"]
        assert uuid(0) not in fetched(table, [uuid(0), uuid(2)])

    def test_a_record_that_is_gone_is_missing(self, stage: Stage) -> None:
        """Neither created again nor an error."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "x"})
        stage.put(table, uuid(2), {"name": "x"})
        stage.remove(table, uuid(2))
        rows = [{"id": uuid(1), "name": "y"}, {"id": uuid(2), "name": "y"}]
        assert codes(written(stage, table, UPDATE, rows)) == ["written", "missing"]
        assert codes(written(stage, table, DELETE, [{"id": uuid(2)}, {"id": uuid(1)}])) == ["missing", "written"]
        assert named(table.changes(None, Want(()))) == []

    def test_our_own_edits_are_stamped_and_named_by_the_feed(self, stage: Stage) -> None:
        """koppel sets the change stamp in each of its own writes (DESIGN 11); another mapping must see them."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "x"})
        stage.wait(table.features.lag + timedelta(minutes=1))
        cursor = table.changes(None, Want(())).cursor
        stage.wait(timedelta(seconds=1))
        written(stage, table, UPDATE, [{"id": uuid(1), "name": "y"}])
        written(stage, table, CREATE, [{"id": uuid(2), "name": "z"}])
        assert {uuid(1), uuid(2)} <= set(named(table.changes(cursor, Want(()))))

    def test_a_refused_update_leaves_the_record_as_it_was(self, stage: Stage) -> None:
        """Nothing of a refused row is changed, and its neighbours are."""
        table = chosen(stage)
        for number in (1, 2, 3):
            stage.put(table, uuid(number), {"name": "x", "no": f"A{number}", "note": "old"})
        rows: list[dict[str, object]] = [
            {"id": uuid(1), "note": "new"},
            {"id": uuid(2), "note": "new", "no": "A3"},
            {"id": uuid(3), "note": "new"},
        ]
        answers = written(stage, table, UPDATE, rows)
        assert codes(answers) == ["written", "refused", "written"]
        assert answers[1][FIELD] == "no"
        notes = fetched(table, [uuid(1), uuid(2), uuid(3)], "note")
        assert [notes[uuid(number)]["note"] for number in (1, 2, 3)] == ["new", "old", "new"]


# ---- short ways


def of_origin(stage: Stage, origin: KeyOrigin) -> Table:
    """A table with keys of this origin; skips the test where there is none."""
    table = stage.table(origin)
    if table is None:
        raise SkipTest(f"no {origin} keys")
    assert table.describe().key_origin is origin, "the key's origin is found out"
    return table


def chosen(stage: Stage) -> Table:
    """The table most tests use."""
    return of_origin(stage, KeyOrigin.CHOSEN)


def codes(answers: list[dict[str, object]]) -> list[object]:
    """What became of the rows."""
    return [answer[CODE] for answer in answers]


def found(table: Table, keys: list[dict[str, object]], ignore_case: bool) -> list[tuple[int, str]]:
    """(number of the key, id) of all hits, sorted."""
    frame = pl.DataFrame(
        [pl.Series(OP, range(1, len(keys) + 1), dtype=pl.Int64), *columns(table, tuple(keys[0]), keys)]
    )
    return sorted(cast(list[tuple[int, str]], table.find(frame, ignore_case).select(OP, ID).rows()))


def ripe_version(stage: Stage, table: Table, id_: str) -> object:
    """The version once it is older than one tick of the change stamp."""
    stage.wait(table.describe().granularity * 2)
    return fetched(table, [id_])[id_][VERSION]
