"""Columns of a table: what the metadata says of an attribute, as a field and its manners (wire 1.5, 1.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from koppel.connectors.dataverse.metadata import Attribute, Details
from koppel.connectors.dataverse.security import OPEN, Access
from koppel.connectors.odata.edm import Property
from koppel.model.values import FieldShape, Kind

_TYPES = {
    "UniqueidentifierType": ("Edm.Guid", Kind.UUID),
    "StringType": ("Edm.String", Kind.TEXT),
    "MemoType": ("Edm.String", Kind.TEXT),
    "IntegerType": ("Edm.Int32", Kind.INTEGER),
    "BigIntType": ("Edm.Int64", Kind.INTEGER),
    "DecimalType": ("Edm.Decimal", Kind.DECIMAL),
    "DoubleType": ("Edm.Double", Kind.DECIMAL),
    "MoneyType": ("Edm.Decimal", Kind.DECIMAL),
    "BooleanType": ("Edm.Boolean", Kind.BOOLEAN),
    "PicklistType": ("Edm.Int32", Kind.CHOICE),
    "StateType": ("Edm.Int32", Kind.CHOICE),
    "StatusType": ("Edm.Int32", Kind.CHOICE),
    "MultiSelectPicklistType": ("Edm.String", Kind.TEXT),
    "DateTimeType": ("Edm.DateTimeOffset", Kind.DATETIME),
    "LookupType": ("Edm.Guid", Kind.UUID),
    "CustomerType": ("Edm.Guid", Kind.UUID),
    "OwnerType": ("Edm.Guid", Kind.UUID),
}
"""Attributes that become fields, by AttributeTypeName; files, images, party lists and the like do not."""

_LOOKUPS = frozenset({"LookupType", "CustomerType", "OwnerType"})
_TABLE_OF_LOOKUP = "@Microsoft.Dynamics.CRM.lookuplogicalname"

MONEY_SCALE = 4
"""Digits of money whose precision is the organisation's or the currency's: no currency has more (wire 1.5)."""


@dataclass(frozen=True)
class Column:
    """One column. `create`, `update`: whether it may be written then; the service drops it without a word otherwise.

    `access`: what column security lets koppel do. `targets`: the tables that a lookup may name, each with the
    navigation property that binds it. `several`: a set of choices, kept in one order.
    """

    odata: Property
    details: Details = field(default_factory=Details)
    create: bool = False
    update: bool = False
    access: Access = OPEN
    targets: Mapping[str, str] = field(default_factory=dict)
    several: bool = False

    @property
    def name(self) -> str:
        """Its logical name, which is the field's."""
        return self.odata.shape.name

    @property
    def zoneless(self) -> bool:
        """Whether it is the time of day on a clock somewhere."""
        return self.details.behaviour == "TimeZoneIndependent"


def columns_of(
    attribute: Attribute,
    details: Details,
    navigations: Mapping[str, str],
    access: Access = OPEN,
    unique: bool = False,
    key: bool = False,
) -> list[Column]:
    """The column of an attribute, and of a lookup with several tables the one that tells which it is; none for what
    cannot be a field. `navigations`: table to navigation property of its relationships.
    """
    type_ = attribute.AttributeTypeName.Value if attribute.AttributeTypeName else ""
    if attribute.AttributeOf or not attribute.IsValidForRead or type_ not in _TYPES:
        return []
    create, update = attribute.IsValidForCreate, attribute.IsValidForUpdate and not key
    targets = _targets(details.targets, navigations) if type_ in _LOOKUPS else {}
    if type_ in _LOOKUPS and not targets:
        create = update = False  # nothing is known that could bind it
    edm, shape = _shape(attribute, type_, details, unique)
    if not (create or update):
        shape = replace(shape, read_only=True)
    elif access.hidden or not (access.create or access.update):
        shape = replace(shape, read_only=True, unlock=access.remedy)
    several = type_ == "MultiSelectPicklistType"
    odata = Property(
        shape,
        edm,
        second_digits=0,
        wire=f"_{shape.name}_value" if type_ in _LOOKUPS else "",
        filterable=not several and not access.hidden,
    )
    column = Column(odata, details, create, update, access, targets, several)
    return [column, *([_table_named(column)] if len(targets) > 1 else [])]


def _shape(attribute: Attribute, type_: str, details: Details, unique: bool) -> tuple[str, FieldShape]:
    """Its OData type, and the field. ApplicationRequired is for forms only: the service does not insist (wire 1.6)."""
    edm, kind = _TYPES[type_]
    if kind is Kind.DATETIME and details.behaviour == "DateOnly":
        edm, kind = "Edm.Date", Kind.DATE
    return edm, FieldShape(
        attribute.LogicalName,
        kind,
        length=details.length if kind is Kind.TEXT else None,
        scale=_scale(type_, details),
        nullable=attribute.RequiredLevel is None or attribute.RequiredLevel.Value != "SystemRequired",
        choices=details.options if kind is Kind.CHOICE else (),
        unique=unique,
    )


def _table_named(lookup: Column) -> Column:
    """Which table a lookup with several names: `parentcustomeridtype` beside `parentcustomerid`."""
    shape = FieldShape(f"{lookup.name}type", Kind.CHOICE, choices=tuple(lookup.targets), read_only=True)
    wire = lookup.odata.wire + _TABLE_OF_LOOKUP
    return Column(Property(shape, "Edm.String", wire=wire, filterable=False), access=lookup.access)


def _targets(tables: tuple[str, ...], navigations: Mapping[str, str]) -> dict[str, str]:
    """An owner's relationship leads to the table `owner`, which users and teams are both part of."""
    found = {table: navigations.get(table) or navigations.get("owner", "") for table in tables}
    return {table: navigation for table, navigation in found.items() if navigation}


def _scale(type_: str, details: Details) -> int | None:
    match type_:
        case "DecimalType":
            return details.precision
        case "MoneyType":
            return details.precision if details.precision_source == 0 else MONEY_SCALE
        case _:
            return None
