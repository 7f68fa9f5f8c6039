"""Pages of JSON: exact values, faults instead of guesses, one bad record among good ones."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koppel.connectors.odata.decode import Decoder, as_page
from koppel.connectors.odata.edm import Property
from koppel.connectors.odata.encode import json_body, json_values, key_segments, literals, moment_texts
from koppel.errors import BadAnswer
from koppel.model.values import FAULT, ID, VERSION, FieldShape, Kind, dtype

ONE = "5f3e0000-0000-4000-8000-000000000001"

PROPERTIES = (
    Property(FieldShape("id", Kind.UUID, nullable=False), "Edm.Guid"),
    Property(FieldShape("name", Kind.TEXT), "Edm.String"),
    Property(FieldShape("amount", Kind.DECIMAL, scale=4), "Edm.Decimal"),
    Property(FieldShape("rate", Kind.DECIMAL), "Edm.Double"),
    Property(FieldShape("pieces", Kind.INTEGER), "Edm.Int64"),
    Property(FieldShape("active", Kind.BOOLEAN), "Edm.Boolean"),
    Property(FieldShape("since", Kind.DATE), "Edm.Date"),
    Property(FieldShape("modified", Kind.DATETIME), "Edm.DateTimeOffset"),
    Property(FieldShape("rank", Kind.CHOICE, choices=("low", "high")), "demo.Rank"),
    Property(FieldShape("state", Kind.CHOICE), "Edm.Int32"),
)
BY_NAME = {each.shape.name: each for each in PROPERTIES}
EMPTY: dict[str, object] = {each.shape.name: None for each in PROPERTIES} | {"id": ONE}
DECODER = Decoder("erp", PROPERTIES, ("id",), "modified")


def page(*records: Mapping[str, object] | str, **around: object) -> bytes:
    """A page of these records; a text is JSON already."""
    texts = [record if isinstance(record, str) else json.dumps(EMPTY | dict(record)) for record in records]
    told = "".join(f"{json.dumps(name)}: {json.dumps(value)}, " for name, value in around.items())
    return f'{{{told}"value": [{", ".join(texts)}]}}'.encode()


def only(record: Mapping[str, object] | str) -> dict[str, object]:
    """The one record as it is read."""
    return DECODER.page(page(record)).frame.to_dicts()[0]


def with_raw(name: str, raw: str) -> str:
    """A record whose property stands there in just these characters."""
    return json.dumps(EMPTY | {name: "RAW"}).replace('"RAW"', raw)


def test_a_page_has_the_dtypes_of_its_kinds_whatever_it_holds() -> None:
    """DESIGN 10: an explicit schema; nothing is inferred, not even from a page without records or values."""
    for frame in (DECODER.page(page()).frame, DECODER.page(page({})).frame):
        assert frame.columns == [ID, VERSION, FAULT, *BY_NAME]
        assert [frame.schema[name] for name in BY_NAME] == [dtype(each.shape) for each in PROPERTIES]


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("name", '"O\'Brien \\ud83d\\ude00"', "O'Brien 😀"),
        ("name", '""', ""),
        ("amount", "5000000.0000", Decimal("5000000.0000")),
        ("amount", "12345678901234567890.1234", Decimal("12345678901234567890.1234")),
        ("amount", "0.1", Decimal("0.1")),
        ("amount", '"12.5"', Decimal("12.5")),
        ("amount", "1.2E3", Decimal(1200)),
        ("pieces", "9007199254740993", 2**53 + 1),
        ("pieces", '"9223372036854775807"', 2**63 - 1),
        ("active", "false", False),
        ("since", '"0001-01-01"', date(1, 1, 1)),
        ("modified", '"2024-01-31T10:00:00Z"', datetime(2024, 1, 31, 10, tzinfo=UTC)),
        ("modified", '"2024-01-31T10:00Z"', datetime(2024, 1, 31, 10, tzinfo=UTC)),
        ("modified", '"2024-01-31T10:00:00.1234560+01:30"', datetime(2024, 1, 31, 8, 30, 0, 123456, tzinfo=UTC)),
        ("modified", '"2024-01-31T10:00:00.007Z"', datetime(2024, 1, 31, 10, 0, 0, 7000, tzinfo=UTC)),
        ("rank", '"Not_x0020_Started"', "Not_x0020_Started"),
        ("state", "0", "0"),
        ("id", f'"{ONE.upper()}"', ONE),
    ],
)
def test_a_value_is_read_as_it_is_sent(name: str, raw: str, value: object) -> None:
    """wire 1.5, 2.4, 4.1.12: no money passes a float, no large number loses its end."""
    read = only(with_raw(name, raw))
    assert (read[name], read[FAULT]) == (value, None)


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("amount", "0.12345", "digits_lost"),
        ("amount", "1E+999999999", "out_of_range"),
        ("amount", "1E-999999999", "digits_lost"),
        ("rate", '"NaN"', "not_a_number"),
        ("rate", '"INF"', "not_a_number"),
        ("pieces", "9223372036854775808", "out_of_range"),
        ("pieces", '"many"', "out_of_range"),
        ("since", '"2026-02-30"', "out_of_range"),
        ("modified", '"2024-01-31T10:00:00.1234567Z"', "digits_lost"),
        ("modified", '"2024-01-31T10:00:00"', "not_a_moment"),
        ("name", "7", "not_of_its_type"),
        ("active", '"yes"', "not_of_its_type"),
        ("amount", "{}", "not_of_its_type"),
    ],
)
def test_what_cannot_be_kept_exactly_is_the_records_fault(name: str, raw: str, reason: str) -> None:
    """DESIGN 10: never rounded, cut or guessed."""
    read = only(with_raw(name, raw))
    assert (read[ID], read[name], read[FAULT]) == (ONE, None, f"{name}: {reason}")


def test_a_property_that_is_not_sent_is_no_null() -> None:
    """It would blank the other side."""
    record = {name: value for name, value in EMPTY.items() if name != "name"}
    assert only(json.dumps(record))[FAULT] == "name: not_sent"


def test_one_bad_record_does_not_take_the_page_with_it() -> None:
    other = ONE[:-1] + "2"
    third = ONE[:-1] + "3"
    frame = DECODER.page(page({"name": "good"}, with_raw("name", "[1]").replace(ONE, other), {"id": third})).frame
    assert frame.select(ID, "name", FAULT).rows() == [
        (ONE, "good", None),
        (other, None, "name: not_of_its_type"),
        (third, None, None),
    ]


def test_a_lone_surrogate_is_that_records_fault() -> None:
    """wire 4.1.14."""
    frame = DECODER.page(page(with_raw("name", '"a\\ud800b"'), {"id": ONE[:-1] + "2"})).frame
    assert frame[FAULT].to_list() == ["it holds something that is no text or number", None]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"value": 1}',
        b'{"value": [1]}',
        b'{"value": [{}, {"id": 7}]}',
        b'{"value": [',
        b"\xff",
        b"{}",
    ],
)
def test_what_is_no_page_is_no_empty_page(body: bytes) -> None:
    """An answer that cannot be understood must not look like a table without records."""
    with pytest.raises(BadAnswer, match="erp"):
        DECODER.page(body)


def test_versions_begin_with_the_stamp_and_are_told_by_the_etag() -> None:
    stamped = {"modified": "2024-01-31T10:00:00.5Z", "@odata.etag": 'W/"7"'}
    read = DECODER.page(page(stamped, {"@odata.etag": 'W/"8"'}, {"modified": "2024-01-31T10:00:00Z"}))
    assert read.frame[VERSION].to_list() == ['2024-01-31 10:00:00.500000#W/"7"', '#W/"8"', None]
    assert read.etags.to_list() == ['W/"7"', 'W/"8"', None]


def test_links_are_passed_on_as_they_are() -> None:
    read = DECODER.page(page(**{"@odata.nextLink": "customers?$skiptoken=%2410", "@odata.context": "x"}))
    assert (read.next_link, read.delta_link) == ("customers?$skiptoken=%2410", None)


def test_several_keys_make_one_id() -> None:
    properties = [Property(FieldShape(name, Kind.TEXT), "Edm.String") for name in ("area", "code")]
    decoder = Decoder("erp", properties, ("area", "code"), None)
    frame = decoder.page(as_page([b'{"area": "a|b", "code": "c"}'])).frame
    assert frame[ID].to_list() == ["a\\|b|c"]


# ---- the way back

decimals = st.decimals(min_value=-(10**20), max_value=10**20, places=4)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "name": st.text(st.characters(codec="utf-8")),
    "amount": decimals,
    "pieces": st.integers(-(2**63), 2**63 - 1),
    "active": st.booleans(),
    "since": st.dates(),
    "modified": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
    "id": st.uuids().map(str),
    "state": st.integers(-(2**31), 2**31 - 1).map(str),
    "rank": st.sampled_from(["low", "high"]),
}


@given(st.sampled_from(sorted(VALUES)), st.data())
def test_what_is_written_is_what_would_be_read(name: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[name])
    column = pl.Series(name, [value], dtype=dtype(BY_NAME[name].shape))
    body = json_body(EMPTY | {name: json_values(BY_NAME[name], column)[0]})
    assert DECODER.page(as_page([body])).frame[name].to_list() == [value]


@pytest.mark.parametrize(
    ("name", "value", "literal"),
    [
        ("name", "O'Brien", "'O''Brien'"),
        ("id", str(UUID(int=7)), "00000000-0000-0000-0000-000000000007"),
        ("amount", Decimal("12.5000"), "12.5"),
        ("pieces", -3, "-3"),
        ("active", True, "true"),
        ("since", date(2024, 1, 31), "2024-01-31"),
        ("modified", datetime(2024, 1, 31, 10, 0, 0, 120000, tzinfo=UTC), "2024-01-31T10:00:00.12Z"),
        ("modified", datetime(2024, 1, 31, 10, tzinfo=UTC), "2024-01-31T10:00:00Z"),
        ("rank", "low", "demo.Rank'low'"),
        ("state", "3", "3"),
    ],
)
def test_literals(name: str, value: object, literal: str) -> None:
    column = pl.Series(name, [value, None], dtype=dtype(BY_NAME[name].shape))
    assert literals(BY_NAME[name], column).to_list() == [literal, None]


def test_keys_in_addresses() -> None:
    """wire 1.3, 4.3.10: a quote is doubled, what would end the segment is encoded."""
    parts = pl.DataFrame({"name": ["a/b 'c' & d?", None], "pieces": [7, 8]})
    assert key_segments([BY_NAME["name"]], parts).to_list() == ["('a%2Fb%20''c''%20%26%20d%3F')", None]
    both = key_segments([BY_NAME["name"], BY_NAME["pieces"]], parts).to_list()
    assert both == ["(name='a%2Fb%20''c''%20%26%20d%3F',pieces=7)", None]


def test_moments_keep_every_digit_and_no_zero() -> None:
    moments = pl.Series([datetime(2024, 1, 31, 10, 0, 10, 1, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC"))
    assert moment_texts(moments).to_list() == ["2024-01-31T10:00:10.000001Z"]


def test_bodies_keep_their_order_and_digits() -> None:
    """wire 2.4: fields are validated in the order of the body."""
    body = json_body({"country": "NL", "city": "Delft", "amount": Decimal("0.10")})
    assert body == b'{"country":"NL","city":"Delft","amount":0.10}'
