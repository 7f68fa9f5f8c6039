"""The left side of a world as a company of Business Central, for each way in which new records get their numbers."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from random import Random
from typing import ClassVar
from uuid import UUID

import pytest

from koppel.connectors.business_central import facts
from koppel.connectors.business_central.opening import root_of, system_of
from koppel.connectors.business_central.refusals import ENGLISH
from koppel.connectors.business_central.system import Place
from koppel.connectors.memory import Record
from koppel.connectors.odata.session import Limits
from koppel.model.numbers import Numbers
from koppel.ports import System, TableOptions
from koppel.sandbox.business_central import others, sample, writing
from koppel.sandbox.business_central.environment import CUSTOM_ROUTE
from koppel.sandbox.business_central.others import Others
from koppel.sandbox.business_central.pages import CUSTOM
from koppel.sandbox.business_central.refusal import SERVER, Refusal
from koppel.sandbox.business_central.shape import Field, Type
from koppel.sandbox.business_central.tables import TABLES, _table
from koppel.testing.world_tables import TAG
from tests.business_central.erp import COMPANY, Bearer, Keeper
from tests.contract.business_central_stage import page
from tests.sandbox.central import TENANT, URL, central
from tests.simulation.far import TEXTS, FarSystem, WorldClock

PERSON = _table(
    "Person",
    70_010,
    "name",
    [Field("number", Type.CODE, 20), *(Field(name, Type.TEXT, 100) for name in (TAG, *TEXTS))],
    key="number",
)
SET, PAGE = "people", page("people", PERSON)
FACTS = facts.Facts(70_010, "number", series=True, codes=frozenset({"number"}))


@contextmanager
def peopled(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Companies have this table, numbered by a series, in which people may choose numbers too."""
    with patch.context() as patched:
        patched.setitem(TABLES, PERSON.name, PERSON)  # type: ignore[arg-type]
        patched.setitem(CUSTOM, SET, PAGE)  # type: ignore[arg-type]
        patched.setitem(others.PAGES, SET, PAGE)  # type: ignore[arg-type]
        patched.setitem(facts.PAGES, SET, FACTS)
        patched.setattr(sample, "_SERIES", [*sample._SERIES, ("P", PERSON.name, 5)])
        ids = count(1)
        patched.setattr(writing, "uuid4", lambda: UUID(int=next(ids)))  # the same seed gives the same history
        yield


class FarBusinessCentral(FarSystem):
    """A company with people. `numbers`: as a mapping says it, `series`, `reserved K000001..K999999` or `client id`."""

    names: ClassVar = {"contact": SET}
    failure = Refusal(500, SERVER, "An unexpected error occurred.")

    def __init__(self, now: Callable[[], datetime], draw: Random, numbers: str) -> None:
        clock = WorldClock(now)
        self.central = central(clock=clock)
        self.keeper = Keeper()  # of the store, which outlives processes
        self.options = TableOptions(numbers=Numbers.parse(numbers))
        super().__init__(clock, self.central.service.answer, self.central.company.rows, draw)

    def connected(self) -> System:
        place = Place("Rehearsal", COMPANY, CUSTOM_ROUTE, tenant=TENANT)
        root, limits = root_of(URL, place), Limits(most_lanes=1, headers=ENGLISH)
        return system_of("erp", root, Bearer(self.central), place, self.keeper, limits, self.clock.timing(), self.line)

    @property
    def others(self) -> Others:
        return self.central.others

    def body(self, values: Mapping[str, object]) -> dict[str, object]:
        """Nothing is null here."""
        return {name: "" if value is None else value for name, value in values.items() if name != "modified"}

    def stored(self, table: str) -> dict[str, Record]:
        """What is blank is None to a world."""
        rows = self.central.company.rows.tables[PERSON.name]
        return {id_: {name: row[name] or None for name in (TAG, *TEXTS)} for id_, row in rows.items()}
