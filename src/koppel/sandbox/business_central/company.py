"""One company: its rows, its set-up, and what a code or an id means in it (wire 2.1, 2.4)."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from koppel.sandbox.business_central.refusal import SAME_KEY, Refusal, not_permitted
from koppel.sandbox.business_central.shape import ZERO_GUID, Table
from koppel.sandbox.business_central.switches import Switches
from koppel.sandbox.business_central.tables import COMPANY, TABLES, VERSION, WATERMARK
from koppel.sandbox.business_central.values import to_ticks
from koppel.sandbox.clock import Clock
from koppel.sandbox.rows import Key, Keyed, Row, Rows


class Right(StrEnum):
    """What a permission set allows with the records of one table."""

    READ = "Read"
    INSERT = "Insert"
    MODIFY = "Modify"
    DELETE = "Delete"


class PostCode(NamedTuple):
    """One entry of the table of post codes."""

    code: str
    city: str
    county: str
    country: str


@dataclass
class Setting:
    """What all companies of an environment have in common. `withheld`: rights that applications do not have, as
    (table, right).
    """

    clock: Clock
    switches: Switches = field(default_factory=Switches)
    withheld: set[tuple[str, Right]] = field(default_factory=set)

    def now(self) -> datetime:
        """The moment as rows are stamped with it (wire 2.3, 4.1.4)."""
        return to_ticks(self.clock.now())


class Company:
    """A company. `templates`: values new rows of a table take where none were sent (wire 4.3.15).

    `held`: transactions that have not ended, by the version they have taken, with the id of the row. `busy`: how many
    writes to a table are still refused because another session holds it (wire 4.3.26). `replica`: the rows a read-only
    replica has, None when it is up to date (wire 4.3.20).
    """

    def __init__(self, company_id: str, name: str, setting: Setting, post_codes: tuple[PostCode, ...]) -> None:
        self.id, self.name, self.setting = company_id, name, setting
        self.post_codes = post_codes
        self.rows = Rows(TABLES, VERSION, self.taken)
        self.templates: dict[str, Mapping[str, Any]] = {}
        self.held: dict[int, str] = {}
        self.busy: dict[str, int] = {}
        self.replica: dict[str, dict[str, Row]] | None = None

    @property
    def switches(self) -> Switches:
        """The settings of the unsettled points."""
        return self.setting.switches

    @property
    def local_currency(self) -> str:
        """The code of the local currency, which fields leave blank (wire 4.3.13)."""
        row = next(iter(self.rows.tables[COMPANY.name].values()))
        return str(row["LCY Code"])

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing."""
        return self.rows.transaction()

    def by_code(self, table: str, code: str) -> Row | None:
        """The row a code names."""
        found = TABLES[table]
        row_id = self.rows.by_key(found, found.primary, (code,))
        return self.rows.get(table, row_id) if row_id else None

    def id_of(self, table: str, code: str) -> str:
        """The id of the row a code names; blank for a blank or dangling code."""
        row = self.by_code(table, code) if code else None
        return str(row["SystemId"]) if row else ZERO_GUID

    def seen(self, table: Table, read_only: bool) -> list[Row]:
        """The rows a reader sees; one who asks for the replica sees those of a while ago."""
        if table is WATERMARK:
            return [self._watermark()]
        tables = self.replica if read_only and self.replica is not None else self.rows.tables
        return [*tables[table.name].values()]

    def row(self, table: Table, row_id: str, read_only: bool = False) -> Row | None:
        """One row as a reader sees it."""
        tables = self.replica if read_only and self.replica is not None else self.rows.tables
        return tables[table.name].get(row_id)

    def freeze_replica(self, on: bool) -> None:
        """Let the replica stand still, or catch up."""
        self.replica = {name: dict(rows) for name, rows in self.rows.tables.items()} if on else None

    def post_code(self, wanted: Callable[[PostCode], bool], country: str) -> PostCode | None:
        """The first entry that is wanted, one of the country before all others."""
        found = [one for one in self.post_codes if wanted(one)]
        return next((one for one in found if one.country == country), next(iter(found), None))

    def _watermark(self) -> Row:
        """How far a reader by row version may go: below every transaction that is still open (wire 2.3)."""
        last = self.rows.version
        active = min(self.held, default=last + 1)
        blank = {name: one.blank for name, one in WATERMARK.fields.items()}
        found = {"SystemId": self.id, "Last Used": last, "Minimum Active": active, "Now": self.setting.now()}
        return blank | found | {VERSION: last}

    def check_right(self, table: Table, right: Right) -> None:
        """Whether an application may do this. Raises `Refusal` (wire 2.8)."""
        if (table.name, right) in self.setting.withheld:
            raise not_permitted(table, right)

    def taken(self, table: Keyed, key: Key, holder: str) -> Refusal:
        """A key that is taken (U7)."""
        row = self.rows.tables[table.name][holder]
        text = f"The record in table {table.name} already exists. Identification fields and values: "
        named = ", ".join(f"{column}='{row[column]}'" for column in key.columns)
        return Refusal(self.switches.duplicate_key_status, SAME_KEY, text + named)
