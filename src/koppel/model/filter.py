"""The filter language as a tree: what is left of a filter once it has been parsed.

Small on purpose. Every connector compiles this to its own language and `transform.filter` to Polars; both must agree on
every value (SQL's three-valued logic: a comparison with null is unknown, and an unknown filter lets no record in).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum

Literal = str | int | Decimal | bool | date | datetime


class Comparison(StrEnum):
    """The operators between a field and a value."""

    EQUAL = "="
    UNEQUAL = "<>"
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


@dataclass(frozen=True)
class Compare:
    """`field operator value`."""

    field: str
    operator: Comparison
    value: Literal


@dataclass(frozen=True)
class OneOf:
    """`field IN (values)`."""

    field: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class IsNull:
    """`field IS NULL`."""

    field: str


@dataclass(frozen=True)
class Like:
    """`field LIKE pattern`: % any run, _ any one character, case-sensitive, backslash escapes."""

    field: str
    pattern: str


@dataclass(frozen=True)
class Not:
    """Negation."""

    term: "Filter"


@dataclass(frozen=True)
class And:
    """All terms hold."""

    terms: tuple["Filter", ...]


@dataclass(frozen=True)
class Or:
    """At least one term holds."""

    terms: tuple["Filter", ...]


Filter = Compare | OneOf | IsNull | Like | Not | And | Or


def fields_of(filter_: Filter) -> frozenset[str]:
    """The names of the fields a filter looks at."""
    match filter_:
        case Compare() | OneOf() | IsNull() | Like():
            return frozenset({filter_.field})
        case Not():
            return fields_of(filter_.term)
        case And() | Or():
            return frozenset[str]().union(*(fields_of(term) for term in filter_.terms))


def moment_of(value: Literal) -> datetime:
    """What a value of a filter means that a date-time is compared with: a moment in UTC, of a date its midnight."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        assert isinstance(value, date), "the filter was checked to compare a date-time with a moment"
        return datetime.combine(value, time(), UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
