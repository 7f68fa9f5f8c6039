"""The tables of a company: those of the standard pages and what these lean on.

Lengths, members and relations are those of the field facts beside the wire report.
"""

from collections.abc import Iterable, Mapping

from koppel.sandbox.business_central.shape import Field, Table, Type
from koppel.sandbox.rows import Key

VERSION = "SystemRowVersion"
_SYSTEM = (
    Field("SystemId", Type.GUID),
    Field("SystemCreatedAt", Type.DATETIME),
    Field("SystemCreatedBy", Type.GUID),
    Field("SystemModifiedAt", Type.DATETIME),
    Field("SystemModifiedBy", Type.GUID),
    Field(VERSION, Type.BIGINT),
)


def _code(length: int, *names: str, relation: str = "") -> list[Field]:
    return [Field(name, Type.CODE, length, relation=relation) for name in names]


def _text(length: int, *names: str) -> list[Field]:
    return [Field(name, Type.TEXT, length) for name in names]


def _of(kind: Type, *names: str) -> list[Field]:
    return [Field(name, kind) for name in names]


def _enum(name: str, enum: str, *members: str) -> Field:
    return Field(name, Type.ENUM, members=members, enum=enum)


def _table(
    name: str, number: int, described: str, fields: Iterable[Field], *more: tuple[str, ...], key: str = ""
) -> Table:
    by_name = {field.name: field for field in (*fields, *_SYSTEM)}
    key = key or next(iter(by_name))
    keys = [Key(" ".join(columns), columns) for columns in ((key,), *more)]
    return Table(name, number, key, described, by_name, tuple(keys))


def _coded(name: str, number: int, code: int, description: int, *more: Field) -> Table:
    """A table of codes with descriptions."""
    return _table(name, number, "Description", [*_code(code, "Code"), *_text(description, "Description"), *more])


def _address() -> Iterable[Field]:
    yield from _text(100, "Address")
    yield from _text(50, "Address 2")
    yield from _text(30, "City", "County")
    yield from _code(10, "Country/Region Code", relation="Country/Region")
    yield from _code(20, "Post Code")


def _reach() -> Iterable[Field]:
    yield from _text(30, "Phone No.", "Mobile Phone No.", "Fax No.")
    yield from _text(80, "E-Mail")
    yield from _text(255, "Home Page")
    yield from _text(50, "VAT Registration No.")


def _party() -> Iterable[Field]:
    """What customers and vendors have in common."""
    yield from _code(20, "No.")
    yield from _text(100, "Name")
    yield from _text(50, "Name 2")
    yield from _address()
    yield from _reach()
    yield from _text(100, "Contact")
    yield from _code(20, "Primary Contact No.", relation="Contact")
    yield from _code(10, "Currency Code", relation="Currency")
    yield from _code(10, "Payment Terms Code", relation="Payment Terms")
    yield from _code(10, "Payment Method Code", relation="Payment Method")
    yield from _code(10, "Shipment Method Code", relation="Shipment Method")
    yield from _code(10, "Shipping Agent Code", relation="Shipping Agent")
    yield from _of(Type.BOOLEAN, "Tax Liable")
    yield from _code(20, "Gen. Bus. Posting Group", relation="Gen. Business Posting Group")
    yield from _code(20, "VAT Bus. Posting Group", relation="VAT Business Posting Group")


_CONTACT_TYPE = ("contactType", "Company", "Person")

CUSTOMER = _table(
    "Customer",
    18,
    "Name",
    [
        *_party(),
        *_code(20, "Customer Posting Group", relation="Customer Posting Group"),
        _enum("Contact Type", *_CONTACT_TYPE),
        *_code(20, "Salesperson Code", relation="Salesperson/Purchaser"),
        *_code(20, "Tax Area Code", relation="Tax Area"),
        *_of(Type.DECIMAL, "Credit Limit (LCY)", "Balance Due"),
        _enum("Blocked", "customerBlocked", " ", "Ship", "Invoice", "All"),
    ],
)
VENDOR = _table(
    "Vendor",
    23,
    "Name",
    [
        *_party(),
        *_code(20, "Vendor Posting Group", relation="Vendor Posting Group"),
        *_code(20, "Purchaser Code", relation="Salesperson/Purchaser"),
        *_code(10, "IRS 1099 Code"),
        *_of(Type.DECIMAL, "Balance (LCY)"),
        _enum("Blocked", "vendorBlocked", " ", "Payment", "All"),
    ],
)
_RELATIONS = (" ", "Customer", "Vendor", "Bank Account", "Employee", "None", "Other", "Multiple")
CONTACT = _table(
    "Contact",
    5050,
    "Name",
    [
        *_code(20, "No."),
        _enum("Type", *_CONTACT_TYPE),
        *_text(100, "Name"),
        *_text(30, "First Name", "Middle Name", "Surname", "Job Title", "Pager"),
        *_code(20, "Company No.", relation="Contact"),
        *_text(100, "Company Name"),
        _enum("Contact Business Relation", "contactBusinessRelation", *_RELATIONS),
        *_address(),
        *_reach(),
        *_code(20, "Salesperson Code", relation="Salesperson/Purchaser"),
        *_code(10, "Currency Code", relation="Currency"),
        *_code(10, "Territory Code", relation="Territory"),
        *_code(10, "Salutation Code", relation="Salutation"),
        *_code(100, "Search Name"),
        *_of(Type.BOOLEAN, "Privacy Blocked"),
        *_of(Type.DATE, "Date of Last Interaction"),
    ],
)
BUSINESS_RELATION = _table(
    "Contact Business Relation",
    5054,
    "",
    [
        *_code(20, "Contact No.", relation="Contact"),
        *_code(10, "Business Relation Code"),
        _enum("Link to Table", "contactBusinessRelationLinkToTable", *_RELATIONS[:5]),
        *_code(20, "No."),
    ],
    ("Contact No.", "Link to Table"),
    ("Link to Table", "No."),
    key="SystemId",
)
CURRENCY = _coded(
    "Currency",
    4,
    10,
    30,
    *_text(10, "Symbol"),
    *_code(3, "ISO Code"),
    *_text(5, "Amount Decimal Places"),
    *_of(Type.DECIMAL, "Invoice Rounding Precision"),
)
EXCHANGE_RATE = _table(
    "Currency Exchange Rate",
    330,
    "",
    [
        *_code(10, "Currency Code", relation="Currency"),
        *_of(Type.DATE, "Starting Date"),
        *_of(Type.DECIMAL, "Exchange Rate Amount", "Relational Exch. Rate Amount"),
        *_code(10, "Relational Currency Code", relation="Currency"),
    ],
    ("Currency Code", "Starting Date"),
    key="SystemId",
)
SALESPERSON = _table(
    "Salesperson/Purchaser",
    13,
    "Name",
    [
        *_code(20, "Code"),
        *_text(50, "Name"),
        *_text(80, "E-Mail", "E-Mail 2"),
        *_text(30, "Phone No.", "Job Title"),
        *_of(Type.DECIMAL, "Commission %"),
        *_of(Type.BOOLEAN, "Privacy Blocked", "Blocked"),
    ],
)
ITEM = _table(
    "Item",
    27,
    "Description",
    [
        *_code(20, "No."),
        *_text(100, "Description"),
        *_text(50, "Description 2"),
        _enum("Type", "itemType", "Inventory", "Service", "Non-Inventory"),
        *_code(20, "Item Category Code", relation="Item Category"),
        *_of(Type.BOOLEAN, "Blocked", "Price Includes VAT"),
        *_code(14, "GTIN"),
        *_of(Type.DECIMAL, "Inventory", "Unit Price", "Unit Cost"),
        *_code(20, "Tax Group Code", relation="Tax Group"),
        *_code(10, "Base Unit of Measure", relation="Unit of Measure"),
        *_code(20, "Gen. Prod. Posting Group", relation="Gen. Product Posting Group"),
        *_code(20, "VAT Prod. Posting Group", relation="VAT Product Posting Group"),
        *_code(20, "Inventory Posting Group", relation="Inventory Posting Group"),
    ],
)
COMPANY = _table(
    "Company Information",
    79,
    "Name",
    [*_code(10, "Primary Key"), *_text(100, "Name"), *_address(), *_code(10, "LCY Code")],
)
SERIES = _coded(
    "No. Series",
    308,
    20,
    100,
    *_of(Type.BOOLEAN, "Default Nos.", "Manual Nos."),
    *_code(20, "Last No. Used"),
    *_text(30, "Used By"),
)
DELETION = _table(
    "Deletion Log",
    50_100,
    "",
    [
        *_of(Type.INTEGER, "Entry No.", "Table No."),
        *_of(Type.GUID, "Record Id"),
        *_code(20, "No."),
        *_of(Type.DATETIME, "Deleted At"),
        *_of(Type.GUID, "Deleted By"),
    ],
)
WATERMARK = _table(
    "Watermark",
    50_101,
    "",
    [*_code(10, "Code"), *_of(Type.BIGINT, "Last Used", "Minimum Active"), *_of(Type.DATETIME, "Now")],
)

_CODED = [
    _coded("Payment Terms", 3, 10, 100),
    _coded("Payment Method", 289, 10, 100),
    _coded("Shipment Method", 10, 10, 100),
    _coded("Shipping Agent", 291, 10, 50),
    _coded("Country/Region", 9, 10, 50),
    _coded("Unit of Measure", 204, 10, 50),
    _coded("Item Category", 5722, 20, 100),
    _coded("Tax Area", 318, 20, 100),
    _coded("Tax Group", 321, 20, 100),
    _coded("Territory", 286, 10, 50),
    _coded("Salutation", 5068, 10, 100),
    _coded("Gen. Business Posting Group", 250, 20, 100),
    _coded("VAT Business Posting Group", 323, 20, 100),
    _coded("Customer Posting Group", 92, 20, 100),
    _coded("Vendor Posting Group", 93, 20, 100),
    _coded("Gen. Product Posting Group", 251, 20, 100),
    _coded("VAT Product Posting Group", 324, 20, 100),
    _coded("Inventory Posting Group", 94, 20, 100),
]
_MAIN = [
    CUSTOMER,
    VENDOR,
    CONTACT,
    BUSINESS_RELATION,
    CURRENCY,
    EXCHANGE_RATE,
    SALESPERSON,
    ITEM,
    COMPANY,
    SERIES,
    DELETION,
    WATERMARK,
]

TABLES: Mapping[str, Table] = {table.name: table for table in (*_MAIN, *_CODED)}
