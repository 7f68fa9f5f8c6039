"""Values arrive whole or not at all (DESIGN 10): kinds that meet, bounds of the target, blanks, every reason code."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koppel.model.mapping import ConversionCall
from koppel.model.values import FieldShape, Kind, dtype
from koppel.transform.canonical import canonical
from koppel.transform.convert import REASONS, convert, fit, literal
from koppel.transform.meet import MEETS
from koppel.transform.registry import check_chain


def arrive(value: object, source: FieldShape, target: FieldShape, *calls: ConversionCall) -> tuple[object, object]:
    """One value through `convert`, beside a blank and a copy of itself: rows must not mix."""
    assert check_chain(calls, source, target) == []
    column = pl.Series("source", [None, value, value], dtype=dtype(source))
    values, codes = convert(column, source, calls, target)
    assert values.dtype == dtype(target)
    assert codes.dtype == pl.String
    assert len(values) == len(codes) == 3
    assert (values[1], codes[1]) == (values[2], codes[2])
    return values[1], codes[1]


def field(kind: Kind, **more: object) -> FieldShape:
    return FieldShape("f", kind, **more)  # type: ignore[arg-type]


def dec(text: str) -> Decimal:
    return Decimal(text)


MOMENT = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
GUID = "2b5eab8e-d350-c858-1afa-eec263aabbcc"


@pytest.mark.parametrize(
    ("value", "source", "target", "arrived"),
    [
        ("abc", Kind.TEXT, Kind.TEXT, "abc"),
        (" abc ", Kind.TEXT, Kind.TEXT, " abc "),
        (" abc ", Kind.TEXT, Kind.CODE, "ABC"),
        ("ABC", Kind.CODE, Kind.TEXT, "ABC"),
        ("Ship", Kind.TEXT, Kind.CHOICE, "Ship"),
        ("3", Kind.CHOICE, Kind.INTEGER, 3),
        (3, Kind.INTEGER, Kind.CHOICE, "3"),
        (3, Kind.INTEGER, Kind.DECIMAL, dec("3")),
        (dec("3"), Kind.DECIMAL, Kind.INTEGER, 3),
        (-3, Kind.INTEGER, Kind.TEXT, "-3"),
        ("-3", Kind.TEXT, Kind.INTEGER, -3),
        ("3.00", Kind.TEXT, Kind.INTEGER, 3),
        (dec("2500.50"), Kind.DECIMAL, Kind.TEXT, "2500.5"),
        ("2500.50", Kind.TEXT, Kind.DECIMAL, dec("2500.5")),
        ("-0", Kind.TEXT, Kind.DECIMAL, dec("0")),
        (True, Kind.BOOLEAN, Kind.TEXT, "true"),
        ("false", Kind.TEXT, Kind.BOOLEAN, False),
        (date(2026, 1, 2), Kind.DATE, Kind.TEXT, "2026-01-02"),
        ("2026-01-02", Kind.TEXT, Kind.DATE, date(2026, 1, 2)),
        (date(2026, 1, 2), Kind.DATE, Kind.DATETIME, datetime(2026, 1, 2, tzinfo=UTC)),
        (datetime(2026, 1, 2, tzinfo=UTC), Kind.DATETIME, Kind.DATE, date(2026, 1, 2)),
        (MOMENT, Kind.DATETIME, Kind.TEXT, "2026-01-02T03:04:05.000006Z"),
        ("2026-01-02T03:04:05.000006Z", Kind.TEXT, Kind.DATETIME, MOMENT),
        ("2026-01-02 05:04:05.000006+02:00", Kind.TEXT, Kind.DATETIME, MOMENT),
        (GUID, Kind.UUID, Kind.TEXT, GUID),
        ("{" + GUID.upper() + "}", Kind.TEXT, Kind.UUID, GUID),
        (GUID.replace("-", ""), Kind.TEXT, Kind.UUID, GUID),
        (GUID, Kind.UUID, Kind.CODE, GUID.upper()),
        (GUID.upper(), Kind.CODE, Kind.UUID, GUID),
    ],
)
def test_kinds_meet_without_a_conversion(value: object, source: Kind, target: Kind, arrived: object) -> None:
    assert arrive(value, field(source), field(target)) == (arrived, None)


@pytest.mark.parametrize(
    ("value", "source", "target", "code"),
    [
        ("abcd", field(Kind.TEXT), field(Kind.TEXT, length=3), "too_long"),
        ("éééé", field(Kind.TEXT), field(Kind.TEXT, length=3), "too_long"),
        ("abcd", field(Kind.TEXT), field(Kind.CODE, length=3), "too_long"),
        ("x", field(Kind.TEXT), field(Kind.INTEGER), "not_a_number"),
        (" 1", field(Kind.TEXT), field(Kind.INTEGER), "not_a_number"),
        ("1e5", field(Kind.TEXT), field(Kind.DECIMAL), "not_a_number"),
        ("1,5", field(Kind.TEXT), field(Kind.DECIMAL), "not_a_number"),
        ("١", field(Kind.TEXT), field(Kind.INTEGER), "not_a_number"),
        ("x", field(Kind.TEXT), field(Kind.DATE), "not_a_date"),
        ("2026-02-30", field(Kind.TEXT), field(Kind.DATE), "not_a_date"),
        ("2026-1-2", field(Kind.TEXT), field(Kind.DATE), "not_a_date"),
        ("2026-01-02T03:04:05", field(Kind.TEXT), field(Kind.DATETIME), "not_a_date"),
        ("2026-01-02T03:04:05.0000001Z", field(Kind.TEXT), field(Kind.DATETIME), "not_a_date"),
        ("2026-01-02T25:00:00Z", field(Kind.TEXT), field(Kind.DATETIME), "not_a_date"),
        ("x", field(Kind.TEXT), field(Kind.UUID), "not_a_uuid"),
        (GUID + "0", field(Kind.TEXT), field(Kind.UUID), "not_a_uuid"),
        ("{}", field(Kind.TEXT), field(Kind.UUID), "not_a_uuid"),
        ("g" * 32, field(Kind.TEXT), field(Kind.UUID), "not_a_uuid"),
        ("TRUE", field(Kind.TEXT), field(Kind.BOOLEAN), "not_a_boolean"),
        ("1", field(Kind.TEXT), field(Kind.BOOLEAN), "not_a_boolean"),
        ("007", field(Kind.TEXT), field(Kind.INTEGER), "digits_lost"),
        ("1.5", field(Kind.TEXT), field(Kind.INTEGER), "digits_lost"),
        ("1.235", field(Kind.TEXT), field(Kind.DECIMAL, scale=2), "digits_lost"),
        (dec("1.5"), field(Kind.DECIMAL), field(Kind.INTEGER), "digits_lost"),
        (dec("1.235"), field(Kind.DECIMAL, scale=3), field(Kind.DECIMAL, scale=2), "digits_lost"),
        (MOMENT, field(Kind.DATETIME), field(Kind.DATE), "time_lost"),
        ("9223372036854775808", field(Kind.TEXT), field(Kind.INTEGER), "out_of_range"),
        (dec("9223372036854775808"), field(Kind.DECIMAL, scale=0), field(Kind.INTEGER), "out_of_range"),
        (dec("9" * 36), field(Kind.DECIMAL, scale=2), field(Kind.DECIMAL, scale=10), "out_of_range"),
        ("9" * 37, field(Kind.TEXT), field(Kind.DECIMAL, scale=2), "out_of_range"),
        ("X", field(Kind.TEXT), field(Kind.CHOICE, choices=("", "All")), "unknown_choice"),
        (7, field(Kind.INTEGER), field(Kind.CHOICE, choices=("1", "2")), "unknown_choice"),
        (None, field(Kind.INTEGER), field(Kind.INTEGER, nullable=False), "blank_not_allowed"),
        ("", field(Kind.TEXT), field(Kind.DATE, nullable=False), "blank_not_allowed"),
        ("", field(Kind.TEXT), field(Kind.UUID, nullable=False), "blank_not_allowed"),
        ("", field(Kind.TEXT), field(Kind.CHOICE, nullable=False, choices=("All",)), "blank_not_allowed"),
    ],
)
def test_what_does_not_arrive_whole_is_an_error(
    value: object, source: FieldShape, target: FieldShape, code: str
) -> None:
    assert arrive(value, source, target) == (None, code)


def test_every_reason_has_a_sentence_and_is_reachable() -> None:
    marks = [*test_what_does_not_arrive_whole_is_an_error.pytestmark]
    reached = {case[-1] for mark in marks for case in mark.args[1]}
    prefix = ConversionCall("without_prefix", ("C-",))
    reached.add(arrive("x", field(Kind.TEXT), field(Kind.TEXT), prefix)[1])
    assert reached == set(REASONS)
    for sentence, remedy in REASONS.values():
        assert "{field}" in sentence
        assert remedy.endswith(".")


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize(
    ("target", "arrived"),
    [
        (field(Kind.TEXT), None),
        (field(Kind.TEXT, nullable=False), ""),
        (field(Kind.CODE), None),
        (field(Kind.CODE, nullable=False), ""),
        (field(Kind.CHOICE, choices=("", "All")), None),
        (field(Kind.CHOICE, choices=("", "All"), nullable=False), ""),
        (field(Kind.INTEGER), None),
        (field(Kind.DATE), None),
        (field(Kind.UUID), None),
    ],
)
def test_a_blank_stays_a_blank(value: object, target: FieldShape, arrived: object) -> None:
    """Blank is blank (DESIGN 3, 5): null where the target may be null, '' where it may not."""
    assert arrive(value, field(Kind.TEXT), target) == (arrived, None)
    assert arrive(value, field(Kind.TEXT), target, ConversionCall("trim")) == (arrived, None)


def test_zero_and_false_are_no_blanks() -> None:
    assert arrive(0, field(Kind.INTEGER), field(Kind.INTEGER, nullable=False)) == (0, None)
    assert arrive(False, field(Kind.BOOLEAN), field(Kind.BOOLEAN, nullable=False)) == (False, None)


def test_length_counts_characters_not_bytes() -> None:
    assert arrive("é😀", field(Kind.TEXT), field(Kind.TEXT, length=2)) == ("é😀", None)


def test_a_failed_value_is_not_given_a_default() -> None:
    """A default is for blanks; a value that could not be read is still an error."""
    calls = (ConversionCall("parse_date", ("%d-%m-%Y",)), ConversionCall("default", ("2026-01-01",)))
    assert arrive("31-02-2026", field(Kind.TEXT), field(Kind.DATE), *calls) == (None, "not_a_date")
    assert arrive("", field(Kind.TEXT), field(Kind.DATE), *calls) == (date(2026, 1, 1), None)


def test_the_first_reason_is_kept() -> None:
    calls = (ConversionCall("without_prefix", ("C-",)), ConversionCall("prefix", ("LONG",)))
    assert arrive("x", field(Kind.TEXT), field(Kind.TEXT, length=2), *calls) == (None, "no_conversion_result")


SAMPLES: dict[Kind, st.SearchStrategy[object]] = {
    Kind.TEXT: st.text(st.characters(codec="utf-8"), max_size=8),
    Kind.CODE: st.text(st.sampled_from("AB1 -É"), max_size=8).map(str.strip),
    Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
    Kind.DECIMAL: st.integers(-(10**27), 10**27).map(lambda units: Decimal(units).scaleb(-10)),
    Kind.BOOLEAN: st.booleans(),
    Kind.DATE: st.dates(date(1, 1, 1)),
    Kind.DATETIME: st.datetimes(datetime(1, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
    Kind.UUID: st.uuids().map(str),
    Kind.CHOICE: st.sampled_from(["", "1", "20", "Ship"]),
}
BACK_AND_FORTH = [(kind, other) for kind in Kind for other in sorted(MEETS[kind]) if kind in MEETS[other]]


@pytest.mark.parametrize(("kind", "other"), BACK_AND_FORTH)
@given(data=st.data())
def test_what_arrives_comes_back_the_same(kind: Kind, other: Kind, data: st.DataObject) -> None:
    """The rule behind `meet`: between two kinds a value is carried whole, or refused."""
    there, back = field(kind), field(other)
    source = pl.Series([data.draw(SAMPLES[kind])], dtype=dtype(there))
    values, codes = convert(source, there, (), back)
    if codes[0] is None:
        again, failed = convert(values, back, (), there)
        assert failed[0] is None
        meant = field(Kind.CODE) if Kind.CODE in (kind, other) and kind is not Kind.UUID else there
        assert canonical_text(again, there, meant) == canonical_text(source, there, meant)


def canonical_text(values: pl.Series, shape: FieldShape, meant: FieldShape) -> object:
    """As text; where a code is involved, as a code; numbers and dates that were read from text, as what they mean."""
    text = values.to_frame("f").select(canonical(shape)).to_series()
    if meant.kind is Kind.CODE:
        text = text.to_frame("f").select(canonical(meant)).to_series()
    return plain(text.item())


def plain(text: str | None) -> object:
    """A decimal with zeros behind the point and a moment in another offset are other spellings of the same value."""
    if text is None:
        return None
    for read in (Decimal, datetime.fromisoformat):
        try:
            return read(text)
        except (ArithmeticError, ValueError):
            continue
    return text


def test_references_and_constants_fit_in() -> None:
    values, codes = fit(pl.Series(["EUR", "", None, "TOO LONG"]), field(Kind.CODE, length=3, nullable=False))
    assert values.to_list() == ["EUR", "", "", None]
    assert codes.to_list() == [None, None, None, "too_long"]
    values, codes = fit(pl.Series([3, None], dtype=pl.Int64), field(Kind.CHOICE, choices=("3",)))
    assert (values.to_list(), codes.to_list()) == (["3", None], [None, None])
    values, codes = fit(pl.Series([dec("1.5")], dtype=pl.Decimal(38, 4)), field(Kind.DECIMAL, scale=1))
    assert (values.to_list(), codes.to_list()) == ([dec("1.5")], [None])


def test_a_literal_is_the_typed_value_or_a_sentence() -> None:
    assert literal("1.50", field(Kind.DECIMAL, scale=2)) == dec("1.5")
    assert literal("3", field(Kind.CHOICE, choices=("3",))) == "3"
    assert literal("2026-01-02T03:04:05.000006Z", field(Kind.DATETIME)) == MOMENT
    assert literal("true", field(Kind.BOOLEAN)) is True
    assert literal("", field(Kind.TEXT)) is None
    assert literal("", field(Kind.TEXT, nullable=False)) == ""
    with pytest.raises(ValueError, match="'x': The value for f is not a date"):
        literal("x", field(Kind.DATE))


def test_an_empty_page_converts() -> None:
    for kind in Kind:
        for other in MEETS[kind]:
            values, codes = convert(pl.Series([], dtype=dtype(field(kind))), field(kind), (), field(other))
            assert (values.dtype, len(values), len(codes)) == (dtype(field(other)), 0, 0)
