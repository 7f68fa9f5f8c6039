"""A mapping: which table lines up with which, field by field, and what to do where they disagree.

These are plain frozen values. `config` reads and writes them as TOML, `engine` and `reconcile` carry them out. A
`Mapping` is what the user wrote; `BoundMapping` in `engine.bound` is the same with both tables opened and every type
known.
"""

from dataclasses import dataclass, field

from koppel.model.filter import Filter, fields_of
from koppel.model.numbers import Numbers
from koppel.model.policy import ConflictScope, Direction, Drift, FilterScope, FirstContact, OnConflict, OnDelete, Side


@dataclass(frozen=True)
class TableRef:
    """A table of a system: `erp.customer`."""

    system: str
    table: str

    def __str__(self) -> str:
        """As written in the configuration."""
        return f"{self.system}.{self.table}"


@dataclass(frozen=True)
class ConversionCall:
    """A named pure function on a column with its arguments: `cut(1, 20)`."""

    name: str
    arguments: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Hop:
    """A read-only table between a value and the record it means: the value is looked up in `given`, the answer stands
    in `wanted`.
    """

    table: TableRef
    given: str
    wanted: str


@dataclass(frozen=True)
class Reference:
    """A value that names a record of another mapping and is translated through that mapping's couplings (semantics
    4.8.5).

    `mappings`: tried in order, the first coupled record wins (with `conditions`, the first that exists). `blank`: the
    value a blank stands for (Business Central's blank currency code means the local currency). `left_by`, `right_by`:
    the field of the referenced table that the value holds; None = found out from the foreign key, else the table's key.
    `conditions`: one for each mapping, which rows of the hop's table lead to it; () = any row to any of them.
    """

    mappings: tuple[str, ...]
    blank: str | None = None
    left_by: str | None = None
    right_by: str | None = None
    hop: Hop | None = None
    conditions: tuple[Filter, ...] = ()

    @property
    def ways(self) -> tuple[tuple[str, Filter | None], ...]:
        """The mappings, each with its condition (None = any row)."""
        return tuple(zip(self.mappings, self.conditions or (None,) * len(self.mappings), strict=True))

    @property
    def tested(self) -> tuple[str, ...]:
        """The fields of the hop's table that the conditions look at."""
        return tuple(sorted(frozenset[str]().union(*map(fields_of, self.conditions))))


@dataclass(frozen=True)
class FieldMapping:
    """One field lined up with one field. `left` or `right` is None where a constant takes its place."""

    left: str | None
    right: str | None
    direction: Direction
    convert_right: tuple[ConversionCall, ...] = ()
    """Applied to the left value on its way to the right."""
    convert_left: tuple[ConversionCall, ...] = ()
    constant: str | None = None
    """Canonical text of the constant; read by the kind of the receiving field."""
    reference: Reference | None = None
    not_null: bool = False
    """A blank is not written (semantics 4.8.9)."""
    clear_on_failed: bool = False
    """A reference that leads nowhere is written as a blank instead of holding the record back (semantics 4.8.5)."""
    on_create: bool = False
    """Written when the record is created and never looked at again."""
    on_conflict: OnConflict | None = None
    """None = as the mapping says."""
    enabled: bool = True

    def name(self, side: Side) -> str | None:
        """The field's name on `side`."""
        return self.left if side is Side.LEFT else self.right

    def __str__(self) -> str:
        """`left <-> right`, as in messages."""
        return f"{self.left or '(constant)'} {self.direction} {self.right or '(constant)'}"


@dataclass(frozen=True)
class MatchRule:
    """Two uncoupled records are a likely pair when all these fields are equal and filled."""

    pairs: tuple[tuple[str, str], ...]
    ignore_case: bool = False

    def __str__(self) -> str:
        """As written in the configuration."""
        text = " + ".join(f"{left} = {right}" for left, right in self.pairs)
        return f"{text} (ignore case)" if self.ignore_case else text


@dataclass(frozen=True)
class SideOptions:
    """What a mapping says of one of its tables beyond what the table itself declares. None = found out."""

    filter_text: str = ""
    filter: Filter | None = None
    key: tuple[str, ...] | None = None
    modified: str | None = None
    lag_seconds: float | None = None
    numbers: Numbers | None = None
    """Who gives new records of this table their numbers, in a system with number series."""
    deactivate: tuple[str, str] | None = None
    """(field, value as canonical text) that puts a record of this table out of use."""


@dataclass(frozen=True)
class Mapping:
    """A table on the left lined up with a table on the right. Defaults are those of the settings table in the docs."""

    name: str
    left: TableRef
    right: TableRef
    fields: tuple[FieldMapping, ...]
    direction: Direction = Direction.BOTH
    only_coupled: bool = True
    on_conflict: OnConflict = OnConflict.ASK
    conflict_scope: ConflictScope = ConflictScope.FIELD
    on_delete: OnDelete = OnDelete.ASK
    first_contact: FirstContact = FirstContact.ASK
    filter_scope: FilterScope = FilterScope.EVERYTHING
    drift: Drift = Drift.SHOW
    after: tuple[str, ...] = ()
    match: tuple[MatchRule, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    """Groups of fields, by their left names, that are one value in the eyes of a conflict."""
    page: str = ""
    left_options: SideOptions = field(default_factory=SideOptions)
    right_options: SideOptions = field(default_factory=SideOptions)
    history_days: int = 90
    sweep_hours: float = 24
    skew_seconds: float = 2
    guard_rows: int = 50
    guard_percent: int = 20
    every_seconds: float | None = 1800
    """How often the worker runs it; None = never."""

    def table(self, side: Side) -> TableRef:
        """The table on `side`."""
        return self.left if side is Side.LEFT else self.right

    def options(self, side: Side) -> SideOptions:
        """The options of the table on `side`."""
        return self.left_options if side is Side.LEFT else self.right_options

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The mappings whose records must be there first: `after` and every reference, without itself, in order of
        mention.
        """
        references = [name for line in self.fields if line.reference for name in line.reference.mappings]
        return tuple(dict.fromkeys(name for name in (*self.after, *references) if name != self.name))
