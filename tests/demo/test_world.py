"""The demo world keeps its promises: what overlaps is found by the match rules and nothing else is, the rows obey
the declared lengths, and the databases behave as Business Central and Dataverse do.
"""

import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from koppel.demo import schema
from koppel.demo.databases import build
from koppel.demo.files import World, opened
from koppel.demo.world import RULES

SMALL: dict[str, int] = {"customers": 300, "vendors": 40, "contacts": 700, "salespeople": 5, "overlap": 90}
SIDES = {
    "CURRENCY": ("currency", "transactioncurrency"),
    "SALESPEOPLE": ("salesperson", "systemuser"),
    "VENDOR": ("vendor", "account"),
    "CUSTOMER": ("customer", "account"),
    "CONTACT": ("contact", "contact"),
}


@pytest.fixture(scope="module")
def both(world: World) -> Iterator[sqlite3.Connection]:
    """Business Central, with Dataverse attached as `dv`."""
    with closing(sqlite3.connect(f"file:{world.business_central}?mode=ro", uri=True)) as connection:
        connection.execute("ATTACH ? AS dv", (f"file:{world.dataverse}?mode=ro",))
        yield connection


@pytest.fixture(scope="module")
def truth(world: World) -> dict[str, dict[str, list[Any]]]:
    content = json.loads(world.truth.read_text(encoding="utf-8"))
    assert content["rules"] == {name: list(rules) for name, rules in RULES.items()}
    mappings: dict[str, dict[str, list[Any]]] = content["mappings"]
    return mappings


def rule_condition(rule: str) -> str:
    """The rule as a join condition between `l` and `r`; blank values match nothing."""
    ignore_case = " (ignore case)"
    parts = []
    for part in rule.split(" + "):
        left, right = part.removesuffix(ignore_case).split(" = ")
        pattern = "lower(l.{}) = lower(r.{})" if part.endswith(ignore_case) else "l.{} = r.{}"
        parts.append(pattern.format(left, right) + f" AND l.{left} <> ''")
    return " AND ".join(parts)


def hits(both: sqlite3.Connection, mapping: str, rule: str) -> set[tuple[str, str]]:
    left, right = SIDES[mapping]
    query = f"SELECT l.id, r.{right}id FROM main.{left} l JOIN dv.{right} r ON {rule_condition(rule)}"
    return set(both.execute(query))


def count(connection: sqlite3.Connection, what: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


# Counts and reproducibility.


def test_the_world_has_the_agreed_sizes(world: World, both: sqlite3.Connection) -> None:
    persons = "type = 'Person' AND company_no"
    assert {
        what: count(both, what)
        for what in (
            "main.currency", "main.salesperson", "main.customer", "main.vendor", "main.contact_business_relation",
            f"main.contact WHERE {persons} <> ''", f"main.contact WHERE {persons} = ''",
            "dv.transactioncurrency", "dv.account", "main.customer WHERE blocked <> ''",
        )
    } == {
        "main.currency": 30, "main.salesperson": 25, "main.customer": 10_000, "main.vendor": 800,
        "main.contact_business_relation": 10_800, f"main.contact WHERE {persons} <> ''": 13_960,
        f"main.contact WHERE {persons} = ''": 40, "dv.transactioncurrency": 6,
        "dv.account": 2_600 + 500 + 200 + 300, "main.customer WHERE blocked <> ''": 200,
    }  # fmt: skip
    assert world.counts["pairs.CUSTOMER"] == 2_500
    assert world.counts["pairs.VENDOR"] == 100
    assert world.counts["pairs.CONTACT"] == 400
    assert world.counts["only_right_in_scope.CONTACT"] == 200
    for table, rows in world.counts.items():
        system, name = table.split(".")
        if system in ("business_central", "dataverse"):
            assert count(both, f"{'main' if system == 'business_central' else 'dv'}.{name}") == rows, table


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_the_same_seed_gives_the_same_world_and_another_seed_another(tmp_path: Path) -> None:
    first, again, other = (build(tmp_path / name, seed=seed, **SMALL) for name, seed in (("a", 7), ("b", 7), ("c", 8)))
    assert dump(first.business_central) == dump(again.business_central)
    assert dump(first.dataverse) == dump(again.dataverse)
    assert first.truth.read_bytes() == again.truth.read_bytes()
    assert first.counts == again.counts
    assert dump(first.dataverse) != dump(other.dataverse)


def test_an_existing_world_is_not_overwritten(tmp_path: Path) -> None:
    first = build(tmp_path, **SMALL)
    before = first.truth.read_bytes()
    with pytest.raises(FileExistsError, match=r"business_central\.db"):
        build(tmp_path, seed=1, **SMALL)
    assert first.truth.read_bytes() == before


@pytest.mark.parametrize("sizes", [{"overlap": 5_000}, {"contacts": 100}, {"salespeople": 0}, {"vendors": 10}])
def test_an_overlap_that_does_not_fit_is_refused_and_leaves_nothing(tmp_path: Path, sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="overlap"):
        build(tmp_path / "new", **({**SMALL, "overlap": 900, "customers": 1_000, "contacts": 1_000} | sizes))
    assert not (tmp_path / "new").exists()


# The overlap.


@pytest.mark.parametrize("mapping", SIDES)
def test_the_rules_find_every_pair_once_and_nothing_else(
    both: sqlite3.Connection, truth: dict[str, dict[str, list[Any]]], mapping: str
) -> None:
    """DESIGN 3, look before you create: the whole table is searched, so out-of-scope rows count too."""
    found: dict[tuple[str, str], int] = {}
    for number, rule in enumerate(RULES[mapping], start=1):
        for hit in hits(both, mapping, rule):
            found.setdefault(hit, number)
    assert found == {(pair["left"], pair["right"]): pair["rule"] for pair in truth[mapping]["pairs"]}
    assert len({left for left, _ in found}) == len({right for _, right in found}) == len(found)


def test_the_rules_share_the_work(truth: dict[str, dict[str, list[Any]]]) -> None:
    shares = {name: Counter(pair["rule"] for pair in truth[name]["pairs"]) for name in SIDES}
    assert shares["CUSTOMER"] == {1: 1000, 2: 1000, 3: 500}
    assert shares["VENDOR"] == {1: 40, 2: 40, 3: 20}
    assert shares["CONTACT"] == {1: 240, 2: 160}


def test_truth_lists_every_record_of_both_sides_once(
    both: sqlite3.Connection, truth: dict[str, dict[str, list[Any]]]
) -> None:
    seen: dict[str, list[str]] = defaultdict(list)
    for mapping, groups in truth.items():
        left, right = SIDES[mapping]
        for group, facts in groups.items():
            for fact in facts:
                if group == "pairs":
                    seen[f"main.{left}"].append(fact["left"])
                    seen[f"dv.{right}"].append(fact["right"])
                else:
                    seen[f"main.{left}" if group.startswith("only_left") else f"dv.{right}"].append(fact)
    for table, ids in seen.items():
        schema_name, name = table.split(".")
        key = "id" if schema_name == "main" else f"{name}id"
        where = " WHERE type = 'Person'" if table == "main.contact" else ""
        everything = {row[0] for row in both.execute(f"SELECT {key} FROM {table}{where}")}
        assert len(ids) == len(set(ids))
        assert set(ids) == everything, table


def test_scope_in_truth_is_what_the_filters_say(
    both: sqlite3.Connection, truth: dict[str, dict[str, list[Any]]]
) -> None:
    """Semantics 2.7: the filters of the default mappings."""
    scopes = {
        ("CUSTOMER", "right"): ("dv.account", "accountid", "statecode = 0 AND customertypecode = 3"),
        ("VENDOR", "right"): ("dv.account", "accountid", "statecode = 0 AND customertypecode = 11"),
        ("CONTACT", "right"): ("dv.contact", "contactid", "statecode = 0 AND parentcustomerid IS NOT NULL"),
        ("SALESPEOPLE", "right"): (
            "dv.systemuser", "systemuserid", "isdisabled = 0 AND islicensed = 1 AND isintegrationuser = 0"
        ),
        ("CUSTOMER", "left"): ("main.customer", "id", "blocked = ''"),
        ("VENDOR", "left"): ("main.vendor", "id", "blocked = ''"),
        ("CONTACT", "left"): ("main.contact", "id", "type = 'Person' AND company_no <> ''"),
    }  # fmt: skip
    for (mapping, side), (table, key, condition) in scopes.items():
        expected = {pair[side] for pair in truth[mapping]["pairs"]}
        for group in ("in_scope", "parent_out_of_scope", "no_relation"):
            expected |= set(truth[mapping].get(f"only_{side}_{group}", []))
        assert {row[0] for row in both.execute(f"SELECT {key} FROM {table} WHERE {condition}")} == expected


def test_parents_of_paired_persons_are_paired(both: sqlite3.Connection, truth: dict[str, dict[str, list[Any]]]) -> None:
    companies = {pair["left"]: pair["right"] for name in ("CUSTOMER", "VENDOR") for pair in truth[name]["pairs"]}
    parents = dict(
        both.execute(
            "SELECT p.id, coalesce(c.id, v.id) FROM main.contact p"
            " JOIN contact_business_relation r ON r.contact_no = p.company_no"
            " LEFT JOIN customer c ON c.no = r.no AND r.link_to_table = 'Customer'"
            " LEFT JOIN vendor v ON v.no = r.no AND r.link_to_table = 'Vendor' WHERE p.type = 'Person'"
        )
    )
    accounts = dict(both.execute("SELECT contactid, parentcustomerid FROM dv.contact"))
    for pair in truth["CONTACT"]["pairs"]:
        assert companies[parents[pair["left"]]] == accounts[pair["right"]]
    blocked = {row[0] for row in both.execute("SELECT id FROM customer WHERE blocked <> '' UNION ALL"
                                              " SELECT id FROM vendor WHERE blocked <> ''")}  # fmt: skip
    assert {parents[key] in blocked for key in truth["CONTACT"]["only_left_parent_out_of_scope"]} == {True}
    assert {parents[key] in blocked for key in truth["CONTACT"]["only_left_in_scope"]} == {False}
    assert not set(truth["CONTACT"]["only_left_no_relation"]) & set(parents)


@pytest.mark.parametrize(
    "condition",
    [
        "l.name <> r.name AND lower(l.name) = lower(r.name)",
        "l.name <> r.name AND l.name = rtrim(r.name)",
        "l.address <> r.address1_line1 AND l.address = replace(r.address1_line1, '  ', ' ')",
        "l.address LIKE '%straat%' AND r.address1_line1 LIKE '%str.%'",
        "length(r.name) > length(l.name) AND r.name GLOB '*' || char(776) || '*'",
        "l.phone_no = '' AND r.telephone1 <> ''",
        "l.phone_no <> '' AND r.telephone1 IS NULL",
        "l.e_mail = '' AND r.emailaddress1 <> ''",
        "l.e_mail <> '' AND r.emailaddress1 IS NULL",
        "l.e_mail <> '' AND r.emailaddress1 <> '' AND lower(l.e_mail) <> lower(r.emailaddress1)",
        "l.address_2 = '' AND r.address1_line2 IS NULL",
        "l.phone_no <> r.telephone1 AND l.phone_no <> ''",
        "l.post_code <> r.address1_postalcode AND replace(l.post_code, ' ', '') = r.address1_postalcode",
        "l.currency_code = '' AND r.transactioncurrencyid IS NULL",
    ],
)
def test_the_overlap_is_ugly(both: sqlite3.Connection, truth: dict[str, dict[str, list[Any]]], condition: str) -> None:
    pairs = {(pair["left"], pair["right"]) for pair in truth["CUSTOMER"]["pairs"]}
    candidates = both.execute(
        f"SELECT l.id, r.accountid FROM customer l JOIN dv.account r ON {condition} AND ("
        f"{' OR '.join(f'({rule_condition(rule)})' for rule in RULES['CUSTOMER'])})"
    )
    assert len(pairs & set(candidates)) >= 5


# Schema and values.


def declared_lengths(connection: sqlite3.Connection, database: str) -> Iterator[tuple[str, str, int]]:
    for (table,) in connection.execute(f"SELECT name FROM {database}.sqlite_master WHERE type = 'table'").fetchall():
        for _, column, kind, *_ in connection.execute(f"PRAGMA {database}.table_info({table})"):
            if found := re.fullmatch(r"(?:VARCHAR|CODETEXT)\((\d+)\)", kind):
                yield table, column, int(found[1])


@pytest.mark.parametrize("database", ["main", "dv"])
def test_no_value_is_longer_than_its_column(both: sqlite3.Connection, database: str) -> None:
    lengths = list(declared_lengths(both, database))
    assert len(lengths) > 40
    for table, column, length in lengths:
        assert count(both, f"{database}.{table} WHERE length({column}) > {length}") == 0, f"{table}.{column}"


COPIED = (
    ("account", "customer", {"name": "name", "contact": "address1_primarycontactname", "address": "address1_line1",
     "address_2": "address1_line2", "post_code": "address1_postalcode", "city": "address1_city",
     "county": "address1_stateorprovince", "country_region_code": "address1_country", "phone_no": "telephone1",
     "e_mail": "emailaddress1", "home_page": "websiteurl", "fax_no": "fax"}),
    ("contact", "contact", {"first_name": "firstname", "middle_name": "middlename", "surname": "lastname",
     "phone_no": "telephone1", "mobile_phone_no": "mobilephone", "e_mail": "emailaddress1"}),
    ("systemuser", "salesperson", {"name": "fullname", "e_mail": "internalemailaddress", "phone_no": "mobilephone"}),
)  # fmt: skip


def test_at_first_everything_fits_into_business_central(both: sqlite3.Connection) -> None:
    """Text that is too long comes with the second act, not before."""
    lengths = {(table, column): length for table, column, length in declared_lengths(both, "main")}
    for right, left, columns in COPIED:
        for column, other in columns.items():
            assert count(both, f"dv.{right} WHERE length({other}) > {lengths[left, column]}") == 0, column


def test_chosen_lengths_are_the_declared_ones(both: sqlite3.Connection) -> None:
    for column, (kind, reason) in schema.CHOSEN_LENGTHS.items():
        system, table, name = column.split(".")
        database = "main" if system == "business_central" else "dv"
        kinds = {row[1]: row[2] for row in both.execute(f"PRAGMA {database}.table_info({table})")}
        assert kinds[name] == kind, column
        assert reason


def test_ids_stamps_and_codes_have_the_formats_of_their_systems(both: sqlite3.Connection) -> None:
    uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    for table in ("main.customer", "main.contact", "dv.account", "dv.contact"):
        key = "id" if table.startswith("main.") else f"{table[3:]}id"
        ids = [row[0] for row in both.execute(f"SELECT {key} FROM {table} ORDER BY rowid")]
        assert ids == sorted(ids), f"{table}: ids grow"
        assert all(uuid.fullmatch(key) for key in ids)
        stamp = "modified_at" if table.startswith("main.") else "modifiedon"
        fraction = r"\.\d{3}" if table.startswith("main.") else ""
        pattern = re.compile(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d{fraction}Z")
        assert all(pattern.fullmatch(row[0]) for row in both.execute(f"SELECT {stamp} FROM {table}"))
    for table in ("customer", "vendor", "contact"):
        assert count(both, f"main.{table} WHERE post_code <> upper(post_code) OR no <> upper(no)") == 0


def test_foreign_keys_hold_in_dataverse(world: World) -> None:
    with opened(world.dataverse) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("UPDATE account SET ownerid = 'nobody' WHERE rowid = 1")


def test_salespeople_are_licensed_users_and_no_others_are(
    both: sqlite3.Connection, truth: dict[str, dict[str, list[Any]]]
) -> None:
    """Semantics 2.7: disabled, unlicensed and integration users stay out."""
    outside = set(truth["SALESPEOPLE"]["only_right_out_of_scope"])
    assert outside == {
        row[0]
        for row in both.execute(
            "SELECT systemuserid FROM dv.systemuser WHERE isdisabled = 1 OR islicensed = 0 OR isintegrationuser = 1"
        )
    }
    assert len(outside) == 12


# Triggers.


@pytest.mark.parametrize("number", [None, ""])
def test_a_customer_without_number_gets_the_next_one_and_a_company_contact(small: World, number: str | None) -> None:
    """Semantics 4.9.7: numbers come from the number series; Business Central keeps a contact for every customer."""
    with opened(small.business_central) as connection:
        insert = "INSERT INTO customer (id, no, name) VALUES (?, ?, ?)"
        connection.execute(insert, ("n1", number, "New One"))
        connection.execute(insert, ("n2", number, "New Two"))
        connection.execute(insert, ("n3", "OWN", "Brought its own"))
        got = connection.execute("SELECT no, modified_at FROM customer WHERE id LIKE 'n_' ORDER BY id").fetchall()
        assert [row[0] for row in got] == ["C00301", "C00302", "OWN"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", got[0][1])
        made = connection.execute(
            "SELECT r.no, c.name, c.type, c.company_no = c.no,"
            " c.id > (SELECT max(id) FROM contact WHERE type = 'Person')"
            " FROM contact_business_relation r JOIN contact c ON c.no = r.contact_no ORDER BY c.rowid DESC LIMIT 3"
        ).fetchall()
        assert [tuple(row) for row in reversed(made)] == [
            ("C00301", "New One", "Company", 1, 1),
            ("C00302", "New Two", "Company", 1, 1),
            ("OWN", "Brought its own", "Company", 1, 1),
        ]
        connection.execute("DELETE FROM customer WHERE id = 'n1'")
        assert count(connection, "contact_business_relation WHERE no = 'C00301'") == 0


def test_vendors_salespeople_and_contacts_are_numbered_too(small: World) -> None:
    """Semantics 4.9.6: new salespeople get generated codes."""
    with opened(small.business_central) as connection:
        before = connection.execute("SELECT last_number FROM no_series WHERE code = 'CONT'").fetchone()[0]
        connection.execute("INSERT INTO vendor (id, name) VALUES ('v', 'New')")
        connection.execute("INSERT INTO salesperson (id, name) VALUES ('s', 'New')")
        connection.execute(
            "INSERT INTO contact (id, type, first_name, middle_name, surname) VALUES ('p', 'Person', 'A', '', 'B')"
        )
        assert connection.execute("SELECT no FROM vendor WHERE id = 'v'").fetchone()[0] == "V00041"
        assert connection.execute("SELECT code FROM salesperson WHERE id = 's'").fetchone()[0] == "SP NO. 00001"
        person = connection.execute("SELECT no, name, company_no FROM contact WHERE id = 'p'").fetchone()
        assert tuple(person) == (f"CT{before + 2:06d}", "A B", "")


def test_full_names_follow_their_parts(small: World) -> None:
    with opened(small.dataverse) as connection:
        connection.execute("INSERT INTO contact (contactid, firstname, lastname) VALUES ('k', 'Eva', 'Bos')")
        connection.execute("UPDATE contact SET middlename = 'van den' WHERE contactid = 'k'")
        row = connection.execute("SELECT fullname, modifiedon, statecode FROM contact WHERE contactid = 'k'").fetchone()
        assert row[0] == "Eva van den Bos"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row[1])
        assert row[2] == 0


@pytest.mark.parametrize(
    ("side", "statement"),
    [
        ("left", "UPDATE customer SET blocked = 'Payment' WHERE no = 'C00001'"),
        ("left", "UPDATE vendor SET blocked = 'Ship' WHERE no = 'V00001'"),
        ("left", "UPDATE customer SET name = NULL WHERE no = 'C00001'"),
        ("left", "UPDATE contact SET type = 'Robot' WHERE no = 'CT000001'"),
        ("right", "UPDATE account SET statecode = 2 WHERE rowid = 1"),
        ("right", "UPDATE account SET customertypecode = 13 WHERE rowid = 1"),
        ("right", "UPDATE contact SET parentcustomerid = 'nobody' WHERE rowid = 1"),
    ],
)
def test_impossible_values_are_refused(small: World, side: str, statement: str) -> None:
    path = small.business_central if side == "left" else small.dataverse
    with opened(path) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
