"""New records."""

from koppel.model.values import ID, KeyOrigin
from koppel.model.write import FIELD, MESSAGE
from koppel.ports import Want
from koppel.testing.contract.ways import (
    ALL,
    CREATE,
    DELETE,
    ODD,
    RICH,
    UPDATE,
    chosen,
    codes,
    is_kept,
    of_origin,
    offered,
    uuid,
)
from koppel.testing.stage import Stage, Trait, fetched, named, written


class Creating:
    """Writes that create."""

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
        if table is None:
            return
        answers = written(stage, table, CREATE, [{"name": "a"}, {"name": None}, {"name": "c"}])
        assert codes(answers) == ["written", "refused", "written"]
        rows = fetched(table, [str(answers[0][ID]), str(answers[2][ID])], "name")
        assert [rows[str(answers[0][ID])]["name"], rows[str(answers[2][ID])]["name"]] == ["a", "c"]

    def test_reserved_keys_are_given_to_nobody_else(self, stage: Stage) -> None:
        """Not to another reservation and not to a record created without one; and they can be used."""
        table = of_origin(stage, KeyOrigin.RESERVED)
        if table is None:
            return
        first, second = table.reserve(3).to_list(), table.reserve(2).to_list()
        assert codes(written(stage, table, CREATE, [{"id": first[1], "name": "reserved"}])) == ["written"]
        third = written(stage, table, CREATE, [{"name": "unreserved"}])[0][ID]
        assert len({*first, *second, third}) == 6
        assert fetched(table, [first[1]], "name")[first[1]]["name"] == "reserved"

    def test_composite_ids_are_reversible(self, stage: Stage) -> None:
        """Whatever the parts hold (DESIGN 6)."""
        table = offered(stage, Trait.COMPOSITE_KEYS, stage.composite())
        if table is None:
            return
        ids = ["a|b", "a\\|b|c", "a|b\\|c", "|x", "\\\\|\\|"]
        answers = written(stage, table, CREATE, [{"id": id_, "name": id_} for id_ in ids])
        assert codes(answers) == ["written"] * len(ids)
        assert {id_: row["name"] for id_, row in fetched(table, ids, "name").items()} == {id_: id_ for id_ in ids}
        assert sorted(named(table.changes(None, Want(())))) == sorted(ids)
        written(stage, table, UPDATE, [{"id": ids[1], "name": "new"}], expected=[{"name": ids[1]}])
        assert [row["name"] for row in fetched(table, ids[1:3], "name").values()].count("new") == 1

    def test_ids_are_compared_exactly(self, stage: Stage) -> None:
        """A collation that takes 'X' or 'x ' for 'x' finds, changes and deletes no other record than the one meant."""
        table = offered(stage, Trait.COMPOSITE_KEYS, stage.composite())
        if table is None:
            return
        written(stage, table, CREATE, [{"id": "x|code", "name": "there"}])
        others = ["X|code", "x|CODE", "x|code ", " x|code", "x", "x|code|", "ẋ|code", "株|code"]
        assert list(fetched(table, [*others, "x|code"])) == ["x|code"]
        rows: list[dict[str, object]] = [{"id": id_, "name": "new"} for id_ in others]
        assert codes(written(stage, table, UPDATE, rows)) == ["missing"] * len(others)
        assert codes(written(stage, table, DELETE, rows)) == ["missing"] * len(others)
        assert fetched(table, ["x|code"], "name")["x|code"]["name"] == "there"

    def test_two_rows_that_claim_one_key(self, stage: Stage) -> None:
        """The second one is refused, and nothing is stored or answered of it."""
        table = chosen(stage)
        rows: list[dict[str, object]] = [{"id": uuid(1), "name": "a"}, {"id": uuid(1), "name": "b"}]
        assert codes(written(stage, table, CREATE, rows, want=["name"])) == ["written", "refused"]
        assert fetched(table, [uuid(1)], "name")[uuid(1)]["name"] == "a"

    def test_an_odd_value_is_stored_exactly_or_refused(self, stage: Stage) -> None:
        """Nothing is cut, rounded or taken for something else in silence; a choice is one of the choices."""
        table = chosen(stage)
        odd = [(field, value) for field, values in ODD.items() for value in values]
        rows = [{"id": uuid(at), "name": "x", field: value} for at, (field, value) in enumerate(odd)]
        for answer, (field, value), row in zip(written(stage, table, CREATE, rows), odd, rows, strict=True):
            stored = fetched(table, [str(row["id"])], field)
            if codes([answer]) == ["written"]:
                assert is_kept(stage, table, field, value, stored[str(row["id"])][field])
                assert field != "rank", "a choice is one of the choices"
            else:
                assert codes([answer]) == ["refused"]
                assert stored == {}
                assert answer[FIELD] in (field, None)
                assert answer[MESSAGE]

    def test_a_write_of_nothing_asks_whether_the_table_can_be_written(self, stage: Stage) -> None:
        """And changes nothing."""
        table = chosen(stage)
        assert written(stage, table, CREATE, []) == []
        assert named(table.changes(None, Want(()))) == []
