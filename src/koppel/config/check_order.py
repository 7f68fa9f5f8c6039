"""What can be wrong between mappings: one that does not exist is named, or they wait for each other."""

from collections.abc import Iterator, Sequence

from koppel.config.document import Node, did_you_mean
from koppel.config.mapping_table import ReadMapping
from koppel.model.mapping import Mapping


def order_problems(mappings: Sequence[ReadMapping], names: Sequence[str], systems: Sequence[str]) -> None:
    """Note every unknown mapping in `after` and `@`, references between other systems, and every cycle.

    `names`: all mappings of the file, also those that could not be read; `systems`: all systems.
    """
    by_name = {read.mapping.name: read.mapping for read in mappings}
    for read in mappings:
        for named, place in _named(read):
            if named not in names:
                place.problem(f"there is no mapping {named!r}", did_you_mean(named, names))
        _references(read, by_name, frozenset(systems))
    for cycle in _cycles(mappings):
        first = cycle[0]
        place = next(place for named, place in _named(first) if named == cycle[1].mapping.name)
        shown = " → ".join(read.mapping.name for read in cycle)
        remedy = "take one of them out of after, or let one reference go"
        place.problem(f"these mappings wait for each other: {shown}", remedy)


def _references(read: ReadMapping, by_name: dict[str, Mapping], known: frozenset[str]) -> None:
    """A reference is translated by couplings, so it must lead to a mapping between the same two systems."""
    here = _systems(read.mapping)
    for line, place in zip(read.mapping.fields, read.lines, strict=True):
        for name in line.reference.mappings if line.reference else ():
            there = _systems(by_name[name]) if name in by_name else here
            if there != here and known.issuperset({*there, *here}):
                what = f"{name} couples {' with '.join(there)}, this mapping {' with '.join(here)}"
                place.problem(what, "a reference needs a mapping of the same two systems, in the same order")


def _systems(mapping: Mapping) -> tuple[str, str]:
    return mapping.left.system, mapping.right.system


def _named(read: ReadMapping) -> Iterator[tuple[str, Node]]:
    """Every mapping that one waits for or refers to, with the place of its name."""
    for index, name in enumerate(read.mapping.after):
        yield name, read.node.at("after", index)
    for line, place in zip(read.mapping.fields, read.lines, strict=True):
        for name in line.reference.mappings if line.reference else ():
            yield name, place


def _cycles(mappings: Sequence[ReadMapping]) -> list[list[ReadMapping]]:
    """The shortest circle through each mapping that no earlier one shows; its first mapping stands at the end again.

    A mapping may refer to itself, as a table that knows its parent does: `depends_on` leaves that out.
    """
    by_name = {read.mapping.name: read for read in mappings}
    shown: set[str] = set()
    cycles = []
    for read in mappings:
        if read.mapping.name not in shown and (circle := _circle(read.mapping.name, by_name)):
            shown.update(circle)
            cycles.append([by_name[name] for name in circle])
    return cycles


def _circle(start: str, by_name: dict[str, ReadMapping]) -> list[str] | None:
    """The shortest way from `start` back to itself, both ends included; breadth first."""
    came_from = {start: ""}
    queue = [start]
    for name in queue:
        for following in by_name[name].mapping.depends_on:
            if following == start:
                way = [name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return [*reversed(way), start]
            if following in by_name and following not in came_from:
                came_from[following] = name
                queue.append(following)
    return None
