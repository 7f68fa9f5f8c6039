"""What stands around a plain table: other schemas, views, computed fields, odd names, time zones, references."""

from datetime import UTC, datetime

from koppel.model.values import FAULT
from koppel.model.write import FIELD, MESSAGE, Outcome
from koppel.ports import Want
from koppel.testing.contract.ways import CREATE, DELETE, UPDATE, chosen, codes, offered, uuid
from koppel.testing.stage import AWKWARD, Stage, Trait, fetched, named, written


class Surroundings:
    """Each has a trait; a system that lacks it says so."""

    def test_names_are_names(self, stage: Stage) -> None:
        """Words of SQL, quotes, percent signs, blanks, and what a connector may call its own columns."""
        table = offered(stage, Trait.QUOTED_NAMES, stage.awkward())
        if table is None:
            return
        first: dict[str, object] = {name: f"{name}!" for name in AWKWARD}
        assert codes(written(stage, table, CREATE, [{"id": uuid(1), **first}, {"id": uuid(2)}])) == ["written"] * 2
        assert {name: fetched(table, [uuid(1)], *AWKWARD)[uuid(1)][name] for name in AWKWARD} == first
        rows: list[dict[str, object]] = [
            {"id": uuid(1), **dict.fromkeys(AWKWARD, "new")},
            {"id": uuid(2), AWKWARD[0]: "x"},
        ]
        seen: list[dict[str, object]] = [first, dict.fromkeys(AWKWARD)]
        assert codes(written(stage, table, UPDATE, rows, expected=seen)) == ["written"] * 2
        assert sorted(named(table.changes(None, Want(AWKWARD)))) == [uuid(1), uuid(2)]
        assert codes(written(stage, table, DELETE, [{"id": uuid(2)}])) == ["written"]

    def test_a_view_is_read_and_refuses_writes_in_words(self, stage: Stage) -> None:
        """Nothing can be declared of a view: its key is named by whoever configures it."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "x"})
        view = offered(stage, Trait.VIEWS, stage.view())
        if view is None:
            return
        assert all(field.read_only for field in view.describe().fields)
        assert fetched(view, [uuid(1), uuid(2)], "name")[uuid(1)]["name"] == "x"
        assert named(view.changes(None, Want(()))) == [uuid(1)]
        (answer,) = written(stage, view, UPDATE, [{"id": uuid(1), "name": "y"}])
        assert codes([answer]) == ["refused"]
        assert "view" in str(answer[MESSAGE])
        assert fetched(table, [uuid(1)], "name")[uuid(1)]["name"] == "x"

    def test_a_computed_field_is_read_and_not_written(self, stage: Stage) -> None:
        """It is told to be read-only, comes back as computed, and a row that sends it is refused."""
        table = offered(stage, Trait.COMPUTED_FIELDS, stage.computed())
        if table is None:
            return
        field = table.describe().field("loud")
        assert field is not None and field.read_only
        rows: list[dict[str, object]] = [{"id": uuid(1), "name": "a"}, {"id": uuid(2), "name": "b", "loud": "SECRET"}]
        answers = written(stage, table, CREATE, rows, want=["loud"])
        assert codes(answers) == ["written", "refused"]
        assert (answers[0]["loud"], answers[1][FIELD]) == ("A" if table.features.returns_stored else None, "loud")
        written(stage, table, UPDATE, [{"id": uuid(1), "name": "b"}], expected=[{"loud": "A"}])
        assert fetched(table, [uuid(1)], "loud")[uuid(1)]["loud"] == "B"

    def test_the_same_name_in_another_schema_is_another_table(self, stage: Stage) -> None:
        """Named with its schema; neither is taken for the other."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "here"})
        other = offered(stage, Trait.SCHEMAS, stage.elsewhere())
        if other is None:
            return
        assert other.describe().name.endswith(".thing")
        assert named(other.changes(None, Want(()))) == []
        assert codes(written(stage, other, CREATE, [{"id": uuid(1), "name": "there"}])) == ["written"]
        assert codes(written(stage, other, UPDATE, [{"id": uuid(1), "name": "moved"}])) == ["written"]
        assert fetched(other, [uuid(1)], "name")[uuid(1)]["name"] == "moved"
        assert fetched(table, [uuid(1)], "name")[uuid(1)]["name"] == "here"

    def test_local_time_that_happens_twice_is_not_guessed(self, stage: Stage) -> None:
        """DESIGN 6: naive date-times are in the system's time zone, which repeats an hour and leaves one out."""
        table = offered(stage, Trait.LOCAL_TIMES, stage.local())
        if table is None:
            return
        rows = fetched(table, ["summer", "winter", "twice", "never"], "seen")
        assert [rows[id_]["seen"] for id_ in ("summer", "winter", "twice", "never")] == [
            datetime(2026, 7, 1, 10, tzinfo=UTC), datetime(2026, 1, 15, 11, tzinfo=UTC), None, None,
        ]  # fmt: skip
        assert rows["summer"][FAULT] is None
        assert all(str(rows[id_][FAULT]).startswith("seen: ") for id_ in ("twice", "never"))
        moments = [datetime(2026, 1, 1, 9, 30, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]
        answers = written(stage, table, CREATE, [{"id": f"n{at}", "seen": moment} for at, moment in enumerate(moments)])
        assert [(code, answer[FIELD]) for code, answer in zip(codes(answers), answers, strict=True)] == [
            (Outcome.WRITTEN, None), (Outcome.REFUSED, "seen"),
        ]  # fmt: skip
        assert fetched(table, ["n0"], "seen")["n0"]["seen"] == moments[0]

    def test_a_reference_is_known_and_kept(self, stage: Stage) -> None:
        """Foreign keys are part of the shape; a row that breaks one is refused and its neighbours are not."""
        parent = chosen(stage)
        table = offered(stage, Trait.REFERENCES, stage.referring())
        if table is None:
            return
        field = table.describe().field("parent")
        assert field is not None and field.references == ("thing", "id")
        stage.put(parent, uuid(1), {"name": "x"})
        stage.put(parent, uuid(2), {"name": "x"})
        rows: list[dict[str, object]] = [{"id": uuid(at), "parent": uuid(at)} for at in (1, 3, 2)]
        answers = written(stage, table, CREATE, rows)
        assert codes(answers) == ["written", "refused", "written"]
        assert answers[1][FIELD] == "parent"
        written(stage, table, UPDATE, [{"id": uuid(2), "parent": None}])
        answers = written(stage, parent, DELETE, [{"id": uuid(1)}, {"id": uuid(2)}])
        assert codes(answers) == ["refused", "written"]
