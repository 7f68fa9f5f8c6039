"""What the fields of API pages are called in AL: those of the standard pages, and those koppel's preset maps besides
(wire 2.2, 2.9).
"""

from collections.abc import Mapping
from dataclasses import dataclass

_ADDRESS = {
    "addressLine1": "Address",
    "addressLine2": "Address 2",
    "city": "City",
    "state": "County",
    "country": "Country/Region Code",
    "postalCode": "Post Code",
    "phoneNumber": "Phone No.",
}
_REACH = {"mobilePhoneNumber": "Mobile Phone No.", "faxNo": "Fax No.", "email": "E-Mail", "website": "Home Page"}
_PARTY = {
    **_ADDRESS,
    **_REACH,
    "contact": "Contact",
    "primaryContactNo": "Primary Contact No.",
    "taxRegistrationNumber": "VAT Registration No.",
    "currencyId": "Currency Id",
    "currencyCode": "Currency Code",
    "paymentTermsId": "Payment Terms Id",
    "paymentTermsCode": "Payment Terms Code",
    "shipmentMethodCode": "Shipment Method Code",
    "shippingAgentCode": "Shipping Agent Code",
    "paymentMethodId": "Payment Method Id",
    "taxLiable": "Tax Liable",
    "blocked": "Blocked",
}
_BUSINESS_GROUPS = {
    "generalBusinessPostingGroupCode": "Gen. Bus. Posting Group",
    "vatBusinessPostingGroupCode": "VAT Bus. Posting Group",
}
"""In the order of the page: the general group fills the other one when it is validated."""

_CODED = {"code": "Code", "displayName": "Description"}


@dataclass(frozen=True)
class Source:
    """One page. `table`: its source table in AL; `entity`: one record of it; `fields`: property to field, in the order
    of the page; `number`: the field by which people know a deleted record; `writable`: koppel may write through it.
    """

    table: str
    entity: str
    fields: Mapping[str, str]
    number: str
    writable: bool = True


SOURCES = {
    "customers": Source(
        "Customer",
        "customer",
        {
            "number": "No.",
            "displayName": "Name",
            "type": "Contact Type",
            **_PARTY,
            **_BUSINESS_GROUPS,
            "customerPostingGroupCode": "Customer Posting Group",
            "salespersonCode": "Salesperson Code",
            "shipmentMethodId": "Shipment Method Id",
            "balanceDue": "Balance Due",
            "creditLimit": "Credit Limit (LCY)",
        },
        "No.",
    ),
    "vendors": Source(
        "Vendor",
        "vendor",
        {
            "number": "No.",
            "displayName": "Name",
            **_PARTY,
            **_BUSINESS_GROUPS,
            "vendorPostingGroupCode": "Vendor Posting Group",
            "purchaserCode": "Purchaser Code",
            "balance": "Balance (LCY)",
        },
        "No.",
    ),
    "contacts": Source(
        "Contact",
        "contact",
        {
            "number": "No.",
            "type": "Type",
            "displayName": "Name",
            "firstName": "First Name",
            "middleName": "Middle Name",
            "surname": "Surname",
            "jobTitle": "Job Title",
            "salutationCode": "Salutation Code",
            "companyNumber": "Company No.",
            "companyName": "Company Name",
            "contactBusinessRelation": "Contact Business Relation",
            **_ADDRESS,
            **_REACH,
            "pager": "Pager",
            "searchName": "Search Name",
            "privacyBlocked": "Privacy Blocked",
            "taxRegistrationNumber": "VAT Registration No.",
            "salespersonCode": "Salesperson Code",
            "territoryCode": "Territory Code",
            "currencyCode": "Currency Code",
        },
        "No.",
    ),
    "currencies": Source(
        "Currency",
        "currency",
        {**_CODED, "symbol": "Symbol", "isoCode": "ISO Code", "amountDecimalPlaces": "Amount Decimal Places"},
        "Code",
    ),
    "salespeoplePurchasers": Source(
        "Salesperson/Purchaser",
        "salespersonPurchaser",
        {
            "code": "Code",
            "displayName": "Name",
            "email": "E-Mail",
            "email2": "E-Mail 2",
            "phoneNo": "Phone No.",
            "jobTitle": "Job Title",
            "commisionPercent": "Commission %",
            "privacyBlocked": "Privacy Blocked",
            "blocked": "Blocked",
        },
        "Code",
    ),
    "items": Source(
        "Item",
        "item",
        {
            "number": "No.",
            "displayName": "Description",
            "displayName2": "Description 2",
            "type": "Type",
            "itemCategoryCode": "Item Category Code",
            "blocked": "Blocked",
            "gtin": "GTIN",
            "unitPrice": "Unit Price",
            "priceIncludesTax": "Price Includes VAT",
            "unitCost": "Unit Cost",
            "baseUnitOfMeasureCode": "Base Unit of Measure",
            "generalProductPostingGroupCode": "Gen. Prod. Posting Group",
            "vatProductPostingGroupCode": "VAT Prod. Posting Group",
            "inventoryPostingGroupCode": "Inventory Posting Group",
        },
        "No.",
    ),
    "paymentTerms": Source("Payment Terms", "paymentTerm", _CODED, "Code"),
    "paymentMethods": Source("Payment Method", "paymentMethod", _CODED, "Code"),
    "shipmentMethods": Source("Shipment Method", "shipmentMethod", _CODED, "Code"),
    "countriesRegions": Source("Country/Region", "countryRegion", {"code": "Code", "displayName": "Name"}, "Code"),
    "unitsOfMeasure": Source("Unit of Measure", "unitOfMeasure", _CODED, "Code"),
    "itemCategories": Source("Item Category", "itemCategory", _CODED, "Code"),
    "contactBusinessRelations": Source(
        "Contact Business Relation",
        "contactBusinessRelation",
        {
            "contactNo": "Contact No.",
            "businessRelationCode": "Business Relation Code",
            "linkToTable": "Link to Table",
            "no": "No.",
        },
        "No.",
        writable=False,
    ),
}
"""By the name of the entity set."""

SYSTEM_FIELDS = {
    "lastModifiedDateTime": "SystemModifiedAt",
    "systemCreatedAt": "SystemCreatedAt",
    "systemModifiedAt": "SystemModifiedAt",
    "systemModifiedBy": "SystemModifiedBy",
    "systemRowVersion": "SystemRowVersion",
}
"""What every page shows, and nobody can write."""
