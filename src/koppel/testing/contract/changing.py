"""Updates and deletions."""

from datetime import timedelta
from decimal import Decimal
from threading import Thread
from time import sleep

from koppel.model.values import ID
from koppel.model.write import CODE, FIELD
from koppel.ports import Want
from koppel.testing.contract.ways import (
    CREATE,
    DELETE,
    ODD,
    UPDATE,
    chosen,
    codes,
    empty,
    is_kept,
    nothing,
    offered,
    uuid,
)
from koppel.testing.stage import Stage, Trait, fetched, named, written


class Changing:
    """Writes that update and delete."""

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
            sent = {name: value for name, value in row.items() if name != "id"}
            nulls = {name: nothing(stage, table, name) for name, value in sent.items() if value is None}
            empties = {name: empty(stage) for name, value in sent.items() if value == ""}
            assert now == {**before, **sent, **nulls, **empties}

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

    def test_an_update_with_an_odd_value_is_exact_or_refused(self, stage: Stage) -> None:
        """A refused row is left as it was, with all its fields."""
        table = chosen(stage)
        odd = [(field, value) for field, values in ODD.items() for value in values]
        for at in range(len(odd)):
            stage.put(table, uuid(at), {"name": "x", "note": "old"})
        rows = [{"id": uuid(at), "note": "new", field: value} for at, (field, value) in enumerate(odd)]
        answers = written(stage, table, UPDATE, rows)
        for at, (answer, (field, value)) in enumerate(zip(answers, odd, strict=True)):
            record = fetched(table, [uuid(at)], *{field, "note"})[uuid(at)]
            refused = answer[CODE] != "written"
            well = record["note"] == "old" if refused else is_kept(stage, table, field, value, record[field])
            assert well, (field, value)

    def test_a_key_that_is_sent_renames_the_record(self, stage: Stage) -> None:
        """A mapped key: the id is another one afterwards, unless somebody has it already."""
        table = offered(stage, Trait.COMPOSITE_KEYS, stage.composite())
        if table is None:
            return
        written(stage, table, CREATE, [{"id": id_, "name": id_} for id_ in ("a|1", "a|2", "a|3")])
        rows: list[dict[str, object]] = [{"id": "a|1", "code": "9"}, {"id": "a|2", "code": "3"}]
        rows.append({"id": "a|3", "name": "z"})
        answers = written(stage, table, UPDATE, rows, want=["code"])
        assert [(answer[CODE], answer[ID]) for answer in answers] == [
            ("written", "a|9"), ("refused", "a|2"), ("written", "a|3"),
        ]  # fmt: skip
        assert answers[1][FIELD] in ("area", "code")
        names = {id_: row["name"] for id_, row in fetched(table, ["a|1", "a|9", "a|2", "a|3"], "name").items()}
        assert names == {"a|9": "a|1", "a|2": "a|2", "a|3": "z"}

    def test_an_edit_at_the_last_moment_is_noticed(self, stage: Stage) -> None:
        """Its transaction is open when koppel compares: what counts is what it leaves behind (conditional_writes)."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "x"})
        commit = offered(stage, Trait.TRANSACTIONS, stage.begin(table, uuid(1), {"name": "theirs"}))
        if commit is None:
            return
        answers: list[dict[str, object]] = []
        rows: list[dict[str, object]] = [{"id": uuid(1), "name": "ours"}]
        writer = Thread(target=lambda: answers.extend(written(stage, table, UPDATE, rows, expected=[{"name": "x"}])))
        writer.start()
        sleep(0.2)
        commit()
        writer.join()
        if table.features.conditional_writes:
            assert codes(answers) == ["stale"]
        wanted = "theirs" if codes(answers) == ["stale"] else "ours"
        assert fetched(table, [uuid(1)], "name")[uuid(1)]["name"] == wanted

    def test_a_large_batch_is_answered_row_by_row(self, stage: Stage) -> None:
        """As many rows as the table takes at once (at most 3 000): some gone, some stale, some refused, the rest in."""
        table = chosen(stage)
        count = min(table.features.batch_rows, 3_000)
        rows: list[dict[str, object]] = [{"id": uuid(at), "name": f"n{at}", "note": "é" * 50} for at in range(count)]
        assert codes(written(stage, table, CREATE, rows)) == ["written"] * count
        stage.remove(table, uuid(5))
        changes: list[dict[str, object]] = [{"id": uuid(at), "note": "new"} for at in range(count)]
        seen: list[dict[str, object]] = [{"name": f"n{at}"} for at in range(count)]
        seen[6] = {"name": "other"}
        changes[7] = {"id": uuid(7), "name": None}
        wanted = ["written"] * count
        wanted[5:8] = ["missing", "stale", "refused"]
        assert codes(written(stage, table, UPDATE, changes, expected=seen)) == wanted
        notes = fetched(table, [uuid(at) for at in range(count)], "note")
        assert [at for at in range(count) if uuid(at) in notes and notes[uuid(at)]["note"] != "new"] == [6, 7]
