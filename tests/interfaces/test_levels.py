"""The three levels from the command line: what the issue's "Shows it is done" says, counted at the databases."""

import pytest

from tests.interfaces.desk import Desk, accounts, coupled_desk, customers

HUNDRED = 100
JOB = [
    "id", "run", "mapping", "kind", "direction", "state", "started", "finished", "counts", "by_direction", "message",
]  # fmt: skip
COUNTERS = [
    "inserted", "modified", "deleted", "unchanged", "skipped", "failed", "coupled", "uncoupled",
    "conflicts", "waiting", "drift", "out",
]  # fmt: skip


def a_second_run_writes_nothing(desk: Desk) -> None:
    before = desk.writes()
    done = desk.koppel("sync", "--json", "--sweep")
    assert done.code == 0, done.out
    assert desk.writes() == before
    counts = done.json["jobs"][0]["counts"]
    assert (counts["inserted"], counts["modified"], counts["deleted"]) == (0, 0, 0)


def test_different_fields_edited_on_both_sides_are_merged(desk: Desk) -> None:
    """Issue: 100 records edited on both sides in different fields: 100 merged, 0 lost; a second run writes nothing."""
    coupled_desk(desk, HUNDRED)
    desk.edit("erp", "name = 'New ' || no")
    desk.edit("crm", "emailaddress1 = 'new' || accountnumber || '@y.nl'")
    done = desk.koppel("sync", "--json")
    assert done.code == 0, done.err
    [job] = done.json["jobs"]
    assert job["by_direction"]["to_right"]["modified"] == job["by_direction"]["to_left"]["modified"] == HUNDRED
    assert job["counts"]["conflicts"] == 0
    erp = desk.rows("erp", "SELECT no, name, lower(e_mail) FROM customer ORDER BY no")
    assert erp == [(f"C{n:05}", f"New C{n:05}", f"newc{n:05}@y.nl") for n in range(1, HUNDRED + 1)]
    assert erp == desk.rows("crm", "SELECT accountnumber, name, lower(emailaddress1) FROM account ORDER BY 1")
    a_second_run_writes_nothing(desk)


def test_the_same_field_edited_on_both_sides_is_a_conflict(desk: Desk) -> None:
    """Issue: in the same field: 100 conflicts. Nothing is written, exit 1; the run after it opens none, exit 0."""
    coupled_desk(desk, HUNDRED)
    desk.edit("erp", "name = 'Left ' || no")
    desk.edit("crm", "name = 'Right ' || accountnumber")
    before = desk.writes()
    done = desk.koppel("sync", "--json")
    assert (done.code, done.json["jobs"][0]["counts"]["conflicts"]) == (1, HUNDRED)
    assert desk.writes() == before
    conflicts = desk.koppel("conflicts", "--json").json
    assert len(conflicts) == HUNDRED  # a document holds everything, a table what can be read
    assert len(desk.koppel("conflicts", "--json", "--limit", "7").json) == 7
    assert "… and 50 conflicts more (--limit N, --all)" in desk.koppel("conflicts").out
    assert {tuple(conflict["fields"]) for conflict in conflicts} == {("name",)}
    assert {(c["left_values"][0][:4], c["right_values"][0][:5]) for c in conflicts} == {("Left", "Right")}
    a_second_run_writes_nothing(desk)


def test_a_group_edited_on_both_sides_is_one_conflict_that_shows_it_whole(desk: Desk) -> None:
    """Issue: post code left with city right: one conflict showing the whole address."""
    coupled_desk(desk, 3)
    desk.edit("erp", "post_code = '9999'", "no = 'C00002'")
    desk.edit("crm", "address1_city = 'Elsewhere'", "accountnumber = 'C00002'")
    before = desk.writes()
    assert desk.koppel("sync", "--quiet").code == 1
    assert desk.writes() == before
    [conflict] = desk.koppel("conflicts", "CUSTOMER", "--json").json
    assert conflict["fields"] == ["address", "post_code", "city"]
    assert conflict["left_values"] == ["Street 2", "9999", "City 2"]
    assert conflict["right_values"] == ["Street 2", "1002", "Elsewhere"]
    told = desk.koppel("conflicts").out
    assert "erp" in told and "crm" in told and "left" not in told and "right" not in told
    assert f"koppel resolve {conflict['id']} --take erp|crm" in told
    resolved = desk.koppel("resolve", str(conflict["id"]), "--take", "crm", "--quiet")
    assert resolved.code == 0, resolved.err
    address = desk.rows("erp", "SELECT address, post_code, city FROM customer WHERE no = 'C00002'")
    assert address == [("Street 2", "1002", "Elsewhere")]
    assert desk.koppel("conflicts", "--json").json == []


def test_two_populated_tables_halt_until_somebody_chooses(desk: Desk) -> None:
    """Issue: without that choice nothing is written, likely pairs are listed, --yes does not override."""
    customers(desk, range(1, 9))
    accounts(desk, range(1, 6), name="NAME")
    before = desk.writes()
    done = desk.koppel("full", "--yes")
    assert done.code == 4
    assert "5 likely pairs" in done.out
    assert "C00001" in done.err and "--couple-likely" in done.err and "--create-anyway" in done.err
    assert desk.writes() == before and desk.couplings() == 0
    assert desk.koppel("jobs", "--json").json == []
    error = desk.koppel("full", "--yes", "--json")
    assert error.code == error.json["error"]["exit_code"] == 4
    assert "left" not in done.out + done.err and "right" not in done.out + done.err


def test_likely_pairs_are_coupled_by_one_choice(desk: Desk) -> None:
    """Issue: the overlap becomes coupled after one choice: no duplicate, no open conflict, nothing blanked."""
    customers(desk, range(1, 9))
    accounts(desk, range(1, 6), name="NAME")
    done = desk.koppel("full", "--yes", "--couple-likely", "--first-contact", "erp", "--json")
    assert done.code == 0, done.err
    counts = done.json["jobs"][0]["counts"]
    assert (counts["coupled"], counts["inserted"]) == (5, 3)
    numbers = desk.rows("crm", "SELECT accountnumber, name FROM account ORDER BY 1")
    assert numbers == [(f"C{n:05}", f"Name {n}") for n in range(1, 9)]
    assert desk.couplings() == 8
    assert desk.koppel("conflicts", "--json").json == []
    a_second_run_writes_nothing(desk)


def test_a_plan_of_a_full_run_says_that_it_would_halt(desk: Desk) -> None:
    """DESIGN 8: a plan promises nothing that the run does not do; likely pairs nobody has decided halt the run."""
    customers(desk, range(1, 5))
    accounts(desk, range(3, 7))
    desk.change("crm", "UPDATE account SET accountnumber = 'X' || accountnumber")  # two are alike by their e-mail
    before = desk.writes()
    for words in (("full", "--plan"), ("plan", "--full")):
        undecided = desk.koppel(*words, "--json")
        assert undecided.code == 4
        assert "2 uncoupled records on both sides" in undecided.json["halted"]
        assert "would halt" in undecided.err and "--couple-likely" in undecided.err
    for choice, coupled, created in (("--couple-likely", 2, 4), ("--create-anyway", 0, 8)):
        planned = desk.koppel("full", "--plan", choice, "--json")
        assert (planned.code, planned.json["halted"]) == (0, None), planned.err
        [job] = planned.json["jobs"]
        [same] = desk.koppel("plan", "--full", choice, "--json").json["jobs"]
        assert same["counts"] == job["counts"]
        assert (job["counts"]["coupled"], job["counts"]["inserted"]) == (coupled, created)
    assert desk.writes() == before and desk.couplings() == 0


def test_a_plan_knows_which_keys_are_taken(desk: Desk) -> None:
    """Kept apart from the account with its number, customer C00001 can be created once only: the plan says so too."""
    desk.configure('match = ["no = accountnumber", "e_mail = emailaddress1 (ignore case)"]\n', "")
    customers(desk, [1])
    accounts(desk, [1])
    planned = desk.koppel("full", "--plan", "--create-anyway", "--json").json["jobs"][0]["counts"]
    done = desk.koppel("full", "--yes", "--create-anyway", "--json").json["jobs"][0]["counts"]
    assert planned == done
    assert (done["inserted"], done["failed"]) == (1, 1)


def test_create_anyway_keeps_likely_pairs_apart(desk: Desk) -> None:
    """DESIGN 8: `--create-anyway` marks the listed pairs apart. The account numbers have to differ for that."""
    desk.configure('match = ["no = accountnumber", ', "match = [")
    desk.configure('"no               <-> accountnumber"', '"no                -> accountnumber (on create)"')
    desk.configure('page = "sales"', 'direction = "->"')
    customers(desk, [1])
    accounts(desk, [1])
    desk.change("crm", "UPDATE account SET accountnumber = 'X'")
    done = desk.koppel("full", "--yes", "--create-anyway", "--json")
    assert done.code == 0, done.err
    assert done.json["jobs"][0]["counts"]["inserted"] == 1
    assert [row[0] for row in desk.rows("crm", "SELECT accountnumber FROM account ORDER BY 1")] == ["C00001", "X"]


def test_two_populated_tables_without_overlap_are_created_both_ways(desk: Desk) -> None:
    """Issue: two populated tables without overlap: both directions created."""
    customers(desk, range(1, 6))
    accounts(desk, range(101, 108))
    done = desk.koppel("full", "--yes", "--json")
    assert done.code == 0, done.err
    [job] = done.json["jobs"]
    assert job["by_direction"]["to_right"]["inserted"] == 5
    assert job["by_direction"]["to_left"]["inserted"] == 7
    assert done.json["question"] == ["CUSTOMER"]
    for system, table in (("erp", "customer"), ("crm", "account")):
        assert desk.rows(system, f"SELECT count(*) FROM {table}") == [(12,)]
    a_second_run_writes_nothing(desk)


def test_jobs_as_json_are_what_the_design_says(desk: Desk) -> None:
    coupled_desk(desk, 2)
    desk.koppel("sync", "--quiet")
    jobs = desk.koppel("jobs", "--json").json
    assert [(job["run"], job["kind"], job["state"]) for job in jobs] == [(2, "sync", "done"), (1, "full", "done")]
    for job in jobs:
        assert list(job) == JOB
        assert list(job["counts"]) == COUNTERS
        assert list(job["by_direction"]) == ["to_right", "to_left"]
        for name in COUNTERS:
            assert job["counts"][name] == sum(counts[name] for counts in job["by_direction"].values())
    assert [job["run"] for job in desk.koppel("jobs", "CUSTOMER", "--run", "1", "--json").json] == [1]
    told = desk.koppel("jobs").out
    assert "Integration Synchronization Jobs" in told
    for name in COUNTERS:
        assert name.capitalize() in told


def test_one_record_or_a_selection(desk: Desk) -> None:
    """DESIGN 8: `sync CUSTOMER ID…`: left id, else right; `crm:ID`. Others are left for the next run."""
    coupled_desk(desk, 3)
    desk.edit("erp", "name = 'Changed'")
    account = desk.rows("crm", "SELECT accountid FROM account WHERE accountnumber = 'C00002'")[0][0]
    assert desk.koppel("sync", "CUSTOMER", "C00001", f"crm:{account}", "--quiet").code == 0
    names = desk.rows("crm", "SELECT name FROM account ORDER BY accountnumber")
    assert names == [("Changed",), ("Changed",), ("Name 3",)]
    unknown = desk.koppel("sync", "CUSTOMER", "C99999")
    assert unknown.code == 2 and "C99999" in unknown.err


def test_a_forced_run_needs_a_word_and_carries_everything(desk: Desk) -> None:
    coupled_desk(desk, 3)
    desk.edit("crm", "name = 'Elsewhere'", "accountnumber = 'C00001'")
    refused = desk.koppel("sync", "CUSTOMER", "--force", "--to", "crm")
    assert refused.code == 2 and "3 couplings" in refused.err and "--yes" in refused.err
    assert desk.koppel("sync", "--force").code == 2
    forced = desk.koppel("sync", "CUSTOMER", "--force", "--to", "crm", "--yes", "--json")
    assert forced.code == 0, forced.err
    assert forced.json["jobs"][0]["by_direction"]["to_right"]["modified"] == 1
    assert desk.rows("crm", "SELECT name FROM account ORDER BY accountnumber")[0] == ("Name 1",)


def test_first_contact_without_a_terminal_stays_open_and_is_hinted_at(desk: Desk) -> None:
    """DESIGN 3: unasked cells stay open, the rest travels, exit 1; `--first-contact` answers."""
    customers(desk, range(1, 4))
    accounts(desk, range(1, 4), name="NAME")
    done = desk.koppel("full", "--yes", "--couple-likely")
    assert done.code == 1
    assert "--first-contact CUSTOMER=erp|crm|newest" in done.err and "name 3" in done.err
    assert len(desk.koppel("conflicts", "--json").json) == 3
    unknown = desk.koppel("sync", "CUSTOMER", "--first-contact", "sap")
    assert unknown.code == 2 and "sap" in unknown.err
    answered = desk.koppel("sync", "CUSTOMER", "--full", "--first-contact", "CUSTOMER=crm", "--quiet")
    assert answered.code == 0, answered.err
    assert desk.rows("erp", "SELECT name FROM customer ORDER BY no") == [("NAME 1",), ("NAME 2",), ("NAME 3",)]
    assert desk.koppel("conflicts", "--json").json == []


def test_newest_wins_a_first_contact_by_the_stamps(desk: Desk) -> None:
    """DESIGN 3: `newest` compares the systems' own stamps, also where the mapping itself says ask."""
    customers(desk, range(1, 3))
    accounts(desk, range(1, 3), name="NAME")
    desk.edit("erp", "name = name", "no = 'C00001'")
    desk.edit("crm", "name = name", "accountnumber = 'C00002'")
    done = desk.koppel("full", "--yes", "--couple-likely", "--first-contact", "newest", "--quiet")
    assert done.code == 0, done.err
    assert desk.rows("erp", "SELECT name FROM customer ORDER BY no") == [("Name 1",), ("NAME 2",)]
    assert desk.rows("crm", "SELECT name FROM account ORDER BY 1") == [("NAME 2",), ("Name 1",)]


def test_a_plan_writes_nothing_and_shows_before_and_after(desk: Desk) -> None:
    """DESIGN 8: each level has a plan mode that writes nothing, neither to the systems nor to the store."""
    coupled_desk(desk, 3)
    desk.edit("erp", "name = 'After'", "no = 'C00002'")
    before = [(desk.folder / f"{name}.db").read_bytes() for name in ("erp", "crm")]
    jobs = desk.koppel("jobs", "--json").out
    for words in (["sync", "--plan"], ["full", "--plan"]):
        done = desk.koppel(*words)
        assert done.code == 0, done.err
        assert "Nothing was written." in done.out
        line = next(line for line in done.out.splitlines() if "After" in line and "Name 2" in line)
        assert "crm.account" in line and "update" in line
    document = desk.koppel("plan", "CUSTOMER", "--json").json
    [value] = document["values"]
    assert (value["system"], value["field"], value["before"], value["after"]) == ("crm", "name", "Name 2", "After")
    assert [(desk.folder / f"{name}.db").read_bytes() for name in ("erp", "crm")] == before
    assert desk.koppel("jobs", "--json").out == jobs


def test_the_final_question_can_be_answered_at_once_or_later(desk: Desk) -> None:
    """DESIGN 8: unanswered = no for now, answerable later; yes lets scheduled jobs create records."""
    customers(desk, [1])
    done = desk.koppel("full", "--yes")
    assert done.code == 0 and "koppel answer 1 yes|no" in done.err
    customers(desk, [2])
    desk.edit("erp", "name = name", "no = 'C00002'")
    assert desk.koppel("sync", "--json").json["jobs"][0]["counts"]["inserted"] == 0
    answered = desk.koppel("answer", "yes", "--json")
    assert answered.json == {"answer": True, "mappings": ["CUSTOMER"]}
    assert desk.koppel("sync", "--json").json["jobs"][0]["counts"]["inserted"] == 1
    assert desk.koppel("answer", "1", "nee").code == 0
    assert desk.koppel("answer", "perhaps").code == 2
    assert desk.koppel("answer", "77", "yes").code == 2


@pytest.mark.parametrize(("words", "remedy"), [(["full"], "--yes"), (["sync", "--force", "--to", "crm"], "--yes")])
def test_what_needs_a_yes_needs_it_without_a_terminal(desk: Desk, words: list[str], remedy: str) -> None:
    customers(desk, [1])
    before = desk.writes()
    done = desk.koppel(*words)
    assert done.code == 2 and remedy in done.err
    assert desk.writes() == before
    assert desk.koppel("jobs", "--json").json == []
