"""What becomes of a value on its way in and out: checked, upper-cased, spelled; nothing is ever null (wire 2.4,
4.1.2).
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from koppel.sandbox.business_central.refusal import DATA_INVALID, TOO_LONG, Refusal, bad
from koppel.sandbox.business_central.shape import Field, Type
from koppel.sandbox.business_central.switches import BLANK_ENCODED, BlankMember, Switches
from koppel.sandbox.ids import guid

HUGE = Decimal("999999999999999.99")
BLANK = " "

# XML cannot carry these (wire 4.1.14).
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_NAME = re.compile(r"[^A-Za-z0-9_]")


def member_name(member: str) -> str:
    """A member of an enum as the metadata spells it: `Not_x0020_Started` (wire 2.4, 4.3.8)."""
    return _NOT_NAME.sub(lambda found: f"_x{ord(found[0]):04X}_", member)


def stored(field: Field, kind: Type, value: Any, switches: Switches) -> Any:
    """A value of a body as the field keeps it. Raises `Refusal`; null is none of the values of a field."""
    if kind is Type.ENUM:
        return _member(field, value, switches)
    return _KINDS[kind](field, value)


def member_of(field: Field, text: str) -> str | None:
    """The member a name means, however its blank is spelled."""
    names = {member_name(member): member for member in field.members} | {BLANK: BLANK}
    found = names.get(text)
    return found if found in field.members else None


def shown(kind: Type, value: Any, switches: Switches) -> Any:
    """A stored value as JSON has it."""
    if kind is Type.ENUM:
        return switches.blank_member_shown if value == BLANK else member_name(value)
    if kind is Type.DECIMAL:
        return int(value) if value == value.to_integral_value() else value.normalize()
    if kind is Type.DATE:
        return value.isoformat()
    return moment_text(value) if kind is Type.DATETIME else value


def moment_text(value: datetime) -> str:
    """A moment with its milliseconds, their trailing zeros left off: `2024-01-31T10:00:00.12Z`."""
    text = value.isoformat(timespec="milliseconds").removesuffix("+00:00")
    return f"{text.rstrip('0').rstrip('.')}Z" if "." in text else f"{text}Z"


def to_ticks(moment: datetime) -> datetime:
    """A moment as the database keeps it: to a three-hundredth of a second, shown as .000, .003, .007 (wire 2.3)."""
    ticks = round(moment.microsecond * 300 / 1_000_000)
    return moment.replace(microsecond=0) + timedelta(milliseconds=round(ticks * 1_000 / 300))


def _wrong_type(field: Field, value: Any) -> Refusal:
    literal = "null" if value is None else value
    return bad(f"Cannot convert the literal '{literal}' to the expected type of the field {field.name}.")


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong_type(field, value)
    if found := _NOT_XML.search(value):
        raise bad(f"The field {field.name} holds the character 0x{ord(found[0]):02X}, which is not allowed.")
    if len(value) > field.length:
        text = (
            f"The length of the string is {len(value)}, but it must be less than or equal to {field.length} characters."
        )
        raise bad(f"{text} Value: {value}", TOO_LONG)
    return value


def _code(field: Field, value: Any) -> str:
    """Trimmed and in upper case, so what comes back differs from what was sent (wire 2.4, 4.3.10)."""
    return _text(field, value.strip().upper() if isinstance(value, str) else value)


def _id(field: Field, value: Any) -> str:
    if (known := guid(value)) is None:
        raise _wrong_type(field, value)
    return known


def _number(field: Field, value: Any) -> Decimal:
    """With all its decimals, whatever is displayed (wire 4.3.22)."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not -HUGE <= value <= HUGE:
        raise _wrong_type(field, value)
    return Decimal(value)


def _integer(field: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(field, value)
    return value


def _boolean(field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(field, value)
    return value


def _date(field: Field, value: Any) -> date:
    """A day, which has neither time nor zone (wire 4.3.23)."""
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong_type(field, value) from None


def _moment(field: Field, value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong_type(field, value) from None
    if moment.tzinfo is None:
        raise _wrong_type(field, value)
    return to_ticks(moment.astimezone(UTC))


def _member(field: Field, value: Any, switches: Switches) -> str:
    """A member by the name the metadata gives it; how a blank may be spelled is not settled (U6)."""
    member = member_of(field, value) if isinstance(value, str) else None
    if member is None:
        raise bad(f"The value '{value}' is not a member of the enum of the field {field.name}.")
    if member == BLANK:
        allowed = {BlankMember.ENCODED: {BLANK_ENCODED}, BlankMember.BLANK: {BLANK}, BlankMember.REFUSED: set[str]()}
        if value not in allowed.get(switches.blank_member_written, {BLANK, BLANK_ENCODED}):
            raise bad(f"The value '{value}' of the field {field.name} is invalid.", DATA_INVALID)
    return member


_KINDS: dict[Type, Callable[[Field, Any], Any]] = {
    Type.GUID: _id,
    Type.CODE: _code,
    Type.TEXT: _text,
    Type.DECIMAL: _number,
    Type.BOOLEAN: _boolean,
    Type.INTEGER: _integer,
    Type.BIGINT: _integer,
    Type.DATE: _date,
    Type.DATETIME: _moment,
}
