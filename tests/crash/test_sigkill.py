"""Real SIGKILLs of a real process between real files, over either store: killed at random moments, started again,
nothing twice, nothing lost.

The store finds out by process id and start time that whoever held the lease is dead (`Owner.this_process`).
"""

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from koppel.errors import LeaseLost
from koppel.model.job import JobKind
from koppel.model.policy import Side
from koppel.store import inspect_store, open_store
from tests.postgresql import dropped, fresh_schema

ROOT = Path(__file__).parents[2]
ROWS, NEW, KILLS = 6_000, 150, 4
FILES = (("erp", "customer"), ("crm", "account"))
KEYS = {
    "client id": "id TEXT PRIMARY KEY",
    "lookup": "id INTEGER PRIMARY KEY",
}
REST = "no TEXT UNIQUE, name TEXT, city TEXT, modified_at TEXT"


def make(folder: Path, kind: str) -> None:
    """Two empty tables of that kind."""
    for file, table in FILES:
        with closing(sqlite3.connect(folder / f"{file}.db")) as connection, connection:
            connection.execute(f"CREATE TABLE {table} ({KEYS[kind]}, {REST})")


def fill(folder: Path, kind: str, first: int, number: int) -> None:
    """Users make so many customers on either side, no two alike."""
    for place, (file, table) in enumerate(FILES):
        numbers = range(first, first + number)
        ids = [f"{'ab'[place]}{n:07d}-0000-4000-8000-000000000000" if kind == "client id" else None for n in numbers]
        rows = [(id_, f"{'EC'[place]}{n:06d}", f"name {n}", "Ghent") for id_, n in zip(ids, numbers, strict=True)]
        with closing(sqlite3.connect(folder / f"{file}.db", timeout=30)) as connection, connection:
            insert = f"INSERT INTO {table} (id, no, name, city, modified_at) VALUES (?, ?, ?, ?, ?)"
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
            connection.executemany(insert, [(*row, stamp) for row in rows])


def numbers(folder: Path, file: str, table: str) -> list[tuple[str, str, str]]:
    """What tells and fills the customers of one side."""
    with closing(sqlite3.connect(folder / f"{file}.db")) as connection:
        return sorted(connection.execute(f"SELECT no, name, city FROM {table}").fetchall())


def start(folder: Path, url: str, *more: str) -> subprocess.Popen[str]:
    """A koppel process whose job is open."""
    command = [sys.executable, "-m", "tests.crash.child", str(folder), url, *more]
    environment = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    assert child.stdout is not None
    said = child.stdout.readline()
    assert said == "begun\n", child.communicate()[1]
    return child


def finished(folder: Path, url: str) -> list[int]:
    """An undisturbed run; inserted, modified, unchanged, failed, conflicts."""
    answer, errors = start(folder, url).communicate(timeout=120)
    assert answer.startswith("done"), errors
    return [int(word) for word in answer.split()[1:]]


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the store is kept."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/koppel.db"
        return
    made, schema = fresh_schema()
    yield made
    dropped(schema)


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("lookup", "sqlite"),
        ("client id", "postgresql"),
        pytest.param("client id", "sqlite", marks=pytest.mark.slow),
        pytest.param("lookup", "postgresql", marks=pytest.mark.slow),
    ],
    indirect=["url"],
)
def test_a_process_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path, kind: str, url: str) -> None:
    """Bar R1, DESIGN 7: SIGKILL at random moments of an initial full run; restart; 0 duplicates, 0
    lost, then a no-op.
    """
    draw = random.Random(kind)
    make(tmp_path, kind)
    fill(tmp_path, kind, 0, ROWS)
    killed = 0
    for attempt in range(3 * KILLS):
        child = start(tmp_path, url)
        time.sleep(draw.uniform(0.0, 0.5))
        child.kill()
        answer, _ = child.communicate()
        killed += not answer
        fill(tmp_path, kind, ROWS + attempt * NEW, NEW)  # users go on
        if killed == KILLS:
            break
    assert killed == KILLS, "the run is over before it can be killed: give it more rows"
    finished(tmp_path, url)
    left, right = (numbers(tmp_path, *file) for file in FILES)
    made = 2 * (ROWS + (attempt + 1) * NEW)
    assert len({row[0] for row in left}) == len(left) == made
    assert left == right
    assert finished(tmp_path, url) == [0, 0, made, 0, 0]
    check_store(url, made)


def check_store(url: str, made: int) -> None:
    """Couplings one to one, journal empty, the killed jobs closed, and nothing that `db check` finds."""
    store = open_store(url)
    assert store.count_couplings("CUSTOMER") == made
    assert store.open_intents("CUSTOMER") == []
    states = [job.state for job in store.jobs()]
    assert "interrupted" in states  # a process may also die after its last commit
    assert "running" not in states
    assert states[:2] == ["done", "done"]
    store.close()
    assert inspect_store(url) == []


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_a_living_process_keeps_its_lease(tmp_path: Path, url: str) -> None:
    """DESIGN 7, fencing: while a process lives, another one is refused; when it is dead, its lease is worth nothing."""
    make(tmp_path, "client id")
    fill(tmp_path, "client id", 0, ROWS)
    child = start(tmp_path, url, "idle")
    store = open_store(url)
    assert store.watermark("CUSTOMER", Side.LEFT) is None
    with pytest.raises(LeaseLost, match="is being synchronised by"):
        store.open_job(store.open_run(JobKind.SYNC), "CUSTOMER", JobKind.SYNC, "<->", "")
    child.kill()
    child.communicate()
    store.open_job(store.open_run(JobKind.SYNC), "CUSTOMER", JobKind.SYNC, "<->", "")
    store.close()
