"""Looking records up by value in PostgreSQL: the same answer as every other connector, whatever its locale knows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koppel.model.values import ID, OP
from koppel.model.write import WriteKind
from koppel.ports import TableOptions
from koppel.testing.contract import codes, found, uuid
from koppel.testing.stage import fetched, written
from tests.contract.postgresql_stage import PostgresStage
from tests.postgresql import connected


@pytest.fixture
def stage() -> Iterator[PostgresStage]:
    stage = PostgresStage()
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[PostgresStage]:
    """One schema for all examples of a property."""
    stage = PostgresStage()
    yield stage
    stage.close()


BLANKS = st.text(" \t\n\x0b\x85\u00a0\u1680\u2003\u2028\u202f\u3000\u200b", max_size=2)
WORDS = st.sampled_from(
    ["a", "A", "ab", "a b", "ä", "Ä", "ß", "ẞ", "İ", "i", "I", "ı", "K", "\u212a", "Σ", "ς", "%", "\\", '"', ""]
)
VALUES = st.lists(st.builds(lambda start, word, end: start + word + end, BLANKS, WORDS, BLANKS), max_size=8)


@settings(max_examples=60)
@given(stored=VALUES, keys=VALUES, ignore_case=st.booleans())
def test_candidates_hold_everything_that_polars_finds_equal(
    shared: PostgresStage, stored: list[str], keys: list[str], ignore_case: bool
) -> None:
    """All connectors agree on blanks and case, whatever the database's locale knows of Unicode."""
    shared.sql(
        "DROP TABLE IF EXISTS words", 'CREATE TABLE words (id int PRIMARY KEY, t text, v varchar(9) COLLATE "C")'
    )
    for at, text in enumerate(stored):
        shared.user.execute("INSERT INTO words VALUES (%s, %s, %s)", (at, text, text))
    table = shared.open_table("words")
    texts, wanted = (pl.Series(values, dtype=pl.String).str.strip_chars() for values in (stored, keys))
    if ignore_case:
        texts, wanted = texts.str.to_lowercase(), wanted.str.to_lowercase()
    hits = sorted(
        (op, str(at)) for op, key in enumerate(wanted, 1) for at, text in enumerate(texts) if key and key == text
    )
    for field in ("t", "v"):
        assert found(table, [{field: key} for key in keys] or [{field: None}], ignore_case) == hits


@pytest.mark.parametrize(
    ("declared", "stored", "value"),
    [
        ("char(5)", "'ab'", "ab"),
        ("numeric(9,2)", "1.5", Decimal("1.50")),
        ("numeric", "1.50", Decimal("1.5000000000")),
        ("float8", "0.1", Decimal("0.1")),
        ("bool", "true", True),
        ("date", "'2026-01-31'", date(2026, 1, 31)),
        ("timestamptz", "'2026-01-31 10:00:00.5Z'", datetime(2026, 1, 31, 10, 0, 0, 500000, UTC)),
        ("timestamp", "'2026-01-31 10:00:00'", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("uuid", f"'{uuid(7)}'", uuid(7)),
        ("mood", "'sad'", "sad"),
        ("inet", "'10.0.0.1'", "10.0.0.1/32"),
    ],
)
def test_values_of_every_type_are_found(stage: PostgresStage, declared: str, stored: str, value: object) -> None:
    stage.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    table = stage.make(f"id int PRIMARY KEY, v {declared}", f"1, {stored}", "2, NULL")
    for ignore_case in (False, True):
        assert found(table, [{"v": value}, {"v": None}], ignore_case) == [(1, "1")]


def test_looking_for_what_no_column_can_hold_finds_nothing(stage: PostgresStage) -> None:
    """Neither a zero byte nor a choice that the type does not know may end the look-up."""
    stage.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    table = stage.make("id int PRIMARY KEY, t text, m mood", "1, 'x', 'sad'")
    assert found(table, [{"t": "\0"}, {"t": "x"}], ignore_case=False) == [(2, "1")]
    assert found(table, [{"m": "never"}, {"m": "sad"}], ignore_case=False) == [(2, "1")]
    empty = table.find(pl.DataFrame(schema={OP: pl.Int64, "t": pl.String}), False)
    assert dict(empty.schema) == {OP: pl.Int64(), ID: pl.String()}


def test_a_database_of_another_encoding_is_read_and_searched(stage: PostgresStage) -> None:
    """The server translates; a character it has no room for is one row's trouble."""
    stage.sql(f"CREATE DATABASE {stage.schema} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with connected(f"{stage.url}&dbname={stage.schema}") as user:
            user.execute("CREATE TABLE thing (id int PRIMARY KEY, name text)")
            user.execute("INSERT INTO thing VALUES (1, ' ÉÉN\u00a0')")
        system = stage.open(url=f"{stage.url}&dbname={stage.schema}")
        table = system.table("thing", TableOptions())
        assert found(table, [{"name": "één"}], ignore_case=True) == [(1, "1")]
        rows: list[dict[str, object]] = [{"id": "2", "name": "株"}, {"id": "3", "name": "é"}]
        assert codes(written(stage, table, WriteKind.CREATE, rows)) == ["refused", "written"]
        assert fetched(table, ["3"], "name")["3"]["name"] == "é"
        system.close()
    finally:
        stage.sql(f"DROP DATABASE {stage.schema} WITH (FORCE)")
