"""The demo's world on the services of a sandbox: its rows put there, and the desks of the people who work with them.

The demo names tables and columns as its databases do, the services in their own way; here they meet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from koppel.demo.desk import Record
from koppel.demo.files import Row, Value
from koppel.demo.world import Content
from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.others import PAGES
from koppel.sandbox.business_central.others import Others as Colleague
from koppel.sandbox.business_central.saving import Author, new_row, save
from koppel.sandbox.business_central.tables import CONTACT, CUSTOMER, SERIES, VENDOR
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.server import Sandbox

_PLACE = {"address": "addressLine1", "address_2": "addressLine2", "post_code": "postalCode", "city": "city"}
_REACH = {"phone_no": "phoneNumber", "mobile_phone_no": "mobilePhoneNumber", "fax_no": "faxNo", "home_page": "website"}
_SHARED = {**_PLACE, "county": "state", "country_region_code": "country", **_REACH, "e_mail": "email"}
_PARTY = {**_SHARED, "no": "number", "name": "displayName", "contact": "contact"}
_SALE = {"currency_code": "currencyCode", "blocked": "blocked"}
_NAME = {"first_name": "firstName", "middle_name": "middleName", "surname": "surname", "name": "displayName"}
_JOB = {"type": "type", "company_no": "companyNumber", "job_title": "jobTitle", "salesperson_code": "salespersonCode"}

_PAGES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "currency": (
        "currencies",
        {"code": "code", "iso_code": "isoCode", "description": "displayName", "symbol": "symbol"},
    ),
    "salesperson": (
        "salespeoplePurchasers",
        {"code": "code", "name": "displayName", "e_mail": "email", "phone_no": "phoneNo", "job_title": "jobTitle"},
    ),
    "vendor": ("vendors", {**_PARTY, **_SALE, "purchaser_code": "purchaserCode"}),
    "customer": (
        "customers",
        {**_PARTY, **_SALE, "salesperson_code": "salespersonCode", "credit_limit_lcy": "creditLimit"},
    ),
    "contact": ("contacts", {**_SHARED, **_NAME, **_JOB, "no": "number"}),
    "contact_business_relation": (
        "contactBusinessRelations",
        {
            "contact_no": "contactNo",
            "business_relation_code": "businessRelationCode",
            "link_to_table": "linkToTable",
            "no": "no",
        },
    ),
}
"""Tables of the demo in the order they are filled: page, and by column its control."""

_SERIES = {CUSTOMER.name: "customer", VENDOR.name: "vendor", CONTACT.name: "contact"}
_LOOKUPS = {"transactioncurrencyid": "transactioncurrency", "ownerid": "systemuser", "parentcustomerid": "account"}
_BINDS = {"parentcustomerid": "parentcustomerid_account"}
_SETS = {"transactioncurrency": "transactioncurrencies", "systemuser": "systemusers", "account": "accounts"}
_FLAGS = ("isdisabled", "islicensed", "isintegrationuser")
_SYSTEMS_OWN = {"modifiedon", "owneridtype", "parentcustomeridtype", "statecode", "statuscode"}


def furnish(sandbox: Sandbox, content: Content) -> tuple["BusinessCentralDesk", "DataverseDesk"]:
    """Put the rows of a world into a sandbox that was begun without any, and the desks where people edit them."""
    with sandbox.controls.lock:
        company = next(iter(sandbox.companies.environment.companies.values()))
        _fill_company(company, content)
        environment = sandbox.dataverse.environment
        _fill_environment(environment, sandbox.others, sandbox.sample.people, content.right)
    colleague = sandbox.companies.people[company.name]
    return BusinessCentralDesk(sandbox, company, colleague), DataverseDesk(sandbox, environment, sandbox.others)


def _fill_company(company: Company, content: Content) -> None:
    """The rows as people had typed them in the course of years: nothing follows from them any more."""
    author = Author(next(iter(company.rows.tables["Currency"].values()))["SystemModifiedBy"])
    relations = {row["contact_no"]: row["link_to_table"] for row in content.left["contact_business_relation"]}
    for table, (set_name, controls) in _PAGES.items():
        page = PAGES[set_name]
        for row_id in [*company.rows.tables[page.table.name]]:
            company.rows.remove(page.table, row_id)
        for row in content.left[table]:
            values = {page.controls[controls[name]].field: _typed(row[name]) for name in controls if row.get(name)}
            if page.table is CONTACT:
                values["Contact Business Relation"] = relations.get(row["company_no"] or row["no"], "None")
            save(company, page.table, str(row["id"]), new_row(page.table, values), author)
    for row_id, series in [*company.rows.tables[SERIES.name].items()]:
        if used_by := _SERIES.get(series["Used By"]):
            last = max(str(row["no"]) for row in content.left[used_by])
            save(company, SERIES, row_id, {**series, "Last No. Used": last}, author)


def _typed(value: Value) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value


def _fill_environment(
    environment: Environment, author: Others, before: Sequence[str], rows: Mapping[str, Sequence[Row]]
) -> None:
    """Users cannot be made by anybody, so they are put there; those who were there `before` work there no more."""
    users, currencies = TABLES["systemuser"], TABLES["transactioncurrency"]
    for user in rows["systemuser"]:
        flags = {name: bool(user[name]) for name in _FLAGS}
        environment.rows.put(users, str(user["systemuserid"]), {**_sent(users.name, user), **flags, "accessmode": 0})
    for row_id in [*environment.rows.tables[currencies.name]]:
        environment.rows.remove(currencies, row_id)
    for currency in rows["transactioncurrency"]:
        row_id = author.create(currencies.name, {"currencyprecision": 2, **_sent(currencies.name, currency)})
        if currency["isocurrencycode"] == "EUR":
            environment.base_currency = row_id
    for table in ("account", "contact"):
        for row in rows[table]:
            author.create(table, _sent(table, row))
            if row["statecode"]:
                author.edit(table, str(row[f"{table}id"]), {"statecode": row["statecode"]})
    for user_id in before:
        environment.rows.put(users, user_id, {**environment.rows.tables[users.name][user_id], "isdisabled": True})


def _sent(table: str, row: Row) -> dict[str, Any]:
    """A row as the body of a request: look-ups are bound, and what the system itself knows is left out."""
    body: dict[str, Any] = {}
    for name, value in row.items():
        if name in _SYSTEMS_OWN or value is None:
            continue
        if name in _LOOKUPS and name != f"{table}id":
            body[f"{_BINDS.get(name, name)}@odata.bind"] = f"/{_SETS[_LOOKUPS[name]]}({value})"
        else:
            body[name] = _typed(value)
    return body


@dataclass(frozen=True)
class BusinessCentralDesk:
    """A company of the sandbox under the hands of a colleague."""

    sandbox: Sandbox
    company: Company
    colleague: Colleague

    def rows(self, table: str) -> list[Record]:
        """All rows of a table, in the order of their ids."""
        set_name, controls = _PAGES[table]
        page = PAGES[set_name]
        fields = {name: page.controls[control].field for name, control in controls.items()}
        with self.sandbox.controls.lock:
            found = sorted(self.company.rows.tables[page.table.name].items())
        return [{"id": row_id} | {name: _read(row[field]) for name, field in fields.items()} for row_id, row in found]

    def change(self, table: str, key: Value, values: Row) -> None:
        """Edit a row that is there."""
        set_name, controls = _PAGES[table]
        with self.sandbox.controls.lock:
            self.colleague.edit(set_name, str(key), {controls[name]: value for name, value in values.items()})

    def add(self, table: str, row: Row) -> None:
        """Enter a new row."""
        set_name, controls = _PAGES[table]
        with self.sandbox.controls.lock:
            body = {controls[name]: value for name, value in row.items() if name != "id"}
            self.colleague.create(set_name, {"id": row["id"], **body})

    def remove(self, table: str, key: Value) -> None:
        """Delete a row that is there."""
        with self.sandbox.controls.lock:
            self.colleague.delete(_PAGES[table][0], str(key))


def _read(value: Any) -> Any:
    """The blank member of an enum is blank."""
    return "" if value == " " else value


@dataclass(frozen=True)
class DataverseDesk:
    """The environment of the sandbox under the hands of a user."""

    sandbox: Sandbox
    environment: Environment
    others: Others

    def rows(self, table: str) -> list[Record]:
        """All rows of a table, in the order of their ids."""
        with self.sandbox.controls.lock:
            found = sorted(self.environment.rows.tables[table].items())
        columns = TABLES[table].columns
        return [{name: _plain(row.get(name)) for name in columns} for _, row in found]

    def change(self, table: str, key: Value, values: Row) -> None:
        """Edit a row that is there."""
        with self.sandbox.controls.lock:
            self.others.edit(table, str(key), values)

    def add(self, table: str, row: Row) -> None:
        """Enter a new row."""
        with self.sandbox.controls.lock:
            self.others.create(table, _sent(table, row))

    def remove(self, table: str, key: Value) -> None:
        """Delete a row that is there."""
        with self.sandbox.controls.lock:
            self.others.delete(table, str(key))


def _plain(value: Any) -> Any:
    return value.id if isinstance(value, Ref) else value
