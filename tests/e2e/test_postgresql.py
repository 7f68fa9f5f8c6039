"""Two-way synchronisation with PostgreSQL on one side, or on both and as the store, through the facade: full, edits,
plan, sync, nothing to do.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from koppel.app import FullOptions, Koppel, RunReport
from koppel.errors import Denied
from koppel.model.job import JobState
from tests.postgresql import connected, dropped, fresh_schema, sql

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
    "CREATE TABLE customer (no varchar(20) PRIMARY KEY, name varchar(100), credit {money}, since date,"
    " country varchar(10) REFERENCES country, modified {stamp})",
    "INSERT INTO country (code, name) VALUES ('NL', 'Nederland'), ('BE', 'België')",
)
CRM = (
    "CREATE TABLE land (landid uuid PRIMARY KEY, iso varchar(10) UNIQUE, name text, modifiedon timestamptz)",
    "CREATE TABLE account (accountid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number varchar(20) UNIQUE,"
    " name varchar(100), credit numeric(15,2), since date, landid uuid REFERENCES land, modifiedon timestamptz)",
)


class Sides:
    """The two applications and their users."""

    def __init__(self, folder: Path, left: str, environment: pytest.MonkeyPatch) -> None:
        self.crm_url, schema = fresh_schema()
        self.schemas = [schema]
        self.crm = connected(self.crm_url)
        self.crm.execute(sql(f"SET search_path = {schema}"))
        self.left = left
        store_url = f"sqlite:///{folder}/koppel.db"
        if left == "sqlite":
            self.file = sqlite3.connect(folder / "erp.db", isolation_level=None)
            erp_url, stamp = "sqlite:///erp.db", "datetime DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"
        else:
            erp_url, schema = fresh_schema()
            self.schemas.append(schema)
            self.server = connected(erp_url)
            self.server.execute(sql(f"SET search_path = {schema}"))
            stamp = "timestamptz DEFAULT now()"
            store_url, schema = fresh_schema()
            self.schemas.append(schema)
        environment.setenv("STORE_URL", store_url)
        environment.setenv("ERP_URL", erp_url)
        environment.setenv("CRM_URL", self.crm_url)
        for statement in ERP:
            self.erp(statement.format(stamp=stamp, money="decimal(15,2)"))
        for statement in CRM:
            self.crm.execute(sql(statement))
        for number in range(300):
            self.erp(
                "INSERT INTO customer (no, name, credit, since, country)"
                f" VALUES ('C{number:05}', 'Customer {number}', {number}.50, '2026-01-31', 'NL')"
            )

    def erp(self, statement: str) -> list[tuple[object, ...]]:
        """What the user of the ERP does."""
        if self.left == "sqlite":
            return self.file.execute(statement).fetchall()
        answer = self.server.execute(sql(statement))
        return answer.fetchall() if answer.description else []

    def numbers(self) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        """The mapped values of both sides, in order."""
        money = "printf('%.2f', credit)" if self.left == "sqlite" else "credit::text"
        day = "since" if self.left == "sqlite" else "since::text"
        left = self.erp(f"SELECT no, name, {money}, {day}, country FROM customer ORDER BY no")
        right = "SELECT number, a.name, credit::text, since::text, iso FROM account a LEFT JOIN land USING (landid)"
        return left, self.crm.execute(sql(f"{right} ORDER BY number")).fetchall()

    def now(self) -> str:
        """The present moment in the ERP's SQL."""
        return "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')" if self.left == "sqlite" else "clock_timestamp()"

    def close(self) -> None:
        if self.left == "sqlite":
            self.file.close()
        else:
            self.server.close()
        self.crm.close()
        for schema in self.schemas:
            dropped(schema)


@pytest.fixture(params=["sqlite", "postgresql"])
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
    left, right = sides.numbers()
    assert left == right
    assert len(left) == 300

    sides.erp(f"UPDATE customer SET name = 'new', country = 'BE', modified = {sides.now()} WHERE no < 'C00010'")
    sides.crm.execute(
        "UPDATE account SET credit = credit + 0.01, modifiedon = now() WHERE number BETWEEN 'C00005' AND 'C00019'"
    )
    before = sides.numbers()
    plan = koppel.plan()
    assert sum(job.tally.total.modified for job in plan.jobs) == 25
    assert sides.numbers() == before
    assert moved(koppel.sync()) == [0, 25, 0]
    left, right = sides.numbers()
    assert left == right
    assert left[7][1:3] + left[7][4:] == ("new", "7.51", "BE")
    assert koppel.conflicts() == []

    before = sides.numbers(), sides.crm.execute("SELECT xmin::text FROM account ORDER BY 1").fetchall()
    assert moved(koppel.sync()) == [0, 0, 0]
    assert (sides.numbers(), sides.crm.execute("SELECT xmin::text FROM account ORDER BY 1").fetchall()) == before


def test_a_database_that_may_not_be_written_stops_the_run_before_it_begins(
    koppel: Koppel, sides: Sides, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Found out by writing no rows, not half-way through."""
    role = f"{sides.schemas[0]}_reader"
    sides.crm.execute(sql(f"CREATE ROLE {role} LOGIN"))
    sides.crm.execute(sql(f"GRANT USAGE ON SCHEMA {sides.schemas[0]} TO {role}"))
    sides.crm.execute(sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {sides.schemas[0]} TO {role}"))
    monkeypatch.setenv("CRM_URL", f"{sides.crm_url}&user={role}")
    with Koppel.open(tmp_path / "koppel.toml") as reader, pytest.raises(Denied, match="may not write"):
        reader.full([], FullOptions())
    assert koppel.jobs() == []
