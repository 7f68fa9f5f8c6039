"""`koppel worker`, `pause` and `resume` as real processes."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from koppel.model.job import JobKind
from koppel.store import open_store
from tests.interfaces.desk import PROGRAM, TOML, Desk, coupled_desk, environment

PATIENCE = 30.0
SECOND = ('page = "sales"', 'page = "sales"\nevery = "1s"')
VENDOR = TOML.partition("[mappings.CUSTOMER]")[2]


def until(what: Callable[[], object]) -> None:
    """Wait until it is so; fail when it takes too long."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.05)


@contextmanager
def working(desk: Desk, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A worker at work, killed in the end if it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "worker", *words],
        cwd=desk.folder, env=environment({}), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def name(desk: Desk, system: str = "crm", number: str = "C00001") -> str:
    table, key = {"erp": ("customer", "no"), "crm": ("account", "accountnumber")}[system]
    return str(desk.rows(system, f"SELECT name FROM {table} WHERE {key} = '{number}'")[0][0])


def jobs(desk: Desk, state: str) -> int:
    return int(desk.rows("koppel", f"SELECT count(*) FROM job WHERE state = '{state}'")[0][0])


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def slow_crm(desk: Desk) -> None:
    """An edit that crm takes seconds to accept, so that a job can be met at work."""
    desk.edit("erp", "name = 'Slow'", "no = 'C00001'")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000) SELECT i FROM n"
    desk.change("crm", f"CREATE VIEW numbers AS {numbers}")
    desk.change("crm", "CREATE TRIGGER slow BEFORE UPDATE ON account BEGIN SELECT count(*) FROM numbers; END")


@pytest.fixture
def quick(desk: Desk) -> Desk:
    """Three couplings, and a mapping that is due every second."""
    coupled_desk(desk, 3)
    desk.configure(*SECOND)
    time.sleep(1)
    return desk


def test_once_runs_what_is_due_and_ends(desk: Desk) -> None:
    """A line per job; the last start stands in the job log, so another process does not run it before its time."""
    coupled_desk(desk, 3)
    desk.edit("erp", "name = 'Edited'", "no = 'C00001'")
    early = desk.koppel("worker", "--once", "--json")
    assert (early.code, early.out, name(desk)) == (0, "", "Name 1")  # the full synchronisation has just started it
    desk.configure(*SECOND)
    time.sleep(1)
    done = desk.koppel("worker", "--once", "--json")
    assert (done.code, name(desk), done.err) == (0, "Edited", "")
    [line] = lines(done.out)
    assert list(line) == ["time", "mapping", "state", "job", "counts", "seconds", "message"]
    assert (line["mapping"], line["state"], line["job"]) == ("CUSTOMER", "done", 2)
    assert isinstance(line["counts"], dict)
    assert line["counts"]["modified"] == 1
    assert 0 not in line["counts"].values()


def test_the_log_for_people_is_a_line_on_stderr(quick: Desk) -> None:
    quick.edit("erp", "name = 'Edited'", "no = 'C00001'")
    done = quick.koppel("worker", "--once")
    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  CUSTOMER  done  .*\bmodified 1\b.*  \d+\.\d s\n", done.err), (
        done.err
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_synchronises_edits_until_it_is_told_to_stop(quick: Desk, number: signal.Signals) -> None:
    with working(quick, "--json") as process:
        for value in ("First", "Second"):
            quick.edit("erp", f"name = '{value}'", "no = 'C00001'")
            until(lambda value=value: name(quick) == value)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert {line["state"] for line in lines(out)} == {"done"}
    assert jobs(quick, "running") == 0


@pytest.mark.parametrize(
    ("signals", "code", "state", "value"),
    [([signal.SIGTERM], 0, "done", "Slow"), ([signal.SIGTERM, signal.SIGINT], 130, "cancelled", "Name 1")],
)
def test_a_signal_lets_the_running_job_finish_and_a_second_one_does_not(
    quick: Desk, signals: list[signal.Signals], code: int, state: str, value: str
) -> None:
    """The signals come while crm takes its time over an update; whatever was cut short, the next run brings it over."""
    slow_crm(quick)
    before = jobs(quick, state)
    with working(quick, "--json") as process:
        until(lambda: jobs(quick, "running") == 1)
        for number in signals:
            process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert (jobs(quick, "running"), jobs(quick, state) - before, name(quick)) == (0, 1, value)
    quick.change("crm", "DROP TRIGGER slow")
    assert quick.koppel("worker", "--once").code == 0
    assert name(quick) == "Slow"


def test_a_killed_worker_is_taken_up_by_the_next_one(quick: Desk) -> None:
    """SIGKILL in the middle of a job: the next worker runs the mapping at once, though its period is not over."""
    slow_crm(quick)
    with working(quick) as process:
        until(lambda: jobs(quick, "running") == 1)
        process.kill()
        process.wait(PATIENCE)
    assert (jobs(quick, "running"), name(quick)) == (1, "Name 1")
    quick.change("crm", "DROP TRIGGER slow")
    quick.configure('every = "1s"', 'every = "1d"')
    done = quick.koppel("worker", "--once", "--json")
    assert (done.code, name(quick)) == (0, "Slow")
    assert [line["state"] for line in lines(done.out)] == ["done"]
    assert (jobs(quick, "running"), jobs(quick, "interrupted")) == (0, 1)
    assert quick.koppel("worker", "--once", "--json").out == ""


def test_paused_mappings_are_left_alone_by_the_worker_only(quick: Desk) -> None:
    assert quick.koppel("pause", "CUSTOMER", "--json").json == {"paused": ["CUSTOMER"]}
    quick.edit("erp", "name = 'One'", "no = 'C00001'")
    done = quick.koppel("worker", "--once", "--json")
    assert (done.code, name(quick)) == (0, "Name 1")
    assert [(line["mapping"], line["state"], line["job"]) for line in lines(done.out)] == [("CUSTOMER", "paused", None)]
    assert quick.koppel("sync", "--quiet").code == 0
    assert name(quick) == "One"
    with working(quick, "--json") as process:
        quick.edit("erp", "name = 'Two'", "no = 'C00001'")
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["state"] == "paused"
        assert quick.koppel("resume", "--json").json == {"paused": []}
        until(lambda: name(quick) == "Two")


def test_a_mapping_that_was_never_run_can_be_paused(desk: Desk) -> None:
    assert "CUSTOMER" in desk.koppel("pause").out
    assert [line["state"] for line in lines(desk.koppel("worker", "--once", "--json").out)] == ["paused"]
    assert desk.koppel("resume", "CUSTOMER").code == 0
    assert [line["state"] for line in lines(desk.koppel("worker", "--once", "--json").out)] == ["done"]
    assert desk.koppel("pause", "NOBODY").code == 2


@pytest.mark.parametrize(("kind", "run"), [(JobKind.FULL, []), (JobKind.SYNC, ["VENDOR"])])
def test_what_another_process_holds_waits_and_everything_while_it_is_a_full_run(
    desk: Desk, kind: JobKind, run: list[str]
) -> None:
    """This test is the other process: it holds the lease of CUSTOMER."""
    file = desk.folder / "koppel.toml"
    file.write_text(file.read_text("utf-8") + "\n[mappings.VENDOR]" + VENDOR, "utf-8")
    desk.koppel("check")
    store = open_store(f"sqlite:///{desk.folder}/koppel.db")
    store.open_job(store.open_run(kind), "CUSTOMER", kind, "<->", "{}")
    done = desk.koppel("worker", "--once", "--json")
    store.close()
    assert done.code == 0, done.err
    states = {str(line["mapping"]): line["state"] for line in lines(done.out)}
    assert [mapping for mapping, state in states.items() if state == "done"] == run
    assert {mapping for mapping, state in states.items() if state == "held"} == {"CUSTOMER", "VENDOR"} - {*run}


def test_a_system_that_cannot_be_reached_is_told_and_tried_again(quick: Desk) -> None:
    """The worker goes on: it fails after a second, then after two, and is well again when the system is."""
    quick.edit("erp", "name = 'Later'", "no = 'C00001'")
    (quick.folder / "crm.db").rename(quick.folder / "away.db")
    once = quick.koppel("worker", "--once", "--json")
    assert (once.code, [line["state"] for line in lines(once.out)]) == (3, ["failed"])
    with working(quick, "--json") as process:
        assert process.stdout is not None
        failed = [json.loads(process.stdout.readline()) for _ in range(3)]
        assert {line["state"] for line in failed} == {"failed"}
        assert all("crm" in line["message"] for line in failed)
        (quick.folder / "away.db").rename(quick.folder / "crm.db")
        until(lambda: name(quick) == "Later")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_a_worker_without_anything_to_do_says_so(desk: Desk) -> None:
    desk.configure('page = "sales"', 'page = "sales"\nevery = "off"')
    done = desk.koppel("worker")
    assert done.code == 2
    assert "every = 'off'" in done.err
