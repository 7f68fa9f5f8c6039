"""A Dataverse sandbox as a stage: tables of the contract's fields beside the standard ones, and a user who edits them.

Dataverse stores choices as numbers, so `rank` is translated to the contract's words and back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from koppel.connectors.dataverse.table import DataverseTable
from koppel.model.filter import Filter, Not, OneOf
from koppel.model.values import KeyOrigin, TableShape
from koppel.model.write import Write
from koppel.ports import Changes, Features, Table, TableOptions, Want
from koppel.sandbox.dataverse import addresses, effects
from koppel.sandbox.dataverse.shape import Behaviour, Column, Key, Kind, Target
from koppel.sandbox.dataverse.shape import Table as Standing
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.rows import Row, Rows
from koppel.sandbox.switches import Switches
from koppel.testing.stage import Trait
from tests.contract.sandbox_stage import SandboxStage, nothing
from tests.dataverse.crm import crm

WORDS = {"low": "100000000", "high": "100000001"}
_ID = Column("id", Kind.ID, update=False)
_SYSTEM = (
    Column("modifiedon", Kind.DATETIME, create=False, update=False),
    Column("createdon", Kind.DATETIME, create=False, update=False),
)


def standing(name: str, *columns: Column, keys: tuple[Key, ...] = ()) -> Standing:
    """A custom table."""
    by_name = {column.name: column for column in (_ID, *columns, *_SYSTEM)}
    return Standing(name, f"{name}s", "id", "name", by_name, keys, owned=False)


THING = standing(
    "thing",
    Column("no", Kind.TEXT, length=20),
    Column("name", Kind.TEXT, length=100, required=True),
    Column("note", Kind.MEMO, length=1_048_576),
    Column("amount", Kind.MONEY, precision=4),
    Column("transactioncurrencyid", Kind.LOOKUP, targets=(Target("transactioncurrency", "transactioncurrencyid"),)),
    Column("pieces", Kind.BIGINT, low=-(2**63), high=2**63 - 1),
    Column("active", Kind.BOOLEAN),
    Column("since", Kind.DATETIME, behaviour=Behaviour.DATE_ONLY),
    Column("seen", Kind.DATETIME),
    Column("partner", Kind.ID),
    Column("rank", Kind.CHOICE, options={int(number): word for word, number in WORDS.items()}),
    Column("number", Kind.TEXT, length=200),
    keys=(Key("no_key", ("no",)),),
)
LOUD = standing(
    "louder", Column("name", Kind.TEXT, length=100), Column("loud", Kind.TEXT, length=100, create=False, update=False)
)
REFERRING = standing(
    "referring",
    Column("name", Kind.TEXT, length=100),
    Column("parent", Kind.LOOKUP, targets=(Target("thing", "parent_Thing"),)),
)


class Worded:
    """A table whose `rank` is one of the contract's words."""

    def __init__(self, table: DataverseTable) -> None:
        self.table = table

    @property
    def features(self) -> Features:
        return self.table.features

    def describe(self) -> TableShape:
        shape = self.table.describe()
        fields = tuple(
            replace(field, choices=tuple(WORDS)) if field.name == "rank" else field for field in shape.fields
        )
        return replace(shape, fields=fields)

    def changes(self, since: str | None, want: Want) -> Changes:
        changes = self.table.changes(since, replace(want, filter=_numbered(want.filter)))
        return replace(changes, pages=(_in_words(page) for page in changes.pages))

    def fetch(self, ids: pl.Series, want: Want) -> pl.DataFrame:
        return _in_words(self.table.fetch(ids, want))

    def find(self, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
        return self.table.find(_in_numbers(keys), ignore_case)

    def write(self, write: Write) -> pl.DataFrame:
        expected = None if write.expected is None else _in_numbers(write.expected)
        return _in_words(self.table.write(replace(write, rows=_in_numbers(write.rows), expected=expected)))

    def reserve(self, count: int) -> pl.Series:
        return self.table.reserve(count)


def _in_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("rank").replace(WORDS)) if "rank" in frame.columns else frame


def _in_words(frame: pl.DataFrame) -> pl.DataFrame:
    words = {number: word for word, number in WORDS.items()}
    return frame.with_columns(pl.col("rank").replace(words)) if "rank" in frame.columns else frame


def _numbered(filter_: Filter | None) -> Filter | None:
    match filter_:
        case OneOf("rank", values):
            return OneOf("rank", tuple(WORDS[str(value)] for value in values))
        case Not(OneOf("rank", _) as term):
            numbered = _numbered(term)
            assert numbered is not None
            return Not(numbered)
        case _:
            return filter_


class DataverseStage(SandboxStage):
    """An environment with the contract's tables."""

    lacks = frozenset(
        {
            Trait.GENERATED_KEYS,
            Trait.RESERVED_KEYS,
            Trait.COMPOSITE_KEYS,
            Trait.QUOTED_NAMES,
            Trait.VIEWS,
            Trait.SCHEMAS,
            Trait.LOCAL_TIMES,
            Trait.TRANSACTIONS,
        }
    )

    def __init__(self, switches: Switches) -> None:
        self.crm = crm()
        self.crm.web.environment.switches = switches
        super().__init__(self.crm.web.others, self.crm.web.clock)

    def table(self, origin: KeyOrigin) -> Worded | None:
        return self._opened("thing") if origin is KeyOrigin.CHOSEN else None

    def _opened(self, name: str, options: TableOptions | None = None) -> Worded:
        return Worded(self.crm.table(name, options))

    def computed(self) -> Worded:
        return self._opened("louder")

    def referring(self) -> Worded:
        return self._opened("referring")

    composite = awkward = view = elsewhere = local = nothing

    def live(self, table: Table) -> Worded:
        return self._opened("thing", TableOptions(lag=timedelta(0)))

    def begin(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        """Nobody can hold a transaction open from outside."""

    def body(self, values: Mapping[str, object]) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for name, value in values.items():
            if name == "rank" and value is not None:
                body[name] = int(WORDS[str(value)])
            else:
                body[name] = value.isoformat() if isinstance(value, date) else value
        return body


@contextmanager
def staged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The contract's tables exist, with what a plug-in fills in, and a parent that is in use cannot be deleted."""
    with monkeypatch.context() as patched:
        for table in (THING, LOUD, REFERRING):
            patched.setitem(TABLES, table.name, table)  # type: ignore[arg-type]
            patched.setitem(addresses._SETS, table.set_name, table)
        patched.setattr(effects, "_RESTRICTING", {*effects._RESTRICTING, "parent"})
        put = Rows.put

        def filled(rows: Rows, table: Standing, row_id: str, row: Row) -> None:
            if table is THING and not row.get("number"):
                row = {**row, "number": f"N-{row['name']}"}
            if table is LOUD:
                row = {**row, "loud": (row.get("name") or "").upper() or None}
            put(rows, table, row_id, row)

        patched.setattr(Rows, "put", filled)
        yield
