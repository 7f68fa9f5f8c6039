"""Every benchmark runs, on few rows, and verifies what it did. Nothing is timed here."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peer, postgresql, sides
from benchmarks.child import MEASURED
from benchmarks.gate import scenarios
from tests.postgresql import server_url

ROOT = Path(__file__).parents[2]
ROWS = 500
WITHOUT_SERVER = {"P6.koppel", "P6.plain", "P7.koppel", "P12.koppel"}


def run_in(folder: Path, *words: str, **variables: str) -> str:
    """What a benchmark process prints; fails with its complaint."""
    environment = os.environ | {"KOPPEL_BENCH_FOLDER": str(folder), **variables}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the benchmarks of these tests keep their states."""
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    """The tests' PostgreSQL, without the benchmarks' databases at the end."""
    url = server_url()
    yield url
    run_in(folder, "-c", "from benchmarks.postgresql import drop_all; drop_all()", KOPPEL_BENCH_PG_URL=url)


def measured(folder: Path, name: str, **variables: str) -> dict[str, Any]:
    """What the child says that measures one thing."""
    found: dict[str, Any] = json.loads(run_in(folder, "-m", "benchmarks.child", name, str(ROWS), **variables))
    assert (found["name"], found["rows"]) == (name, ROWS)
    assert found["seconds"] > 0 and found["peak_mb"] > 0
    return found


LONG = {"P12.koppel", "P2.dlt", "P2.process", "P3.process", "P11.koppel"}
"""They take their time even with few rows: `make simulate` and `make bench` run them."""


def scenario_names(names: set[str]) -> list[Any]:
    """In order; the long ones not every day."""
    return [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in sorted(names)]


@pytest.mark.parametrize("name", scenario_names(WITHOUT_SERVER))
def test_runs_and_is_verified(name: str, folder: Path) -> None:
    assert measured(folder, name)["server_cpu"] == 0 or name == "P12.koppel", "the services are no part of koppel"


@pytest.mark.parametrize("name", scenario_names(MEASURED.keys() - WITHOUT_SERVER))
def test_runs_and_is_verified_on_postgresql(name: str, folder: Path, server: str) -> None:
    if name == "P2.dlt" and not peer.READY.exists():
        pytest.skip("dlt is installed by make bench, in an environment of its own, and not for tests")
    found = measured(folder, name, KOPPEL_BENCH_PG_URL=server)
    assert found["more"].get("written", 0) == 0, "a run with nothing to do writes nothing"


def test_the_gate_names_what_can_be_measured() -> None:
    named = {run.name for scenario in scenarios(1_000_000) for run in scenario.runs}
    assert named == MEASURED.keys()


def test_the_command_measures_in_turn_and_judges(folder: Path, server: str) -> None:
    sizes = {"KOPPEL_BENCH_ROWS": str(ROWS), "KOPPEL_BENCH_ROUNDS": "2", "KOPPEL_BENCH_KEEP": "1"}
    table = run_in(folder, "-m", "benchmarks", "P6", KOPPEL_BENCH_PG_URL=server, **sizes)
    assert table.count("records/s") == 4, "two marks, each beside what was measured"
    assert "The gate is for 1,000,000 rows; these were 500." in table


@pytest.fixture
def customers(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database with customers."""
    monkeypatch.setenv(postgresql.URL, server_url())
    database = f"test_{os.getpid()}"
    sides.make_source(database, ROWS)
    yield database
    postgresql.drop(database)


def test_one_edit_makes_sides_differ_and_is_counted(customers: str) -> None:
    """Otherwise "verified" and "wrote nothing" would say nothing."""
    before, number = sides.customers_digest(customers), sides.mark(customers)
    assert before.rows == ROWS
    assert sides.written_since(customers, "customer", number) == 0
    assert sides.edit(customers, "customer", "phone = phone || '1'", "i = 7") == 1
    assert sides.customers_digest(customers) != before
    assert sides.written_since(customers, "customer", number) == 1
