"""One environment: its rows, its users, and what an administrator can set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from koppel.sandbox.clock import Clock
from koppel.sandbox.dataverse.cache import Cache
from koppel.sandbox.dataverse.push import Push
from koppel.sandbox.dataverse.refusal import DENIED
from koppel.sandbox.dataverse.rights import NOTHING, Depth, Grant, masked, privilege
from koppel.sandbox.dataverse.rows import empty_rows
from koppel.sandbox.dataverse.shape import Column, Table
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.rows import Row
from koppel.sandbox.switches import Switches

DELTA_DAYS = 7
"""Days a delta token lives unless the organisation says otherwise (wire 1.4)."""


@dataclass
class Environment:
    """Everything behind the Web API of one environment.

    `users`: application users, client id to systemuser id. `secured`: columns with column security, as (table, column);
    `granted`: what profiles let application users do with them, nothing unless it stands there; `masked`: those with a
    masking rule. `withheld`: privileges application users have less of than for the whole organisation, by name.
    `untracked`: tables whose change tracking is off. `organisation_read`: whether application users may read all rows,
    which deltas need. `deltas_from`: tokens of an older row version have expired.
    """

    clock: Clock
    switches: Switches = field(default_factory=Switches)
    users: dict[str, str] = field(default_factory=dict)
    base_currency: str = ""
    secured: set[tuple[str, str]] = field(default_factory=set)
    granted: dict[tuple[str, str], Grant] = field(default_factory=dict)
    masked: set[tuple[str, str]] = field(default_factory=set)
    withheld: dict[str, Depth] = field(default_factory=dict)
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

    def grant(self, table: str, column: str) -> Grant:
        """What application users may do with a secured column."""
        return self.granted.get((table, column), NOTHING)

    def depth(self, privilege: str) -> Depth:
        """For how many rows application users have a privilege."""
        return self.withheld.get(privilege, Depth.ORGANISATION)

    def demand(self, kind: str, table: Table) -> None:
        """A privilege of application users. Raises `Refusal` when they lack it (wire 1.10)."""
        name = privilege(kind, table)
        if self.depth(name) is Depth.NONE:
            raise Refusal(403, DENIED, f"Principal user is missing {name} privilege.")

    def value(self, table: Table, row: Row, column: Column) -> Any:
        """What a reader sees: hidden columns as null without any hint (wire 4.2.6), amounts in the base currency
        at today's rate (wire 4.2.11).
        """
        place = (table.name, column.name)
        if place in self.secured and not self.grant(*place).read:
            return None
        if place in self.masked and isinstance(row.get(column.name), str):
            return masked(row[column.name])
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
