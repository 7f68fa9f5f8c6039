"""What all mappings together do with the tables of a system, for what the system can tell before a run."""

from collections.abc import Iterable, Iterator

from koppel.model.filter import fields_of
from koppel.model.mapping import FieldMapping, Mapping
from koppel.model.numbers import NumberPolicy
from koppel.model.policy import OnDelete, Side
from koppel.ports import Use


def uses(mappings: Iterable[Mapping], system: str) -> dict[str, Use]:
    """By table, in the order in which the mappings name them."""
    found: dict[str, Use] = {}
    for mapping in mappings:
        for table, use in _of_mapping(mapping, system):
            found[table] = found.get(table, use) | use
    return found


def _of_mapping(mapping: Mapping, system: str) -> Iterator[tuple[str, Use]]:
    for side in Side:
        if mapping.table(side).system == system:
            yield mapping.table(side).table, _of_side(mapping, side)
    for line in mapping.fields:
        hop = line.reference.hop if line.reference is not None and line.enabled else None
        if hop is not None and hop.table.system == system:
            yield hop.table.table, Use(frozenset({hop.given, hop.wanted}))


def _of_side(mapping: Mapping, side: Side) -> Use:
    options, lines = mapping.options(side), [line for line in mapping.fields if line.enabled]
    named = {line.name(side) for line in lines}
    named |= {pair[side] for rule in mapping.match for pair in rule.pairs}
    named |= fields_of(options.filter) if options.filter else set()
    reserves = options.numbers is not None and options.numbers.policy is NumberPolicy.RESERVED
    if not mapping.direction.reaches(side):
        return Use(_filled(named), reserves)
    written = [line for line in lines if line.direction.reaches(side)]
    changed = {line.name(side) for line in written if not line.on_create}
    if mapping.on_delete is OnDelete.DEACTIVATE and options.deactivate is not None:
        changed.add(options.deactivate[0])
    return Use(
        _filled(named | changed),
        reserves,
        creates=True,
        deletes=mapping.on_delete is OnDelete.DELETE,
        given=_names(written, side),
        changed=_filled(changed),
    )


def _names(lines: Iterable[FieldMapping], side: Side) -> frozenset[str]:
    return _filled({line.name(side) for line in lines})


def _filled(names: set[str | None]) -> frozenset[str]:
    return frozenset(name for name in names if name is not None)
