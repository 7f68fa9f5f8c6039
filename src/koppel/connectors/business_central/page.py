"""One page as a table: its entity set from `$metadata` with what `facts` knows, its choices in words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from koppel.connectors.agreed.mistakes import Mistakes
from koppel.connectors.agreed.shapes import check_kinds_have_tables, chosen_kinds, known_kinds
from koppel.connectors.business_central.facts import (
    KEY,
    PAGES,
    READ_ONLY,
    REFERENCES,
    ROW_VERSION,
    STAMPS,
    VARIABLES,
    Facts,
)
from koppel.connectors.odata.csdl import EntitySet
from koppel.connectors.odata.edm import Property
from koppel.model.values import Kind

MILLISECONDS = 3
"""How many digits of a second the service keeps (wire 2.3)."""

BLANK = " "
"""How the blank member of an enum is called; where it is spelled as a name, it is encoded like any other (wire 2.4)."""

_ENCODED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def in_words(member: str) -> str:
    """A member of an enum as people read it: `Non_x002D_Inventory` is Non-Inventory; the blank one is ''."""
    word = _ENCODED.sub(lambda found: chr(int(found[1], 16)), member)
    return "" if word == BLANK else word


@dataclass(frozen=True)
class Page:
    """One page. `standard`: of Microsoft's, not of an app. `members`: for each enum field its words and how the
    metadata spells them.
    """

    entity_set: EntitySet
    facts: Facts
    standard: bool
    members: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its entity set."""
        return self.entity_set.name

    @property
    def takes_ids(self) -> bool:
        """Whether whoever creates a record may choose its id: never on a standard page (wire 2.4, U5)."""
        return not self.standard and not self.entity_set.properties[KEY].shape.read_only

    @property
    def stamp(self) -> str | None:
        """The field with the moment of the last change."""
        return next((name for name in STAMPS if name in self.entity_set.properties), None)

    @property
    def has_row_versions(self) -> bool:
        """Whether its records can be read by row version."""
        return ROW_VERSION in self.entity_set.properties

    @property
    def number(self) -> str | None:
        """The field that names a record to people, where it has one."""
        return self.facts.number if self.facts.number in self.entity_set.properties else None

    @property
    def computed(self) -> tuple[str, ...]:
        """Fields that change without a change stamp."""
        return tuple(name for name in self.entity_set.properties if name in self.facts.computed)


def kinds_of(
    system: str, said: Mapping[str, Mapping[str, str]], sets: Mapping[str, EntitySet]
) -> dict[str, dict[str, Kind]]:
    """By page the kinds that the configuration gives to its fields: `said`, page, field, kind. Raises
    ConfigurationError with every mistake in it.
    """
    kinds, chosen, mistakes = known_kinds(system, said), {}, Mistakes()
    with mistakes.noted():
        check_kinds_have_tables(system, kinds, tuple(sets))
    for name, entity_set in sets.items():
        with mistakes.noted():
            chosen[name] = chosen_kinds(entity_set.properties, kinds.get(name.lower(), {}), f"{system}.{name}")
    mistakes.tell()
    return chosen


def page_of(entity_set: EntitySet, kinds: Mapping[str, Kind], sets: Mapping[str, EntitySet], standard: bool) -> Page:
    """The page of an entity set. `kinds`: what the configuration says of texts; `sets`: all of the API."""
    facts = PAGES.get(entity_set.name, Facts())
    properties = {}
    for name, property_ in entity_set.properties.items():
        made = _property(property_, facts, kinds.get(name), sets)
        properties[name] = replace(made, filterable=not (standard and name in VARIABLES))
    members = {
        name: {in_words(member): member for member in property_.shape.choices}
        for name, property_ in entity_set.properties.items()
        if property_.is_enumeration
    }
    # Every record has an etag, though the metadata does not say so (wire 2.4).
    return Page(replace(entity_set, properties=properties, etags=True), facts, standard, members)


def _property(property_: Property, facts: Facts, kind: Kind | None, sets: Mapping[str, EntitySet]) -> Property:
    shape = property_.shape
    name, words = shape.name, tuple(map(in_words, shape.choices))
    if kind is None and name in facts.codes and shape.kind is Kind.TEXT:
        kind = Kind.CODE
    set_name, by = REFERENCES.get(name, ("", ""))
    shape = replace(
        shape,
        kind=kind or shape.kind,
        choices=tuple(word for word in words if word),
        nullable=name != KEY and name not in facts.required and (not words or "" in words),
        read_only=shape.read_only or name in READ_ONLY or name in facts.computed,
        unique=name in (KEY, facts.number),
        references=(set_name, by) if set_name in sets else None,
    )
    return replace(property_, shape=shape, second_digits=MILLISECONDS)
