"""Resolvers make one value of two (DESIGN 3); a blank never wins over a value."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koppel.model.policy import OnConflict
from koppel.transform.resolve import resolve


def one(kind: OnConflict, left: object, right: object, dtype: pl.DataType | None = None) -> object:
    return resolve(kind, pl.Series([left], dtype=dtype), pl.Series([right], dtype=dtype)).item()


@pytest.mark.parametrize(
    ("kind", "left", "right", "result"),
    [
        (OnConflict.MAX, 3, 12, 12),
        (OnConflict.MIN, 3, 12, 3),
        (OnConflict.MAX, date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 2)),
        (OnConflict.MIN, Decimal("1.5"), Decimal("1.4"), Decimal("1.4")),
        (OnConflict.MAX, False, True, True),
        (OnConflict.MIN, True, False, False),
        (OnConflict.MAX, "a", "b", "b"),
        (OnConflict.LONGEST, "ab", "é", "ab"),
        (OnConflict.LONGEST, "abc", "abcd", "abcd"),
        (OnConflict.LONGEST, "left", "rite", "left"),
        (OnConflict.LONGEST, 1000, 99, 1000),
        (OnConflict.UNION, "b;a", "c;a", "a;b;c"),
        (OnConflict.UNION, "b, a", "c;a", "a, b, c"),
        (OnConflict.UNION, "b,a", "c", "a,b,c"),
        (OnConflict.UNION, "b", "c", "b;c"),
        (OnConflict.UNION, "Doe, John;X", "X", "Doe, John;X"),
        (OnConflict.UNION, " a ;; b ", "b", "a; b"),
    ],
)
def test_resolvers(kind: OnConflict, left: object, right: object, result: object) -> None:
    assert one(kind, left, right) == result


@pytest.mark.parametrize("kind", [kind for kind in OnConflict if kind.resolves])
def test_a_blank_never_wins(kind: OnConflict) -> None:
    for blank in (None, ""):
        assert one(kind, blank, "x", pl.String()) == "x"
        assert one(kind, "x", blank, pl.String()) == "x"
        assert one(kind, blank, blank, pl.String()) is None


lists = st.lists(st.text("abc", min_size=1, max_size=2), max_size=4).map(";".join)


@given(left=lists, right=lists)
def test_a_union_is_the_same_from_both_sides_and_settles(left: str, right: str) -> None:
    union = one(OnConflict.UNION, left, right, pl.String())
    assert union == one(OnConflict.UNION, right, left, pl.String())
    assert one(OnConflict.UNION, union, right, pl.String()) == union
    assert set((union or "").split(";")) == (set(left.split(";")) | set(right.split(";"))) - {""} or union is None  # type: ignore[attr-defined]


def test_rows_stay_in_order() -> None:
    left, right = pl.Series(["a", None, "c", "a"]), pl.Series(["b", "x", None, "b"])
    assert resolve(OnConflict.UNION, left, right).to_list() == ["a;b", "x", "c", "a;b"]
    assert resolve(OnConflict.MAX, left, right).to_list() == ["b", "x", "c", "b"]
    assert resolve(OnConflict.MAX, left.clear(), right.clear()).to_list() == []
