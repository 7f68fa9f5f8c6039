"""The second act of the demo: every edit is listed, nothing else is touched, and each meets the condition it claims."""

import json
import re
import shutil
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from koppel.demo import edits
from koppel.demo.databases import build, edit
from koppel.demo.edits import Edit
from koppel.demo.files import World, opened


def copy_of(world: World, folder: Path) -> World:
    paths = {name: folder / getattr(world, name).name for name in ("business_central", "dataverse", "truth")}
    for name, path in paths.items():
        shutil.copy(getattr(world, name), path)
    return replace(world, **paths)


def pretend_synchronised(world: World) -> None:
    """What a full synchronisation leaves, in SQL: pairs equal, everybody in scope is on the right too."""
    truth = json.loads(world.truth.read_text(encoding="utf-8"))["mappings"]
    with closing(sqlite3.connect(world.business_central)) as connection, connection:
        connection.execute("ATTACH ? AS dv", (str(world.dataverse),))
        for mapping, kind in (("CUSTOMER", 3), ("VENDOR", 11)):
            pairs = [(pair["right"], pair["left"]) for pair in truth[mapping]["pairs"]]
            pairs += [("r" + key[1:], key) for key in truth[mapping]["only_left_in_scope"]]
            connection.executemany(f"INSERT OR IGNORE INTO dv.account (accountid, customertypecode) VALUES (?, {kind})",
                                   [(right,) for right, _ in pairs])  # fmt: skip
            connection.executemany(
                "UPDATE dv.account SET (accountnumber, name, address1_line1, address1_postalcode, address1_city,"
                " telephone1, emailaddress1, websiteurl)"
                " = (SELECT no, name, address, post_code, city, phone_no, e_mail, home_page"
                f" FROM main.{mapping.lower()} WHERE id = ?) WHERE accountid = ?",
                [(left, right) for right, left in pairs],
            )
        connection.executemany(
            "INSERT INTO dv.contact (contactid, parentcustomerid, firstname, middlename, lastname, telephone1,"
            " mobilephone, emailaddress1)"
            " SELECT 'r' || substr(p.id, 2), (SELECT accountid FROM dv.account a WHERE a.accountnumber = r.no),"
            " p.first_name, p.middle_name, p.surname, p.phone_no, p.mobile_phone_no, p.e_mail FROM main.contact p"
            " JOIN main.contact_business_relation r ON r.contact_no = p.company_no WHERE p.id = ?",
            [(key,) for key in truth["CONTACT"]["only_left_in_scope"]],
        )


Rows = dict[tuple[str, str], dict[str, Any]]


def all_rows(world: World) -> Rows:
    rows: Rows = {}
    for system, path in (("business_central", world.business_central), ("dataverse", world.dataverse)):
        with opened(path) as connection:
            for table in ("customer", "vendor", "contact", "salesperson", "account", "systemuser"):
                if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
                    for row in connection.execute(f"SELECT * FROM {table}"):
                        rows[f"{system}.{table}", row[0]] = dict(row)
    return rows


Acts = tuple[World, list[Edit], Rows, Rows, datetime]


@pytest.fixture(scope="module")
def acts(world: World, tmp_path_factory: pytest.TempPathFactory) -> Acts:
    """A synchronised world, edited: the edits, and all rows before and after."""
    second = copy_of(world, tmp_path_factory.mktemp("second"))
    pretend_synchronised(second)
    before, moment = all_rows(second), datetime.now(UTC)
    done = edit(second)
    return second, done, before, all_rows(second), moment


def changes(before: Rows, after: Rows) -> dict[tuple[str, str], set[str]]:
    """Which columns of which rows are different now; all of them for a row that came or went."""
    changed = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key, {}), after.get(key, {})
        if columns := {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}:
            changed[key] = columns
    return changed


def test_the_second_act_does_what_was_agreed(acts: Acts) -> None:
    counts = Counter(each.what for each in acts[1])
    assert counts == {
        edits.MERGE: 100, edits.CLASH: 20, edits.GROUP_CLASH: 3, edits.DELETED: 2, edits.LEFT_FILTER: 1,
        edits.TOO_LONG: 1, edits.NO_PARENT: 1, edits.ONE_SIDE: 400, edits.RENAMED: 1,
    }  # fmt: skip
    sides = Counter(each.table.split(".")[0] for each in acts[1] if each.what == edits.ONE_SIDE)
    assert sides == {"business_central": 200, "dataverse": 200}
    assert all(each.expectation.endswith(".") for each in acts[1])


def test_every_change_is_listed_and_every_listed_change_is_there(acts: Acts) -> None:
    _, done, before, after, _ = acts
    expected = {(each.table, each.id) for each in done}
    two_sided = {edits.MERGE, edits.CLASH, edits.GROUP_CLASH}
    expected |= {("dataverse.account", each.counterpart) for each in done if each.what in two_sided}
    assert set(changes(before, after)) == expected
    touched = [each.id for each in done] + [each.counterpart for each in done if each.counterpart]
    assert len(touched) == len(set(touched)), "no record is in two edits"


def test_each_kind_of_edit_changes_what_it_says(acts: Acts) -> None:
    _, done, before, after, _ = acts
    changed = changes(before, after)
    stamps = {"modified_at", "modifiedon"}
    columns: dict[str, set[tuple[frozenset[str], frozenset[str]]]] = defaultdict(set)
    for each in done:
        other = frozenset(changed.get(("dataverse.account", each.counterpart), set()) - stamps)
        columns[each.what].add((frozenset(changed[each.table, each.id] - stamps), other))
    phone, none = frozenset({"phone_no"}), frozenset[str]()
    assert columns[edits.MERGE] == {(phone, frozenset({"websiteurl"})), (phone, frozenset({"emailaddress1"}))}
    assert columns[edits.CLASH] == {(phone, frozenset({"telephone1"}))}
    assert columns[edits.GROUP_CLASH] == {(frozenset({"post_code"}), frozenset({"address1_city"}))}
    assert columns[edits.LEFT_FILTER] == {(frozenset({"blocked"}), none)}
    assert columns[edits.TOO_LONG] == {(frozenset({"name"}), none)}
    assert columns[edits.RENAMED] == {(frozenset({"lastname", "fullname"}), none)}
    assert {left for left, _ in columns[edits.ONE_SIDE]} == {
        phone, frozenset({"telephone1"}), frozenset({"mobile_phone_no"}), frozenset({"mobilephone"})
    }  # fmt: skip
    for each in done:
        if each.what == edits.CLASH:
            assert after[each.table, each.id]["phone_no"] != after["dataverse.account", each.counterpart]["telephone1"]


def test_counterparts_are_the_true_ones(acts: Acts) -> None:
    truth = json.loads(acts[0].truth.read_text(encoding="utf-8"))["mappings"]
    partner: dict[str, str] = {}
    for groups in truth.values():
        for pair in groups["pairs"]:
            partner |= {pair["left"]: pair["right"], pair["right"]: pair["left"]}
    known = [each for each in acts[1] if each.id in partner]
    assert len(known) > 20
    assert all(partner[each.id] == each.counterpart for each in known)


def test_the_changed_rows_carry_stamps_of_now_in_the_format_of_their_system(acts: Acts) -> None:
    _, _, before, after, moment = acts
    for key in changes(before, after):
        if key in after:
            stamp = after[key].get("modified_at") or after[key]["modifiedon"]
            assert moment.replace(microsecond=0) <= datetime.fromisoformat(stamp) <= datetime.now(UTC)
            assert len(stamp) == (24 if key[0].startswith("business_central") else 20)


def test_special_edits_meet_their_conditions(acts: Acts) -> None:
    second, done, _, after, _ = acts
    by_kind = {each.what: each for each in done}
    deleted = [each for each in done if each.what == edits.DELETED]
    assert {each.table for each in deleted} == {"dataverse.account", "business_central.customer"}
    assert not {row.get("parentcustomerid") for row in after.values()} & {each.id for each in deleted}
    assert 100 < len(after["dataverse.account", by_kind[edits.TOO_LONG].id]["name"]) <= 160
    newcomer = after["business_central.contact", by_kind[edits.NO_PARENT].id]
    assert re.fullmatch(r"CT\d{6}", newcomer["no"])
    assert newcomer["name"] == "Noor Verbeek"
    with opened(second.business_central) as connection:
        company = connection.execute(
            "SELECT c.blocked, c.no FROM contact_business_relation r JOIN customer c ON c.no = r.no"
            " WHERE r.contact_no = ?",
            (newcomer["company_no"],),
        ).fetchone()
    assert company["blocked"] != ""
    assert company["no"] not in {row.get("accountnumber") for row in after.values()}
    with opened(second.dataverse) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_the_same_seed_makes_the_same_edits_and_a_small_world_gets_fewer(small: World, tmp_path: Path) -> None:
    pretend_synchronised(small)
    (tmp_path / "twin").mkdir()
    twin = copy_of(small, tmp_path / "twin")
    first, second = edit(small), edit(twin)
    # The one new contact gets an id of its own moment.
    assert [each.id for each in first if each.what != edits.NO_PARENT] == [
        each.id for each in second if each.what != edits.NO_PARENT
    ]
    counts = Counter(each.what for each in first)
    assert 20 <= counts[edits.MERGE] <= 40
    assert counts[edits.DELETED] == 2


def test_editing_before_synchronising_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    world = build(tmp_path, customers=40, vendors=5, contacts=700, salespeople=2, overlap=0)
    assert world.counts["pairs.SALESPEOPLE"] == 2
    before = all_rows(world)
    with pytest.raises(ValueError, match="synchronise before"):
        edit(world)
    assert all_rows(world) == before
