"""A filter meets a table: does it fit, and which records of a page does it let in.

The rules of comparison stand in `filter`. A literal gets the type of its field here, in `_typed`; what does not fit is
a problem that `check` puts into words before anything runs.
"""

import difflib
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from koppel.model.filter import And, Compare, Comparison, Filter, IsNull, Like, Literal, Not, OneOf, Or, moment_of
from koppel.model.values import DEFAULT_SCALE, FieldShape, Kind, TableShape, dtype
from koppel.transform.canonical import STRINGS, blank
from koppel.transform.filter_words import FilterError, format_filter, literal_text

_ORDERED = frozenset({Kind.TEXT, Kind.CODE, Kind.INTEGER, Kind.DECIMAL, Kind.DATE, Kind.DATETIME})
_LIKE = frozenset({Kind.TEXT, Kind.CODE, Kind.CHOICE})
_DAY = r"\d{4}-\d\d-\d\d"
_DAY_AND_TIME = _DAY + r"([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?"
_UUID = re.compile(r"[0-9a-f]{32}")
_IN_WORDS = {
    Kind.TEXT: "text in single quotes",
    Kind.CODE: "text in single quotes",
    Kind.INTEGER: "a whole number",
    Kind.DECIMAL: "a number",
    Kind.BOOLEAN: "TRUE or FALSE",
    Kind.DATE: "a date such as DATE '2026-01-01'",
    Kind.DATETIME: "a moment such as TIMESTAMP '2026-01-01T10:00:00Z'",
    Kind.UUID: "a uuid in single quotes",
    Kind.CHOICE: "one of its values",
}


def check(filter_: Filter, shape: TableShape) -> list[str]:
    """What keeps this filter from being used on this table, in sentences; empty when it fits."""
    return list(dict.fromkeys(_problems(filter_, shape)))


def _problems(filter_: Filter, shape: TableShape) -> Iterator[str]:
    match filter_:
        case Not(term):
            yield from _problems(term, shape)
        case And(terms) | Or(terms):
            for term in terms:
                yield from _problems(term, shape)
        case _:
            field = shape.field(filter_.field)
            if field is None:
                yield _unknown_field(filter_.field, shape)
            else:
                yield from _misfits(filter_, field)


def _unknown_field(name: str, shape: TableShape) -> str:
    """With the nearest name there is, upper and lower case set aside."""
    names = {field.name.lower(): field.name for field in shape.fields}
    near = difflib.get_close_matches(name.lower(), names, n=1)
    return f"{shape.name} has no field {name}" + (f"; did you mean {names[near[0]]}?" if near else "")


def _misfits(filter_: Compare | OneOf | IsNull | Like, field: FieldShape) -> Iterator[str]:
    """What of one condition does not go with its field's kind."""
    values: tuple[Literal, ...] = ()
    match filter_:
        case Like() if field.kind not in _LIKE:
            yield f"LIKE compares text, and {field.name} is {field.kind}: {format_filter(filter_)}"
        case Compare(_, operator, value):
            values = (value,)
            if operator not in (Comparison.EQUAL, Comparison.UNEQUAL) and field.kind not in _ORDERED:
                yield f"{field.name} is {field.kind} and has no order; list its values with IN (…)"
        case OneOf(_, values):
            pass
    for value in values:
        try:
            _typed(value, field)
        except ValueError as error:
            yield str(error)


def to_polars(filter_: Filter, shape: TableShape) -> pl.Expr:
    """Boolean, never null: whether a record of a page of this table is let in. The filter has passed `check`."""
    return _truth(filter_, shape).fill_null(False)


def _truth(filter_: Filter, shape: TableShape) -> pl.Expr:
    """True, false or null for unknown; & and | of Polars know all three as SQL does."""
    match filter_:
        case Not(term):
            return ~_truth(term, shape)
        case And(terms):
            return pl.all_horizontal([_truth(term, shape) for term in terms])
        case Or(terms):
            return pl.any_horizontal([_truth(term, shape) for term in terms])
    field = shape.field(filter_.field)
    assert field is not None, f"{filter_.field} was checked to be a field of {shape.name}"
    match filter_:
        case IsNull():
            return blank(field)
        case Like(_, pattern):
            pattern = pattern.upper() if field.kind is Kind.CODE else pattern
            return _comparable(field).str.contains(_like_regex(pattern))
        case Compare(_, operator, value):
            return _compare(field, operator, value)
        case OneOf(_, values):
            return pl.any_horizontal([_compare(field, Comparison.EQUAL, value) for value in values])


def _comparable(field: FieldShape) -> pl.Expr:
    """The column as it is compared. Unlike the canonical text it keeps '' apart from null."""
    column = pl.col(field.name)
    match field.kind:
        case Kind.CODE:
            return column.str.strip_chars().str.to_uppercase()
        case Kind.UUID:
            return column.str.to_lowercase().str.replace_all(r"[{}-]", "")
        case _:
            return column


def _compare(field: FieldShape, operator: Comparison, value: Literal) -> pl.Expr:
    """One comparison; against '' a null counts as ''."""
    literal = _typed(value, field)
    column = _comparable(field)
    if literal == "":
        column = column.fill_null("")
    wanted = pl.lit(literal, dtype=dtype(field))
    match operator:
        case Comparison.EQUAL:
            return column == wanted
        case Comparison.UNEQUAL:
            return column != wanted
        case Comparison.LESS:
            return column < wanted
        case Comparison.LESS_OR_EQUAL:
            return column <= wanted
        case Comparison.GREATER:
            return column > wanted
        case Comparison.GREATER_OR_EQUAL:
            return column >= wanted


def _like_regex(pattern: str) -> str:
    """The pattern as an anchored regular expression that crosses line ends."""
    parts = re.findall(r"\\.|.", pattern, flags=re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return "(?s)^" + "".join(wild.get(part, "") or _quoted(part[-1]) for part in parts) + "$"


def _quoted(character: str) -> str:
    """The character as itself, in words of Rust's expressions."""
    return f"\\x{{{ord(character):x}}}"


def _typed(value: Literal, field: FieldShape) -> object:
    """The literal as a value of this field. Raises FilterError with a sentence where it is none."""
    typed = _TYPES[field.kind](value, field) if value != "" else None
    if value == "" and field.kind in STRINGS:
        return ""
    if typed is None:
        instead = ", or IS NULL for a blank" if value == "" else ""
        raise FilterError(f"{field.name} cannot be {literal_text(value)}; write {_IN_WORDS[field.kind]}{instead}")
    return typed


def _text(value: Literal, _: FieldShape) -> str | None:
    return value if isinstance(value, str) else None


def _code(value: Literal, _: FieldShape) -> str | None:
    return _code_of(value) if isinstance(value, str) else None


def _code_of(text: str) -> str:
    """By Polars itself: its white space and its capitals are the ones the column is brought to."""
    code: str = pl.Series([text]).str.strip_chars().str.to_uppercase().item()
    return code


def _integer(value: Literal, _: FieldShape) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value):
        return None
    return int(value) if -(2**63) <= value < 2**63 else None


def _decimal(value: Literal, field: FieldShape) -> Decimal | None:
    """Only what the field can hold: a value with more digits would have to be rounded to be compared."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    scale = DEFAULT_SCALE if field.scale is None else field.scale
    if abs(number) >= Decimal(10) ** (38 - scale):
        return None
    whole, _, fraction = format(number, "f").partition(".")
    if len(fraction.rstrip("0")) > scale:
        raise FilterError(
            f"{field.name} holds {scale} digits after the point and {value} has more; write a value it can hold"
        )
    return Decimal(f"{whole}.{fraction.rstrip('0')}")


def _boolean(value: Literal, _: FieldShape) -> bool | None:
    """1 and 0 are how many people write it in SQL."""
    return bool(value) if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)) else None


def _date(value: Literal, _: FieldShape) -> date | None:
    if isinstance(value, str):
        return _iso(value, _DAY, date)
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def _moment(value: Literal, _: FieldShape) -> datetime | None:
    if isinstance(value, str):
        value = _iso(value, _DAY_AND_TIME, datetime) or value
    return moment_of(value) if isinstance(value, date) else None


def _iso(text: str, form: str, type_: type[date]) -> date | None:
    try:
        return type_.fromisoformat(text) if re.fullmatch(form, text) else None
    except ValueError:
        return None


def _uuid(value: Literal, _: FieldShape) -> str | None:
    bare = re.sub(r"[{}-]", "", value).lower() if isinstance(value, str) else ""
    return bare if _UUID.fullmatch(bare) else None


def _choice(value: Literal, field: FieldShape) -> str | None:
    """Canonical text of the value; one that the field never holds is a typing error."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    text = value if isinstance(value, str) else format(Decimal(value).normalize(), "f")
    if field.choices and text not in field.choices:
        raise FilterError(f"{field.name} never holds {text!r}, only {', '.join(map(repr, field.choices))}")
    return text


_TYPES = {
    Kind.TEXT: _text,
    Kind.CODE: _code,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.DATETIME: _moment,
    Kind.UUID: _uuid,
    Kind.CHOICE: _choice,
}
