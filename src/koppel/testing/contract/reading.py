"""What a table says it is, and reading records by their ids."""

from dataclasses import replace

import polars as pl

from koppel.model.values import FAULT, ID, VERSION, KeyOrigin, Kind, dtype
from koppel.ports import Want
from koppel.testing.contract.ways import ALL, RICH, UPDATE, chosen, empty, nothing, ripe_version, uuid
from koppel.testing.stage import FIELDS, Stage, Trait, fetched, written


class Reading:
    """Shape, fetch and versions."""

    # ---- shape and fetching

    def test_the_shape_is_the_tables(self, stage: Stage) -> None:
        """Kinds, lengths, scales, choices and uniqueness are found out, not configured."""
        shape = chosen(stage).describe()
        assert shape.key == ("id",)
        assert shape.key_origin is KeyOrigin.CHOSEN
        assert shape.modified == "modified"
        for wanted in FIELDS:
            plain = wanted.kind is Kind.CODE and Trait.CODES in stage.lacks
            assert shape.field(wanted.name) == (replace(wanted, kind=Kind.TEXT) if plain else wanted)

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
        wanted |= {field.name: dtype(field) for field in table.describe().fields if field.name in ALL}
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
        assert [found[uuid(1)]["note"], found[uuid(2)]["note"]] == [empty(stage), nothing(stage, table, "note")]

    def test_many_ids_at_once(self, stage: Stage) -> None:
        """More than one statement may hold, most of them of nobody."""
        table = chosen(stage)
        for number in (1, 7_000, 11_999):
            stage.put(table, uuid(number), {"name": str(number)})
        found = fetched(table, [uuid(number) for number in range(12_000)], "name")
        assert {id_: row["name"] for id_, row in found.items()} == {uuid(n): str(n) for n in (1, 7_000, 11_999)}

    # ---- versions

    def test_an_edit_moves_the_version(self, stage: Stage) -> None:
        """And reading does not."""
        table = chosen(stage)
        stage.put(table, uuid(1), {"name": "x"})
        before = ripe_version(stage, table, uuid(1))
        assert before is not None, "a table with a change stamp has versions"
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
        told = []
        for name in ("y", "z", "y"):
            stage.edit(table, uuid(1), {"name": name})
            told.append(fetched(table, [uuid(1)])[uuid(1)][VERSION])
            (page,) = table.changes(None, Want(())).pages
            assert page[VERSION].to_list() == told[-1:]
        assert told == [None] * 3 or (None not in told and len(set(told)) == 3)
