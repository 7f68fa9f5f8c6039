"""A filter as a condition of SQL, with the very meaning `transform.filter` gives it on a page.

What is the same in every SQL database stands here; what a value is compared as is each database's own (`Terms`).
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from koppel.connectors.agreed.names import BLANKS
from koppel.model.filter import And, Compare, Comparison, Filter, IsNull, Like, Literal, Not, OneOf, Or, moment_of
from koppel.model.values import FieldShape, Kind

STRINGS = frozenset({Kind.TEXT, Kind.CODE, Kind.CHOICE, Kind.UUID})

Column = ColumnElement[Any]
Condition = ColumnElement[bool]


class Terms(Protocol):
    """How one database says what a filter looks at."""

    def comparable(self, column: Column, field: FieldShape) -> Column:
        """The column in the one form in which its values can be compared."""

    def compare(self, column: Column, field: FieldShape, operator: Comparison, value: Literal) -> Condition:
        """One comparison; against '' a null counts as ''."""

    def like(self, text: Column, pattern: str) -> Condition:
        """A comparable text like the pattern, case by case."""


def to_sql(
    filter_: Filter, columns: Mapping[str, Column], kinds: Mapping[str, FieldShape], terms: Terms
) -> ColumnElement[bool]:
    """The WHERE condition: true for exactly the rows that `to_polars` lets in, false or null for the others.

    `columns`: the table's columns by field name; `kinds`: their shapes. The filter has passed `transform.filter.check`.
    """
    match filter_:
        case Not(term):
            return sa.not_(to_sql(term, columns, kinds, terms).self_group())
        case And(parts):
            return sa.and_(*(to_sql(part, columns, kinds, terms) for part in parts))
        case Or(parts):
            return sa.or_(*(to_sql(part, columns, kinds, terms) for part in parts))
    column, field = columns[filter_.field], kinds[filter_.field]
    match filter_:
        case IsNull():
            return _is_blank(column, field, terms)
        case Like(_, pattern):
            pattern = pattern.upper() if field.kind is Kind.CODE else pattern
            return terms.like(terms.comparable(column, field), pattern)
        case Compare(_, operator, value):
            return terms.compare(column, field, operator, value)
        case OneOf(_, values):
            return sa.or_(*(terms.compare(column, field, Comparison.EQUAL, value) for value in values))


def _is_blank(column: Column, field: FieldShape, terms: Terms) -> Condition:
    """Null, and in fields that hold text '' too."""
    value = terms.comparable(column, field) if field.kind in STRINGS else column
    return sa.or_(value.is_(None), value == "") if field.kind in STRINGS else value.is_(None)


def text_of(value: Literal, kind: Kind) -> str:
    """The literal in the form of a comparable text; date-times in UTC with microseconds."""
    match kind:
        case Kind.CODE:
            return str(value).strip(BLANKS).upper()
        case Kind.UUID:
            return re.sub(r"[{}-]", "", str(value)).lower()
        case Kind.CHOICE:
            return format(Decimal(value).normalize(), "f") if isinstance(value, int | Decimal) else str(value)
        case Kind.DATETIME:
            return moment_of(value).replace(tzinfo=None).isoformat(timespec="microseconds")
        case _:
            return value.isoformat() if isinstance(value, date) else str(value)


OPERATORS: dict[Comparison, Callable[[Column, Column], Condition]] = {
    Comparison.EQUAL: lambda left, right: left == right,
    Comparison.UNEQUAL: lambda left, right: left != right,
    Comparison.LESS: lambda left, right: left < right,
    Comparison.LESS_OR_EQUAL: lambda left, right: left <= right,
    Comparison.GREATER: lambda left, right: left > right,
    Comparison.GREATER_OR_EQUAL: lambda left, right: left >= right,
}
