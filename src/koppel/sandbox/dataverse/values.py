"""What becomes of a value when it is stored: checked, rounded, cut to seconds, blanked (wire 1.5, 1.10,
4.1.2).
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from koppel.sandbox.dataverse.refusal import CHOICE, INTEGER_RANGE, INVALID, NUMBER_RANGE, PAYLOAD, TOO_LONG, bad
from koppel.sandbox.dataverse.shape import Behaviour, Column, Kind
from koppel.sandbox.ids import guid

HUGE = Decimal(100_000_000_000)
MONEY_HUGE = Decimal("922337203685477.0000")
EARLIEST = date(1753, 1, 1)
CHOICES_AT_MOST = 150

# XML cannot carry these; a lone surrogate cannot leave as UTF-8 either (wire 4.1.14).
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def stored(column: Column, value: Any, empty_is_null: bool) -> Any:
    """A value of a body as the column keeps it. Raises `Refusal`. Lookups are bound elsewhere."""
    if value is None or (value == "" and empty_is_null):
        return None
    return _KINDS[column.kind](column, value)


def quantized(value: Decimal, places: int) -> Decimal:
    """Rounded half away from zero to a number of decimals."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _wrong_type(column: Column, value: Any) -> Exception:
    return bad(f"Cannot convert the literal '{value}' to the expected type of '{column.name}'.", PAYLOAD)


def _text(column: Column, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong_type(column, value)
    if found := _NOT_XML.search(value):
        raise bad(f"'{column.name}': hexadecimal value 0x{ord(found[0]):02X} is an invalid character.", INVALID)
    if (length := _length(column, value)) > column.length:
        text = f"The length of the '{column.name}' attribute exceeded the maximum allowed length of '{column.length}'"
        raise bad(f"A validation error occurred. {text}: {length}.", TOO_LONG)
    return value


def _length(column: Column, text: str) -> int:
    """UTF-16 units (wire 1.5); in a memo a line end counts as two, however it was sent (wire 4.2.30)."""
    kept = re.sub("\r?\n", "\r\n", text) if column.kind is Kind.MEMO else text
    return len(kept.encode("utf-16-le")) // 2


def _id(column: Column, value: Any) -> str:
    if (known := guid(value)) is None:
        raise _wrong_type(column, value)
    return known


def _integer(column: Column, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(column, value)
    if not column.low <= value <= column.high:
        raise bad(f"The value {value} of '{column.name}' is outside of the valid range.", INTEGER_RANGE)
    return value


def _number(column: Column, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong_type(column, value)
    huge = MONEY_HUGE if column.kind is Kind.MONEY else HUGE
    if not -huge <= value <= huge:
        raise bad(f"The value {value} of '{column.name}' is outside of the valid range.", NUMBER_RANGE)
    return quantized(Decimal(value), column.precision)


def _boolean(column: Column, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(column, value)
    return value


def _choice(column: Column, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(column, value)
    if value not in column.options:
        raise bad(f"The value '{value}' of '{column.name}' is outside the valid range.", CHOICE)
    return value


def _choices(column: Column, value: Any) -> str:
    """Several choices as text, in an order of the service's own: highest first here (wire 1.5, 4.2.13)."""
    if not isinstance(value, str):
        raise _wrong_type(column, value)
    parts = {part.strip() for part in value.split(",")}
    if len(parts) > CHOICES_AT_MOST or not all(part.isdigit() and int(part) in column.options for part in parts):
        raise bad(f"The value '{value}' of '{column.name}' is outside the valid range.", CHOICE)
    return ",".join(sorted(parts, key=int, reverse=True))


def _moment(column: Column, value: Any) -> datetime | date:
    if not isinstance(value, str):
        raise _wrong_type(column, value)
    try:
        if column.behaviour is Behaviour.DATE_ONLY:
            moment: datetime | date = date.fromisoformat(value)
        else:
            moment = _to_seconds(column, datetime.fromisoformat(value))
    except ValueError:
        raise _wrong_type(column, value) from None
    if (moment.date() if isinstance(moment, datetime) else moment) < EARLIEST:
        raise bad(f"'{column.name}': dates before 01/01/1753 are not supported.", INVALID)
    return moment


def _to_seconds(column: Column, moment: datetime) -> datetime:
    """Cut to seconds in UTC; a zoneless column keeps the wall time and drops the zone (wire 1.5)."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no zone")
    moved = moment.replace(tzinfo=UTC) if column.behaviour is Behaviour.ZONELESS else moment.astimezone(UTC)
    return moved.replace(microsecond=0)


_KINDS: dict[Kind, Callable[[Column, Any], Any]] = {
    Kind.ID: _id,
    Kind.TEXT: _text,
    Kind.MEMO: _text,
    Kind.INTEGER: _integer,
    Kind.BIGINT: _integer,
    Kind.DECIMAL: _number,
    Kind.MONEY: _number,
    Kind.BOOLEAN: _boolean,
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choices,
    Kind.STATE: _choice,
    Kind.STATUS: _choice,
    Kind.DATETIME: _moment,
}
