"""`$metadata` (CSDL, XML) to what tables look like. Only entity sets of the container are tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from koppel.connectors.odata.edm import KINDS, Property
from koppel.errors import BadAnswer
from koppel.model.values import FieldShape, Kind

_COMPUTED = "Org.OData.Core.V1.Computed"
_CONCURRENCY = "Org.OData.Core.V1.OptimisticConcurrency"


@dataclass(frozen=True)
class EntitySet:
    """One entity set. `computed`: the properties that the service fills. `etags`: its records have them."""

    name: str
    properties: Mapping[str, Property]
    key: tuple[str, ...]
    computed: frozenset[str]
    etags: bool


def entity_sets(system: str, body: bytes) -> dict[str, EntitySet]:
    """The entity sets by name. Raises BadAnswer when the document cannot be read."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BadAnswer(system, "its $metadata is not the XML it should be", "check the url") from error
    document = _Document(root)
    return {found.name: found for found in document.entity_sets()}


def _named(element: Element, tag: str) -> Iterator[Element]:
    """The children with that tag, whatever its namespace: it differs between versions."""
    return (child for child in element if child.tag.rpartition("}")[2] == tag)


class _Document:
    """The types by qualified name, by alias too; annotations by target."""

    def __init__(self, root: Element) -> None:
        self.types: dict[str, Element] = {}
        self.annotations: dict[str, set[str]] = {}
        self.containers: list[tuple[str, Element]] = []
        for services in _named(root, "DataServices"):
            for schema in _named(services, "Schema"):
                self._read(schema)

    def _read(self, schema: Element) -> None:
        namespace = schema.get("Namespace", "")
        for prefix in dict.fromkeys((namespace, schema.get("Alias") or namespace)):
            for tag in ("EntityType", "EnumType", "TypeDefinition"):
                self.types.update({f"{prefix}.{each.get('Name')}": each for each in _named(schema, tag)})
        self.containers += [(namespace, each) for each in _named(schema, "EntityContainer")]
        for target in _named(schema, "Annotations"):
            self.annotations.setdefault(target.get("Target", ""), set()).update(_terms(target))

    def entity_sets(self) -> Iterator[EntitySet]:
        for namespace, container in self.containers:
            for each in _named(container, "EntitySet"):
                name, type_ = each.get("Name", ""), each.get("EntityType", "")
                if type_ not in self.types:
                    continue
                places = {f"{namespace}.{container.get('Name')}/{name}"}
                terms = _terms(each).union(*(self.annotations.get(place, set()) for place in places))
                yield self._entity_set(name, type_, _CONCURRENCY in terms)

    def _entity_set(self, name: str, type_: str, etags: bool) -> EntitySet:
        properties: dict[str, Property] = {}
        key: tuple[str, ...] = ()
        computed: set[str] = set()
        for owner in self._lineage(type_):
            for named in _named(self.types[owner], "Key"):
                key = tuple(ref.get("Name", "") for ref in _named(named, "PropertyRef"))
            for each in _named(self.types[owner], "Property"):
                is_computed = _COMPUTED in _terms(each) | self.annotations.get(f"{owner}/{each.get('Name')}", set())
                if found := self._property(each, is_computed):
                    properties[found.shape.name] = found
                    computed |= {found.shape.name} if is_computed else set()
        return EntitySet(name, properties, key, frozenset(computed), etags)

    def _lineage(self, type_: str) -> list[str]:
        """The type and what it derives from, the oldest first."""
        names: list[str] = []
        while type_ in self.types and type_ not in names:
            names.insert(0, type_)
            type_ = self.types[type_].get("BaseType", "")
        return names

    def _property(self, element: Element, computed: bool) -> Property | None:
        """None for what koppel does not carry."""
        name, type_ = element.get("Name", ""), element.get("Type", "")
        declared = self.types.get(type_)
        facets = element
        choices: tuple[str, ...] = ()
        if declared is not None and declared.tag.endswith("TypeDefinition"):
            facets, type_ = declared, declared.get("UnderlyingType", "")
        elif declared is not None and declared.tag.endswith("EnumType"):
            if declared.get("IsFlags") == "true":
                return None
            choices = tuple(member.get("Name", "") for member in _named(declared, "Member"))
        kind = Kind.CHOICE if choices else KINDS.get(type_)
        if kind is None:
            return None
        shape = FieldShape(
            name,
            kind,
            length=_number(facets, "MaxLength") if kind is Kind.TEXT else None,
            scale=_number(facets, "Scale") if kind is Kind.DECIMAL else None,
            nullable=element.get("Nullable", "true") != "false",
            choices=choices,
            read_only=computed,
        )
        return Property(shape, type_, _number(facets, "Precision") or 0 if kind is Kind.DATETIME else 6)


def _terms(element: Element) -> set[str]:
    """The terms an element is annotated with, but for those that say no."""
    return {each.get("Term", "") for each in _named(element, "Annotation") if each.get("Bool") != "false"}


def _number(element: Element, facet: str) -> int | None:
    """A facet; None where it is absent, `max` or `variable`."""
    said = element.get(facet, "")
    return int(said) if said.isdecimal() else None
