"""A mapping whose two tables are known: every name found, every type at hand. Made by `engine.bind`, used by everything
after it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from koppel.model.filter import fields_of
from koppel.model.mapping import FieldMapping, Mapping
from koppel.model.policy import Direction, FirstContact, OnConflict, Side
from koppel.model.values import FieldShape, TableShape


class Identity(StrEnum):
    """Where the id of a record that koppel creates comes from, and thereby how a lost answer is looked up again."""

    KEY = "key"
    """From mapped fields: the key is natural."""
    CLIENT = "client id"
    """koppel chooses a uuid that grows."""
    RESERVED = "reserved"
    """A number reserved beforehand."""
    MARK = "reserved number"
    """The system gives it, and koppel a number reserved beforehand, by which the record is found again."""
    LOOKUP = "lookup"
    """The system gives it; found again by a unique mapped field."""
    IMPOSSIBLE = "nobody"
    """Nothing fills the key: records are updated on this side, and one to be created is that record's error."""
    NONE = "none"
    """The system gives it and nothing tells two alike records apart: a lost answer stays unknown."""

    @property
    def guarantee(self) -> str:
        """What it means for a new record whose create is not answered, in a sentence."""
        return _GUARANTEES[self]


_FOUND = "one whose answer is lost is found by it, and made once"
_GUARANTEES = {
    Identity.KEY: f"new records get their key from mapped fields: {_FOUND}",
    Identity.CLIENT: f"koppel chooses the id of new records: {_FOUND}",
    Identity.RESERVED: f"koppel reserves the key of new records: {_FOUND}",
    Identity.MARK: f"koppel gives new records a number that it has reserved: {_FOUND}",
    Identity.LOOKUP: f"the system gives new records their key, and a unique field is mapped: {_FOUND}",
    Identity.IMPOSSIBLE: "nothing fills the key of new records: none can be created",
    Identity.NONE: (
        "the system gives new records their key, and nothing else tells them apart: whether one whose answer is lost"
        " was made is for a person to find out"
    ),
}


@dataclass(frozen=True)
class Line:
    """One enabled field mapping with the shapes of both its ends; a constant's end has the shape of the receiving
    field.
    """

    mapping: FieldMapping
    left: FieldShape
    right: FieldShape

    def shape(self, side: Side) -> FieldShape:
        """The field on `side`."""
        return self.left if side is Side.LEFT else self.right

    def reaches(self, side: Side) -> bool:
        """Whether this line may write to `side`."""
        return self.mapping.name(side) is not None and self.mapping.direction.reaches(side)


@dataclass(frozen=True)
class BoundMapping:
    """`lines`: first the `cells` (lines compared on every look), then the lines written on creation only."""

    mapping: Mapping
    shapes: tuple[TableShape, TableShape]
    lines: tuple[Line, ...]
    cells: int
    layout: tuple[str, ...]
    """One stable entry per cell; a stored baseline speaks only of cells whose entry is the same."""
    identities: tuple[Identity, Identity]

    @property
    def name(self) -> str:
        """The mapping's name."""
        return self.mapping.name

    def shape(self, side: Side) -> TableShape:
        """The table on `side`."""
        return self.shapes[side]

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The direction of every cell."""
        return tuple(line.mapping.direction for line in self.lines[: self.cells])

    def wanted(self, side: Side) -> tuple[str, ...]:
        """The fields to read on `side`: mapped, in its filter, or used for matching; each once."""
        mapped = [line.mapping.name(side) for line in self.lines]
        matched = [pair[side] for rule in self.mapping.match for pair in rule.pairs]
        stamp = [self.shape(side).modified] if self.asks_the_clock else []
        return tuple(
            dict.fromkeys(name for name in (*mapped, *self.filtered(side), *matched, *stamp) if name is not None)
        )

    def filtered(self, side: Side) -> tuple[str, ...]:
        """The fields that the filter of `side` looks at."""
        filter_ = self.mapping.options(side).filter
        return tuple(sorted(fields_of(filter_))) if filter_ else ()

    @property
    def asks_the_clock(self) -> bool:
        """Whether `newest wins` is said anywhere, so that change stamps have to be read as values."""
        said = {line.mapping.on_conflict for line in self.lines} | {self.mapping.on_conflict}
        return OnConflict.NEWEST in said or self.mapping.first_contact is FirstContact.NEWEST

    @property
    def refers_to_itself(self) -> bool:
        """Whether a record may wait for another record of the same mapping (a tree in one table)."""
        return any(
            self.name in line.mapping.reference.mappings for line in self.lines if line.mapping.reference is not None
        )

    def mapped(self, side: Side) -> tuple[str, ...]:
        """The fields of `side` that are compared; each once."""
        names = [line.mapping.name(side) for line in self.lines[: self.cells]]
        return tuple(dict.fromkeys(name for name in names if name is not None))

    def writable(self, side: Side) -> tuple[int, ...]:
        """The numbers of the lines that may write to `side`."""
        return tuple(i for i, line in enumerate(self.lines) if line.reaches(side))

    def cell_shapes(self, side: Side) -> tuple[FieldShape, ...]:
        """The shape of every cell on `side`, named by its number so that a field mapped twice stays two columns."""
        return tuple(replace(line.shape(side), name=str(i)) for i, line in enumerate(self.lines[: self.cells]))
