"""The preset business-central-dataverse: the default mappings of semantics 2.7 as far as pages and tables carry them.

What the pages and tables show is asked of the sandbox, whose names and lengths are those of the field facts.
"""

import re
from pathlib import Path

import pytest

from koppel.config import Configuration, Connector, format_field, load, preset
from koppel.config.preset import Preset
from koppel.errors import ConfigurationError
from koppel.model.filter import fields_of
from koppel.model.mapping import FieldMapping, Mapping, TableRef
from koppel.model.policy import Direction, Side
from koppel.reconcile.order import waves
from koppel.sandbox.business_central.pages import CUSTOM, STANDARD
from koppel.sandbox.dataverse.tables import TABLES

NAME = "business-central-dataverse"
APP = "koppel/sync/v1.0"
ORDER = ["CURRENCY", "SALESPEOPLE", "VENDOR", "CUSTOMER", "CONTACT"]

# Semantics 2.7.5: the right field of every default line with its direction. B both ways, T to Dataverse, F from it.
_PLACE = "address1_line1 B, address1_line2 B, address1_postalcode B, address1_city B, address1_country B, "
_REACH = "address1_stateorprovince B, transactioncurrencyid B, emailaddress1 B, fax B, websiteurl B, telephone1 B, "
_OPTIONS = "address1_freighttermscode B, address1_shippingmethodcode B, paymenttermscode B, primarycontactid B, "
_COMPANY = f"owneridtype T, ownerid T, name B, address1_primarycontactname B, {_PLACE}{_REACH}{_OPTIONS}"
DEFAULTS = {
    "CURRENCY": "isocurrencycode T, currencysymbol T, currencyname T",
    "SALESPEOPLE": "internalemailaddress F, fullname F, mobilephone F",
    "VENDOR": _COMPANY,
    "CUSTOMER": f"{_COMPANY}creditlimit T",
    "CONTACT": f"owneridtype T, ownerid T, {_PLACE}{_REACH}firstname B, middlename B, lastname B, mobilephone B, "
    "pager B, parentcustomeridtype T",
}
ARROWS = {"<->": "B", "->": "T", "<-": "F"}


def loaded(folder: Path, api: str) -> tuple[Preset, Configuration]:
    made = preset(NAME, api=api)
    path = folder / "koppel.toml"
    path.write_text(made.text, encoding="utf-8")
    return made, load(path)


@pytest.fixture(params=["v2.0", APP], ids=["standard", "app"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Preset, Configuration]:
    made, configuration = loaded(tmp_path, request.param)
    return request.param, made, configuration


def test_the_mappings_are_those_of_the_seed(both: tuple[str, Preset, Configuration]) -> None:
    """Seed and semantics 2.7: their order, directions, filters; only coupled until a full synchronisation."""
    mappings = both[2].mappings
    assert list(mappings) == ORDER
    after = {name: mapping.depends_on for name, mapping in mappings.items()}
    assert waves(ORDER, after) == [["CURRENCY", "SALESPEOPLE"], ["VENDOR", "CUSTOMER"], ["CONTACT"]]
    directions = [mapping.direction for mapping in mappings.values()]
    assert directions == [Direction.TO_RIGHT, Direction.TO_LEFT, *[Direction.BOTH] * 3]
    assert all(mapping.only_coupled and mapping.page == "dataverse" for mapping in mappings.values())
    assert {name: [bool(mapping.options(side).filter) for side in Side] for name, mapping in mappings.items()} == {
        "CURRENCY": [False, False],
        "SALESPEOPLE": [False, True],
        **{name: [True, True] for name in ("VENDOR", "CUSTOMER", "CONTACT")},
    }


def test_both_systems_are_services(both: tuple[str, Preset, Configuration]) -> None:
    api, _, configuration = both
    bc, crm = configuration.systems["bc"], configuration.systems["dataverse"]
    assert (bc.connector, crm.connector) == (Connector.BUSINESS_CENTRAL, Connector.DATAVERSE)
    assert bc.options["api"] == api and bc.options["auth"]["secret"] == "env:BC_SECRET"


def test_every_page_table_and_field_exists(both: tuple[str, Preset, Configuration]) -> None:
    """Of the standard pages and of an app's (wire 2.2), and of Dataverse's tables."""
    api, _, configuration = both
    pages = STANDARD if api == "v2.0" else CUSTOM

    def fields(table: TableRef) -> set[str]:
        if table.system == "bc":
            return set(pages[table.table].controls)
        return {*TABLES[table.table].columns, "parentcustomeridtype"}

    for mapping in configuration.mappings.values():
        for side in Side:
            missing = _named(mapping, side) - fields(mapping.table(side))
            assert not missing, f"{mapping.name} {mapping.table(side)}"
        for line in mapping.fields:
            for name, table in _referenced(configuration, line):
                assert name in fields(table), f"{mapping.name}: {format_field(line)}"


def _named(mapping: Mapping, side: Side) -> set[str]:
    options = mapping.options(side)
    named = {name for line in mapping.fields if (name := line.name(side)) is not None}
    named |= fields_of(options.filter) if options.filter else set()
    return named | {pair[side] for rule in mapping.match for pair in rule.pairs}


def _referenced(configuration: Configuration, line: FieldMapping) -> list[tuple[str, TableRef]]:
    reference = line.reference
    if reference is None:
        return []
    others = [configuration.mappings[name] for name in reference.mappings]
    found = [(reference.left_by, other.left) for other in others if reference.left_by]
    hop = reference.hop
    return found + ([(hop.given, hop.table), (hop.wanted, hop.table)] if hop else [])


def test_every_default_field_is_there_or_listed_with_its_reason(both: tuple[str, Preset, Configuration]) -> None:
    """Issue 4, 3: `init` lists every default field that is dropped and why."""
    _, made, configuration = both
    for name, text in DEFAULTS.items():
        there = {line.right: str(line.direction) for line in configuration.mappings[name].fields if line.enabled}
        dropped = {}
        for field in made.dropped:
            if field.mapping == name and (found := re.search(r"(<->|->|<-) (\w+)", field.line)):
                dropped[found[2]] = found[1]
        for right, letter in re.findall(r"(\w+) ([BTF])", text):
            direction = dropped.get(right) or there.get(right)
            assert direction is not None and ARROWS[direction] == letter, f"{name}: {right}"
    assert all(field.reason and field.reason in made.text for field in made.dropped)
    assert not any("#!" in line for line in made.text.splitlines())


def test_what_the_standard_pages_do_not_show_is_what_is_dropped_for_them(tmp_path: Path) -> None:
    """A field is left out because the page lacks it, or for a reason that holds for every page."""
    dropped = {(field.mapping, field.line) for field in preset(NAME).dropped}
    always = {(field.mapping, field.line) for field in preset(NAME, api=APP).dropped}
    assert always < dropped
    configuration = loaded(tmp_path, APP)[1]
    for mapping, line in dropped - always:
        left = line.split(" ", 1)[0]
        page = configuration.mappings[mapping].left.table
        absent = left not in STANDARD[page].controls
        assert absent or "contactBusinessRelations" in line, f"{mapping}: {line}"
        assert "contactBusinessRelations" not in STANDARD


def test_contacts_have_a_name_and_a_company_on_standard_pages(tmp_path: Path) -> None:
    """These show neither the parts of a name nor what a company contact is (wire 2.2): the whole name goes one way, and
    the company is found by its name.
    """
    lines = [format_field(line) for line in loaded(tmp_path, "v2.0")[1].mappings["CONTACT"].fields]
    assert "displayName <- fullname" in lines and "displayName -> lastname (on create)" in lines
    (parent,) = (line for line in lines if "parentcustomerid" in line)
    assert parent.endswith("by displayName via bc.contacts(number -> displayName)")


def test_what_a_company_contact_is_says_whose_account_is_meant(both: tuple[str, Preset, Configuration]) -> None:
    """Business Central's demo companies number customers and vendors alike, and names may be shared as well."""
    (line,) = (line for line in both[2].mappings["CONTACT"].fields if line.right == "parentcustomerid")
    assert line.reference is not None and line.reference.mappings == ("CUSTOMER", "VENDOR")
    assert len(line.reference.conditions) == 2


def test_a_constant_that_its_filter_tests_is_set_on_creation_only(both: tuple[str, Preset, Configuration]) -> None:
    """Otherwise a record that a person takes out of the filter would be put back in (DESIGN 11)."""
    for mapping in both[2].mappings.values():
        for side in Side:
            tested = fields_of(filter_) if (filter_ := mapping.options(side).filter) else frozenset()
            for line in mapping.fields:
                assert line.on_create or line.constant is None or line.name(side) not in tested


def test_an_api_that_is_none_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"'v3' is no API\n.*publisher/group/version"):
        preset(NAME, api="v3")
    with pytest.raises(ConfigurationError, match="has no 'api' to replace"):
        preset("demo-sql", api="v2.0")
