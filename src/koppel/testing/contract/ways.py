"""Short ways to say what the tests of the contract need."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar, cast

import polars as pl

from koppel.model.filter import And, Compare, Comparison, Filter, IsNull, Like, Not, OneOf, Or
from koppel.model.values import ID, OP, VERSION, KeyOrigin, Kind
from koppel.model.write import CODE, WriteKind
from koppel.ports import Table
from koppel.testing.stage import FIELDS, Stage, Trait, columns, fetched

T = TypeVar("T")

_NOTHING = {Kind.TEXT: "", Kind.CODE: "", Kind.DECIMAL: Decimal(0), Kind.INTEGER: 0, Kind.BOOLEAN: False}

CREATE, UPDATE, DELETE = WriteKind.CREATE, WriteKind.UPDATE, WriteKind.DELETE
ALL = tuple(field.name for field in FIELDS)

RICH: dict[str, object] = {
    "no": "C0001",
    "name": "Ærøskøbing Ünïted 株式会社 👩‍👩‍👧 e\u0301",
    "note": "line one\nline two\t'quoted' \"twice\"; -- and a \\ with 100 %",
    "amount": Decimal("-1234567890123.45"),
    "pieces": -(2**53) - 1,
    "active": False,
    "since": date(1999, 12, 31),
    "seen": datetime(2026, 10, 25, 0, 30, 0, 123456, tzinfo=UTC),
    "partner": "0190a5f2-1c3d-7abc-8def-0123456789ab",
    "rank": "high",
    "number": "7",
}


ODD: Mapping[str, Sequence[object]] = {
    "name": ["x" * 100, "x" * 101, "é" * 100, "end  ", " start", "\t", "x\0y", "a\r\nb\n", "\\N", "\\"],
    "note": ["", "\u200b", "🦄", "\ufeff", "\ud7ff\ue000", "DEFAULT", "NULL", "x" * 70_000, "'", '"', "%s", "{}"],
    "no": ["C" * 20, "C" * 21, "ß"],
    "rank": ["never", "LOW", "low ", "1", "", "0"],
    "amount": [Decimal("9999999999999.99"), Decimal("-0.01"), Decimal("10000000000000.00")],
    "pieces": [2**63 - 1, -(2**63), 0],
    "since": [date(1, 1, 1), date(9999, 12, 31)],
    "seen": [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)],
}
"""Values that systems cut, round, or take for something else; none of "rank" is one of its choices."""

VARIED: Sequence[Mapping[str, object]] = [
    {},
    {"note": "", "no": "A", "pieces": 0, "active": True},
    {"note": "a", "amount": Decimal("1.50"), "active": False, "rank": "low"},
    {"note": "A", "amount": Decimal("-0.01"), "since": date(2026, 1, 1), "rank": "high"},
    {"note": "a ", "pieces": 7, "seen": datetime(2026, 1, 1, tzinfo=UTC)},
    {"note": "é%_\\", "pieces": -(2**63), "partner": "0190a5f2-1c3d-7abc-8def-0123456789ab"},
    {"note": "e\u0301", "no": "Ä1", "seen": datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)},
]
"""Records in which filters can go wrong."""

_EQUAL, _OTHER, _LESS, _MORE = Comparison.EQUAL, Comparison.UNEQUAL, Comparison.LESS, Comparison.GREATER_OR_EQUAL
_PLAIN: Sequence[Filter] = [
    *(Compare("note", operator, text) for operator in Comparison for text in ("a", "", "A ", "é%_\\")),
    *(Like("note", pattern) for pattern in ("a%", "_", "%\\%%", "%\\\\", "É%")),
    *(Compare("no", operator, "ä1") for operator in (_EQUAL, _OTHER)),
    *(Compare("amount", operator, Decimal("1.5")) for operator in Comparison),
    *(Compare("pieces", operator, 7) for operator in Comparison),
    *(Compare("active", operator, True) for operator in (_EQUAL, _OTHER)),
    *(Compare("since", operator, date(2026, 1, 1)) for operator in (_LESS, _MORE)),
    *(Compare("seen", operator, datetime(2026, 1, 1, tzinfo=UTC)) for operator in (_EQUAL, _MORE, _OTHER)),
    Compare("partner", _EQUAL, "0190A5F2-1C3D-7ABC-8DEF-0123456789AB"),
    OneOf("rank", ("low",)),
    *(IsNull(name) for name in ("note", "no", "amount", "active", "since", "rank")),
]
FILTERS: Sequence[Filter] = [
    *_PLAIN,
    *(Not(term) for term in _PLAIN),
    And((Compare("no", _OTHER, "A"), Compare("note", _EQUAL, "a"))),
    Or((IsNull("pieces"), Not(And((Compare("active", _EQUAL, True), Like("note", "%")))))),
]


def uuid(number: int) -> str:
    """A uuid that grows with `number`."""
    return f"0190a5f2-0000-7000-8000-{number:012x}"


def nothing(stage: Stage, table: Table, name: str) -> object:
    """What a field shows that was given no value."""
    field = table.describe().field(name)
    assert field is not None
    return _NOTHING.get(field.kind) if Trait.NULLS in stage.lacks else None


def empty(stage: Stage) -> str | None:
    """What an empty text becomes."""
    return None if Trait.EMPTY_TEXTS in stage.lacks else ""


def is_kept(stage: Stage, table: Table, name: str, value: object, stored: object) -> bool:
    """Whether a field holds what it was given; a code is the same in upper case."""
    field = table.describe().field(name)
    if field is not None and field.kind is Kind.CODE and isinstance(value, str) and isinstance(stored, str):
        return stored.upper() == value.upper()
    return stored == (empty(stage) if value == "" else value)


def offered(stage: Stage, trait: Trait, made: T | None) -> T | None:
    """What the stage made. One that makes nothing must have said so: then the test has nothing to prove."""
    assert (made is None) == (trait in stage.lacks), f"{trait}: `lacks` and what the stage makes do not agree"
    return made


def of_origin(stage: Stage, origin: KeyOrigin) -> Table | None:
    """A table with keys of this origin, where there are such."""
    trait = {KeyOrigin.GENERATED: Trait.GENERATED_KEYS, KeyOrigin.RESERVED: Trait.RESERVED_KEYS}[origin]
    table = offered(stage, trait, stage.table(origin))
    assert table is None or table.describe().key_origin is origin, "the key's origin is found out"
    return table


def chosen(stage: Stage) -> Table:
    """The table most tests use."""
    table = stage.table(KeyOrigin.CHOSEN)
    assert table is not None, "every system has tables whose keys are chosen by whoever writes"
    assert table.describe().key_origin is KeyOrigin.CHOSEN, "the key's origin is found out"
    return table


def codes(answers: list[dict[str, object]]) -> list[object]:
    """What became of the rows."""
    return [answer[CODE] for answer in answers]


def found(table: Table, keys: list[dict[str, object]], ignore_case: bool) -> list[tuple[int, str]]:
    """(number of the key, id) of all hits, sorted."""
    frame = pl.DataFrame(
        [pl.Series(OP, range(1, len(keys) + 1), dtype=pl.Int64), *columns(table, tuple(keys[0]), keys)]
    )
    return sorted(cast(list[tuple[int, str]], table.find(frame, ignore_case).select(OP, ID).rows()))


def ripe_version(stage: Stage, table: Table, id_: str) -> object:
    """The version once it is older than one tick of the change stamp."""
    stage.wait(table.describe().granularity * 2)
    return fetched(table, [id_])[id_][VERSION]
