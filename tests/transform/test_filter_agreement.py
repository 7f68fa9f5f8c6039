"""One filter language, many evaluators (DESIGN 10): what Polars lets in on a page, each database lets in."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from uuid import UUID

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from koppel.connectors.filter_sql import to_sql
from koppel.connectors.sql.filter import SqliteTerms, install
from koppel.model.filter import And, Compare, Comparison, Filter, IsNull, Like, Not, OneOf, Or, fields_of
from koppel.model.values import FieldShape, KeyOrigin, Kind, TableShape, dtype
from koppel.ports import TableOptions, Want
from koppel.transform.filter import check, format_filter, parse, to_polars
from tests.contract.mariadb_stage import MariaStage
from tests.mariadb import run

FIELDS = (
    FieldShape("n", Kind.INTEGER, nullable=False),
    FieldShape("text", Kind.TEXT),
    FieldShape("code", Kind.CODE),
    FieldShape("whole", Kind.INTEGER),
    FieldShape("amount", Kind.DECIMAL, scale=4),
    FieldShape("flag", Kind.BOOLEAN),
    FieldShape("day", Kind.DATE),
    FieldShape("moment", Kind.DATETIME),
    FieldShape("guid", Kind.UUID),
    FieldShape("choice", Kind.CHOICE, choices=("", "1", "2", "Ship")),
)
SHAPE = TableShape("sample", FIELDS, ("n",), KeyOrigin.CHOSEN)
DDL = """CREATE TABLE sample (n INTEGER PRIMARY KEY, text VARCHAR(50) COLLATE NOCASE, code CODETEXT(20), whole INTEGER,
    amount DECIMAL(19,4), flag BOOLEAN, day DATE, moment DATETIME, guid UUIDTEXT, choice)"""

MARIA_DDL = """CREATE TABLE sample (n int PRIMARY KEY, text longtext, code longtext, whole bigint, amount decimal(38,4),
    flag boolean, day date, moment datetime(6), guid uuid, choice enum('', '1', '2', 'Ship'))"""

letters = st.sampled_from(list("aAbBzé É%_*?[]\\'ßẞiİıſ€😀\n\u00a0"))
texts = st.one_of(st.sampled_from(["", " ", "a", "A", "All", "é", "e\u0301"]), st.text(letters, max_size=4))
wholes = st.one_of(st.integers(-3, 3), st.sampled_from([2**53, 2**53 + 1, 2**63 - 1, -(2**63)]))
amounts = st.one_of(
    st.integers(-30000, 30000).map(lambda n: Decimal(n).scaleb(-4)),
    st.integers(-(10**15) + 1, 10**15 - 1).map(lambda n: Decimal(n).scaleb(-4)),
    st.integers(2**53 - 2, 2**53 + 2).map(Decimal),
)
longer_amounts = st.integers(10**15, 10**19).map(lambda n: Decimal(n).scaleb(-4))
days = st.dates(date(1899, 12, 30), date(2100, 1, 1)) | st.sampled_from([date(2026, 1, 1), date(2026, 1, 2)])
moments = st.one_of(
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
    st.integers(-2, 2).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=n)),
)
guids = st.sampled_from([UUID(int=n << 64 | 0xABCDEF) for n in range(3)])
choices = st.sampled_from(["", "1", "2", "Ship"])
VALUES: dict[str, st.SearchStrategy[object]] = {
    "text": texts,
    "code": texts,
    "whole": wholes,
    "amount": amounts,
    "flag": st.booleans(),
    "day": days,
    "moment": moments,
    "guid": guids.map(str),
    "choice": choices,
}
rows = st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()})


def stored(row: dict[str, object], draw: st.DrawFn) -> dict[str, object]:
    """The row as SQLite might hold it: the same values, spelt in one of the ways that systems spell them."""
    written = dict(row)
    if isinstance(row["amount"], Decimal):
        written["amount"] = draw(st.sampled_from([str, lambda value: format(value, "f")]))(row["amount"])
    if isinstance(row["flag"], bool):
        written["flag"] = draw(st.sampled_from([row["flag"], str(row["flag"]).lower()]))
    if isinstance(row["day"], date):
        written["day"] = row["day"].isoformat()
    if isinstance(row["moment"], datetime):
        written["moment"] = spelt_moment(row["moment"], draw)
    if isinstance(row["guid"], str):
        hexadecimal = row["guid"].replace("-", "")
        written["guid"] = draw(st.sampled_from([row["guid"], row["guid"].upper(), hexadecimal, f"{{{row['guid']}}}"]))
    if isinstance(row["choice"], str) and row["choice"].isdigit():
        written["choice"] = draw(st.sampled_from([row["choice"], int(row["choice"])]))
    return written


def spelt_moment(moment: datetime, draw: st.DrawFn) -> str:
    zone = timezone(timedelta(minutes=draw(st.sampled_from([0, 60, -570]))))
    text = moment.astimezone(zone).isoformat(sep=draw(st.sampled_from("T ")))
    return draw(st.sampled_from([text, text.removesuffix("+00:00"), text.replace("+00:00", "Z")]))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    values = draw(st.lists(rows, min_size=1, max_size=8))
    return values, [stored(row, draw) for row in values]


some_patterns = st.sampled_from(["%", "a%", "\\%", "\\\\%", "_\\_"])
patterns = some_patterns | st.text(st.sampled_from(list("aAé%_*?[]'")), max_size=4)


@st.composite
def conditions(draw: st.DrawFn) -> Filter:
    name = draw(st.sampled_from(list(VALUES)))
    kind = next(field.kind for field in FIELDS if field.name == name)
    literals = VALUES[name] | (longer_amounts if name == "amount" else st.nothing())
    ordered = kind not in (Kind.BOOLEAN, Kind.UUID, Kind.CHOICE)
    operators = list(Comparison) if ordered else [Comparison.EQUAL, Comparison.UNEQUAL]
    forms: list[st.SearchStrategy[Filter]] = [
        st.builds(Compare, st.just(name), st.sampled_from(operators), literals),
        st.builds(OneOf, st.just(name), st.lists(literals, min_size=1, max_size=3).map(tuple)),
        st.just(IsNull(name)),
    ]
    if kind in (Kind.TEXT, Kind.CODE, Kind.CHOICE):
        forms.append(st.builds(Like, st.just(name), patterns))
    return draw(st.one_of(forms))


def grouped(terms: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(terms, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, terms), st.builds(And, several), st.builds(Or, several))


filters = st.recursive(conditions(), grouped, max_leaves=5)


def in_polars(filter_: Filter, values: Sequence[dict[str, object]]) -> list[int]:
    schema = {field.name: dtype(field) for field in FIELDS}
    page = pl.DataFrame([{"n": n, **row} for n, row in enumerate(values)], schema=schema)
    let_in = page.select(to_polars(filter_, SHAPE)).to_series()
    assert let_in.null_count() == 0
    return page["n"].filter(let_in).to_list()


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        install(connection)
        connection.execute(DDL)
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.StaticPool)
    yield engine
    engine.dispose()


def in_sqlite(filter_: Filter, values: Sequence[dict[str, object]], engine: sa.Engine) -> list[int]:
    names = [field.name for field in FIELDS]
    columns = {name: sa.column(name) for name in names}
    condition = to_sql(filter_, columns, {field.name: field for field in FIELDS}, SqliteTerms())
    query = sa.select(columns["n"]).select_from(sa.table("sample")).where(condition).order_by(columns["n"])
    with engine.connect() as connection:
        marks = ", ".join("?" * len(names))
        for n, row in enumerate(values):
            connection.exec_driver_sql(f"INSERT INTO sample VALUES ({marks})", (n, *(row[name] for name in names[1:])))
        found = connection.execute(query).scalars().all()
        written_out = query.compile(connection, compile_kwargs={"literal_binds": True})
        assert connection.exec_driver_sql(str(written_out)).scalars().all() == found
        connection.rollback()
    return list(found)


@settings(max_examples=3 * settings.default.max_examples)
@given(table=tables(), filter_=filters)
def test_both_evaluators_let_the_same_records_in(
    table: tuple[list[dict[str, object]], list[dict[str, object]]], filter_: Filter, engine: sa.Engine
) -> None:
    values, written = table
    assert check(filter_, SHAPE) == []
    assert in_polars(filter_, values) == in_sqlite(filter_, written, engine)


@pytest.fixture(scope="module")
def maria() -> Iterator[MariaStage]:
    stage = MariaStage()
    stage.sql(MARIA_DDL)
    stage.system = stage.open(fields={"sample": {"code": "code"}})
    yield stage
    stage.close()


@given(values=st.lists(rows, min_size=1, max_size=8), filter_=filters)
def test_mariadb_lets_the_same_records_in(values: list[dict[str, object]], filter_: Filter, maria: MariaStage) -> None:
    """What its connector writes into a page's query, exactly where it says anything at all; the column's collation
    would take 'A' and 'a ' for 'a'."""
    maria.sql("DELETE FROM sample")
    marks = ", ".join(["%s"] * len(FIELDS))
    for n, row in enumerate(values):
        moment = row["moment"]
        stored = {"n": n, **row, "moment": moment.replace(tzinfo=None) if isinstance(moment, datetime) else moment}
        run(maria.user, f"INSERT INTO sample VALUES ({marks})", [stored[field.name] for field in FIELDS])
    table = maria.system.table("sample", TableOptions())
    shown = {int(id_) for page in table.changes(None, Want((), filter_)).pages for id_ in page["@id"]}
    whole = isinstance(filter_, And) and any("code" in fields_of(term) for term in filter_.terms)
    if "code" in fields_of(filter_):
        assert set(in_polars(filter_, values)) <= shown
        assert whole or shown == set(range(len(values)))
    else:
        assert shown == set(in_polars(filter_, values))


@given(filter_=filters)
def test_a_filter_reads_back_as_it_was_written(filter_: Filter) -> None:
    assert parse(format_filter(filter_)) == filter_


ROUNDINGS = (ROUND_FLOOR, ROUND_CEILING)
NOTHING = dict.fromkeys(VALUES)
ROWS = [NOTHING | {"text": text, "whole": whole} for text, whole in (("a", 1), ("", 2), (None, None))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text = 'a'", [0]),
        ("NOT text = 'a'", [1]),
        ("text <> 'a'", [1]),
        ("text = ''", [1, 2]),
        ("text <> ''", [0]),
        ("NOT text = ''", [0]),
        ("text IS NULL", [1, 2]),
        ("text IS NOT NULL", [0]),
        ("NOT text IS NULL", [0]),
        ("whole IS NULL", [2]),
        ("whole IS NOT NULL", [0, 1]),
        ("text IN ('a')", [0]),
        ("text NOT IN ('a')", [1]),
        ("text IN ('a', '')", [0, 1, 2]),
        ("text NOT IN ('a', '')", []),
        ("text LIKE 'A%'", []),
        ("text LIKE 'a%'", [0]),
        ("text NOT LIKE 'a%'", [1]),
        ("NOT text LIKE 'a%'", [1]),
        ("text NOT LIKE 'a\\%' ESCAPE '\\'", [0, 1]),
        ("whole BETWEEN 1 AND 1", [0]),
        ("whole NOT BETWEEN 1 AND 1", [1]),
        ("NOT (whole = 1 OR text = '')", []),
        ("NOT (whole = 1 AND text = 'x')", [0, 1]),
        ("NOT NOT whole = 1", [0]),
        ("whole = 1 OR text = ''", [0, 1, 2]),
    ],
)
def test_negation_blank_and_unknown_one_by_one(text: str, expected: list[int], engine: sa.Engine) -> None:
    """sqlglot keeps NOT as an argument of some nodes (DESIGN 14); null is unknown, blank is blank."""
    filter_ = parse(text)
    assert in_polars(filter_, ROWS) == expected
    assert in_sqlite(filter_, ROWS, engine) == expected


@pytest.mark.parametrize(
    "text", ["A", "a", "[a]", "[", "]", "a*", "?", "*", "%", "_", "\\", "^a", "é", "e\u0301", "it's"]
)
def test_every_sign_stands_for_itself(text: str, engine: sa.Engine) -> None:
    """Case and the wild cards of GLOB, LIKE and regular expressions: none means anything but % _ and the backslash."""
    rows = [
        NOTHING | {"text": other} for other in ("A", "a", "[a]", "[", "]", "a*", "?", "*", "%", "_", "\\", "^a", text)
    ]
    same = [n for n, row in enumerate(rows) if row["text"] == text]
    pattern = "".join(f"\\{sign}" if sign in "%_\\" else sign for sign in text)
    for filter_ in (Compare("text", Comparison.EQUAL, text), Like("text", pattern), OneOf("text", (text,))):
        assert in_polars(filter_, rows) == same
        assert in_sqlite(filter_, rows, engine) == same


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(
    "digits", ["123456789012.3446", "123456789012.3454", "999999999999999.9999", "1234567890123456.5"]
)
def test_a_literal_with_more_digits_than_a_double_tells_apart(digits: str, sign: str, engine: sa.Engine) -> None:
    """Stored values have at most 15 digits or are whole; a longer literal lies between them and equals none."""
    literal = Decimal(sign + digits)
    near = [literal.quantize(Decimal(1).scaleb(-places), rounding) for places in (3, 0) for rounding in ROUNDINGS]
    values = sorted({value for value in near if len(value.as_tuple().digits) <= 15 or value == int(value)})
    rows = [NOTHING | {"amount": value} for value in values]
    written = [NOTHING | {"amount": str(value)} for value in values]
    for operator in Comparison:
        filter_ = Compare("amount", operator, literal)
        assert in_polars(filter_, rows) == in_sqlite(filter_, written, engine)
