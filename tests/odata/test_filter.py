"""Filters as `$filter`: never narrower than what koppel means, and exact where every condition can be asked."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from odata_query.sqlalchemy import apply_odata_core

from koppel.connectors.odata.edm import Property
from koppel.connectors.odata.filter import Manners, to_odata
from koppel.model.filter import And, Compare, Comparison, Filter, IsNull, Like, Not, OneOf, Or
from koppel.model.values import FieldShape, KeyOrigin, Kind, TableShape, dtype
from koppel.transform.filter import check, parse, to_polars

PROPERTIES = (
    Property(FieldShape("n", Kind.INTEGER, nullable=False), "Edm.Int32"),
    Property(FieldShape("text", Kind.TEXT), "Edm.String"),
    Property(FieldShape("code", Kind.CODE), "Edm.String"),
    Property(FieldShape("amount", Kind.DECIMAL, scale=2), "Edm.Decimal"),
    Property(FieldShape("rate", Kind.DECIMAL), "Edm.Double"),
    Property(FieldShape("flag", Kind.BOOLEAN), "Edm.Boolean"),
    Property(FieldShape("day", Kind.DATE), "Edm.Date"),
    Property(FieldShape("moment", Kind.DATETIME), "Edm.DateTimeOffset"),
    Property(FieldShape("guid", Kind.UUID), "Edm.Guid"),
    Property(FieldShape("rank", Kind.CHOICE, choices=("low", "high")), "demo.Rank"),
    Property(FieldShape("state", Kind.CHOICE), "Edm.Int32"),
)
BY_NAME = {each.shape.name: each for each in PROPERTIES}
SHAPE = TableShape("sample", tuple(each.shape for each in PROPERTIES), ("n",), KeyOrigin.CHOSEN)
STRICT = Manners(exact_text=True, codes=True)


def pushed(text: str, manners: Manners = STRICT) -> str | None:
    filter_ = parse(text)
    assert check(filter_, SHAPE) == []
    return to_odata(filter_, BY_NAME, manners)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("text = 'O''Brien'", "text eq 'O''Brien'"),
        ("text <> 'a'", "text ne 'a'"),
        ("text = ''", "(text eq null or text eq '')"),
        ("text <> ''", "(text ne null and text ne '')"),
        ("text IS NULL", "(text eq null or text eq '')"),
        ("amount IS NOT NULL", "amount ne null"),
        ("code = ' k-1 '", "code eq 'K-1'"),
        ("code = 'k\x1f'", "code eq 'K\x1f'"),  # no blank to koppel, though Python strips it
        ("amount >= 12.50", "amount ge 12.5"),
        ("flag = TRUE", "flag eq true"),
        ("day < DATE '2026-01-31'", "day lt 2026-01-31"),
        ("moment > TIMESTAMP '2026-01-31T10:00:00.5Z'", "moment gt 2026-01-31T10:00:00.5Z"),
        ("guid = '{00000000-0000-0000-0000-00000000000A}'", "guid eq 00000000-0000-0000-0000-00000000000a"),
        ("rank = 'low'", "rank eq demo.Rank'low'"),
        ("state IN (0, 1)", "(state eq 0 or state eq 1)"),
        ("NOT (state IN (0, 1))", "(state ne 0 and state ne 1)"),
        ("text LIKE 'a%'", "startswith(text,'a')"),
        ("text LIKE '%a'", "endswith(text,'a')"),
        ("text LIKE '\\%a%'", "startswith(text,'%a')"),
        ("text LIKE '%a''b%'", "contains(text,'a''b')"),
        ("NOT (text LIKE '%a%')", "not contains(text,'a')"),
        ("NOT (n = 1 AND amount > 2)", "(n ne 1 or amount le 2)"),
        ("n = 1 AND (flag = TRUE OR amount = 0)", "(n eq 1 and (flag eq true or amount eq 0))"),
    ],
)
def test_what_is_asked(said: str, asked: str) -> None:
    assert pushed(said) == asked


@pytest.mark.parametrize(
    ("said", "asked", "manners"),
    [
        ("n = 1 AND text < 'b'", "n eq 1", STRICT),
        ("n = 1 OR text < 'b'", None, STRICT),
        ("NOT (n = 1 AND text < 'b')", None, STRICT),
        ("NOT (n = 1 OR text < 'b')", "n ne 1", STRICT),
        ("text LIKE 'a_'", None, STRICT),
        ("text LIKE '%'", None, STRICT),
        ("rate = 0.1", None, STRICT),
        ("code = 'K'", None, Manners()),
        ("text <> 'a' AND n = 1", "n eq 1", Manners()),
        ("text = 'a' AND n = 1", "(text eq 'a' and n eq 1)", Manners()),
        ("NOT (text LIKE 'a%')", None, Manners()),
        ("text LIKE '[a]%'", None, Manners()),
        ("rank = 'low'", None, Manners(choices=False)),
        ("n = 1 OR amount = 2", None, Manners(or_of_fields=False)),
        ("n = 1 OR n = 2", "(n eq 1 or n eq 2)", Manners(or_of_fields=False)),
    ],
)
def test_what_is_not_sure_is_left_to_koppel(said: str, asked: str | None, manners: Manners) -> None:
    """It evaluates every filter itself, so a service may be asked for too much, never for too little."""
    assert pushed(said, manners) == asked


# ---- the meaning, as odata-query has it, over SQLite

METADATA = sa.MetaData()
TABLE = sa.Table(
    "sample",
    METADATA,
    sa.Column("n", sa.Integer),
    sa.Column("text", sa.String(collation="BINARY")),
    sa.Column("amount", sa.Numeric(10, 2)),
    sa.Column("flag", sa.Boolean),
    sa.Column("day", sa.Date),
    sa.Column("moment", sa.DateTime),
    sa.Column("guid", sa.String),
)
START = datetime(2026, 1, 1, tzinfo=UTC)
texts = st.sampled_from(["", "a", "A", "ab", "b'a", "É", "%", "a b"])
VALUES: dict[str, st.SearchStrategy[object]] = {
    "n": st.integers(-2, 2),
    "text": texts,
    "amount": st.integers(-300, 300).map(lambda n: Decimal(n * 25).scaleb(-2)),
    "flag": st.booleans(),
    "day": st.integers(-2, 2).map(lambda n: date(2026, 1, 1) + timedelta(days=n)),
    "moment": st.integers(-2, 2).map(lambda n: START + timedelta(seconds=n)),
    "guid": st.integers(0, 3).map(lambda n: str(UUID(int=n))),
}
ORDERED = ("n", "text", "amount", "day", "moment")


def conditions() -> st.SearchStrategy[Filter]:
    compares = st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.builds(
            Compare,
            st.just(name),
            st.sampled_from(Comparison) if name in ORDERED else st.sampled_from([Comparison.EQUAL, Comparison.UNEQUAL]),
            VALUES[name],
        )
    )
    one_of = st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.builds(OneOf, st.just(name), st.lists(VALUES[name], min_size=1, max_size=3).map(tuple))
    )
    likes = st.builds(Like, st.just("text"), st.sampled_from(["a%", "%a", "%b'%", "a", "_", "%", "a_%"]))
    leaves: st.SearchStrategy[Filter] = st.one_of(compares, one_of, likes, st.sampled_from(sorted(VALUES)).map(IsNull))
    return st.recursive(
        leaves,
        lambda terms: st.one_of(
            terms.map(Not),
            st.lists(terms, min_size=2, max_size=3).map(tuple).map(And),
            st.lists(terms, min_size=2, max_size=3).map(tuple).map(Or),
        ),
        max_leaves=5,
    )


records = st.lists(st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()}), max_size=8)


@pytest.fixture(scope="module")
def sqlite() -> Iterator[sa.Connection]:
    """A database below a service; LIKE is case-sensitive, as the standard wants `contains` to be."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA case_sensitive_like = ON")
        METADATA.create_all(connection)
        yield connection
    engine.dispose()


@given(conditions(), records)
@settings(deadline=None, max_examples=150)
def test_a_service_lets_in_all_that_koppel_does(
    sqlite: sa.Connection, filter_: Filter, rows: list[dict[str, object]]
) -> None:
    """And nothing else, when nothing was left out."""
    columns = [pl.Series(name, [row[name] for row in rows], dtype=dtype(BY_NAME[name].shape)) for name in VALUES]
    page = pl.DataFrame([pl.Series("at", range(len(rows)), dtype=pl.Int64), *columns])
    ours = set(page.filter(to_polars(filter_, SHAPE))["at"].to_list())
    answer = to_odata(filter_, BY_NAME, STRICT)
    if answer is None:
        assert not _can_be_asked(filter_)
        return
    found = set()
    for at, row in enumerate(rows):
        sqlite.execute(sa.delete(TABLE))
        sqlite.execute(sa.insert(TABLE), row)
        if sqlite.execute(apply_odata_core(sa.select(TABLE.c.text), answer)).first() is not None:
            found.add(at)
    assert ours <= found
    if _can_be_asked(filter_):
        assert ours == found


def _can_be_asked(filter_: Filter) -> bool:
    """Whether each of its conditions can be asked, and its opposite."""
    match filter_:
        case Not(term):
            return _can_be_asked(term)
        case And(terms) | Or(terms):
            return all(map(_can_be_asked, terms))
        case _:
            return None not in (to_odata(filter_, BY_NAME, STRICT), to_odata(Not(filter_), BY_NAME, STRICT))
