"""Canonical texts and fingerprints: two values are the same if and only if these are (DESIGN 3 "blank is blank", 4)."""

import string
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from koppel.model.values import FieldShape, Kind, dtype
from koppel.transform.canonical import blank, canonical
from koppel.transform.fingerprint import BLANK, CANONICAL_VERSION, UNSEEN, fingerprints, layout_entry

texts = st.text(st.characters(codec="utf-8"), max_size=20)


def canonical_texts(field: FieldShape, values: list[object]) -> list[object]:
    return frame_of(field, values).select(canonical(field)).to_series().to_list()


def frame_of(field: FieldShape, values: list[object]) -> pl.DataFrame:
    return pl.DataFrame({field.name: pl.Series(values, dtype=dtype(field))})


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        (FieldShape("f", Kind.TEXT), " Ab ", " Ab "),
        (FieldShape("f", Kind.TEXT), "", None),
        (FieldShape("f", Kind.TEXT), " ", " "),
        (FieldShape("f", Kind.TEXT), "é", "é"),
        (FieldShape("f", Kind.TEXT), "e\u0301", "e\u0301"),
        (FieldShape("f", Kind.CODE), " ab ", "AB"),
        (FieldShape("f", Kind.CODE), "  ", None),
        (FieldShape("f", Kind.CODE), "straße", "STRASSE"),
        (FieldShape("f", Kind.INTEGER), 0, "0"),
        (FieldShape("f", Kind.INTEGER), -42, "-42"),
        (FieldShape("f", Kind.DECIMAL, scale=4), Decimal("-0.0000"), "0"),
        (FieldShape("f", Kind.DECIMAL, scale=4), Decimal("2500.5000"), "2500.5"),
        (FieldShape("f", Kind.DECIMAL, scale=4), Decimal("1000.0000"), "1000"),
        (FieldShape("f", Kind.DECIMAL, scale=0), Decimal("1000"), "1000"),
        (FieldShape("f", Kind.DECIMAL, scale=0), Decimal("0"), "0"),
        (FieldShape("f", Kind.DECIMAL), Decimal("0.0000000001"), "0.0000000001"),
        (FieldShape("f", Kind.DECIMAL, scale=2), Decimal("-0.10"), "-0.1"),
        (FieldShape("f", Kind.BOOLEAN), False, "false"),
        (FieldShape("f", Kind.BOOLEAN), True, "true"),
        (FieldShape("f", Kind.DATE), date(2026, 1, 2), "2026-01-02"),
        (FieldShape("f", Kind.DATETIME), datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "2026-01-02T03:04:05.000006Z"),
        (FieldShape("f", Kind.DATETIME), datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000000Z"),
        (
            FieldShape("f", Kind.UUID),
            "{2B5EAB8E-D350-C858-1AFA-EEC263AABBCC}",
            "2b5eab8e-d350-c858-1afa-eec263aabbcc",
        ),
        (FieldShape("f", Kind.UUID), "2B5EAB8ED350C8581AFAEEC263AABBCC", "2b5eab8e-d350-c858-1afa-eec263aabbcc"),
        (FieldShape("f", Kind.UUID), "", None),
        (FieldShape("f", Kind.UUID), "{}", ""),
        (FieldShape("f", Kind.CHOICE), "Ship", "Ship"),
        (FieldShape("f", Kind.CHOICE), "", None),
    ],
)
def test_canonical_form_of_each_kind(field: FieldShape, value: object, text: object) -> None:
    assert canonical_texts(field, [value, None]) == [text, None]
    assert frame_of(field, [value, None]).select(blank(field)).to_series().to_list() == [text is None, True]


@given(st.integers(-(10**30), 10**30), st.integers(0, 10), st.integers(0, 10))
def test_a_decimal_has_one_canonical_text_in_every_scale(units: int, scale: int, more: int) -> None:
    """1.5 in a column of two digits is 1.5 in a column of ten, and the text is the number again."""
    value = Decimal(units).scaleb(-scale)
    narrow = canonical_texts(FieldShape("f", Kind.DECIMAL, scale=scale), [value])
    wide = (
        canonical_texts(FieldShape("f", Kind.DECIMAL, scale=scale + more), [value]) if abs(units) < 10**20 else narrow
    )
    assert narrow == wide
    assert Decimal(str(narrow[0])) == value
    assert set(str(narrow[0])) <= set(string.digits + ".-")


@given(st.lists(texts, min_size=1))
def test_fingerprints_are_those_of_the_xxhash_reference(values: list[str]) -> None:
    """Stored baselines must stay readable whatever computes them (DESIGN 4)."""
    field = FieldShape("f", Kind.TEXT)
    expected = [xxhash.xxh3_64_intdigest(value.encode()) if value else BLANK for value in values]
    assert fingerprints(frame_of(field, [*values]), [field])[:, 0].tolist() == expected


def test_fingerprints_of_this_canonical_version_never_change() -> None:
    """A release in which one of these numbers differs must raise CANONICAL_VERSION, or every record looks changed."""
    fields = [FieldShape(kind.value, kind, scale=4) for kind in Kind]
    row = {
        "text": " Ab ",
        "code": " ab ",
        "integer": -42,
        "decimal": Decimal("2500.5"),
        "boolean": True,
        "date": date(2026, 1, 2),
        "datetime": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        "uuid": "2B5EAB8E-D350-C858-1AFA-EEC263AABBCC",
        "choice": "Ship",
    }
    frame = pl.DataFrame([row], schema={field.name: dtype(field) for field in fields})
    spoken = [" Ab ", "AB", "-42", "2500.5", "true", "2026-01-02", "2026-01-02T03:04:05.000006Z"]
    spoken += ["2b5eab8e-d350-c858-1afa-eec263aabbcc", "Ship"]
    assert CANONICAL_VERSION == 1
    assert fingerprints(frame, fields)[0].tolist() == [xxhash.xxh3_64_intdigest(text.encode()) for text in spoken]
    assert layout_entry(fields[0], fields[1], "text <-> code") == LAYOUT


LAYOUT = "4080c2b7638b9ab2"


@given(st.lists(st.none() | texts))
def test_no_fingerprint_says_unseen_and_only_blanks_say_blank(values: list[str | None]) -> None:
    field = FieldShape("f", Kind.TEXT)
    table = fingerprints(frame_of(field, [*values]), [field])
    assert table.dtype == np.uint64
    assert not (table == UNSEEN).any()
    assert (table[:, 0] == BLANK).tolist() == [not value for value in values]


def test_a_hash_that_means_something_else_is_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is known that hashes to 0, 1 or 2; such a one must not pass for unseen, a blank, or what was not kept."""

    class LowHashes:
        def __init__(self, text: pl.Expr) -> None:
            self.text = text

        def xxh3_64(self) -> pl.Expr:
            return self.text.cast(pl.UInt64)

    monkeypatch.setattr("polars_hash.NonCryptographicHashingNameSpace", LowHashes)
    field = FieldShape("f", Kind.TEXT)
    assert fingerprints(frame_of(field, ["0", "1", "2", "3", None]), [field])[:, 0].tolist() == [3, 3, 3, 3, BLANK]


def test_fingerprints_are_rows_by_fields_in_the_order_asked_for() -> None:
    frame = pl.DataFrame({"a": ["x", "y"], "b": ["y", "x"], "c": [None, ""]})
    a, b, c = (FieldShape(name, Kind.TEXT) for name in "abc")
    table = fingerprints(frame, [c, b, a, a])
    assert table.shape == (2, 4)
    assert table[:, 0].tolist() == [BLANK, BLANK]
    assert table[0, 1] == table[1, 2] == table[1, 3]
    assert fingerprints(frame, []).shape == (2, 0)
    assert fingerprints(frame.clear(), [a, b]).shape == (0, 2)
    assert fingerprints(frame.clear(), [FieldShape("a", Kind.UUID)]).shape == (0, 1)


def test_a_layout_changes_with_name_kind_and_side_and_with_nothing_else() -> None:
    left, right = FieldShape("name", Kind.TEXT, length=50), FieldShape("fullname", Kind.TEXT)
    entry = layout_entry(left, right, "name <-> fullname")
    assert layout_entry(FieldShape("name", Kind.TEXT, length=99), right, "name <-> fullname") == entry
    others = [
        layout_entry(right, left, "name <-> fullname"),
        layout_entry(FieldShape("name", Kind.CODE), right, "name <-> fullname"),
        layout_entry(FieldShape("name_2", Kind.TEXT), right, "name <-> fullname"),
        layout_entry(left, None, "name <-> fullname"),
        layout_entry(None, right, "name <-> fullname"),
        layout_entry(left, right, "name -> fullname"),
    ]
    assert len({entry, *others}) == 7
