"""Which pages with which fields the mappings of a configuration need."""

from collections.abc import Iterable, Iterator, Mapping

from koppel.connectors.business_central.al.catalog import SOURCES, SYSTEM_FIELDS
from koppel.connectors.business_central.facts import KEY
from koppel.errors import ConfigurationError, Problem
from koppel.model.filter import fields_of
from koppel.model.mapping import Mapping as TableMapping
from koppel.model.policy import Side

Needs = Mapping[str, tuple[str, ...]]
"""Page to fields, in the order of the page."""


def needs(mappings: Iterable[TableMapping], system: str) -> Needs:
    """The pages of a system that mappings use, and their fields. Raises ConfigurationError for every page and field of
    which koppel does not know what it is in AL.
    """
    wanted: dict[str, set[str]] = {}
    for mapping in mappings:
        for page, name in _named(mapping, system):
            wanted.setdefault(page, set()).update([name] if name else [])
    if not wanted:
        raise ConfigurationError([Problem(system, "no mapping has a table of it", "write the mappings first")])
    problems = [problem for page, names in wanted.items() for problem in _unknown(system, page, names)]
    if problems:
        raise ConfigurationError(problems)
    return {
        page: tuple(name for name in SOURCES[page].fields if name in names | _always(page))
        for page, names in sorted(wanted.items())
    }


def _always(page: str) -> set[str]:
    """What a page shows in any case: the field by which people know a record."""
    return {name for name, field in SOURCES[page].fields.items() if field == SOURCES[page].number}


def _named(mapping: TableMapping, system: str) -> Iterator[tuple[str, str]]:
    """Page and field wherever a mapping names one of the system; a field '' names the page alone."""
    for side in Side:
        if mapping.table(side).system != system:
            continue
        page, options = mapping.table(side).table, mapping.options(side)
        yield page, ""
        names = [line.name(side) for line in mapping.fields if line.enabled]
        names += [pair[side] for rule in mapping.match for pair in rule.pairs]
        names += [options.modified, options.deactivate[0] if options.deactivate else None]
        names += fields_of(options.filter) if options.filter else ()
        yield from ((page, name) for name in names if name)
    for line in mapping.fields:
        reference = line.reference if line.enabled else None
        if reference is not None and reference.hop is not None and reference.hop.table.system == system:
            looked_at = (reference.hop.given, reference.hop.wanted, *reference.tested)
            yield from ((reference.hop.table.table, name) for name in looked_at)


def _unknown(system: str, page: str, names: set[str]) -> Iterator[Problem]:
    if page not in SOURCES:
        remedy = f"write its page yourself; known are {', '.join(SOURCES)}"
        yield Problem(f"{system}.{page}", "koppel does not know what this page is in AL", remedy)
        return
    for name in sorted(names - SOURCES[page].fields.keys() - SYSTEM_FIELDS.keys() - {KEY}):
        remedy = "add it to the page that is written, and leave it out of the mapping until then"
        yield Problem(f"{system}.{page}", f"koppel does not know what {name} is in AL", remedy)
