"""Reads single values out of nodes: a value of another type is noted as a problem and counts as not given.

Messages name the type that was found, not the value: it might be a secret at the wrong place.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

from koppel.config.document import Mistake, Node
from koppel.config.settings import Form, Setting
from koppel.config.words import Systems, parse_assignment, parse_match, parse_numbers, parse_table, parse_word

Read = TypeVar("Read")

_TYPES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}


def read_table(
    settings: tuple[Setting, ...], lookup: Callable[[str], Node | None], systems: Systems = None
) -> dict[str, Any]:
    """The values of all settings that are given, by name. Forms with a reader of their own are left to it."""
    values: dict[str, Any] = {}
    for setting in settings:
        node = lookup(setting.name)
        if node is not None and setting.form in _READERS:
            value = parse_word_at(node, setting, systems) if setting.form is Form.WORD else _READERS[setting.form](node)
            if value is not None:
                values[setting.name] = value
    return values


def parsed(node: Node, parse: Callable[[str], Read]) -> Read | None:
    """What `parse` makes of the text at `node`; its `Mistake` becomes a problem there."""
    value = text(node)
    if value is None:
        return None
    try:
        return parse(value)
    except Mistake as mistake:
        node.problem(mistake.what, mistake.remedy)
        return None


def parse_word_at(node: Node, setting: Setting, systems: Systems) -> Any:
    """The member of the setting's words."""
    words = setting.words
    assert words is not None, f"{setting.name} has words"
    return parsed(node, lambda said: parse_word(said, words, systems))


def text(node: Node) -> str | None:
    """A text."""
    if isinstance(node.value, str):
        return node.value
    wrong_type(node, "a text in quotes")
    return None


def filled(node: Node) -> str | None:
    """A text that is not blank."""
    value = text(node)
    if value is not None and not value.strip():
        node.problem("is blank", "give it a value or leave it out")
        return None
    return value


def boolean(node: Node) -> bool | None:
    """True or false."""
    if isinstance(node.value, bool):
        return node.value
    wrong_type(node, "true or false, without quotes")
    return None


def count(node: Node) -> int | None:
    """A whole number from 0."""
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    wrong_type(node, "a whole number from 0")
    return None


def percent(node: Node) -> int | None:
    """A whole number from 0 to 100."""
    value = count(node)
    if value is not None and value > 100:
        node.problem("is more than 100 percent", "write a whole number from 0 to 100")
        return None
    return value


def number(node: Node) -> float | None:
    """A number from 0."""
    value = node.value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return value
    wrong_type(node, "a number from 0")
    return None


def texts(node: Node) -> tuple[str, ...] | None:
    """A list of texts."""
    if not isinstance(node.value, list):
        wrong_type(node, "a list of texts")
        return None
    return tuple(value for element in node.elements() if (value := filled(element)) is not None)


def names(node: Node) -> tuple[str, ...] | None:
    """One name, or a list of at least one."""
    if isinstance(node.value, str):
        name = filled(node)
        return None if name is None else (name,)
    found = texts(node)
    if found == () and not node.value:
        node.problem("names nothing", "name at least one field or leave it out")
        return None
    return found


def groups(node: Node) -> tuple[tuple[str, ...], ...] | None:
    """A list of lists of texts."""
    if not isinstance(node.value, list):
        wrong_type(node, "a list of lists of names")
        return None
    return tuple(group for element in node.elements() if (group := texts(element)) is not None)


def rules(node: Node) -> tuple[Any, ...] | None:
    """A list of match rules."""
    if not isinstance(node.value, list):
        wrong_type(node, "a list of match rules")
        return None
    return tuple(rule for element in node.elements() if (rule := parsed(element, parse_match)) is not None)


def wrong_type(node: Node, wanted: str) -> None:
    """Note that another type of value stands here."""
    found = _TYPES.get(type(node.value), "a date or time")
    negative = isinstance(node.value, int | float) and node.value < 0
    node.problem(f"expected {wanted}, found {found}{' below 0' if negative else ''}")


_READERS: dict[Form, Callable[[Node], Any]] = {
    Form.TEXT: text,
    Form.BOOLEAN: boolean,
    Form.COUNT: count,
    Form.NUMBER: number,
    Form.PERCENT: percent,
    Form.WORD: text,
    Form.NAMES: texts,
    Form.KEY: names,
    Form.GROUPS: groups,
    Form.TABLE: lambda node: parsed(node, parse_table),
    Form.NUMBERS: lambda node: parsed(node, parse_numbers),
    Form.ASSIGNMENT: lambda node: parsed(node, parse_assignment),
    Form.RULES: rules,
}
