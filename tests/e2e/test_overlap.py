"""Two populated systems become one world: the demo's data, judged by the truth file that the product never reads.

Issue "First light": the overlapping pairs become coupled after one choice, with no duplicate, no open conflict and no
filled value blanked; without that choice nothing is written. Peer bugs: Skyvia's first synchronisation doubles what
exists on both sides; Business Central creates where a match is ambiguous (semantics 6.4.6).
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from koppel.app import Koppel
from koppel.app.full import FullOptions
from koppel.config import load, preset
from koppel.demo.databases import build
from koppel.demo.files import World
from koppel.errors import Halted
from koppel.model.job import JobState
from koppel.model.policy import FirstContact

SIZES = {"customers": 800, "vendors": 80, "contacts": 1000, "salespeople": 10, "overlap": 300}
TABLES = {
    "CURRENCY": ("currency", "transactioncurrency"),
    "SALESPEOPLE": ("salesperson", "systemuser"),
    "VENDOR": ("vendor", "account"),
    "CUSTOMER": ("customer", "account"),
    "CONTACT": ("contact", "contact"),
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = build(tmp_path, **SIZES)
    (tmp_path / "koppel.toml").write_text(preset("demo-sql").text, encoding="utf-8")
    return made


@pytest.fixture
def koppel(world: World, tmp_path: Path) -> Iterator[Koppel]:
    with Koppel.open(tmp_path / "koppel.toml") as opened:
        yield opened


def _rows(database: Path, table: str) -> dict[str, dict[str, object]]:
    """Every record of a table by its key."""
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        key = next(row["name"] for row in connection.execute(f"PRAGMA table_info({table})") if row["pk"])
        return {row[key]: dict(row) for row in connection.execute(f"SELECT * FROM {table}")}


def _snapshot(world: World) -> dict[str, dict[str, dict[str, object]]]:
    left = {f"bc.{left}": _rows(world.business_central, left) for left, _ in TABLES.values()}
    return left | {f"dataverse.{right}": _rows(world.dataverse, right) for _, right in TABLES.values()}


def _couplings(folder: Path, mapping: str) -> set[tuple[str, str]]:
    with sqlite3.connect(folder / "koppel.db") as store:
        query = "SELECT left_id, right_id FROM coupling c JOIN mapping m ON m.id = c.mapping WHERE m.name = ?"
        return set(store.execute(query, (mapping,)))


def _truth(world: World) -> dict[str, set[tuple[str, str]]]:
    truth = json.loads(world.truth.read_text())
    return {name: {(pair["left"], pair["right"]) for pair in said["pairs"]} for name, said in truth["mappings"].items()}


def test_two_populated_systems_are_not_synchronised_without_a_choice(koppel: Koppel, world: World) -> None:
    before = _snapshot(world)
    with pytest.raises(Halted) as halted:
        koppel.full([], FullOptions())
    assert _snapshot(world) == before
    assert koppel.jobs() == []
    assert "look like the same thing" in str(halted.value)
    assert "koppel match" in halted.value.next_command


def test_the_overlap_is_coupled_after_one_choice(koppel: Koppel, world: World, tmp_path: Path) -> None:
    before = _snapshot(world)
    for name in koppel.mappings:
        koppel.match(name, accept=True, reject=False, first_contact=FirstContact.LEFT)
    for name, pairs in _truth(world).items():
        assert _couplings(tmp_path, name) == pairs, f"{name}: exactly the true pairs are coupled"
    assert koppel.conflicts() == []
    _nothing_filled_was_blanked(before, _snapshot(world))


def test_after_the_full_run_nothing_exists_twice(koppel: Koppel, world: World, tmp_path: Path) -> None:
    report = koppel.full([], FullOptions(couple_likely=True, first_contact={"": FirstContact.LEFT}))
    assert [job.state for job in report.jobs] == [JobState.DONE] * 5
    assert koppel.conflicts() == []
    after = _snapshot(world)
    for name, (left, right) in TABLES.items():
        couplings = _couplings(tmp_path, name)
        assert couplings >= _truth(world)[name]
        assert len({pair[0] for pair in couplings}) == len({pair[1] for pair in couplings}) == len(couplings)
        assert all(pair[0] in after[f"bc.{left}"] and pair[1] in after[f"dataverse.{right}"] for pair in couplings)
    numbers = [row["accountnumber"] for row in after["dataverse.account"].values() if row["accountnumber"]]
    assert len(numbers) == len(set(numbers)), "no customer has two accounts"
    mails = [str(row["emailaddress1"]).lower() for row in after["dataverse.account"].values() if row["emailaddress1"]]
    assert len(mails) == len(set(mails))


def test_a_further_run_writes_nothing(koppel: Koppel, world: World) -> None:
    koppel.full([], FullOptions(couple_likely=True, first_contact={"": FirstContact.LEFT}))
    koppel.sync()
    before = _snapshot(world)
    report = koppel.sync()
    assert _snapshot(world) == before
    assert all(
        job.tally.total.inserted == job.tally.total.modified == job.tally.total.deleted == 0 for job in report.jobs
    )


def test_all_modified_runs_in_the_order_of_the_seed(koppel: Koppel) -> None:
    """Seed article: currency, salespeople, vendor, customer, contacts."""
    assert [job.mapping for job in koppel.sync().jobs] == ["CURRENCY", "SALESPEOPLE", "VENDOR", "CUSTOMER", "CONTACT"]


def test_the_final_question_changes_what_scheduled_jobs_do(koppel: Koppel) -> None:
    """Semantics 5.3.5: yes lets them keep creating, no leaves all as it was."""
    report = koppel.full([], FullOptions(couple_likely=True, first_contact={"": FirstContact.LEFT}))
    assert report.question == tuple(TABLES)
    assert koppel.answer(report.run, yes=False) == tuple(TABLES)
    with sqlite3.connect(load_store(koppel)) as store:
        assert {row[0] for row in store.execute("SELECT only_coupled FROM mapping")} == {None}
    koppel.answer(report.run, yes=True)
    with sqlite3.connect(load_store(koppel)) as store:
        assert {row[0] for row in store.execute("SELECT only_coupled FROM mapping")} == {0}


def test_a_plan_says_what_the_run_does_and_writes_nothing(koppel: Koppel, world: World) -> None:
    """R7 plan = apply. What a system will only fill in itself is not known to a plan: four contacts in Dataverse belong
    to accounts whose customer does not exist yet, and would be found by the number that Business Central gives it; they
    wait in the plan.
    """
    for name in koppel.mappings:
        koppel.match(name, accept=True, reject=False, first_contact=FirstContact.LEFT)
    before = _snapshot(world)
    plan = koppel.plan(full=True)
    assert _snapshot(world) == before
    report = koppel.full([], FullOptions())
    for planned, done in zip(plan.jobs, report.jobs, strict=True):
        assert planned.tally.to_right.inserted == done.tally.to_right.inserted
        assert (
            planned.tally.to_left.inserted + planned.tally.total.waiting
            == done.tally.to_left.inserted + done.tally.total.waiting
        )
    created = {
        (value.table, value.id) for value in plan.values if value.kind == "create" and value.system == "dataverse"
    }
    assert len(created) == sum(job.tally.to_right.inserted for job in report.jobs)


def load_store(koppel: Koppel) -> str:
    """The file of the store."""
    return load(koppel.configuration.path).store_url().removeprefix("sqlite:///")


def _nothing_filled_was_blanked(
    before: dict[str, dict[str, dict[str, object]]], after: dict[str, dict[str, dict[str, object]]]
) -> None:
    for table, records in before.items():
        for key, record in records.items():
            lost = [
                name
                for name, value in record.items()
                if value not in (None, "") and after[table][key][name] in (None, "")
            ]
            assert not lost, f"{table} {key}: {lost} were blanked"
