"""A filter as a condition of SQLite, with the very meaning `transform.filter` gives it on a page.

Exact for everything a column of its kind holds, however SQLite happens to store it:

* Text is compared as CAST … AS TEXT COLLATE BINARY: a NOCASE column would take 'A' for 'a'. LIKE becomes GLOB, because
  LIKE of SQLite ignores the case of ASCII letters.
* A code is trimmed and upper-cased by `koppel_code`, which `install` adds to a connection: upper() of SQLite knows
  ASCII only.
* A decimal is compared as a number: SQLite keeps NUMERIC as a 64-bit integer or a double, and a double tells apart all
  decimals of 15 digits and keeps their order. A literal with more digits can equal none of them, so it is replaced by
  the nearest lower bound. Only a column of type TEXT can hold longer fractions; those are compared as doubles.
* A date-time is brought to UTC with microseconds, whatever separator, fraction and offset it is written with; one
  without offset is taken for UTC.
"""

import re
import sqlite3
from decimal import ROUND_FLOOR, Context, Decimal

import sqlalchemy as sa
from sqlalchemy import func

from koppel.connectors.agreed.names import BLANKS
from koppel.connectors.filter_sql import OPERATORS, Column, Condition, text_of
from koppel.model.filter import Comparison, Literal
from koppel.model.values import FieldShape, Kind

_EXACT_DIGITS = 15
"""Decimals of so many digits, and no more, are all told apart by a double."""


def install(connection: sqlite3.Connection) -> None:
    """Add the function that conditions on code fields need to a connection, once, when it is opened."""
    connection.create_function("koppel_code", 1, _code, deterministic=True)


def _code(text: str | None) -> str | None:
    return None if text is None else text.strip(BLANKS).upper()


class SqliteTerms:
    """How SQLite says what a filter looks at."""

    def comparable(self, column: Column, field: FieldShape) -> Column:
        """The column in the one form in which its values can be compared."""
        return _comparable(column, field)

    def compare(self, column: Column, field: FieldShape, operator: Comparison, value: Literal) -> Condition:
        """One comparison; against '' a null counts as ''."""
        return _compare(column, field, operator, value)

    def like(self, text: Column, pattern: str) -> Condition:
        """By GLOB."""
        return text.op("GLOB", is_comparison=True)(_glob(pattern))


def _comparable(column: Column, field: FieldShape) -> Column:
    """The column in the one form in which its values can be compared."""
    match field.kind:
        case Kind.INTEGER | Kind.DECIMAL:
            return sa.cast(column, sa.NUMERIC)
        case Kind.BOOLEAN:
            return func.lower(sa.cast(column, sa.TEXT)).in_(["1", "true"])
    text: Column = sa.cast(column, sa.TEXT)
    match field.kind:
        case Kind.CODE:
            text = func.koppel_code(text, type_=sa.TEXT)
        case Kind.UUID:
            for sign in "{}-":
                text = func.replace(text, sign, "", type_=sa.TEXT)
            text = func.lower(text, type_=sa.TEXT)
        case Kind.DATETIME:
            text = _moment_text(text)
    return text.collate("BINARY")


def _moment_text(text: Column) -> Column:
    """YYYY-MM-DDTHH:MM:SS.ffffff in UTC. Seconds and offset go through strftime, which would round the fraction."""
    rest = func.substr(text, 20, type_=sa.TEXT)
    offset = func.ltrim(rest, ".0123456789", type_=sa.TEXT)
    fraction = func.substr(rest, 1, func.length(rest) - func.length(offset), type_=sa.TEXT)
    digits = func.ltrim(fraction, ".", type_=sa.TEXT)
    seconds = func.strftime("%Y-%m-%dT%H:%M:%S", func.substr(text, 1, 19, type_=sa.TEXT) + offset, type_=sa.TEXT)
    return seconds + "." + func.substr(digits + "000000", 1, 6, type_=sa.TEXT)


def _compare(column: Column, field: FieldShape, operator: Comparison, value: Literal) -> Condition:
    """One comparison; against '' a null counts as ''."""
    comparable = _comparable(column, field)
    if field.kind in (Kind.INTEGER, Kind.DECIMAL):
        return _compare_number(comparable, operator, Decimal(value))  # type: ignore[arg-type]
    if field.kind is Kind.BOOLEAN:
        truth = sa.case((column.is_(None), None), else_=comparable)
        return OPERATORS[operator](truth, sa.literal(int(bool(value)), sa.INTEGER))
    text = text_of(value, field.kind)
    if text == "":
        comparable = func.coalesce(comparable, "", type_=sa.TEXT).collate("BINARY")
    return OPERATORS[operator](comparable, sa.literal(text, sa.TEXT))


def _compare_number(column: Column, operator: Comparison, value: Decimal) -> Condition:
    """Exact, also against a literal that no double holds: below it are all values up to its lower bound."""
    bound, exact = _bound(value)
    number = sa.literal(bound, sa.INTEGER if isinstance(bound, int) else sa.REAL)
    if exact:
        return OPERATORS[operator](column, number)
    match operator:
        case Comparison.EQUAL | Comparison.UNEQUAL:
            differs = sa.true() if operator is Comparison.UNEQUAL else sa.false()
            return sa.case((column.is_not(None), differs))
        case Comparison.LESS | Comparison.LESS_OR_EQUAL:
            return column <= number
        case _:
            return column > number


def _bound(value: Decimal) -> tuple[int | float, bool]:
    """The number to bind and whether it is the value itself; else the greatest one below it that SQLite can hold."""
    whole = int(value.to_integral_value(ROUND_FLOOR))
    if -(2**63) <= whole < 2**63 and (value == whole or abs(value) >= 10**_EXACT_DIGITS):
        return whole, value == whole
    lower = Context(prec=_EXACT_DIGITS, rounding=ROUND_FLOOR).create_decimal(value)
    return float(lower), lower == value


def _glob(pattern: str) -> str:
    """The LIKE pattern in the language of GLOB: * any run, ? one character, [x] the character x."""
    parts = re.findall(r"\\.|.", pattern, flags=re.DOTALL)
    wild = {"%": "*", "_": "?"}
    return "".join(wild.get(part, "") or _globbed(part[-1]) for part in parts)


def _globbed(character: str) -> str:
    return f"[{character}]" if character in "*?[" else character
