"""Every conversion by example and by property (semantics 3.3), chains of them, and what is wrong with a call."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koppel.model.mapping import ConversionCall
from koppel.model.values import FieldShape, Kind, dtype
from koppel.transform.convert import convert
from koppel.transform.registry import CONVERSIONS, check_calls, check_chain, inverse_chain

TEXT = FieldShape("f", Kind.TEXT)
CODE = FieldShape("f", Kind.CODE)
AMOUNT = FieldShape("f", Kind.DECIMAL, scale=4)
WHOLE = FieldShape("f", Kind.INTEGER)
DAY = FieldShape("f", Kind.DATE)
MOMENT = FieldShape("f", Kind.DATETIME)


def call(name: str, *arguments: str | int) -> ConversionCall:
    return ConversionCall(name, arguments)


def through(
    value: object, *calls: ConversionCall, source: FieldShape = TEXT, target: FieldShape = TEXT
) -> tuple[object, object]:
    assert check_chain(calls, source, target) == []
    values, codes = convert(pl.Series([value], dtype=dtype(source)), source, calls, target)
    return values.item(), codes.item()


@pytest.mark.parametrize(
    ("value", "conversion", "result"),
    [
        ("Straße é", call("upper"), "STRASSE É"),
        ("ÀB", call("lower"), "àb"),
        ("jan de VRIES", call("title"), "Jan De Vries"),
        (" a b\t\u00a0", call("trim"), "a b"),
        ("   ", call("trim"), None),
        ("ABCDEFG", call("cut", 4, 3), "DEF"),
        ("ABCDEFG", call("cut", 1, 99), "ABCDEFG"),
        ("éèê", call("cut", 2, 1), "è"),
        ("AB", call("cut", 4, 3), None),
        ("a.b.c", call("replace", ".", "-"), "a-b-c"),
        ("a$b", call("replace", "$", "$1"), "a$1b"),
        ("not provided", call("replace", "not provided", ""), None),
        ("1234 AB", call("regex", r"^(\d{4})\s*([A-Z]{2})$", "$1$2"), "1234AB"),
        ("+31 (0)6-12", call("keep_alphanumeric"), "310612"),
        ("Zoë's e\u0301 ٣", call("keep_alphanumeric"), "Zoëse\u0301٣"),
        ("10", call("prefix", "C-"), "C-10"),
        ("", call("prefix", "C-"), None),
        ("C-10", call("without_prefix", "C-"), "10"),
        ("10", call("suffix", "-BE"), "10-BE"),
        ("10-BE", call("without_suffix", "-BE"), "10"),
        ("Person", call("map", "Company", 0, "Person", 1), "1"),
        ("", call("map", "", "EUR", "USD", "USD"), "EUR"),
        ("EUR", call("map", "EUR", ""), None),
        ("", call("map", "A", "B"), None),
        ("", call("default", "EUR"), "EUR"),
        (None, call("default", "EUR"), "EUR"),
        ("USD", call("default", "EUR"), "USD"),
        ("USD", call("constant", "EUR"), "EUR"),
        (None, call("constant", "EUR"), "EUR"),
    ],
)
def test_text_conversions(value: object, conversion: ConversionCall, result: object) -> None:
    assert through(value, conversion) == (result, None)


@pytest.mark.parametrize(
    ("value", "conversion", "code"),
    [
        ("D-10", call("without_prefix", "C-"), "no_conversion_result"),
        ("10-NL", call("without_suffix", "-BE"), "no_conversion_result"),
        ("Other", call("map", "Person", 1), "no_conversion_result"),
        ("person", call("map", "Person", 1), "no_conversion_result"),
        ("2-1-2026", call("parse_date", "%d-%m-%Y"), "not_a_date"),
        ("31-02-2026", call("parse_date", "%d-%m-%Y"), "not_a_date"),
        ("02-01-2026 ", call("parse_date", "%d-%m-%Y"), "not_a_date"),
        ("1,5", call("parse_decimal", ",", "."), "not_a_number"),
        ("1.2345.678", call("parse_decimal", ".", ","), "not_a_number"),
        ("x", call("parse_decimal", ".", ","), "not_a_number"),
        ("0,12345678901", call("parse_decimal", ".", ","), "digits_lost"),
    ],
)
def test_a_value_without_a_result_is_an_error(value: str, conversion: ConversionCall, code: str) -> None:
    assert through(value, conversion) == (None, code)


@pytest.mark.parametrize(
    ("value", "digits", "result"),
    [
        ("1.005", 2, "1.01"),
        ("-1.005", 2, "-1.01"),
        ("2.5", 0, "3"),
        ("3.5", 0, "4"),
        ("-2.5", 0, "-3"),
        ("1.2", 4, "1.2"),
    ],
)
def test_rounding_is_half_away_from_zero(value: str, digits: int, result: str) -> None:
    """Polars rounds half to even unless told otherwise (DESIGN 14)."""
    assert through(Decimal(value), call("round", digits), source=AMOUNT, target=AMOUNT) == (Decimal(result), None)
    assert through(5, call("round", digits), source=WHOLE, target=WHOLE) == (5, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1234567.5", "1.234.567,5"),
        ("-0.5", "-0,5"),
        ("123", "123"),
        ("1000", "1.000"),
        ("0", "0"),
        ("-123456", "-123.456"),
    ],
)
def test_numbers_as_people_write_them(value: str, text: str) -> None:
    dutch = call("decimal_format", ".", ",")
    assert through(Decimal(value), dutch, source=AMOUNT) == (text, None)
    assert through(text, *inverse_chain([dutch]), target=AMOUNT) == (Decimal(value), None)
    assert through("1234567,50", call("parse_decimal", ".", ","), target=AMOUNT) == (Decimal("1234567.5"), None)


def test_dates_by_pattern() -> None:
    dutch = call("date_format", "%d-%m-%Y")
    assert through(date(2026, 1, 2), dutch, source=DAY) == ("02-01-2026", None)
    assert through("02-01-2026", call("parse_date", "%d-%m-%Y"), target=DAY) == (date(2026, 1, 2), None)
    assert through("20260102", call("parse_date", "%Y%m%d"), target=MOMENT) == (datetime(2026, 1, 2, tzinfo=UTC), None)
    noon = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
    assert through("02-01-2026 12:30", call("parse_date", "%d-%m-%Y %H:%M"), target=MOMENT) == (noon, None)
    assert through(noon, call("date_format", "%Y%m%d%H%M%S"), source=MOMENT) == ("20260102123000", None)


def test_a_chain_runs_in_order_and_ends_in_the_kind_of_the_target() -> None:
    assert through(" a10 ", call("trim"), call("cut", 2, 9), call("prefix", "9"), target=WHOLE) == (910, None)
    assert through(7, call("prefix", "C-"), source=WHOLE, target=CODE) == ("C-7", None)
    steps = (call("parse_decimal", ".", ","), call("round", 1), call("decimal_format", ",", "."))
    assert through("1.234,56", *steps) == ("1,234.6", None)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=10)


@pytest.mark.parametrize("name", ["upper", "lower", "trim", "keep_alphanumeric"])
@given(value=texts)
def test_doing_it_twice_changes_nothing(name: str, value: str) -> None:
    once, _ = through(value, call(name))
    assert through(once, call(name)) == (once, None)


@given(value=texts, fix=texts)
def test_prefix_and_suffix_come_off_again(value: str, fix: str) -> None:
    for calls in ([call("prefix", fix)], [call("suffix", fix)], [call("prefix", fix), call("suffix", fix)]):
        there, _ = through(value, *calls)
        assert through(there, *inverse_chain(calls)) == (value, None)


@given(units=st.integers(-(10**14), 10**14), signs=st.sampled_from([(".", ","), (",", "."), ("", ","), (" ", ".")]))
def test_written_numbers_read_back(units: int, signs: tuple[str, str]) -> None:
    value, chain = Decimal(units).scaleb(-4), [call("decimal_format", *signs)]
    text, _ = through(value, *chain, source=AMOUNT)
    assert through(text, *inverse_chain(chain), target=AMOUNT) == (value, None)


@given(value=st.dates(date(1900, 1, 1)), pattern=st.sampled_from(["%d-%m-%Y", "%Y%m%d", "%m/%d/%Y", "%Y.%j"]))
def test_written_dates_read_back(value: date, pattern: str) -> None:
    chain = [call("date_format", pattern)]
    text, _ = through(value, *chain, source=DAY)
    assert through(text, *inverse_chain(chain), target=DAY) == (value, None)


def test_the_way_back_is_the_inverses_in_reverse_and_nothing_for_the_rest() -> None:
    """`<-> | lower` converts on its way to the right only."""
    chain = [call("lower"), call("prefix", "C"), call("map", "a", "b"), call("round", 2)]
    assert inverse_chain(chain) == (call("map", "b", "a"), call("without_prefix", "C"))
    assert inverse_chain([call("map", "a", "x", "b", "x")]) == (), "two values became one; nobody can tell which it was"
    assert inverse_chain([call("date_format", "%m-%Y")]) == (), "a month is not a day"
    assert inverse_chain([call("parse_date", "%d-%m-%Y")]) == (call("date_format", "%d-%m-%Y"),)
    assert inverse_chain([call("nonsense")]) == ()


@pytest.mark.parametrize(
    ("conversion", "problem"),
    [
        (call("uper"), "there is no conversion uper; did you mean upper?"),
        (call("xyzzy"), "there is no conversion xyzzy"),
        (call("upper", "x"), "upper is written upper(), and here are 1 arguments"),
        (call("cut", 1), "cut is written cut(start, length), and here are 1 arguments"),
        (call("cut", 0, 1), "cut: start is at least 1 (the first character), not 0"),
        (call("cut", "a", 1), "cut: start is a whole number (the first character), not 'a'"),
        (call("replace", "", "x"), "replace: there is nothing to find"),
        (call("regex", "(?=x)", ""), "regex: the pattern cannot be used"),
        (call("regex", "(", ""), "regex: the pattern cannot be used"),
        (call("map"), "map is written map(old, new, …), and here are 0 arguments"),
        (call("map", "a", "b", "c"), "map is written map(old, new, …), and here are 3 arguments"),
        (call("map", "1", "b", 1, "c"), "map: '1' is given two values"),
        (call("round", -1), "round: digits is at least 0"),
        (call("decimal_format", ".", "."), "decimal_format: the two signs must differ"),
        (call("decimal_format", "..", ","), "decimal_format: each sign is one character"),
        (call("parse_decimal", "1", ","), "parse_decimal: a digit or a minus cannot be such a sign"),
        (call("parse_date", "%d-%m"), "parse_date: the pattern must hold year, month and day"),
        (call("parse_date", "%Y-%m-%d %H"), "parse_date: a time of day needs %H and %M"),
        (call("date_format", "%Q"), "date_format: %Q is not a part of a date"),
        (call("date_format", "%Y%"), "date_format: % is not a part of a date"),
        (call("date_format", "today"), "date_format: the pattern has no part of a date"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_in_words(conversion: ConversionCall, problem: str) -> None:
    (found,) = check_calls([conversion])
    assert found.startswith(problem)
    assert check_chain([conversion], TEXT, TEXT) == [found]


@pytest.mark.parametrize(
    ("calls", "source", "target", "problem"),
    [
        ([], Kind.INTEGER, Kind.BOOLEAN, "f comes as integer and f is boolean: name a conversion"),
        ([], Kind.DATE, Kind.DECIMAL, "f comes as date and f is decimal"),
        ([], Kind.UUID, Kind.INTEGER, "f comes as uuid and f is integer"),
        ([], Kind.CHOICE, Kind.DATE, "f comes as choice and f is date"),
        ([call("round", 2)], Kind.TEXT, Kind.TEXT, "round takes decimal or integer, and here comes text"),
        ([call("date_format", "%Y")], Kind.TEXT, Kind.TEXT, "date_format takes date or datetime, and here comes text"),
        ([call("parse_date", "%Y-%m-%d")], Kind.TEXT, Kind.UUID, "f comes as date and f is uuid"),
    ],
)
def test_kinds_that_cannot_meet_are_a_problem(
    calls: list[ConversionCall], source: Kind, target: Kind, problem: str
) -> None:
    (found,) = check_chain(calls, FieldShape("f", source), FieldShape("f", target))
    assert found.startswith(problem)


def test_a_conversion_makes_kinds_meet() -> None:
    flag = FieldShape("f", Kind.BOOLEAN)
    assert through(1, call("map", 0, "false", 1, "true"), source=WHOLE, target=flag) == (True, None)
    assert through(False, call("map", "false", 0, "true", 1), source=flag, target=WHOLE) == (0, None)


def test_every_conversion_says_what_it_does() -> None:
    for name, conversion in CONVERSIONS.items():
        assert name == conversion.name
        assert conversion.doc.endswith(".")
        assert all(argument.doc for argument in conversion.arguments)


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [
        (FieldShape("a", Kind.CODE, length=20), FieldShape("b", Kind.UUID), "a holds 20 characters, and b is a uuid"),
        (FieldShape("a", Kind.TEXT, length=9), FieldShape("b", Kind.DATE), "a holds 9 characters, and b is a date"),
        (
            FieldShape("a", Kind.CHOICE, choices=("x", "y")),
            FieldShape("b", Kind.CHOICE, choices=("1",)),
            "b has none of the choices of a, only '1'",
        ),
    ],
)
def test_fields_of_which_no_value_could_arrive_are_a_problem(
    source: FieldShape, target: FieldShape, problem: str
) -> None:
    (found,) = check_chain([], source, target)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (FieldShape("a", Kind.TEXT), FieldShape("b", Kind.UUID)),
        (FieldShape("a", Kind.CODE, length=36), FieldShape("b", Kind.UUID)),
        (FieldShape("a", Kind.TEXT, length=10), FieldShape("b", Kind.DATE)),
        (FieldShape("a", Kind.CODE, length=4), FieldShape("b", Kind.INTEGER)),
        (FieldShape("a", Kind.CHOICE, choices=("x", "1")), FieldShape("b", Kind.CHOICE, choices=("1",))),
    ],
)
def test_what_depends_on_the_values_is_none(source: FieldShape, target: FieldShape) -> None:
    assert check_chain([], source, target) == []
