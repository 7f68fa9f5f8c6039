"""Two-way synchronisation between databases of every kind, once with PostgreSQL as the store too, through the facade:
full, edits, plan, sync, nothing to do.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from koppel.app import FullOptions, Koppel, RunReport
from koppel.errors import Denied
from koppel.model.job import JobState
from tests import mariadb
from tests.e2e.applications import KINDS, Application, Mariadb, Postgresql

CONFIGURATION = """
[koppel]
store = "env:STORE_URL"

[systems.erp]
connector = "sql"
url = "env:ERP_URL"

[systems.crm]
connector = "sql"
url = "env:CRM_URL"

[mappings.COUNTRY]
left = "erp.country"
right = "crm.land"
direction = "->"
match = ["code = iso"]
fields = ["code -> iso", "name -> name"]

[mappings.CUSTOMER]
left = "erp.customer"
right = "crm.account"
match = ["no = number"]
fields = [
  "no      <-> number",
  "name    <-> name",
  "credit  <-> credit",
  "since   <-> since",
  "country <-> landid @ COUNTRY",
]
"""

ERP = (
    "CREATE TABLE country (code varchar(10) PRIMARY KEY, name varchar(50), modified {stamp})",
    "CREATE TABLE customer (no varchar(20) PRIMARY KEY, name varchar(100), credit decimal(15,2), since date,"
    " country varchar(10) REFERENCES country (code), modified {stamp})",
    "INSERT INTO country (code, name) VALUES ('NL', 'Nederland'), ('BE', 'België')",
)
CRM = (
    "CREATE TABLE land (landid {uuid} PRIMARY KEY, iso varchar(10) UNIQUE, name text, modifiedon {stamp})",
    "CREATE TABLE account (accountid {generated}, number varchar(20) UNIQUE, name varchar(100),"
    " credit decimal(15,2), since date, landid {uuid} REFERENCES land (landid), modifiedon {stamp})",
)


class Sides:
    """The two applications and their users."""

    def __init__(self, folder: Path, kinds: tuple[str, str], environment: pytest.MonkeyPatch) -> None:
        self.erp: Application = KINDS[kinds[0]](folder, "erp")
        self.crm: Application = KINDS[kinds[1]](folder, "crm")
        self.store = Postgresql(folder, "store") if kinds == ("postgresql", "postgresql") else None
        environment.setenv("STORE_URL", self.store.url if self.store else f"sqlite:///{folder}/koppel.db")
        for name, application, schema in (("ERP_URL", self.erp, ERP), ("CRM_URL", self.crm, CRM)):
            environment.setenv(name, application.url)
            words = {word: getattr(application, word) for word in ("stamp", "uuid", "generated")}
            for statement in schema:
                application.run(statement.format(**words))
        for number in range(300):
            self.erp.run(
                "INSERT INTO customer (no, name, credit, since, country)"
                f" VALUES ('C{number:05}', 'Customer {number}', {number}.50, '2026-01-31', 'NL')"
            )

    def values(self) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        """The mapped values of both sides, in order."""
        left = f"SELECT no, name, {self.erp.money}, since, country FROM customer ORDER BY no"
        right = f"SELECT number, a.name, {self.crm.money}, since, iso FROM account a LEFT JOIN land l"
        right += " ON l.landid = a.landid ORDER BY number"
        return _shown(self.erp.run(left)), _shown(self.crm.run(right))

    def close(self) -> None:
        self.erp.close()
        self.crm.close()
        if self.store:
            self.store.close()


def _shown(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Days as text, as SQLite keeps them."""
    return [tuple(value if value is None else str(value) for value in row) for row in rows]


@pytest.fixture(
    params=[
        ("sqlite", "postgresql"),
        ("postgresql", "postgresql"),
        ("sqlite", "mariadb"),
        ("mariadb", "sqlite"),
        ("mariadb", "postgresql"),
    ],
    ids="-".join,
)
def sides(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sides]:
    sides = Sides(tmp_path, request.param, monkeypatch)
    yield sides
    sides.close()


@pytest.fixture
def koppel(sides: Sides, tmp_path: Path) -> Iterator[Koppel]:
    (tmp_path / "koppel.toml").write_text(CONFIGURATION, encoding="utf-8")
    with Koppel.open(tmp_path / "koppel.toml") as opened:
        yield opened


def moved(report: RunReport) -> list[int]:
    """inserted, modified, deleted over all jobs, which all ended well."""
    assert [job.state for job in report.jobs] == [JobState.DONE] * len(report.jobs), [
        job.message for job in report.jobs
    ]
    totals = [job.tally.total for job in report.jobs]
    return [sum(getattr(total, name) for total in totals) for name in ("inserted", "modified", "deleted")]


def test_full_then_edits_on_both_sides_then_nothing(koppel: Koppel, sides: Sides) -> None:
    """DESIGN 8: full creates and couples all; sync carries edits both ways, merges different fields, then rests."""
    assert moved(koppel.full([], FullOptions())) == [302, 0, 0]
    left, right = sides.values()
    assert left == right
    assert len(left) == 300

    sides.erp.run(f"UPDATE customer SET name = 'new', country = 'BE', modified = {sides.erp.now} WHERE no < 'C00010'")
    change = f"credit = credit + 0.01, modifiedon = {sides.crm.now}"
    sides.crm.run(f"UPDATE account SET {change} WHERE number BETWEEN 'C00005' AND 'C00019'")
    before = sides.values()
    plan = koppel.plan()
    assert sum(job.tally.total.modified for job in plan.jobs) == 25
    assert sides.values() == before
    assert moved(koppel.sync()) == [0, 25, 0]
    left, right = sides.values()
    assert left == right
    assert left[7][1:3] + left[7][4:] == ("new", "7.51", "BE")
    assert koppel.conflicts() == []

    stamps = "SELECT modifiedon FROM account ORDER BY number", "SELECT modified FROM customer ORDER BY no"
    rested = sides.values(), sides.crm.run(stamps[0]), sides.erp.run(stamps[1])
    assert moved(koppel.sync()) == [0, 0, 0]
    assert (sides.values(), sides.crm.run(stamps[0]), sides.erp.run(stamps[1])) == rested


@pytest.mark.parametrize("sides", [("sqlite", "postgresql"), ("sqlite", "mariadb")], ids="-".join, indirect=True)
def test_a_database_that_may_not_be_written_stops_the_run_before_it_begins(
    koppel: Koppel, sides: Sides, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Found out by writing no rows, not half-way through."""
    name = f"reader_{os.getpid()}"
    if isinstance(sides.crm, Mariadb):
        sides.crm.run(f"CREATE USER {name} IDENTIFIED BY 'right'")
        sides.crm.run(f"GRANT SELECT ON {sides.crm.database}.* TO {name}")
        url = mariadb.url_of(sides.crm.database, name, "right")
    else:
        assert isinstance(sides.crm, Postgresql)
        schema = sides.crm.schema
        sides.crm.run(f"CREATE ROLE {name} LOGIN")
        sides.crm.run(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
        sides.crm.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {name}")
        url = f"{sides.crm.url}&user={name}"
    monkeypatch.setenv("CRM_URL", url)
    with Koppel.open(tmp_path / "koppel.toml") as reader, pytest.raises(Denied, match="may not write"):
        reader.full([], FullOptions())
    assert koppel.jobs() == []


def test_check_says_what_a_user_may_not_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions of others are hidden from a user without PROCESS: edits in long ones can be missed."""
    sides = Sides(tmp_path, ("sqlite", "mariadb"), monkeypatch)
    assert isinstance(sides.crm, Mariadb)
    name = f"blind_{os.getpid()}"
    sides.crm.run(f"CREATE USER {name} IDENTIFIED BY 'right'")
    sides.crm.run(f"GRANT ALL ON {sides.crm.database}.* TO {name}")
    monkeypatch.setenv("CRM_URL", mariadb.url_of(sides.crm.database, name, "right"))
    (tmp_path / "koppel.toml").write_text(CONFIGURATION, encoding="utf-8")
    with Koppel.open(tmp_path / "koppel.toml") as opened:
        told = [line for line in opened.check() if "GRANT PROCESS" in line.text]
    assert [line.text.partition(":")[0] for line in told] == ["crm.land", "crm.account"]
    assert all(line.well for line in told)
    sides.close()
