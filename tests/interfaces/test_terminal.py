"""On a terminal: each level confirms with counts, first contact is one question per mapping, the end asks once more."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.interfaces.desk import PROGRAM, Desk, accounts, coupled_desk, customers, environment


@pytest.mark.parametrize(
    ("word", "jobs"),
    [("nee", 1), ("Yes", 2), *(pytest.param(*other, marks=pytest.mark.slow) for other in (("No", 1), ("ja", 2)))],
)
def test_synchronising_is_confirmed_in_english_or_dutch(desk: Desk, word: str, jobs: int) -> None:
    """DESIGN 8: Yes/No, Ja/Nee; declined = nothing happens, not even a job row, exit 0."""
    coupled_desk(desk, 2)
    desk.edit("erp", "name = 'Edited'")
    before = desk.writes()
    done = desk.talk(["sync"], [word])
    assert done.code == 0, done.out
    assert "Synchronise modified records of 1 mapping (2 couplings)? [Yes/No]" in done.out
    assert len(desk.koppel("jobs", "--json").json) == jobs
    assert (desk.writes() > before) == (jobs == 2)


def test_what_is_no_answer_is_asked_again_and_the_end_of_input_is_no(desk: Desk) -> None:
    coupled_desk(desk, 1)
    done = desk.talk(["sync"], ["perhaps", "\x04"])
    assert "Answer Yes or No." in done.out and done.code == 0
    assert len(desk.koppel("jobs", "--json").json) == 1


def test_a_full_run_asks_before_and_after(desk: Desk) -> None:
    """DESIGN 8: review, confirmation with counts, and a question at the end that names the mappings."""
    customers(desk, range(1, 4))
    done = desk.talk(["full"], ["ja", "yes"])
    assert done.code == 0, done.out
    assert "Full Synch. Review" in done.out
    assert (
        "Run the full synchronisation of 1 mapping (0 couplings compared, up to 3 records created in crm)?" in done.out
    )
    assert "May scheduled jobs keep creating uncoupled records for CUSTOMER? [Yes/No]" in done.out
    customers(desk, [4])
    desk.edit("erp", "name = name", "no = 'C00004'")
    assert desk.koppel("sync", "--json").json["jobs"][0]["counts"]["inserted"] == 1


def test_a_declined_full_run_leaves_nothing(desk: Desk) -> None:
    customers(desk, [1])
    before = desk.writes()
    done = desk.talk(["full"], ["No"])
    assert done.code == 0 and "Nothing was done." in done.out
    assert desk.writes() == before and desk.koppel("jobs", "--json").json == []


def test_first_contact_is_one_question_per_mapping(desk: Desk) -> None:
    """DESIGN 3: one question per mapping with counts per field and samples; the answer decides all its pairs."""
    customers(desk, range(1, 4))
    accounts(desk, range(1, 4), name="NAME")
    done = desk.talk(["full", "--couple-likely", "--keep-creating", "no"], ["yes", "crm"])
    assert done.code == 0, done.out
    assert "CUSTOMER: 3 pairs met for the first time with values that differ (name 3)" in done.out
    assert "erp 'Name 1', crm 'NAME 1'" in done.out
    assert "[erp/crm/newest/leave]" in done.out
    assert desk.rows("erp", "SELECT name FROM customer ORDER BY no") == [("NAME 1",), ("NAME 2",), ("NAME 3",)]


def test_first_contact_may_be_left_open(desk: Desk) -> None:
    customers(desk, [1])
    accounts(desk, [1], name="NAME")
    done = desk.talk(["full", "--couple-likely", "--keep-creating", "no"], ["yes", "leave"])
    assert done.code == 1, done.out
    assert len(desk.koppel("conflicts", "--json").json) == 1


def test_yes_asks_nothing_on_a_terminal(desk: Desk) -> None:
    customers(desk, [1])
    done = desk.talk(["full", "--yes"], [])
    assert done.code == 0, done.out
    assert "[Yes/No]" not in done.out and "koppel answer 1 yes|no" in done.out


def test_json_on_a_terminal_still_asks(desk: Desk) -> None:
    coupled_desk(desk, 1)
    done = desk.talk(["sync", "--json", "--quiet"], ["no"])
    assert done.code == 0
    assert '"jobs": []' in done.out


def test_a_forced_run_and_uncoupling_all_are_confirmed_with_counts(desk: Desk) -> None:
    """DESIGN 3: a forced run is a separate choice that says how many values it replaces; it looks before it asks."""
    coupled_desk(desk, 2)
    desk.edit("crm", "name = 'Changed', emailaddress1 = 'changed'", "accountnumber = 'C00002'")
    forced = desk.talk(["sync", "CUSTOMER", "--force", "--to", "crm"], ["no"])
    assert "Look at every coupling of 1 mapping (2 couplings)" in forced.out
    assert "carry all values that differ to crm: 2 values of 1 record?" in forced.out
    assert ("Changed",) in desk.rows("crm", "SELECT name FROM account")
    uncoupled = desk.talk(["uncouple", "CUSTOMER", "--all"], ["no"])
    assert "Take 2 couplings of CUSTOMER away?" in uncoupled.out
    assert desk.couplings() == 2


def test_a_closed_pipe_is_quiet(desk: Desk) -> None:
    coupled_desk(desk, 1)
    command = f"{sys.executable} -c '{PROGRAM}' export | head -1"
    done = subprocess.run(
        command, shell=True, cwd=desk.folder, env=environment({}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stderr == ""


def test_ctrl_c_is_one_line_and_130(desk: Desk) -> None:
    """It is asked on a terminal, so the interrupt reaches a process that waits."""
    coupled_desk(desk, 1)
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.isatty = sys.stderr.isatty = lambda: True\n" + PROGRAM, "sync"],
        cwd=desk.folder, env=environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    shown = b""
    while b"[Yes/No]" not in shown:
        shown += os.read(process.stderr.fileno(), 1000)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Stopped." in rest and b"Traceback" not in rest
