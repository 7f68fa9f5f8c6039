"""`$metadata` of a route: types, lengths, enums with encoded members, what may be written (wire 2.3, 4.3.8, 4.3.25).

Whether a property may be written is told by an annotation as the metadata of page web services has it; its form is
general knowledge of the service, not in the wire report.
"""

from collections.abc import Mapping
from xml.etree import ElementTree as xml

from koppel.sandbox.business_central.shape import Control, Field, Page, Shows, Type
from koppel.sandbox.business_central.values import member_name

NAMESPACE = "Microsoft.NAV"
_EDM = {
    Type.GUID: "Edm.Guid",
    Type.DECIMAL: "Edm.Decimal",
    Type.BOOLEAN: "Edm.Boolean",
    Type.INTEGER: "Edm.Int32",
    Type.BIGINT: "Edm.Int64",
    Type.DATE: "Edm.Date",
    Type.DATETIME: "Edm.DateTimeOffset",
}
_COMPANY = {
    "id": "Edm.Guid",
    "systemVersion": "Edm.String",
    "timestamp": "Edm.Int64",
    "name": "Edm.String",
    "displayName": "Edm.String",
    "businessProfileId": "Edm.String",
    "systemCreatedAt": "Edm.DateTimeOffset",
}


def csdl(pages: Mapping[str, Page]) -> bytes:
    """The document of a route's pages."""
    edmx = xml.Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": "http://docs.oasis-open.org/odata/ns/edmx"})
    services = xml.SubElement(edmx, "edmx:DataServices")
    attributes = {"Namespace": NAMESPACE, "xmlns": "http://docs.oasis-open.org/odata/ns/edm"}
    schema = xml.SubElement(services, "Schema", attributes)
    _company(schema, pages)
    for page in pages.values():
        _entity(schema, page, pages)
    enums = {field.enum: field for page in pages.values() for field in _enums(page)}
    for field in enums.values():
        _enum(schema, field)
    container = xml.SubElement(schema, "EntityContainer", {"Name": "default"})
    _set(container, "companies", "company")
    for page in pages.values():
        _set(container, page.set_name, page.entity)
    document: bytes = xml.tostring(edmx, encoding="utf-8", xml_declaration=True)
    return document


def _set(container: xml.Element, name: str, entity: str) -> None:
    xml.SubElement(container, "EntitySet", {"Name": name, "EntityType": f"{NAMESPACE}.{entity}"})


def _keyed(schema: xml.Element, name: str) -> xml.Element:
    """A type with its key: pages of the API have ids, those of ODataV4 numbers (wire 4.3.29)."""
    entity = xml.SubElement(schema, "EntityType", {"Name": name})
    xml.SubElement(xml.SubElement(entity, "Key"), "PropertyRef", {"Name": "id"})
    return entity


def _company(schema: xml.Element, pages: Mapping[str, Page]) -> None:
    entity = _keyed(schema, "company")
    for name, kind in _COMPANY.items():
        xml.SubElement(entity, "Property", {"Name": name, "Type": kind})
    for page in pages.values():
        attributes = {"Name": page.set_name, "Type": f"Collection({NAMESPACE}.{page.entity})", "ContainsTarget": "true"}
        xml.SubElement(entity, "NavigationProperty", attributes)


def _entity(schema: xml.Element, page: Page, pages: Mapping[str, Page]) -> None:
    entity = _keyed(schema, page.entity)
    for control in page.controls.values():
        _property(entity, page, control)
    for name, control in page.navigation.items():
        related = page.field(control).relation
        target = next((one for one in pages.values() if one.table.name == related), None)
        if target is not None:
            attributes = {"Name": name, "Type": f"{NAMESPACE}.{target.entity}", "Nullable": "true"}
            xml.SubElement(entity, "NavigationProperty", attributes)


def _property(entity: xml.Element, page: Page, control: Control) -> None:
    field, kind = page.field(control), page.type(control)
    attributes = {"Name": control.name, "Type": _EDM.get(kind, "Edm.String")}
    if kind is Type.ENUM:
        attributes["Type"] = f"{NAMESPACE}.{field.enum}"
    if kind in (Type.TEXT, Type.CODE) and control.shows is not Shows.NAME:
        attributes["MaxLength"] = str(field.length)
    if control.name == "id":
        attributes["Nullable"] = "false"
    found = xml.SubElement(entity, "Property", attributes)
    if not control.editable or not page.writable:
        xml.SubElement(found, "Annotation", {"Term": "NAV.AllowEdit", "Bool": "false"})


def _enums(page: Page) -> list[Field]:
    fields = (page.field(control) for control in page.controls.values())
    return [field for field in fields if field.type is Type.ENUM]


def _enum(schema: xml.Element, field: Field) -> None:
    kind = xml.SubElement(schema, "EnumType", {"Name": field.enum})
    for number, member in enumerate(field.members):
        xml.SubElement(kind, "Member", {"Name": member_name(member), "Value": str(number)})
