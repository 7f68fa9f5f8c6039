"""The right side of a world as a Dataverse environment."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from random import Random
from typing import ClassVar

import pytest

from koppel.connectors.dataverse import sending
from koppel.connectors.dataverse.opening import API, system_of
from koppel.connectors.memory import Record
from koppel.connectors.odata.session import Limits
from koppel.ports import System
from koppel.sandbox.dataverse import addresses
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import Column, Kind, Target
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.refusal import Refusal
from koppel.testing.world_tables import TAG
from tests.contract.dataverse_stage import standing
from tests.dataverse.crm import Bearer
from tests.sandbox.web import URL, web
from tests.simulation.far import TEXTS, FarSystem, WorldClock

FIRM = standing("firm", *(Column(name, Kind.TEXT, length=100) for name in (TAG, "name")))
PERSON = standing(
    "person",
    *(Column(name, Kind.TEXT, length=100) for name in (TAG, *TEXTS)),
    Column("company", Kind.LOOKUP, targets=(Target("firm", "company_Firm"),)),
)
"""No key but the id keeps duplicates out."""


@contextmanager
def peopled(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Environments have these tables, and a write is sent in several requests."""
    with patch.context() as patched:
        for table in (FIRM, PERSON):
            patched.setitem(TABLES, table.name, table)  # type: ignore[arg-type]
            patched.setitem(addresses._SETS, table.set_name, table)
        patched.setattr(sending, "ROWS_AT_ONCE", 2)
        yield


class FarDataverse(FarSystem):
    """An environment in which people belong to firms."""

    names: ClassVar = {"contact": PERSON.name, "company": FIRM.name}
    failure = Refusal(500, "0x80040216", "An unexpected error occurred.")

    def __init__(self, now: Callable[[], datetime], draw: Random) -> None:
        clock = WorldClock(now)
        self.web = web(clock=clock)
        super().__init__(clock, self.web.dataverse.answer, self.web.environment.rows, draw)

    def connected(self) -> System:
        limits = Limits(most_lanes=1)
        return system_of("crm", URL + API, Bearer(self.web), "UTC", limits, self.clock.timing(), self.line)

    @property
    def others(self) -> Others:
        return self.web.others

    def body(self, values: Mapping[str, object]) -> dict[str, object]:
        """Change stamps are the system's own; a company is bound by its address."""
        body = {name: value for name, value in values.items() if name not in ("company", "modified")}
        if "company" in values:
            company = values["company"]
            body["company_Firm@odata.bind"] = None if company is None else f"/firms({company})"
        return body

    def stored(self, table: str) -> dict[str, Record]:
        rows = self.web.environment.rows.tables[table]
        return {id_: {name: _plain(row.get(name)) for name in TABLES[table].columns} for id_, row in rows.items()}


def _plain(value: object) -> object:
    return value.id if isinstance(value, Ref) else value
