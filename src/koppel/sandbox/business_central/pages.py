"""The API pages: the standard ones, and those of an app that shows every field koppel's preset maps (wire 2.2, 5.3).

Names of the custom pages are those of the standard ones where these have the field, so the standard page is a part of
the custom page. All of an app's pages show the row version, who changed a row, and take a client's id (wire 2.2).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from koppel.sandbox.business_central import tables
from koppel.sandbox.business_central.shape import Control, Page, Shows, Table


def _plain(**fields: str) -> list[Control]:
    return [Control(name, field) for name, field in fields.items()]


def _seen(**fields: str) -> list[Control]:
    """Controls nobody can write; sending one fails the whole write (wire 4.3.25)."""
    return [Control(name, field, editable=False) for name, field in fields.items()]


def _id(**fields: str) -> list[Control]:
    return [Control(name, field, shows=Shows.ID) for name, field in fields.items()]


def _named(**fields: str) -> list[Control]:
    return [Control(name, field, editable=False, shows=Shows.NAME) for name, field in fields.items()]


def _address() -> Iterable[Control]:
    """In the order of the page, in which validations run (wire 4.3.11)."""
    yield from _plain(addressLine1="Address", addressLine2="Address 2", city="City", state="County")
    yield from _plain(country="Country/Region Code", postalCode="Post Code", phoneNumber="Phone No.")


def _currency() -> Iterable[Control]:
    yield from _id(currencyId="Currency Code")
    yield Control("currencyCode", "Currency Code", shows=Shows.CURRENCY)


def _reach() -> Iterable[Control]:
    yield from _plain(email="E-Mail", website="Home Page")


_MODIFIED = _seen(lastModifiedDateTime="SystemModifiedAt")
_CODED = [*_plain(code="Code", displayName="Description"), *_MODIFIED]

_CUSTOMERS = [
    *_plain(number="No.", displayName="Name", type="Contact Type"),
    *_address(),
    *_reach(),
    *_plain(salespersonCode="Salesperson Code"),
    *_seen(balanceDue="Balance Due"),
    *_plain(creditLimit="Credit Limit (LCY)", taxLiable="Tax Liable"),
    *_id(taxAreaId="Tax Area Code"),
    *_named(taxAreaDisplayName="Tax Area Code"),
    *_plain(taxRegistrationNumber="VAT Registration No."),
    *_currency(),
    *_id(paymentTermsId="Payment Terms Code", shipmentMethodId="Shipment Method Code"),
    *_id(paymentMethodId="Payment Method Code"),
    *_plain(blocked="Blocked"),
    *_MODIFIED,
]
_VENDORS = [
    *_plain(number="No.", displayName="Name"),
    *_address(),
    *_reach(),
    *_plain(taxRegistrationNumber="VAT Registration No."),
    *_currency(),
    *_plain(irs1099Code="IRS 1099 Code"),
    *_id(paymentTermsId="Payment Terms Code", paymentMethodId="Payment Method Code"),
    *_plain(taxLiable="Tax Liable", blocked="Blocked"),
    *_seen(balance="Balance (LCY)"),
    *_MODIFIED,
]
_CONTACTS = [
    *_plain(number="No.", type="Type", displayName="Name", jobTitle="Job Title", companyNumber="Company No."),
    *_seen(companyName="Company Name", contactBusinessRelation="Contact Business Relation"),
    *_address(),
    *_plain(mobilePhoneNumber="Mobile Phone No."),
    *_reach(),
    *_plain(searchName="Search Name", privacyBlocked="Privacy Blocked", taxRegistrationNumber="VAT Registration No."),
    *_seen(lastInteractionDate="Date of Last Interaction"),
    *_MODIFIED,
]
_CURRENCIES = [
    *_plain(code="Code", displayName="Description", symbol="Symbol", amountDecimalPlaces="Amount Decimal Places"),
    *_plain(amountRoundingPrecision="Invoice Rounding Precision"),  # as the page has it, a mistake of its maker's
    *_MODIFIED,
]
_EXCHANGE_RATES = [
    *_seen(currencyCode="Currency Code", startingDate="Starting Date", exchangeRateAmount="Exchange Rate Amount"),
    *_seen(
        relationalCurrencyCode="Relational Currency Code",
        relationalExchangeRateAmount="Relational Exch. Rate Amount",
    ),
    *_MODIFIED,
]
_SALESPEOPLE = [
    *_plain(code="Code", displayName="Name", email="E-Mail", email2="E-Mail 2", phoneNo="Phone No."),
    *_plain(jobTitle="Job Title", commisionPercent="Commission %", privacyBlocked="Privacy Blocked", blocked="Blocked"),
    *_MODIFIED,
]
_ITEMS = [
    *_plain(number="No.", displayName="Description", displayName2="Description 2", type="Type"),
    *_id(itemCategoryId="Item Category Code"),
    *_plain(itemCategoryCode="Item Category Code", blocked="Blocked", gtin="GTIN"),
    *_seen(inventory="Inventory"),
    *_plain(unitPrice="Unit Price", priceIncludesTax="Price Includes VAT", unitCost="Unit Cost"),
    *_id(taxGroupId="Tax Group Code"),
    *_plain(taxGroupCode="Tax Group Code"),
    *_id(baseUnitOfMeasureId="Base Unit of Measure"),
    *_plain(baseUnitOfMeasureCode="Base Unit of Measure"),
    *_id(generalProductPostingGroupId="Gen. Prod. Posting Group"),
    *_plain(generalProductPostingGroupCode="Gen. Prod. Posting Group"),
    *_id(inventoryPostingGroupId="Inventory Posting Group"),
    *_plain(inventoryPostingGroupCode="Inventory Posting Group"),
    *_MODIFIED,
]
_COMPANY = [*_seen(displayName="Name", city="City", country="Country/Region Code", currencyCode="LCY Code"), *_MODIFIED]

_PARTY_MORE = _plain(
    contact="Contact",
    primaryContactNo="Primary Contact No.",
    mobilePhoneNumber="Mobile Phone No.",
    faxNo="Fax No.",
    paymentTermsCode="Payment Terms Code",
    shipmentMethodCode="Shipment Method Code",
    shippingAgentCode="Shipping Agent Code",
)
_BUSINESS_GROUPS = _plain(
    generalBusinessPostingGroupCode="Gen. Bus. Posting Group", vatBusinessPostingGroupCode="VAT Bus. Posting Group"
)
_CUSTOMER_MORE = [*_PARTY_MORE, *_BUSINESS_GROUPS, *_plain(customerPostingGroupCode="Customer Posting Group")]
_VENDOR_MORE = [
    *_PARTY_MORE,
    *_BUSINESS_GROUPS,
    *_plain(vendorPostingGroupCode="Vendor Posting Group", purchaserCode="Purchaser Code"),
]
_CONTACT_MORE = [
    *_plain(firstName="First Name", middleName="Middle Name", surname="Surname", salutationCode="Salutation Code"),
    *_plain(salespersonCode="Salesperson Code", territoryCode="Territory Code", faxNo="Fax No.", pager="Pager"),
    *_currency(),
]
_SYSTEM = _seen(
    systemCreatedAt="SystemCreatedAt",
    systemModifiedAt="SystemModifiedAt",
    systemModifiedBy="SystemModifiedBy",
    systemRowVersion=tables.VERSION,
)


def _standard(set_name: str, entity: str, table: Table, controls: Iterable[Control], writable: bool = True) -> Page:
    """A standard page: its id cannot be chosen (wire 2.4)."""
    every = [*_seen(id="SystemId"), *controls]
    return Page(set_name, entity, table, {control.name: control for control in every}, writable=writable)


def _custom(set_name: str, entity: str, table: Table, controls: Iterable[Control], writable: bool = True) -> Page:
    """A page of an app: it shows fields as they are, a blank currency code as blank."""
    every = [*_plain(id="SystemId"), *map(_as_it_is, controls), *_SYSTEM]
    return Page(set_name, entity, table, {control.name: control for control in every}, True, writable)


def _as_it_is(control: Control) -> Control:
    return replace(control, shows=Shows.VALUE) if control.shows is Shows.CURRENCY else control


def _named_pages(*pages: Page) -> Mapping[str, Page]:
    return {page.set_name: page for page in pages}


STANDARD = _named_pages(
    _standard("customers", "customer", tables.CUSTOMER, _CUSTOMERS),
    _standard("vendors", "vendor", tables.VENDOR, _VENDORS),
    _standard("contacts", "contact", tables.CONTACT, _CONTACTS),
    _standard("currencies", "currency", tables.CURRENCY, _CURRENCIES),
    _standard("currencyExchangeRates", "currencyExchangeRate", tables.EXCHANGE_RATE, _EXCHANGE_RATES, writable=False),
    _standard("salespeoplePurchasers", "salespersonPurchaser", tables.SALESPERSON, _SALESPEOPLE),
    _standard("items", "item", tables.ITEM, _ITEMS),
    _standard("companyInformation", "companyInformation", tables.COMPANY, _COMPANY, writable=False),
    _standard("paymentTerms", "paymentTerm", tables.TABLES["Payment Terms"], _CODED),
    _standard("paymentMethods", "paymentMethod", tables.TABLES["Payment Method"], _CODED),
    _standard("shipmentMethods", "shipmentMethod", tables.TABLES["Shipment Method"], _CODED),
    _standard("countriesRegions", "countryRegion", tables.TABLES["Country/Region"], _CODED),
    _standard("unitsOfMeasure", "unitOfMeasure", tables.TABLES["Unit of Measure"], _CODED),
    _standard("itemCategories", "itemCategory", tables.TABLES["Item Category"], _CODED),
)
CUSTOM = _named_pages(
    _custom("customers", "customer", tables.CUSTOMER, [*_CUSTOMERS, *_CUSTOMER_MORE]),
    _custom("vendors", "vendor", tables.VENDOR, [*_VENDORS, *_VENDOR_MORE]),
    _custom("contacts", "contact", tables.CONTACT, [*_CONTACTS, *_CONTACT_MORE]),
    _custom("currencies", "currency", tables.CURRENCY, [*_CURRENCIES, *_plain(isoCode="ISO Code")]),
    _custom("salespeoplePurchasers", "salespersonPurchaser", tables.SALESPERSON, _SALESPEOPLE),
    _custom("items", "item", tables.ITEM, [*_ITEMS, *_plain(vatProductPostingGroupCode="VAT Prod. Posting Group")]),
    _custom(
        "contactBusinessRelations",
        "businessRelation",  # contactBusinessRelation is the enum of a contact, and types have one name each
        tables.BUSINESS_RELATION,
        _seen(
            contactNo="Contact No.",
            businessRelationCode="Business Relation Code",
            linkToTable="Link to Table",
            no="No.",
        ),
        writable=False,
    ),
    _custom(
        "deletedRecords",
        "deletedRecord",
        tables.DELETION,
        _seen(
            entryNo="Entry No.",
            tableNo="Table No.",
            recordId="Record Id",
            number="No.",
            deletedAt="Deleted At",
            deletedBy="Deleted By",
        ),
        writable=False,
    ),
    _custom(
        "numberSeries",
        "numberSerie",
        tables.SERIES,
        [
            *_seen(code="Code", displayName="Description", defaultNos="Default Nos.", manualNos="Manual Nos."),
            *_seen(lastNoUsed="Last No. Used", usedBy="Used By"),
        ],
        writable=False,
    ),
    _custom(
        "watermarks",
        "watermark",
        tables.WATERMARK,
        _seen(lastUsedRowVersion="Last Used", minimumActiveRowVersion="Minimum Active", currentDateTime="Now"),
        writable=False,
    ),
)
