"""`$metadata` (CSDL, XML) to what tables look like. Only entity sets of the container are tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from koppel.connectors.odata.edm import KINDS, Property
from koppel.errors import BadAnswer
from koppel.model.values import FieldShape, Kind

_COMPUTED = "Org.OData.Core.V1.Computed"
_CONCURRENCY = "Org.OData.Core.V1.OptimisticConcurrency"
_ALTERNATE_KEYS = "Org.OData.Core.V1.AlternateKeys"
_EDITABLE = "NAV.AllowEdit"
"""What Business Central says of controls (wire 4.3.25)."""
_BATCH = "Org.OData.Capabilities.V1.BatchSupport"


@dataclass(frozen=True)
class EntitySet:
    """One entity set. `computed`: the properties that the service fills. `etags`: its records have them. `json_batch`:
    the service takes several requests in one, as JSON.
    """

    name: str
    properties: Mapping[str, Property]
    key: tuple[str, ...]
    computed: frozenset[str]
    etags: bool
    json_batch: bool = False


def entity_sets(system: str, body: bytes) -> dict[str, EntitySet]:
    """The entity sets by name. Raises BadAnswer when the document cannot be read."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:  # the last for an unknown encoding
        raise BadAnswer(system, "its $metadata is not the XML it should be", "check the url") from error
    document = _Document(root)
    return {found.name: found for found in document.entity_sets()}


def _named(element: Element, tag: str) -> Iterator[Element]:
    """The children with that tag, whatever its namespace: it differs between versions."""
    return (child for child in element if child.tag.rpartition("}")[2] == tag)


class _Document:
    """The types by qualified name, by alias too; annotations by target; what vocabularies are called here."""

    def __init__(self, root: Element) -> None:
        self.types: dict[str, Element] = {}
        self.containers: list[tuple[str, Element]] = []
        self._annotations: dict[str, list[Element]] = {}
        self._vocabularies = {
            include.get("Alias", ""): include.get("Namespace", "")
            for reference in _named(root, "Reference")
            for include in _named(reference, "Include")
        }
        self._namespaces: dict[str, str] = {}
        for services in _named(root, "DataServices"):
            schemas = list(_named(services, "Schema"))
            for schema in schemas:
                namespace = schema.get("Namespace", "")
                self._namespaces[schema.get("Alias") or namespace] = namespace
            for schema in schemas:
                self._read(schema)

    def _read(self, schema: Element) -> None:
        namespace = schema.get("Namespace", "")
        for prefix in dict.fromkeys((namespace, schema.get("Alias") or namespace)):
            for tag in ("EntityType", "EnumType", "TypeDefinition"):
                self.types.update({f"{prefix}.{each.get('Name')}": each for each in _named(schema, tag)})
        self.containers += [(namespace, each) for each in _named(schema, "EntityContainer")]
        for target in _named(schema, "Annotations"):
            self._annotations.setdefault(self._full(target.get("Target", "")), []).append(target)

    def _full(self, name: str) -> str:
        """A qualified name with its namespace in place of an alias."""
        prefix, dot, rest = name.partition("/")[0].rpartition(".")
        return f"{self._namespaces.get(prefix, prefix)}{dot}{rest}{name[len(prefix + dot + rest) :]}"

    def annotations(self, element: Element, target: str) -> dict[str, Element]:
        """What an element is annotated with, in itself or elsewhere under its name, by term; not what says no."""
        found: dict[str, Element] = {}
        for place in (*self._annotations.get(self._full(target), ()), element):
            for each in _named(place, "Annotation"):
                prefix, dot, term = each.get("Term", "").rpartition(".")
                if each.get("Bool") != "false":
                    found[f"{self._vocabularies.get(prefix, prefix)}{dot}{term}"] = each
        return found

    def entity_sets(self) -> Iterator[EntitySet]:
        for namespace, container in self.containers:
            place = f"{namespace}.{container.get('Name')}"
            batch = _takes_json(self.annotations(container, place).get(_BATCH))
            for each in _named(container, "EntitySet"):
                name, type_ = each.get("Name", ""), each.get("EntityType", "")
                if type_ in self.types:
                    terms = self.annotations(each, f"{place}/{name}")
                    found = self._entity_set(name, type_, _CONCURRENCY in terms)
                    unique = self._unique(type_) | _keys_of_one(terms.get(_ALTERNATE_KEYS))
                    yield replace(found, properties=_marked(found.properties, unique), json_batch=batch)

    def _entity_set(self, name: str, type_: str, etags: bool) -> EntitySet:
        properties: dict[str, Property] = {}
        key: tuple[str, ...] = ()
        computed: set[str] = set()
        for owner in self._lineage(type_):
            for named in _named(self.types[owner], "Key"):
                key = tuple(ref.get("Name", "") for ref in _named(named, "PropertyRef"))
            for each in _named(self.types[owner], "Property"):
                is_computed = _COMPUTED in self.annotations(each, f"{owner}/{each.get('Name')}") or _is_locked(each)
                if found := self._property(each, is_computed):
                    properties[found.shape.name] = found
                    computed |= {found.shape.name} if is_computed else set()
        return EntitySet(name, properties, key, frozenset(computed), etags)

    def _unique(self, type_: str) -> set[str]:
        """The properties of which each is a key of its own beside the one in addresses."""
        terms = [self.annotations(self.types[owner], owner) for owner in self._lineage(type_)]
        return set().union(*(_keys_of_one(each.get(_ALTERNATE_KEYS)) for each in terms))

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
            type_ = self._full(type_)  # as literals name it: not every service knows its own alias there
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


def _is_locked(property_: Element) -> bool:
    return any((each.get("Term"), each.get("Bool")) == (_EDITABLE, "false") for each in _named(property_, "Annotation"))


def _takes_json(support: Element | None) -> bool:
    """Whether what is said about batches is that they may be JSON; a service that says nothing of formats takes the
    older, multipart form for sure and no other.
    """
    if support is None:
        return False
    said = {(each.tag.rpartition("}")[2], each.get("Property"), each.get("Bool")) for each in support.iter()}
    formats = [each.text or "" for each in support.iter() if each.tag.endswith("}String")]
    return ("PropertyValue", "Supported", "false") not in said and any(
        format_.strip().startswith("application/json") for format_ in formats
    )


def _keys_of_one(keys: Element | None) -> set[str]:
    """Of alternate keys the properties that are one alone."""
    if keys is None:
        return set()
    members = [
        [value.get("PropertyPath", "") for value in part.iter() if value.get("Property") == "Name"]
        for part in keys.iter()
        if part.get("Property") == "Key"
    ]
    return {names[0] for names in members if len(names) == 1}


def _marked(properties: Mapping[str, Property], unique: set[str]) -> dict[str, Property]:
    """The properties, those that are unique marked as such."""
    return {
        name: replace(each, shape=replace(each.shape, unique=True)) if name in unique else each
        for name, each in properties.items()
    }


def _number(element: Element, facet: str) -> int | None:
    """A facet; None where it is absent, `max` or `variable`."""
    said = element.get(facet, "")
    return int(said) if said.isdecimal() else None
