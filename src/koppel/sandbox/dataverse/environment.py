"""One environment: its rows, its users, and what an administrator can set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from koppel.sandbox.clock import Clock
from koppel.sandbox.dataverse.cache import Cache
from koppel.sandbox.dataverse.push import Push
from koppel.sandbox.dataverse.rows import empty_rows
from koppel.sandbox.dataverse.shape import Column, Table
from koppel.sandbox.rows import Row
from koppel.sandbox.switches import Switches

DELTA_DAYS = 7
"""Days a delta token lives unless the organisation says otherwise (wire 1.4)."""


@dataclass
class Environment:
    """Everything behind the Web API of one environment.

    `users`: application users, client id to systemuser id. `secured`: columns hidden from application users, as (table,
    column). `untracked`: tables whose change tracking is off. `organisation_read`: whether application users may read
    all rows, which deltas need. `deltas_from`: tokens of an older row version have expired.
    """

    clock: Clock
    switches: Switches = field(default_factory=Switches)
    users: dict[str, str] = field(default_factory=dict)
    base_currency: str = ""
    secured: set[tuple[str, str]] = field(default_factory=set)
    untracked: set[str] = field(default_factory=set)
    organisation_read: bool = True
    delta_days: int = DELTA_DAYS
    deltas_from: int = 0

    def __post_init__(self) -> None:
        """Without rows, with nothing in the cache of the metadata, and nobody to be told of what happens."""
        self.rows = empty_rows(lambda: self.switches.duplicate_status)
        self.metadata = Cache(self.clock)
        self.push = Push(self.clock)

    def now(self) -> datetime:
        """The moment as rows are stamped with it: whole seconds (wire 1.4, 4.1.4)."""
        return self.clock.now().replace(microsecond=0)

    def expire_deltas(self) -> None:
        """End all delta tokens, as a change of the metadata does (wire 1.4)."""
        self.deltas_from = self.rows.next_version()

    def tracks(self, table: Table) -> bool:
        """Whether change tracking is on for a table."""
        return table.tracked and table.name not in self.untracked

    def value(self, table: Table, row: Row, column: Column) -> Any:
        """What a reader sees: hidden columns as null without any hint (wire 4.2.6), amounts in the base currency
        at today's rate (wire 4.2.11).
        """
        if (table.name, column.name) in self.secured:
            return None
        if column.name.endswith("_base"):
            amount = row.get(column.name.removesuffix("_base"))
            return None if amount is None else amount / self._rate(row)
        if column.name == "exchangerate" and not column.create:
            return self._rate(row) if row.get("transactioncurrencyid") else None
        return row.get(column.name)

    def currency(self, row: Mapping[str, Any]) -> Row | None:
        """The currency of a row."""
        ref = row.get("transactioncurrencyid")
        return self.rows.get("transactioncurrency", ref.id) if ref else None

    def _rate(self, row: Row) -> Decimal:
        currency = self.currency(row)
        rate: Decimal = currency["exchangerate"] if currency else Decimal(1)
        return rate
