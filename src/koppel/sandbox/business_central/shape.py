"""Tables, fields and API pages, as values (wire 2.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any

from koppel.sandbox.rows import Key

ZERO_GUID = "00000000-0000-0000-0000-000000000000"


class Type(StrEnum):
    """Types of fields, named as AL names them."""

    GUID = "Guid"
    CODE = "Code"
    TEXT = "Text"
    DECIMAL = "Decimal"
    BOOLEAN = "Boolean"
    INTEGER = "Integer"
    BIGINT = "BigInteger"
    DATE = "Date"
    DATETIME = "DateTime"
    ENUM = "Enum"


_BLANKS: Mapping[Type, Any] = {
    Type.GUID: ZERO_GUID,
    Type.CODE: "",
    Type.TEXT: "",
    Type.DECIMAL: Decimal(0),
    Type.BOOLEAN: False,
    Type.INTEGER: 0,
    Type.BIGINT: 0,
    Type.DATE: date.min,
    Type.DATETIME: datetime.min.replace(tzinfo=UTC),
}


@dataclass(frozen=True, eq=False)
class Field:
    """One field of a table. `length`: characters. `members`: of an enum, the first one blank or default.

    `relation`: the table whose key the value has to be.
    """

    name: str
    type: Type
    length: int = 0
    members: tuple[str, ...] = ()
    enum: str = ""
    relation: str = ""

    @property
    def blank(self) -> Any:
        """Its value when nobody has set any: nothing is ever null (wire 2.4)."""
        return self.members[0] if self.type is Type.ENUM else _BLANKS[self.type]


@dataclass(frozen=True)
class Table:
    """One table. `number`: its id in AL. `key`: the field that names a row to people. `described`: the field with a
    row's name.
    """

    name: str
    number: int
    key: str
    described: str
    fields: Mapping[str, Field]
    keys: tuple[Key, ...] = ()

    @property
    def primary(self) -> Key:
        """The key a relation looks a code up by."""
        return self.keys[0]


class Shows(Enum):
    """What a control shows of its field."""

    VALUE = "value"
    ID = "the SystemId of the row a code names"
    NAME = "the name of the row a code names"
    CURRENCY = "a currency code, the local one when it is blank"


@dataclass(frozen=True, eq=False)
class Control:
    """One property of an API page. `field`: the name of a field of the page's table."""

    name: str
    field: str
    editable: bool = True
    shows: Shows = Shows.VALUE


@dataclass(frozen=True, eq=False)
class Page:
    """One API page. `custom`: of an app. `writable`: rows may be inserted, changed and deleted through it."""

    set_name: str
    entity: str
    table: Table
    controls: Mapping[str, Control]
    custom: bool = False
    writable: bool = True

    def field(self, control: Control) -> Field:
        """The field behind a control."""
        return self.table.fields[control.field]

    def variable(self, control: Control) -> bool:
        """Whether a control is worked out by the page: there is no field to filter or sort by."""
        return control.shows in (Shows.NAME, Shows.CURRENCY)

    def type(self, control: Control) -> Type:
        """The type of what a control shows."""
        shown = {Shows.ID: Type.GUID, Shows.NAME: Type.TEXT}
        return shown.get(control.shows, self.field(control).type)

    @cached_property
    def navigation(self) -> dict[str, Control]:
        """Navigation properties: `currency` for `currencyId` (wire 2.3)."""
        return {
            control.name.removesuffix("Id"): control
            for control in self.controls.values()
            if control.shows is Shows.ID and control.name.endswith("Id")
        }
