"""Tables, columns and alternate keys of an environment, as values (wire 1.5, 1.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from koppel.sandbox import rows


class Kind(StrEnum):
    """Types of columns, named as the metadata names them."""

    ID = "Uniqueidentifier"
    TEXT = "String"
    MEMO = "Memo"
    INTEGER = "Integer"
    BIGINT = "BigInt"
    DECIMAL = "Decimal"
    MONEY = "Money"
    BOOLEAN = "Boolean"
    CHOICE = "Picklist"
    CHOICES = "MultiSelectPicklist"
    STATE = "State"
    STATUS = "Status"
    DATETIME = "DateTime"
    LOOKUP = "Lookup"
    CUSTOMER = "Customer"
    OWNER = "Owner"


class Behaviour(StrEnum):
    """What a date and time column means."""

    USER_LOCAL = "UserLocal"
    DATE_ONLY = "DateOnly"
    ZONELESS = "TimeZoneIndependent"


LOOKUPS = {Kind.LOOKUP, Kind.CUSTOMER, Kind.OWNER}
NUMBERED = {Kind.CHOICE, Kind.CHOICES, Kind.STATE, Kind.STATUS}


@dataclass(frozen=True)
class Target:
    """One table a lookup may name, and the navigation property that binds it, in its exact case."""

    table: str
    navigation: str


@dataclass(frozen=True, eq=False)
class Column:
    """One column. `length`: UTF-16 units. `precision`: decimals stored. `options`: number to label.

    `states`: for a status, the state it belongs to. `create`, `update`: whether it may be written then. `date_format`:
    shown as a date although it may hold a time (wire 4.2.12). `required`: by the system, so that no row is without it.
    """

    name: str
    kind: Kind
    length: int = 0
    precision: int = 2
    low: int = -(2**31)
    high: int = 2**31 - 1
    options: Mapping[int, str] = field(default_factory=dict)
    states: Mapping[int, int] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    behaviour: Behaviour = Behaviour.USER_LOCAL
    date_format: bool = False
    create: bool = True
    update: bool = True
    required: bool = False
    schema_name: str = ""

    @property
    def wire_name(self) -> str:
        """Its name in rows and filters: lookups are read as `_name_value` (wire 1.2)."""
        return f"_{self.name}_value" if self.kind in LOOKUPS else self.name


@dataclass(frozen=True)
class Key(rows.Key):
    """An alternate key. Its index is built in the background: only an `Active` one may be used (wire 1.3)."""

    status: str = "Active"

    @property
    def enforced(self) -> bool:
        """Whether its index could be built."""
        return self.status == "Active"


@dataclass(frozen=True)
class Table:
    """One table. `owned`: its rows have an owner. `tracked`: change tracking is on. `creatable`: through the API."""

    name: str
    set_name: str
    id_column: str
    name_column: str
    columns: Mapping[str, Column]
    keys: tuple[Key, ...] = ()
    owned: bool = True
    tracked: bool = True
    creatable: bool = True

    @cached_property
    def by_wire_name(self) -> dict[str, Column]:
        """The columns under the names rows give them."""
        return {column.wire_name: column for column in self.columns.values()}

    @cached_property
    def navigation(self) -> dict[str, tuple[Column, tuple[str, ...]]]:
        """Navigation property to its column and the tables it may name; `ownerid` names several (wire 1.5)."""
        found: dict[str, tuple[Column, tuple[str, ...]]] = {}
        for column in self.columns.values():
            for target in column.targets:
                tables = found.get(target.navigation, (column, ()))[1]
                found[target.navigation] = (column, (*tables, target.table))
        return found
