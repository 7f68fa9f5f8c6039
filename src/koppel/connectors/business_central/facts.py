"""What the metadata of a page does not tell: which texts are codes, what names a record, what comes from elsewhere.

In `$metadata` a Code and a Text are both strings, and what a field refers to is not said. The names are those of the
standard pages (wire 2.2); pages of an app that shows more of the same tables use them too (`al`).
"""

from dataclasses import dataclass

KEY = "id"
"""The SystemId, which stays the same when a record gets another number (wire 4.3.2)."""

STAMPS = ("lastModifiedDateTime", "systemModifiedAt")
"""When a record was changed, in order of preference; the database sets it."""

ROW_VERSION = "systemRowVersion"
"""Grows with every write, in the order of commits but for transactions that are still open (wire 2.2)."""

READ_ONLY = frozenset({*STAMPS, ROW_VERSION, "systemModifiedBy", "systemCreatedAt", "systemCreatedBy"})
"""What no page lets anybody write, whether its metadata says so or not."""

VARIABLES = frozenset({"currencyCode", "taxAreaDisplayName", "taxRegistrationNumber", "irs1099Code", "inventory"})
"""What standard pages work out themselves: there is no field behind it to filter by (wire 2.2)."""


@dataclass(frozen=True)
class Facts:
    """One page. `table`: the number of its table, by which a deletion is logged. `number`: the field that names a
    record to people. `series`: a blank one is filled from a number series. `required`: what a record must have.
    `codes`: texts that are stored trimmed and in upper case. `computed`: sums over other tables, which change without
    a change stamp (wire 4.3.17).
    """

    table: int = 0
    number: str = ""
    series: bool = False
    required: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()


_ADDRESS = ("country", "postalCode")
_TRADE = ("currencyCode", "paymentTermsCode", "shipmentMethodCode", "shippingAgentCode", "primaryContactNo")
_PARTY = (*_ADDRESS, *_TRADE, "generalBusinessPostingGroupCode", "vatBusinessPostingGroupCode")
_CONTACT = (*_ADDRESS, "companyNumber", "searchName", "salespersonCode", "territoryCode", "salutationCode")
_GROUPS = ("generalProductPostingGroupCode", "vatProductPostingGroupCode", "inventoryPostingGroupCode")
_ITEM = ("itemCategoryCode", "gtin", "taxGroupCode", "baseUnitOfMeasureCode", *_GROUPS)


def _numbered(table: int, *codes: str, required: tuple[str, ...] = (), computed: tuple[str, ...] = ()) -> Facts:
    """A page of records whose numbers come from a series."""
    every = frozenset({"number", *codes})
    return Facts(table, "number", True, frozenset(required), every, frozenset(computed))


def _coded(table: int, *codes: str) -> Facts:
    """A page of records that whoever creates them gives a code."""
    return Facts(table, "code", False, frozenset({"code"}), frozenset({"code", *codes}))


PAGES = {
    "customers": _numbered(
        18, *_PARTY, "customerPostingGroupCode", "salespersonCode", required=("displayName",), computed=("balanceDue",)
    ),
    "vendors": _numbered(
        23,
        *(*_PARTY, "vendorPostingGroupCode", "irs1099Code", "purchaserCode"),
        required=("displayName",),
        computed=("balance",),
    ),
    "contacts": _numbered(
        5050, *_CONTACT, "currencyCode", required=("displayName",), computed=("lastInteractionDate",)
    ),
    "items": _numbered(27, *_ITEM, computed=("inventory",)),
    "currencies": _coded(4, "isoCode"),
    "salespeoplePurchasers": _coded(13),
    "paymentTerms": _coded(3),
    "paymentMethods": _coded(289),
    "shipmentMethods": _coded(10),
    "countriesRegions": _coded(9),
    "unitsOfMeasure": _coded(204),
    "itemCategories": _coded(5722),
    "contactBusinessRelations": Facts(5054, codes=frozenset({"contactNo", "businessRelationCode", "no"})),
}
"""By the name of the entity set. Of a page that is not here nothing is taken for granted."""

REFERENCES = {
    "country": ("countriesRegions", "code"),
    "currencyId": ("currencies", "id"),
    "currencyCode": ("currencies", "code"),
    "salespersonCode": ("salespeoplePurchasers", "code"),
    "purchaserCode": ("salespeoplePurchasers", "code"),
    "companyNumber": ("contacts", "number"),
    "primaryContactNo": ("contacts", "number"),
    "contactNo": ("contacts", "number"),
    "paymentTermsId": ("paymentTerms", "id"),
    "paymentTermsCode": ("paymentTerms", "code"),
    "paymentMethodId": ("paymentMethods", "id"),
    "shipmentMethodId": ("shipmentMethods", "id"),
    "shipmentMethodCode": ("shipmentMethods", "code"),
    "itemCategoryId": ("itemCategories", "id"),
    "itemCategoryCode": ("itemCategories", "code"),
    "baseUnitOfMeasureId": ("unitsOfMeasure", "id"),
    "baseUnitOfMeasureCode": ("unitsOfMeasure", "code"),
}
"""Page and field that a field of this name refers to, where the API has such a page."""
