"""The types of OData, and what koppel makes of them."""

from dataclasses import dataclass

from koppel.model.values import FieldShape, Kind

KINDS = {
    "Edm.String": Kind.TEXT,
    "Edm.Guid": Kind.UUID,
    "Edm.Boolean": Kind.BOOLEAN,
    "Edm.Byte": Kind.INTEGER,
    "Edm.SByte": Kind.INTEGER,
    "Edm.Int16": Kind.INTEGER,
    "Edm.Int32": Kind.INTEGER,
    "Edm.Int64": Kind.INTEGER,
    "Edm.Decimal": Kind.DECIMAL,
    "Edm.Double": Kind.DECIMAL,
    "Edm.Single": Kind.DECIMAL,
    "Edm.Date": Kind.DATE,
    "Edm.DateTimeOffset": Kind.DATETIME,
}
"""What values of a primitive type are. Durations, times of day, bytes, streams and places are not carried."""

FLOATS = {"Edm.Double": 15, "Edm.Single": 6}
"""Types that keep so many significant digits."""


@dataclass(frozen=True)
class Property:
    """One property of an entity. `edm`: its type; of an enumeration the qualified name. `second_digits`: how many of a
    second a date-time keeps. `wire`: its name in JSON and filters, where that is not the field's. `filterable`: whether
    a service can be asked for records by it.
    """

    shape: FieldShape
    edm: str
    second_digits: int = 6
    wire: str = ""
    filterable: bool = True

    @property
    def stored(self) -> str:
        """Its type, for messages."""
        return self.edm

    @property
    def member(self) -> str:
        """What the service calls it."""
        return self.wire or self.shape.name

    @property
    def is_annotation(self) -> bool:
        """Whether it is told beside another property, and only where that has a value."""
        return "@" in self.wire

    @property
    def is_enumeration(self) -> bool:
        """Whether its type is an enumeration of the service's own."""
        return not self.edm.startswith("Edm.")
