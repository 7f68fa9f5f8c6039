"""The long form of a field mapping: a table with one key per property, equal to the short line.

Used in TOML where a line would get too long, and in the mapping documents that the store keeps.
"""

from typing import Any

from koppel.config.document import Mistake, Node, check_keys
from koppel.config.field_line import Calls, parse_calls, place_fields, read_blank, travelling
from koppel.config.field_text import format_call, format_reference
from koppel.config.reading import parsed, read_table, wrong_type
from koppel.config.reference_line import parse_reference, with_blank
from koppel.config.settings import FIELD_SETTINGS
from koppel.config.tokens import Tokens
from koppel.config.words import Systems
from koppel.model.mapping import FieldMapping, Reference
from koppel.model.policy import Direction


def read_field_table(node: Node, systems: Systems) -> FieldMapping | None:
    """The field mapping of a table; None when something in it is wrong, which is then noted."""
    mistakes_before = len(node.document.problems)
    check_keys(node, (setting.name for setting in FIELD_SETTINGS))
    values = read_table(FIELD_SETTINGS, node.get, systems)
    direction: Direction = values.get("direction", Direction.BOTH)
    calls = {key: _read_calls(given) for key in ("convert_right", "convert_left") if (given := node.get(key))}
    constant = _constant(given) if (given := node.get("constant")) else None
    reference = parsed(given, lambda text: _reference(text, direction)) if (given := node.get("reference")) else None
    if "resolver" in values and "on_conflict" in values:
        node.at("resolver").problem("on_conflict is given as well", "keep one of the two, they mean the same")
    if len(node.document.problems) > mistakes_before:
        return None  # a misspelt key would count as a missing field too
    try:
        left, right = place_fields(values.get("left"), values.get("right"), direction, node.get("constant") is not None)
        to_right, to_left = _conversions(direction, calls)
    except Mistake as mistake:
        node.problem(mistake.what, mistake.remedy)
        return None
    return FieldMapping(
        left=left,
        right=right,
        direction=direction,
        convert_right=to_right,
        convert_left=to_left,
        constant=constant,
        reference=reference,
        not_null=values.get("not_null", False),
        clear_on_failed=values.get("clear_on_failed", False),
        on_create=values.get("on_create", False),
        on_conflict=values.get("on_conflict", values.get("resolver")),
        enabled=values.get("enabled", True),
    )


def field_table(line: FieldMapping) -> dict[str, Any]:
    """The long form: what the line says, and `convert_left` of a two-way field even when it is the default."""
    both = line.direction is Direction.BOTH
    reference = line.reference and format_reference(line.reference, line.direction)
    chains = {
        "convert_right": [format_call(call) for call in line.convert_right],
        "convert_left": [format_call(call) for call in line.convert_left],
    }
    found: dict[str, Any] = {"left": line.left, "right": line.right, "direction": line.direction.value}
    found |= {key: chain for key, chain in chains.items() if chain or (both and key == "convert_left")}
    found |= {"constant": line.constant, "reference": reference}
    found |= {key: True for key in ("not_null", "clear_on_failed", "on_create") if getattr(line, key)}
    found["on_conflict"] = line.on_conflict and line.on_conflict.value
    if not line.enabled:
        found["enabled"] = False
    return {key: value for key, value in found.items() if value is not None}


def _read_calls(node: Node) -> Calls:
    if not isinstance(node.value, list):
        wrong_type(node, "a list of conversions")
    return tuple(call for element in node.elements() for call in parsed(element, parse_calls) or ())


def _conversions(direction: Direction, calls: dict[str, Calls]) -> tuple[Calls, Calls]:
    """Both chains; the one of the way that the value never travels may not be given."""
    if direction is Direction.BOTH:
        return travelling(direction, calls.get("convert_right", ()), calls.get("convert_left"))
    used, unused = ("convert_right", "convert_left")[:: 1 if direction is Direction.TO_RIGHT else -1]
    if calls.get(unused):
        raise Mistake(f"{unused} is given, but nothing travels that way", f"write {used}, or direction = '<->'")
    return travelling(direction, calls.get(used, ()), None)


def _constant(node: Node) -> str | None:
    match node.value:
        case bool():
            return "true" if node.value else "false"
        case int() | str():
            return str(node.value)
        case _:
            wrong_type(node, "a text, a whole number, true or false (other values in quotes)")
            return None


def _reference(text: str, direction: Direction) -> Reference | None:
    tokens = Tokens(text)
    reference = parse_reference(tokens, direction)
    blank = read_blank(tokens)
    tokens.end(("|", "by", "via", "("))
    return with_blank(reference, blank)
