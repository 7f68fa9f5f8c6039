"""Metadata: `EntityDefinitions` with attributes, keys and relationships, and `$metadata` (wire 1.6)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree as xml

from koppel.sandbox.dataverse.addresses import no_segment, parted
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.refusal import MISSING, bad
from koppel.sandbox.dataverse.rights import attribute_id, privileges_of
from koppel.sandbox.dataverse.shape import LOOKUPS, NUMBERED, Behaviour, Column, Kind, Table
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.refusal import Refusal

_CAST = "Microsoft.Dynamics.CRM."
_EDM = {
    Kind.ID: "Edm.Guid",
    Kind.INTEGER: "Edm.Int32",
    Kind.BIGINT: "Edm.Int64",
    Kind.DECIMAL: "Edm.Decimal",
    Kind.MONEY: "Edm.Decimal",
    Kind.BOOLEAN: "Edm.Boolean",
    Kind.CHOICE: "Edm.Int32",
    Kind.STATE: "Edm.Int32",
    Kind.STATUS: "Edm.Int32",
    Kind.DATETIME: "Edm.DateTimeOffset",
}


def definitions(environment: Environment, parts: list[str], query: Mapping[str, str]) -> dict[str, Any]:
    """The answer below `EntityDefinitions`; never paged. Raises `Refusal`."""
    _, inside = parted(parts[0])
    if inside is None:
        name = re.search(r"LogicalName eq '(\w+)'", query.get("$filter", ""))
        tables = [table for table in TABLES.values() if name is None or table.name == name[1]]
        return {"value": [_narrowed(_table(environment, table), query) for table in tables]}
    table = TABLES.get(inside.partition("=")[2].strip("'"))
    if table is None:
        raise Refusal(404, MISSING, f"Could not find an entity with the name {inside}.")
    if len(parts) == 1:
        return _narrowed(_table(environment, table), query)
    if parts[1] == "Attributes":
        return {"value": [*_attributes(environment, table, parts[2] if len(parts) > 2 else "", query)]}
    lists = {
        "Keys": _keys(environment, table),
        "ManyToOneRelationships": _many_to_one(table),
        "OneToManyRelationships": _one_to_many(table),
    }
    if parts[1] not in lists:
        raise no_segment(parts[1])
    return {"value": [_narrowed(document, query) for document in lists[parts[1]]]}


def _table(environment: Environment, table: Table) -> dict[str, Any]:
    return {
        "LogicalName": table.name,
        "SchemaName": table.name.capitalize(),
        "EntitySetName": table.set_name,
        "PrimaryIdAttribute": table.id_column,
        "PrimaryNameAttribute": table.name_column,
        "PrimaryImageAttribute": None,
        "ChangeTrackingEnabled": environment.tracks(table),
        "CanChangeTrackingBeEnabled": {"Value": True},
        "IsOptimisticConcurrencyEnabled": True,
        "TableType": "Standard",
        "OwnershipType": "UserOwned" if table.owned else "OrganizationOwned",
        "Privileges": privileges_of(table),
        "Attributes": [_attribute(environment, table, column) for column in table.columns.values()],
        "Keys": _keys(environment, table),
        "ManyToOneRelationships": _many_to_one(table),
    }


def _narrowed(document: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Only what `$select` names; lists come only with `$expand`."""
    expanded = re.findall(r"(\w+)(?:\([^)]*\))?", query.get("$expand", ""))
    select = [name.strip() for name in query["$select"].split(",")] if "$select" in query else [*document]
    if unknown := [name for name in select if name not in document]:
        raise bad(f"Could not find a property named '{unknown[0]}'. Type-specific ones need a cast segment.")
    return {
        name: value
        for name, value in document.items()
        if (name in select and not isinstance(value, list)) or name in expanded
    }


def _attributes(
    environment: Environment, table: Table, cast: str, query: Mapping[str, str]
) -> Iterable[dict[str, Any]]:
    """Attributes; what belongs to one type only is told after a cast to it (wire 1.6)."""
    for column in table.columns.values():
        if not cast:
            yield _narrowed(_attribute(environment, table, column), query)
            yield from (_narrowed(each, query) for each in _companions(environment, table, column))
        elif cast == f"{_CAST}{_metadata_type(column)}":
            yield _narrowed(_attribute(environment, table, column) | _specific(column), query)


def _metadata_type(column: Column) -> str:
    return "LookupAttributeMetadata" if column.kind in LOOKUPS else f"{column.kind}AttributeMetadata"


def _attribute(environment: Environment, table: Table, column: Column) -> dict[str, Any]:
    required = "SystemRequired" if column.required or column.name == table.id_column else "None"
    return {
        "@odata.type": f"#{_CAST}{_metadata_type(column)}",
        "LogicalName": column.name,
        "MetadataId": attribute_id(table.name, column.name),
        "AttributeOf": None,
        "SchemaName": column.schema_name or column.name,
        "AttributeType": "Virtual" if column.kind is Kind.CHOICES else column.kind.value,
        "AttributeTypeName": {"Value": f"{column.kind.value}Type"},
        "IsValidForCreate": column.create,
        "IsValidForUpdate": column.update,
        "IsValidForRead": True,
        "IsSecured": (table.name, column.name) in environment.secured,
        "RequiredLevel": {"Value": required},
    }


def _companions(environment: Environment, table: Table, column: Column) -> Iterable[dict[str, Any]]:
    """Attributes that exist beside another one and in no row of the Web API: names of lookups and choices, and the
    table of a lookup with several.
    """
    found = {}
    if column.kind in LOOKUPS | NUMBERED:
        found[f"{column.name}name"] = "String" if column.kind in LOOKUPS else "Virtual"
    if len(column.targets) > 1:
        found[f"{column.name}type"] = "EntityName"
    for name, kind in found.items():
        if name not in table.columns:
            document = _attribute(environment, table, column)
            yield document | {
                "LogicalName": name,
                "MetadataId": attribute_id(table.name, name),
                "AttributeOf": column.name,
                "AttributeType": kind,
                "AttributeTypeName": {"Value": f"{kind}Type"},
                "IsValidForCreate": False,
                "IsValidForUpdate": False,
            }


def _specific(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if column.length:
        found["MaxLength"] = column.length
    if column.kind in (Kind.DECIMAL, Kind.MONEY):
        found["Precision"] = column.precision
    if column.kind is Kind.MONEY:
        found["PrecisionSource"] = 2
    if column.kind is Kind.INTEGER:
        found |= {"MinValue": column.low, "MaxValue": column.high}
    if column.kind is Kind.DATETIME:
        found["Format"] = "DateOnly" if column.date_format else "DateAndTime"
        found["DateTimeBehavior"] = {"Value": column.behaviour.value}
    if column.targets:
        found["Targets"] = [target.table for target in column.targets]
    if column.options:
        options = [_option(column, number, label) for number, label in column.options.items()]
        found["OptionSet"] = {"Options": options}
    # A list of plain values is a property like any other: only lists of objects wait for `$expand`.
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def _option(column: Column, number: int, label: str) -> dict[str, Any]:
    labels = [{"Label": label, "LanguageCode": 1033}]
    option: dict[str, Any] = {"Value": number, "Label": {"LocalizedLabels": labels, "UserLocalizedLabel": labels[0]}}
    return option | ({"State": column.states[number]} if column.states else {})


def _keys(environment: Environment, table: Table) -> list[dict[str, Any]]:
    return [
        {
            "LogicalName": key.name,
            "SchemaName": key.name,
            "KeyAttributes": key.columns,
            "EntityKeyIndexStatus": "Failed" if key.name in environment.rows.broken else key.status,
        }
        for key in table.keys
    ]


def _one_to_many(table: Table) -> list[dict[str, Any]]:
    """The lookups that name the table, seen from there."""
    relationships = [each for other in TABLES.values() for each in _many_to_one(other)]
    return [each for each in relationships if each["ReferencedEntity"] == table.name]


def _many_to_one(table: Table) -> list[dict[str, Any]]:
    return [
        {
            "SchemaName": f"{target.table}_{table.name}_{column.name}",
            "ReferencingEntity": table.name,
            "ReferencingAttribute": column.name,
            "ReferencingEntityNavigationPropertyName": target.navigation,
            "ReferencedEntity": target.table,
            "ReferencedAttribute": TABLES[target.table].id_column,
            "ReferencedEntityNavigationPropertyName": f"{target.table}_{table.name}_{column.name}",
        }
        for column in table.columns.values()
        for target in column.targets
    ]


def csdl(environment: Environment) -> bytes:
    """`$metadata`: types, keys, navigation properties and sets as CSDL; with the change tracking annotation."""
    edmx = xml.Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": "http://docs.oasis-open.org/odata/ns/edmx"})
    services = xml.SubElement(edmx, "edmx:DataServices")
    attributes = {
        "Namespace": "Microsoft.Dynamics.CRM",
        "Alias": "mscrm",
        "xmlns": "http://docs.oasis-open.org/odata/ns/edm",
    }
    schema = xml.SubElement(services, "Schema", attributes)
    for table in TABLES.values():
        _entity_type(schema, table)
    container = xml.SubElement(schema, "EntityContainer", {"Name": "System"})
    for table in TABLES.values():
        entity_set = xml.SubElement(
            container, "EntitySet", {"Name": table.set_name, "EntityType": f"mscrm.{table.name}"}
        )
        if environment.tracks(table):
            term = {"Term": "Org.OData.Capabilities.V1.ChangeTracking"}
            record = xml.SubElement(xml.SubElement(entity_set, "Annotation", term), "Record")
            xml.SubElement(record, "PropertyValue", {"Property": "Supported", "Bool": "true"})
    document: bytes = xml.tostring(edmx, encoding="utf-8", xml_declaration=True)
    return document


def _entity_type(schema: xml.Element, table: Table) -> None:
    entity = xml.SubElement(schema, "EntityType", {"Name": table.name})
    xml.SubElement(xml.SubElement(entity, "Key"), "PropertyRef", {"Name": table.id_column})
    for column in table.columns.values():
        date = column.kind is Kind.DATETIME and column.behaviour is Behaviour.DATE_ONLY
        edm = "Edm.Guid" if column.kind in LOOKUPS else "Edm.Date" if date else _EDM.get(column.kind, "Edm.String")
        xml.SubElement(entity, "Property", {"Name": column.wire_name, "Type": edm})
        for target in column.targets:
            if column.kind is not Kind.OWNER:
                attributes = {"Name": target.navigation, "Type": f"mscrm.{target.table}"}
                xml.SubElement(entity, "NavigationProperty", attributes)
