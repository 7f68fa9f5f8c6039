"""Looking records up by value."""

import polars as pl

from koppel.testing.contract.ways import CREATE, RICH, chosen, found, uuid
from koppel.testing.stage import Stage, written

WORDS = ["a", "A", "ab", "a b", "ä", "Ä", "ß", "ẞ", "i", "I", "ı", "K", "\u212a", "Σ", "ς", "e\u0301", "é", *'%\\"']
BLANKS = ["", " ", "\t", "\n", "\x85", "\u00a0", "\u2003", "\u3000", "\u200b"]
"""The last one is none."""


class Finding:
    """The method `find`."""

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

    def test_find_knows_every_letter_and_every_blank(self, stage: Stage) -> None:
        """All connectors agree, whatever the database's collation or locale knows of Unicode: Polars decides."""
        table = chosen(stage)
        texts = [blank + word + blank for word in WORDS for blank in BLANKS]
        rows: list[dict[str, object]] = [{"id": uuid(number), "name": text} for number, text in enumerate(texts)]
        written(stage, table, CREATE, rows)
        wanted = pl.Series(WORDS)
        stripped = pl.Series(texts).str.strip_chars()
        for ignore_case in (False, True):
            ours = stripped.str.to_lowercase() if ignore_case else stripped
            theirs = wanted.str.to_lowercase() if ignore_case else wanted
            pairs = ((op, number) for op in range(len(theirs)) for number in range(len(ours)))
            hits = sorted((op + 1, uuid(number)) for op, number in pairs if theirs[op] == ours[number])
            assert found(table, [{"name": word} for word in WORDS], ignore_case) == hits

    def test_find_takes_values_of_every_kind(self, stage: Stage) -> None:
        """Numbers, days, moments, uuids and choices are looked up like text."""
        table = chosen(stage)
        stage.put(table, uuid(1), RICH)
        stage.put(table, uuid(2), {"name": "other", "active": True})
        for name, value in RICH.items():
            for ignore_case in (False, True):
                assert found(table, [{name: value}, {name: None}], ignore_case) == [(1, uuid(1))], name
