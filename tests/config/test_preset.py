"""The preset of `koppel demo --sql`: five mappings in the seed's order, the default fields of semantics 2.7.5, true to
the demo's tables.
"""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koppel.config import PRESETS, Configuration, Environment, format_field, load, preset
from koppel.demo import schema
from koppel.demo.world import RULES
from koppel.errors import ConfigurationError
from koppel.model.filter import fields_of
from koppel.model.mapping import Mapping, TableRef
from koppel.model.policy import Direction, Side
from koppel.reconcile.order import waves

NAME = "demo-sql"


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    path = tmp_path_factory.mktemp("preset") / "koppel.toml"
    path.write_text(preset(NAME).text, encoding="utf-8")
    return load(path)


@pytest.fixture(scope="module")
def columns() -> dict[str, set[str]]:
    """The columns of every table of the demo world, by `system.table`."""
    found: dict[str, set[str]] = {}
    for system, tables in (("bc", schema.BUSINESS_CENTRAL_TABLES), ("dataverse", schema.DATAVERSE_TABLES)):
        database = sqlite3.connect(":memory:")
        database.executescript(tables)
        for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            found[f"{system}.{table}"] = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
        database.close()
    return found


def test_the_mappings_stand_in_the_order_of_the_seed(configuration: Configuration) -> None:
    """The seed: currency, salespeople, vendor, customer, contact; DESIGN 8 level 2 shows it in the job log."""
    names = ["CURRENCY", "SALESPEOPLE", "VENDOR", "CUSTOMER", "CONTACT"]
    mappings = configuration.mappings
    assert list(mappings) == names
    depends_on = {name: mapping.depends_on for name, mapping in mappings.items()}
    assert waves(names, depends_on) == [["CURRENCY", "SALESPEOPLE"], ["VENDOR", "CUSTOMER"], ["CONTACT"]]


def test_directions_and_only_coupled(configuration: Configuration) -> None:
    """Semantics 2.7: currencies go to Dataverse, salespeople come from it, the rest goes both ways."""
    directions = [mapping.direction for mapping in configuration.mappings.values()]
    assert directions == [Direction.TO_RIGHT, Direction.TO_LEFT, Direction.BOTH, Direction.BOTH, Direction.BOTH]
    assert all(mapping.only_coupled and mapping.page == "dataverse" for mapping in configuration.mappings.values())


def test_every_table_and_field_exists(configuration: Configuration, columns: dict[str, set[str]]) -> None:
    for mapping in configuration.mappings.values():
        for side in Side:
            missing = _named(mapping, side) - columns[str(mapping.table(side))]
            assert not missing, f"{mapping.name} {mapping.table(side)}"
        for line in mapping.fields:
            for name, side in _referenced(configuration, mapping, line):
                assert name in columns[str(side)], f"{mapping.name}: {line}"


def _named(mapping: Mapping, side: Side) -> set[str]:
    options = mapping.options(side)
    named = {name for line in mapping.fields if (name := line.name(side)) is not None}
    named |= fields_of(options.filter) if options.filter else set()
    return named | {pair[side] for rule in mapping.match for pair in rule.pairs}


def _referenced(configuration: Configuration, mapping: Mapping, line: object) -> list[tuple[str, TableRef]]:
    reference = getattr(line, "reference", None)
    if reference is None:
        return []
    others = [configuration.mappings[name] for name in reference.mappings]
    found = [(reference.left_by, other.left) for other in others] + [
        (reference.right_by, other.right) for other in others
    ]
    hop = reference.hop
    found += [(hop.given, hop.table), (hop.wanted, hop.table)] if hop else []
    return [(name, table) for name, table in found if name is not None]


def test_the_match_rules_are_those_that_the_demo_world_was_made_for(configuration: Configuration) -> None:
    for name, rules in RULES.items():
        assert [_fields(str(rule)) for rule in configuration.mappings[name].match] == [_fields(rule) for rule in rules]


def _fields(rule: str) -> str:
    """The rule without its remark on case, which may only widen what is found."""
    return rule.replace(" (ignore case)", "")


def test_the_default_fields(configuration: Configuration) -> None:
    """Semantics 2.7.5, without option fields and primary contact, and with the constants of 2.7's filters."""
    lines = {name: [format_field(line) for line in mapping.fields] for name, mapping in configuration.mappings.items()}
    assert lines["CURRENCY"] == ["code -> isocurrencycode", "symbol -> currencysymbol", "description -> currencyname"]
    assert lines["SALESPEOPLE"][:3] == ["e_mail <- internalemailaddress", "name <- fullname", "phone_no <- mobilephone"]
    company = [
        "no -> accountnumber",
        "name <-> name",
        "contact <-> address1_primarycontactname",
        "address <-> address1_line1",
        "address_2 <-> address1_line2",
        "post_code <-> address1_postalcode",
        "city <-> address1_city",
        "county <-> address1_stateorprovince",
        "country_region_code <-> address1_country",
        "phone_no <-> telephone1",
        "mobile_phone_no <-> telephone2 (disabled)",
        "fax_no <-> fax",
        "e_mail <-> emailaddress1",
        "home_page <-> websiteurl",
        "currency_code <-> transactioncurrencyid @ CURRENCY by code (blank = 'EUR')",
    ]
    owner = "@ SALESPEOPLE by code (not null)"
    kind = "-> owneridtype = 'systemuser' (on create)"
    assert lines["VENDOR"] == [
        *company,
        f"purchaser_code -> ownerid {owner}",
        kind,
        "-> customertypecode = 11 (on create)",
    ]
    assert lines["CUSTOMER"] == [
        *company,
        "credit_limit_lcy -> creditlimit",
        f"salesperson_code -> ownerid {owner}",
        kind,
        "-> customertypecode = 3 (on create)",
    ]
    assert lines["CONTACT"][-5:] == [
        f"salesperson_code -> ownerid {owner}",
        "company_no <-> parentcustomerid @ CUSTOMER [link_to_table = 'Customer'] | VENDOR [link_to_table = 'Vendor'] "
        "by no via bc.contact_business_relation(contact_no -> no)",
        "-> parentcustomeridtype = 'account' (on create)",
        kind,
        "type <- = 'Person' (on create)",
    ]


def test_a_constant_that_its_filter_tests_is_set_on_creation_only(configuration: Configuration) -> None:
    """Otherwise a record that a person takes out of the filter would be put back in (DESIGN 11)."""
    for mapping in configuration.mappings.values():
        for side in Side:
            tested = fields_of(filter_) if (filter_ := mapping.options(side).filter) else frozenset()
            for line in mapping.fields:
                assert line.on_create or line.constant is None or line.name(side) not in tested


def test_replacements_keep_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "koppel.toml"
    given = {"bc": "file:bc", "dataverse": "env:D"}
    text = preset(NAME, store="env:S", environment="production", local_currency="GBP", **given).text
    path.write_text(text)
    configuration = load(path)
    assert (configuration.store, configuration.environment) == ("env:S", Environment.PRODUCTION)
    assert [system.url for system in configuration.systems.values()] == ["file:bc", "env:D"]
    assert text.count("(blank = 'GBP')") == 3 and "EUR" not in text
    assert text.count("#") == preset(NAME).text.count("#")


def test_unknown_presets_and_replacements() -> None:
    with pytest.raises(ConfigurationError, match=r"there is no preset 'business_central'\n.*did you mean"):
        preset("business_central")
    with pytest.raises(ConfigurationError, match="did you mean 'business-central-dataverse'"):
        preset("business_central_dataverse")  # its name before it was reached over HTTP
    with pytest.raises(
        ConfigurationError, match=r"the preset has no 'dataverze' to replace\n.*did you mean 'dataverse'"
    ):
        preset(NAME, dataverze="x")
    assert PRESETS == ("business-central-dataverse", NAME)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_loaded_or_told_never_a_crash(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever a slip of the hand leaves behind: a part cut out, doubled, or replaced by marks."""
    text = preset(data.draw(st.sampled_from(PRESETS))).text
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    instead = data.draw(
        st.sampled_from(["", text[start:end] * 2, "\n", "'", '"', "]", "[", "= 3", "->", "(", "{}", "[[x]]", "\x00"])
    )
    path = tmp_path / "koppel.toml"
    path.write_text(text[:start] + instead + text[end:], encoding="utf-8")
    try:
        load(path)
    except ConfigurationError as error:
        assert all(problem.where.startswith("koppel.toml") and problem.what for problem in error.problems)
