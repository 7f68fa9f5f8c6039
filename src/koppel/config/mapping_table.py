"""Reads one mapping: the table `[mappings.NAME]` of a file, or the document that the store keeps of it."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from koppel.config.check_mapping import mapping_problems
from koppel.config.document import Document, Mistake, Node, check_keys, did_you_mean
from koppel.config.field_line import parse_field
from koppel.config.field_table import field_table, read_field_table
from koppel.config.field_text import format_field
from koppel.config.reading import parsed, read_table, text, wrong_type
from koppel.config.settings import MAPPING_SETTINGS, POLICY_SETTINGS
from koppel.config.words import Systems, format_assignment, format_match, format_period, parse_period
from koppel.errors import ConfigurationError
from koppel.model.filter import Filter
from koppel.model.mapping import FieldMapping, Mapping, SideOptions, TableRef
from koppel.model.policy import Side
from koppel.transform.filter import FilterError, parse

_SIDE_OPTIONS = ("key", "modified", "lag_seconds", "numbers", "deactivate")
_EVERY = "every"
_POLICIES = tuple(setting.name for setting in POLICY_SETTINGS if setting.name != _EVERY)
_OF_MAPPING = ("left", "right", *_POLICIES, "after", "match", "together")


@dataclass(frozen=True)
class ReadMapping:
    """A mapping, its place, and the place of each of its lines."""

    mapping: Mapping
    node: Node
    lines: tuple[Node, ...]


def read_mapping(
    name: str, node: Node, defaults: Node | None = None, systems: Collection[str] | None = None
) -> ReadMapping | None:
    """The mapping of a table; None when it cannot be put together. Every mistake in it is noted.

    `defaults`: the table of settings for what is not given; `systems`: those that exist (None: not looked at).
    """
    if not isinstance(node.value, dict):
        wrong_type(node, "a table")
        return None
    check_keys(node, (setting.name for setting in MAPPING_SETTINGS))
    tables = read_table(MAPPING_SETTINGS[:2], node.get)
    _check_tables(node, tables, systems)
    sides: Systems = (_system(tables, Side.LEFT, systems), _system(tables, Side.RIGHT, systems))

    def given(key: str) -> Node | None:
        return node.get(key) or (defaults and defaults.get(key))

    values = read_table(MAPPING_SETTINGS[2:], given, sides)
    options = {side: _side_options(node, side, values) for side in Side}
    lines = _fields(node, sides)
    if len(tables) < 2:
        return None
    mapping = Mapping(
        name=name,
        fields=tuple(line for _, line in lines),
        left_options=options[Side.LEFT],
        right_options=options[Side.RIGHT],
        **tables,
        **{key: value for key, value in values.items() if key in _OF_MAPPING},
        **_every(given(_EVERY)),
    )
    nodes = tuple(place for place, _ in lines)
    _check_hops(lines, systems)
    written = node.value.get("fields")
    mapping_problems(mapping, node, nodes, complete=isinstance(written, list) and len(nodes) == len(written))
    return ReadMapping(mapping, node, nodes)


def _check_tables(node: Node, tables: dict[str, TableRef], systems: Collection[str] | None) -> None:
    for side in Side:
        table = tables.get(side.word)
        if table and systems is not None and table.system not in systems:
            node.at(side.word).problem(f"there is no system {table.system!r}", did_you_mean(table.system, systems))
        elif node.get(side.word) is None:
            node.problem(f"the {side.word} table is missing", f'write {side.word} = "system.table"')
    if len(tables) == 2 and tables["left"] == tables["right"]:
        node.at("right").problem("a table cannot be lined up with itself", "name another table on one side")


def _check_hops(lines: list[tuple[Node, FieldMapping]], systems: Collection[str] | None) -> None:
    for place, line in lines:
        hop = line.reference.hop if line.reference else None
        if hop and systems is not None and hop.table.system not in systems:
            place.problem(f"via: there is no system {hop.table.system!r}", did_you_mean(hop.table.system, systems))


def _system(tables: dict[str, TableRef], side: Side, systems: Collection[str] | None) -> str:
    """The system of a side; a misspelt one counts as the nearest, so that `erp wins` is not a second mistake."""
    if side.word not in tables:
        return side.word
    name = tables[side.word].system
    near = difflib.get_close_matches(name, systems or (), n=1)
    return name if systems is None or name in systems else near[0] if near else side.word


def _side_options(node: Node, side: Side, values: dict[str, Any]) -> SideOptions:
    filter_text, filter_ = "", None
    if (given := node.get(f"{side.word}_filter")) and (said := text(given)):
        filter_text, filter_ = said, _filter(given, said)
    found = {key: values.get(f"{side.word}_{key}") for key in _SIDE_OPTIONS}
    return SideOptions(filter_text=filter_text, filter=filter_, **found)


def _filter(node: Node, said: str) -> Filter | None:
    try:
        return parse(said)
    except FilterError as error:
        what, _, remedy = str(error).partition("; ")
        node.problem(what, remedy)
        return None


def _every(node: Node | None) -> dict[str, Any]:
    """How often the worker runs the mapping; nothing when it is not said. `off` is None, so it is no plain value."""
    if node is None or (said := text(node)) is None:
        return {}
    try:
        return {"every_seconds": parse_period(said)}
    except Mistake as mistake:
        node.problem(mistake.what, mistake.remedy)
        return {}


def _fields(node: Node, systems: Systems) -> list[tuple[Node, FieldMapping]]:
    """The lines that could be read, each with its place."""
    fields = node.get("fields")
    if fields is None:
        node.problem("no fields are lined up", 'write fields = ["left field <-> right field", …]')
        return []
    if not isinstance(fields.value, list):
        wrong_type(fields, "a list of field lines")
    read = ((element, _field(element, systems)) for element in fields.elements())
    return [(element, line) for element, line in read if line is not None]


def _field(node: Node, systems: Systems) -> FieldMapping | None:
    if isinstance(node.value, dict):
        return read_field_table(node, systems)
    if isinstance(node.value, str):
        return parsed(node, lambda said: parse_field(said, systems))
    wrong_type(node, "a field line or a table")
    return None


def mapping_values(mapping: Mapping) -> dict[str, Any]:
    """All settings that have a value, by name and in the order of the settings, with the short lines as fields."""
    values: dict[str, Any] = {"left": str(mapping.left), "right": str(mapping.right)}
    values |= {name: _plain(getattr(mapping, name)) for name in _POLICIES}
    values[_EVERY] = format_period(mapping.every_seconds)
    for side in Side:
        options = mapping.options(side)
        values |= {
            f"{side.word}_filter": options.filter_text or None,
            f"{side.word}_key": options.key and list(options.key),
            f"{side.word}_modified": options.modified,
            f"{side.word}_lag_seconds": options.lag_seconds,
            f"{side.word}_numbers": options.numbers and str(options.numbers),
            f"{side.word}_deactivate": options.deactivate and format_assignment(options.deactivate),
        }
    values |= {
        "after": list(mapping.after) or None,
        "match": [format_match(rule) for rule in mapping.match] or None,
        "together": [list(group) for group in mapping.together] or None,
        "fields": [format_field(line) for line in mapping.fields],
    }
    return {key: value for key, value in values.items() if value is not None}


def _plain(value: Any) -> str | int | float | bool:
    return str(value) if isinstance(value, str) else value  # an enumeration's member as the word it is


def mapping_document(mapping: Mapping) -> dict[str, Any]:
    """The mapping in its long form, made of what JSON knows. The store keeps versions of it, so defaults are said."""
    return {"name": mapping.name} | mapping_values(mapping) | {"fields": [field_table(line) for line in mapping.fields]}


def mapping_from_document(document: dict[str, Any]) -> Mapping:
    """The mapping of a document; `mapping_from_document(mapping_document(m)) == m`.

    Raises ConfigurationError with all problems, placed by mapping and path.
    """
    name = str(document.get("name", ""))
    place = Document("")
    values = {key: value for key, value in document.items() if key != "name"}
    read = read_mapping(name, Node(values, (name,), place))
    if place.problems or read is None:
        raise ConfigurationError(place.problems)
    return read.mapping
