"""Writes what `field_line` reads: the short form of a field mapping, and its parts as the long form wants them."""

from koppel.config.tokens import quote_name, quote_text, quote_value
from koppel.model.filter import Filter
from koppel.model.mapping import ConversionCall, FieldMapping, Reference
from koppel.model.policy import Direction
from koppel.transform.filter import format_filter
from koppel.transform.registry import inverse_chain

_KEYWORDS = ("by", "via")


def format_field(line: FieldMapping) -> str:
    """The short form; `parse_field(format_field(line)) == line`."""
    parts = [quote_name(line.left)] if line.left is not None else []
    parts.append(line.direction.value)
    if line.right is not None:
        parts.append(quote_name(line.right))
    calls = line.convert_left if line.direction is Direction.TO_LEFT else line.convert_right
    parts.extend(f"| {format_call(call)}" for call in calls)
    if line.reference is not None:
        parts.append(f"@ {format_reference(line.reference, line.direction, blank=False)}")
    if line.constant is not None:
        parts.append(f"= {quote_value(line.constant)}")
    if options := _options(line):
        parts.append(f"({', '.join(options)})")
    return " ".join(parts)


def _options(line: FieldMapping) -> list[str]:
    said = []
    if line.reference is not None and line.reference.blank is not None:
        said.append(f"blank = {quote_text(line.reference.blank)}")
    flags = {
        "on create": line.on_create,
        "not null": line.not_null,
        "clear on failed": line.clear_on_failed,
        "disabled": not line.enabled,
    }
    said.extend(name for name, set_ in flags.items() if set_)
    if line.on_conflict is not None:
        said.append(f"on conflict = {line.on_conflict}")
    if line.direction is Direction.BOTH and line.convert_left != inverse_chain(line.convert_right):
        said.append(f"back = {' | '.join(format_call(call) for call in line.convert_left) or 'nothing'}")
    return said


def format_call(call: ConversionCall) -> str:
    """`lower`, `cut(1, 20)`."""
    if not call.arguments:
        return quote_name(call.name)
    shown = (str(argument) if isinstance(argument, int) else quote_text(argument) for argument in call.arguments)
    return f"{quote_name(call.name)}({', '.join(shown)})"


def format_reference(reference: Reference, direction: Direction, blank: bool = True) -> str:
    """What stands behind `@`; with `blank` also the value that a blank stands for."""
    text = " | ".join(_way(name, condition) for name, condition in reference.ways)
    if by := _by(reference, direction):
        text += f" by {by}"
    if hop := reference.hop:
        text += f" via {quote_name(str(hop.table))}({quote_name(hop.given)} -> {quote_name(hop.wanted)})"
    if blank and reference.blank is not None:
        text += f" (blank = {quote_text(reference.blank)})"
    return text


def _way(name: str, condition: Filter | None) -> str:
    return quote_name(name) if condition is None else f"{quote_name(name)} [{format_filter(condition)}]"


def _by(reference: Reference, direction: Direction) -> str:
    left, right = (name and _quote_keyword(name) for name in (reference.left_by, reference.right_by))
    if left and right:
        return f"{left} / {right}"
    if left:
        return f"{left} /" if direction is Direction.TO_LEFT else left
    if right:
        return right if direction is Direction.TO_LEFT else f"/ {right}"
    return ""


def _quote_keyword(name: str) -> str:
    return f'"{name}"' if name in _KEYWORDS else quote_name(name)
