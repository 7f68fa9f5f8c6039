"""A Business Central sandbox as a stage: pages of the contract's fields beside those of an app, and a user at work.

What AL would do in triggers of the contract's table is done where the sandbox stores a row.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest

from koppel.connectors.business_central import facts
from koppel.connectors.business_central.table import PageTable
from koppel.model.numbers import NumberPolicy, Numbers
from koppel.model.values import KeyOrigin
from koppel.ports import Table, TableOptions
from koppel.sandbox.business_central import others
from koppel.sandbox.business_central.pages import _SYSTEM, CUSTOM
from koppel.sandbox.business_central.refusal import SAME_KEY, Refusal
from koppel.sandbox.business_central.shape import Control, Field, Page, Type
from koppel.sandbox.business_central.shape import Table as Standing
from koppel.sandbox.business_central.switches import Switches
from koppel.sandbox.business_central.tables import TABLES, _table
from koppel.sandbox.rows import Row, Rows
from koppel.testing.stage import Trait
from tests.business_central.erp import Erp, custom
from tests.contract.sandbox_stage import SandboxStage, nothing

THING = _table(
    "Thing",
    70_000,
    "name",
    [
        Field("no", Type.CODE, 20),
        Field("name", Type.TEXT, 100),
        Field("note", Type.TEXT, 2048),
        Field("amount", Type.DECIMAL),
        Field("pieces", Type.BIGINT),
        Field("active", Type.BOOLEAN),
        Field("since", Type.DATE),
        Field("seen", Type.DATETIME),
        Field("partner", Type.GUID),
        Field("rank", Type.ENUM, members=(" ", "low", "high"), enum="thingRank"),
        Field("number", Type.TEXT, 200),
    ],
    key="SystemId",
)
LOUD = _table("Louder", 70_001, "name", [Field("name", Type.TEXT, 100), Field("loud", Type.TEXT, 100)], key="SystemId")


def page(set_name: str, table: Standing, *read_only: str) -> Page:
    """An API page of a table of the contract."""
    own = [name for name in table.fields if not name.startswith("System")]
    controls = [
        Control("id", "SystemId"),
        *(Control(name, name, editable=name not in read_only) for name in own),
        Control("lastModifiedDateTime", "SystemModifiedAt", editable=False),
        *_SYSTEM,
    ]
    return Page(set_name, set_name, table, {control.name: control for control in controls}, custom=True)


PAGES = {"things": page("things", THING), "louders": page("louders", LOUD, "loud")}
FACTS = {
    "things": facts.Facts(70_000, "no", required=frozenset({"name"}), codes=frozenset({"no"})),
    "louders": facts.Facts(70_001),
}


class BusinessCentralStage(SandboxStage):
    """A company with the contract's pages."""

    lacks = frozenset(
        {
            Trait.RESERVED_KEYS,
            Trait.COMPOSITE_KEYS,
            Trait.QUOTED_NAMES,
            Trait.VIEWS,
            Trait.SCHEMAS,
            Trait.LOCAL_TIMES,
            Trait.REFERENCES,
            Trait.NULLS,
        }
    )

    def __init__(self, switches: Switches) -> None:
        self.erp: Erp = custom()
        self.erp.central.environment.switches = switches
        super().__init__(self.erp.central.others, self.erp.central.clock)

    def table(self, origin: KeyOrigin) -> PageTable | None:
        match origin:
            case KeyOrigin.CHOSEN:
                return self.erp.table("things")
            case KeyOrigin.GENERATED:
                return self.erp.table("things", TableOptions(numbers=Numbers(NumberPolicy.SERIES)))
            case KeyOrigin.RESERVED:
                return None

    def computed(self) -> PageTable:
        return self.erp.table("louders")

    composite = awkward = view = elsewhere = local = referring = nothing

    def live(self, table: Table) -> PageTable:
        return self.erp.table("things", TableOptions(lag=timedelta(0)))

    def begin(self, table: Table, id_: str, values: Mapping[str, object]) -> Callable[[], None]:
        """Whoever else writes to the record meanwhile is refused (wire 4.3.26)."""
        version = self.erp.central.others.hold(table.describe().name, id_, self.body(values))
        return lambda: self.erp.central.others.release(version)

    def body(self, values: Mapping[str, object]) -> dict[str, Any]:
        """Nothing is null."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in values.items()
            if value is not None
        }


@contextmanager
def staged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The contract's pages exist, with what triggers of their tables do."""
    with monkeypatch.context() as patched:
        for name, made in PAGES.items():
            patched.setitem(TABLES, made.table.name, made.table)  # type: ignore[arg-type]
            patched.setitem(CUSTOM, name, made)  # type: ignore[arg-type]
            patched.setitem(others.PAGES, name, made)  # type: ignore[arg-type]
            patched.setitem(facts.PAGES, name, FACTS[name])
        put = Rows.put

        def filled(rows: Rows, table: Standing, row_id: str, row: Row, version: int | None = None) -> None:
            if table is THING:
                held = [other for id_, other in rows.tables["Thing"].items() if id_ != row_id]
                if row["no"] and any(other["no"] == row["no"] for other in held):
                    raise Refusal(400, SAME_KEY, f"The record in table Thing already exists. no='{row['no']}'")
                row = {**row, "number": row["number"] or f"N-{row['name']}"}
            if table is LOUD:
                row = {**row, "loud": row["name"].upper()}
            put(rows, table, row_id, row, version)

        patched.setattr(Rows, "put", filled)
        yield
