"""`koppel check` over both services: first causes first, each failure with its remedy, and what is only a warning."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from koppel.app import CheckLine, Koppel, demo, demo_over_http
from koppel.model.policy import FirstContact
from koppel.sandbox.business_central.tables import TABLES
from koppel.sandbox.dataverse.rights import Depth, Grant
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.tables import TABLES as TABLES_OF_DATAVERSE
from koppel.sandbox.server import Sandbox

SMALL = {"customers": 40, "vendors": 8, "contacts": 20, "salespeople": 4, "overlap": 20}
Change = Callable[[str, str], None]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Sandbox]]:
    """Two services and the configuration of the preset for them."""
    seen: list[Sandbox] = []
    patch, really = pytest.MonkeyPatch(), demo.started

    @contextmanager
    def started(*words: object) -> Iterator[Sandbox]:
        with really(*words) as sandbox:  # type: ignore[arg-type]
            seen.append(sandbox)
            yield sandbox

    patch.setattr(demo, "started", started)
    patch.setattr(demo, "SIZES", SMALL)
    folder = tmp_path_factory.mktemp("check")
    with demo_over_http(folder) as made:
        yield made.config, seen[0]
    patch.undo()


@pytest.fixture
def configure(there: tuple[Path, Sandbox]) -> Iterator[Change]:
    """Changes of the configuration, undone afterwards."""
    text = there[0].read_text("utf-8")

    def change(old: str, new: str) -> None:
        assert old in text
        there[0].write_text(text.replace(old, new), "utf-8")

    yield change
    there[0].write_text(text, "utf-8")


def checked(there: tuple[Path, Sandbox]) -> list[CheckLine]:
    with Koppel.open(there[0]) as koppel:
        return koppel.check()


def said(lines: list[CheckLine], text: str) -> CheckLine:
    """The one line that says it."""
    (found,) = [line for line in lines if text in line.text]
    return found


def test_what_is_well_is_said_in_order_and_lengths_are_warned_of(there: tuple[Path, Sandbox]) -> None:
    """wire 2.2: the table of lengths that bite; systems come first, then mappings as one depends on another."""
    lines = checked(there)
    assert all(line.well for line in lines)
    subjects = list(dict.fromkeys(line.subject.split()[0] for line in lines))
    assert subjects == [
        "bc",
        "dataverse",
        *("bc.vendors", "bc.customers"),
        "dataverse.contact",
        *("CURRENCY", "SALESPEOPLE", "VENDOR", "CUSTOMER"),
        "CONTACT",
    ]
    customer = [line for line in lines if line.subject == "CUSTOMER" and line.warning]
    (left, right) = (line.text for line in customer if "longer values" in line.text)
    assert "bc.customers: displayName (160 → 100)" in left and "country (80 → 10)" in left
    assert right.endswith("dataverse.account: websiteurl (255 → 200)")
    unasked = said(lines, "cannot be asked without writing")
    assert (unasked.subject, unasked.warning) == ("bc", False), "what nobody can look at is no warning"
    assert "403" in unasked.remedy and "vendors, customers, contacts" in unasked.text
    groups = [line for line in lines if "Posting Group" in line.text]
    assert [(line.subject, line.warning) for line in groups] == [("bc.vendors", True), ("bc.customers", True)]
    assert "generalBusinessPostingGroupCode = '…' (on create) and customerPostingGroupCode = '…'" in groups[1].remedy


def test_salespeople_without_a_user_are_named_with_the_customers_they_block(there: tuple[Path, Sandbox]) -> None:
    """Semantics 8.4.5: such customers fail one by one in a run; what a run would couple by itself is not named."""
    rows = there[1].companies.environment.companies
    company = next(iter(rows.values()))
    customers = [row for row in company.rows.tables["Customer"].values() if row["Blocked"] == " "]
    sold = [row["Salesperson Code"] for row in customers if row["Salesperson Code"]]
    line = said([one for one in checked(there) if one.subject == "CUSTOMER salespersonCode"], "cannot be carried")
    assert line.warning and line.text.startswith(f"{len(sold)} records")
    assert dict(re.findall(r"(\w+) \((\d+)\)", line.text)) == {code: str(sold.count(code)) for code in set(sold)}
    assert "koppel match SALESPEOPLE" in line.remedy
    with Koppel.open(there[0]) as koppel:
        koppel.match("SALESPEOPLE", accept=True, reject=False, first_contact=FirstContact.LEFT)
        assert not any(line.subject == "CUSTOMER salespersonCode" for line in koppel.check())


def test_an_application_user_that_is_missing_is_the_first_cause_and_the_only_one(there: tuple[Path, Sandbox]) -> None:
    """wire 4.2.25: 403 0x80072560 is a mistake of the set-up; mappings are not looked at, they would say it again."""
    users = there[1].dataverse.environment.users
    kept = dict(users)
    users.clear()
    try:
        lines = checked(there)
    finally:
        users.update(kept)
    assert [line.subject for line in lines if line.subject in ("bc", "dataverse")] == ["bc", "dataverse", "bc"]
    assert not any(line.subject.startswith(("dataverse.", "CUSTOMER")) for line in lines)
    assert [line.subject for line in lines if not line.well] == ["dataverse"]
    assert not lines[1].well and "0x80072560" in lines[1].text and "application user" in lines[1].remedy


def test_a_blank_stands_for_the_local_currency_and_for_nothing_else(
    there: tuple[Path, Sandbox], configure: Change
) -> None:
    """Semantics 4.8.4, wire 4.3.13: a blank code is the local currency of the company."""
    configure("blank = 'EUR'", "blank = 'USD'")
    wrong = [line for line in checked(there) if not line.well]
    assert [line.subject for line in wrong] == [f"{name} currencyCode" for name in ("VENDOR", "CUSTOMER", "CONTACT")]
    assert "local currency of bc is EUR" in wrong[0].text and "'EUR'" in wrong[0].remedy


def test_another_base_currency_and_a_local_one_that_is_no_record_are_told(there: tuple[Path, Sandbox]) -> None:
    """The rate of the local currency converts every amount; without a record of it a blank names nothing."""
    environment = there[1].dataverse.environment
    company = next(iter(there[1].companies.environment.companies.values()))
    base = environment.base_currency
    rows = environment.rows.tables["transactioncurrency"]
    environment.base_currency = next(id_ for id_, row in rows.items() if row["isocurrencycode"] == "USD")
    try:
        line = said([one for one in checked(there) if one.subject == "CUSTOMER currencyCode"], "counts in USD")
        assert line.warning and "exchange rate of EUR in dataverse" in line.remedy
        assert line.text.endswith("1 USD is 1.0000 EUR there, and 0.9195 in bc")
    finally:
        environment.base_currency = base
    currencies = company.rows.tables["Currency"]
    table, euro = company.rows, next(row for row in currencies.values() if row["Code"] == "EUR")
    table.remove(TABLES["Currency"], euro["SystemId"])
    try:
        line = said([one for one in checked(there) if one.subject == "CUSTOMER currencyCode"], "no such record")
        assert not line.well and "create EUR there" in line.remedy
    finally:
        table.put(TABLES["Currency"], euro["SystemId"], euro)


def test_a_look_up_table_that_does_not_say_where_it_leads_is_warned_of(
    there: tuple[Path, Sandbox], configure: Change
) -> None:
    """A customer and a vendor may have the same number, and then nobody can tell: every such contact is an error."""
    configure("CUSTOMER [linkToTable = 'Customer'] | VENDOR [linkToTable = 'Vendor']", "CUSTOMER | VENDOR")
    line = said(checked(there), "rows of bc.contactBusinessRelations lead to CUSTOMER or VENDOR alike")
    assert line.well and line.warning and line.subject == "CONTACT companyNumber"
    assert "CUSTOMER [field = value] | VENDOR [field = value]" in line.remedy


def test_a_condition_that_does_not_fit_is_told_where_it_stands(there: tuple[Path, Sandbox], configure: Change) -> None:
    configure("[linkToTable = 'Vendor']", "[linkToTable = 'Vendors']")
    (line,) = (line for line in checked(there) if not line.well)
    assert (
        re.match(r"CONTACT koppel\.toml:\d+ mappings\.CONTACT\.fields\[", line.subject)
        and "never holds 'Vendors'" in line.text
    )


def test_rights_come_before_the_mappings_that_need_them(there: tuple[Path, Sandbox]) -> None:
    """wire 1.10, 4.2.6: a privilege of the role, a secured column; told once each, and with what grants it."""
    environment, place = there[1].dataverse.environment, ("account", "websiteurl")
    environment.withheld["prvCreateContact"] = Depth.NONE
    environment.secured.add(place)
    try:
        lacking, hidden, *then = [line for line in checked(there) if not line.well]
        environment.withheld.clear()
        environment.granted[place] = Grant()
        granted = checked(there)
    finally:
        environment.withheld.clear()
        environment.secured.clear()
        environment.granted.clear()
    assert lacking.subject == "dataverse.contact" and "lacks prvCreateContact" in lacking.text
    assert hidden.subject == "dataverse.account" and "websiteurl is not shown to koppel" in hidden.text
    assert {line.subject.split()[0] for line in then} == {"VENDOR", "CUSTOMER"}
    assert all("websiteurl cannot be written" in line.text for line in then)
    assert all("column security profile" in line.remedy for line in (hidden, *then))
    assert all(line.well for line in granted)


def test_first_causes_come_first_whatever_the_order_of_the_file(there: tuple[Path, Sandbox]) -> None:
    """A currency that is wrong is told before the customers that name it."""
    text = there[0].read_text("utf-8")
    head, *mappings = re.split(r"(?m)^(?=\[mappings\.)", text)
    there[0].write_text("\n".join([head, *reversed(mappings)]), "utf-8")
    try:
        lines = checked(there)
    finally:
        there[0].write_text(text, "utf-8")
    order = list(dict.fromkeys(line.subject.split()[0] for line in lines if line.subject.split()[0].isupper()))
    assert order.index("CURRENCY") < order.index("VENDOR") and order.index("CUSTOMER") < order.index("CONTACT")


def test_a_text_in_a_lookup_can_never_fit(there: tuple[Path, Sandbox], configure: Change) -> None:
    """Without `@` each record would fail by itself, later: a code of 20 characters is no uuid."""
    configure("salespersonCode   -> ownerid @ SALESPEOPLE by code (not null)", "salespersonCode -> primarycontactid")
    wrong = next(line for line in checked(there) if not line.well)
    assert "salespersonCode holds 20 characters, and primarycontactid is a uuid, which has 32" in wrong.text
    assert "@ MAPPING" in wrong.text and re.search(r"koppel\.toml:\d+ mappings\.CUSTOMER\.fields", wrong.subject)


def test_what_depends_on_values_is_a_warning(there: tuple[Path, Sandbox], configure: Change) -> None:
    configure("phoneNumber       <-> telephone1", "phoneNumber -> numberofemployees")
    lines = [line for line in checked(there) if line.subject.split()[0] == "CUSTOMER"]
    assert all(line.well for line in lines)
    texts = [line.text for line in lines if line.warning]
    assert any("errors in dataverse.account: numberofemployees (text → integer)" in text for text in texts)


def test_a_constant_that_is_no_choice_names_the_choices(there: tuple[Path, Sandbox], configure: Change) -> None:
    configure("customertypecode = 3 (on create)", "customertypecode = 99 (on create)")
    wrong = next(line for line in checked(there) if not line.well)
    assert "customertypecode" in wrong.text and wrong.remedy.startswith("write one of '1', '2', '3'")


def test_currencies_that_block_are_named_by_their_codes(there: tuple[Path, Sandbox]) -> None:
    """Dataverse refers to them by ids, which tell nobody anything."""
    rows = there[1].dataverse.environment.rows
    gold = {**next(iter(rows.tables["transactioncurrency"].values())), "isocurrencycode": "XAU"}
    id_ = "0190a5f2-0000-7000-8000-00000000c4f0"
    rows.put(TABLES_OF_DATAVERSE["transactioncurrency"], id_, gold | {"transactioncurrencyid": id_})
    table = TABLES_OF_DATAVERSE["account"]
    customer = next(
        (key, row)
        for key, row in rows.tables["account"].items()
        if row["customertypecode"] == 3 and not row["statecode"]
    )
    rows.put(table, customer[0], {**customer[1], "transactioncurrencyid": Ref("transactioncurrency", id_)})
    try:
        line = said([one for one in checked(there) if one.subject == "CUSTOMER transactioncurrencyid"], "XAU (1)")
    finally:
        rows.put(table, *customer)
        rows.remove(TABLES_OF_DATAVERSE["transactioncurrency"], id_)
    assert "koppel match CURRENCY" in line.remedy
