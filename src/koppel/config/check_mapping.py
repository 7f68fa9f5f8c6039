"""What can be wrong inside one mapping although each of its settings reads well.

Names of tables and fields are not looked at here: that needs the systems, `koppel check` does it.
"""

from collections.abc import Sequence

from koppel.config.document import Node, did_you_mean
from koppel.model.mapping import ConversionCall, FieldMapping, Mapping
from koppel.model.policy import Direction, OnDelete, Side
from koppel.transform.registry import CONVERSIONS, check_calls


def mapping_problems(mapping: Mapping, node: Node, lines: Sequence[Node], complete: bool) -> None:
    """Note all problems. `lines`: the places of the fields; `complete`: all of them could be read."""
    for line, place in zip(mapping.fields, lines, strict=True):
        _line(line, mapping.direction, place)
    _written_twice(mapping, lines)
    _deactivate(mapping, node)
    if mapping.name in mapping.after:
        place = node.at("after", mapping.after.index(mapping.name))
        place.problem("a mapping cannot run after itself", f"take {mapping.name} out of after")
    if complete:
        _usable(mapping, node)
        _together(mapping, node)


def effective(line: FieldMapping, mapping: Direction) -> Direction | None:
    """Which way a field of a mapping of that direction really travels; None: not at all."""
    ways = [side for side in Side if line.direction.reaches(side) and mapping.reaches(side)]
    if len(ways) == 2:
        return Direction.BOTH
    return Direction.towards(ways[0]) if ways else None


def _line(line: FieldMapping, mapping: Direction, place: Node) -> None:
    travels = effective(line, mapping)
    if travels is None:
        what = f"this field goes {line.direction.value!r}, its mapping only {mapping.value!r}"
        place.problem(what, "change one of the two directions")
    if line.not_null and line.clear_on_failed:
        what = "not null and clear on failed exclude each other: one never writes a blank, the other writes one"
        place.problem(what, "keep one of the two")
    if line.clear_on_failed and line.reference is None:
        place.problem("clear on failed without a reference: nothing can fail", "write @ MAPPING, or leave it out")
    if line.constant is not None:
        _constant(line, place)
    if line.on_conflict is not None and line.constant is None and travels in (Direction.TO_RIGHT, Direction.TO_LEFT):
        what = f"on conflict = {line.on_conflict} on a field that goes one way: it never has a conflict"
        place.problem(what, "leave it out, or let the field and its mapping go both ways")
    for call in dict.fromkeys((*line.convert_right, *line.convert_left)):
        _conversion(call, place)


def _conversion(call: ConversionCall, place: Node) -> None:
    """Name and arguments; whether the kinds fit only the tables can tell."""
    if call.name not in CONVERSIONS:
        place.problem(f"there is no conversion {call.name!r}", did_you_mean(call.name, CONVERSIONS))
        return
    for what in check_calls([call]):
        place.problem(what, CONVERSIONS[call.name].doc)


def _constant(line: FieldMapping, place: Node) -> None:
    with_it = {
        "a conversion": line.convert_right or line.convert_left,
        "a reference": line.reference,
        "not null": line.not_null,
        "on conflict": line.on_conflict,
    }
    for name in (name for name, there in with_it.items() if there):
        place.problem(f"a constant with {name}: it is written as it stands", f"leave out {name.removeprefix('a ')}")


def _written_twice(mapping: Mapping, lines: Sequence[Node]) -> None:
    """Two lines may read one field, but not write it (they would undo each other in every run)."""
    for side in Side:
        first: dict[str, Node] = {}
        for line, place in zip(mapping.fields, lines, strict=True):
            name, travels = line.name(side), effective(line, mapping.direction)
            if name is None or not line.enabled or travels is None or not travels.reaches(side):
                continue
            if name in first:
                other = first[name].document.where(first[name].path)
                what = f"{name!r} of {mapping.table(side)} is written by two lines, this one and {other}"
                place.problem(what, "let one of them go the other way, disable it or remove it")
            first.setdefault(name, place)


def _deactivate(mapping: Mapping, node: Node) -> None:
    if mapping.on_delete is not OnDelete.DEACTIVATE:
        return
    for side in Side:
        if mapping.direction.reaches(side) and mapping.options(side).deactivate is None:
            what = f"on_delete = 'deactivate', but nothing says what that means in {mapping.table(side)}"
            node.at("on_delete").problem(what, f"write {side.word}_deactivate = 'field = value'")


def _usable(mapping: Mapping, node: Node) -> None:
    """Semantics A1: a mapping without usable field pairs."""
    pairs = [line for line in mapping.fields if line.enabled and line.constant is None]
    if mapping.fields and not any(effective(line, mapping.direction) for line in pairs):
        remedy = "enable one, or give the mapping its direction"
        node.at("fields").problem("no enabled line lines up two fields", remedy)
    elif not mapping.fields:
        node.at("fields").problem("no fields are lined up", 'write fields = ["left field <-> right field", …]')


def _together(mapping: Mapping, node: Node) -> None:
    seen: dict[str, int] = {}
    for number, group in enumerate(mapping.together):
        place = node.at("together", number)
        members: dict[str, FieldMapping] = {}
        for name in group:
            found = [line for line in mapping.fields if line.left == name and line.enabled and line.constant is None]
            if name in seen:
                other = "twice in this group" if seen[name] == number else f"in together[{seen[name]}] as well"
                place.problem(f"{name!r} stands {other}", "a field belongs to one group, once")
            elif not found:
                place.problem(f"{name!r} is not a left field of an enabled line", _nearest(name, mapping))
            seen.setdefault(name, number)
            members |= {str(line): line for line in found}
        _group(list(members.values()), mapping, place)


def _nearest(name: str, mapping: Mapping) -> str:
    return did_you_mean(name, [line.left for line in mapping.fields if line.left is not None and line.enabled])


def _group(members: list[FieldMapping], mapping: Mapping, place: Node) -> None:
    """A group is one value: it travels one way, and one side gives all of it."""
    if len({effective(line, mapping.direction) for line in members}) > 1:
        shown = ", ".join(str(line) for line in members)
        place.problem(f"the fields of a group travel different ways: {shown}", "give all of them one direction")
    two_way = [line for line in members if effective(line, mapping.direction) is Direction.BOTH]
    policies = {line.on_conflict or mapping.on_conflict for line in two_way}
    for policy in sorted(policy for policy in policies if policy.resolves):
        remedy = "a group is decided as one: use a side, newest or ask for its fields"
        place.problem(f"{policy} makes a value field by field inside a group", remedy)
    if len(policies) > 1 and not any(policy.resolves for policy in policies):
        place.problem("the fields of a group have different on conflict", "give all of them the same")
