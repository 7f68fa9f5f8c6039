"""Commands on single records: errors, conflicts, couplings, guards, explanations, as a person uses them."""

import pytest

from tests.interfaces.desk import Desk, accounts, coupled_desk, customers


def test_a_record_that_cannot_be_carried_is_an_error_with_its_field(desk: Desk) -> None:
    """A name too long for crm (20): exit 1, listed; after the second time skipped; an edit or `retry` lifts that."""
    coupled_desk(desk, 3)
    desk.edit("erp", "name = 'A name that is far too long for crm'", "no = 'C00002'")
    before = desk.writes()
    done = desk.koppel("sync")
    assert done.code == 1 and "koppel errors" in done.err
    assert desk.writes() == before
    [error] = desk.koppel("errors", "--json").json
    assert (error["mapping"], error["record"], error["skipped"]) == ("CUSTOMER", "C00002", False)
    assert "name" in error["field"]
    told = desk.koppel("errors", "CUSTOMER").out
    assert "Coupled Data Synchronization Errors" in told and "erp:C00002" in told
    again = desk.koppel("sync", "--json")
    assert (again.code, again.json["jobs"][0]["counts"]["skipped"]) == (0, 1)
    [error] = desk.koppel("errors", "--json").json
    assert error["skipped"] and error["times"] == 2
    assert desk.koppel("retry", "CUSTOMER", str(error["id"]), "--json").json == {"retried": 1}
    desk.edit("erp", "name = 'Short'", "no = 'C00002'")
    assert desk.koppel("sync", "--quiet").code == 0
    assert desk.koppel("errors", "--json").json == []
    assert ("Short",) in desk.rows("crm", "SELECT name FROM account")


def test_explain_tells_what_would_happen_and_what_did(desk: Desk) -> None:
    coupled_desk(desk, 1)
    desk.edit("erp", "name = 'Once'")
    desk.koppel("sync", "--quiet")
    desk.edit("erp", "name = 'Twice'")
    told = desk.koppel("explain", "CUSTOMER", "erp:C00001")
    assert told.code == 0
    for part in ("erp C00001 ⇄ crm", "update in crm", "Twice", "goes to crm", "Written by koppel", "Once"):
        assert part in told.out, told.out
    document = desk.koppel("explain", "CUSTOMER", "C00001", "--json").json
    assert (document["coupled"], document["action"]) == (True, "update in crm")
    assert [entry["after"] for entry in document["history"]] == ["Once"]


def test_explain_tells_what_becomes_of_an_uncoupled_record(desk: Desk) -> None:
    """What a run would do, not what the mapping's file says alone: the filter, a person and likely pairs count."""
    coupled_desk(desk, 1)
    customers(desk, [2, 3])
    accounts(desk, [3, 4])
    desk.change("crm", "UPDATE account SET statecode = 1 WHERE accountnumber = 'C00004'")
    outside = desk.rows("crm", "SELECT accountid FROM account WHERE accountnumber = 'C00004'")[0][0]

    def told(record: str) -> tuple[str, str]:
        document = desk.koppel("explain", "CUSTOMER", record, "--json").json
        return document["action"], document["sentence"]

    assert told("C00002") == ("keep", "The record is not coupled, and this mapping leaves uncoupled records alone.")
    desk.configure('page = "sales"', "only_coupled = false")
    assert told("C00002")[0] == "create in crm"
    assert told("C00003")[0] == "couple" and "found by no = accountnumber" in told("C00003")[1]
    assert told(outside)[0] == "keep" and "outside the mapping's filter" in told(outside)[1]
    assert desk.koppel("uncouple", "CUSTOMER", "C00001").code == 0
    assert told("C00001")[0] == "keep" and "keeps it apart" in told("C00001")[1]


def test_records_that_were_meant_and_left_alone_are_told(desk: Desk) -> None:
    """Semantics A7, F10: a selection says which of its records nothing was done with, and why."""
    coupled_desk(desk, 2)
    customers(desk, [3])
    desk.edit("erp", "name = 'Changed'")
    desk.change("crm", "UPDATE account SET statecode = 1 WHERE accountnumber = 'C00002'")
    done = desk.koppel("sync", "CUSTOMER", "C00001", "C00002", "C00003", "--json")
    assert done.code == 0, done.err
    assert list(done.json["left_alone"]) == ["C00002", "C00003"]
    assert "C00002: A record is outside the mapping's filter" in done.err
    assert "C00003: The record is not coupled, and this mapping leaves uncoupled records alone." in done.err
    assert desk.koppel("sync", "CUSTOMER", "C00001", "--json").json["left_alone"] == {}


def test_a_deletion_is_asked_and_resolved(desk: Desk) -> None:
    """on_delete = ask: a deletion is a conflict; restore, uncouple or delete answer it."""
    coupled_desk(desk, 12)
    desk.change("crm", "DELETE FROM account WHERE accountnumber IN ('C00001', 'C00002', 'C00003')")
    done = desk.koppel("sync", "--sweep", "--json")
    assert done.code == 1, done.err
    conflicts = {c["left_id"]: c["id"] for c in desk.koppel("conflicts", "--json").json}
    told = desk.koppel("conflicts").out
    assert "the record was deleted in crm" in told and "--take restore|uncouple|delete|deactivate" in told
    assert desk.koppel("resolve", str(conflicts["C00001"]), "--take", "crm").code == 2
    assert desk.koppel("resolve", str(conflicts["C00001"]), "--take", "restore", "--quiet").code == 0
    assert desk.koppel("resolve", str(conflicts["C00002"]), "--take", "uncouple", "--quiet").code == 0
    assert desk.koppel("resolve", str(conflicts["C00003"]), "--take", "delete", "--quiet").code == 0
    assert ("C00001",) in desk.rows("crm", "SELECT accountnumber FROM account")
    left = [row[0] for row in desk.rows("erp", "SELECT no FROM customer ORDER BY no")]
    assert "C00002" in left and "C00003" not in left
    assert desk.couplings() == 10
    assert desk.koppel("conflicts", "--json").json == []


def test_a_resolution_is_refused_when_a_side_has_moved(desk: Desk) -> None:
    """DESIGN 3: a resolution is refused if a side moved since it was shown."""
    coupled_desk(desk, 1)
    desk.edit("erp", "name = 'Left'")
    desk.edit("crm", "name = 'Right'")
    assert desk.koppel("sync", "--quiet").code == 1
    desk.edit("crm", "name = 'Later'")
    refused = desk.koppel("resolve", "1", "--take", "erp")
    assert refused.code == 2 and "crm" in refused.err and "changed" in refused.err
    assert desk.rows("crm", "SELECT name FROM account") == [("Later",)]


def test_a_guard_halts_and_approve_carries_out_exactly_that(desk: Desk) -> None:
    """DESIGN 7: more than n % deletions halt, exit 4, and `koppel approve JOB` lifts exactly that."""
    desk.configure('page = "sales"', 'on_delete = "delete too"\nguard_rows = 2\nguard_percent = 10')
    coupled_desk(desk, 10)
    desk.change("crm", "DELETE FROM account WHERE accountnumber <= 'C00005'")
    halted = desk.koppel("sync", "--sweep")
    assert halted.code == 4
    job = max(job["id"] for job in desk.koppel("jobs", "--json").json)
    assert f"koppel approve {job}" in halted.err
    assert desk.rows("erp", "SELECT count(*) FROM customer") == [(10,)]
    approved = desk.koppel("approve", str(job), "--json")
    assert approved.code == 0, approved.err
    assert approved.json["jobs"][0]["counts"]["deleted"] == 5
    assert desk.rows("erp", "SELECT count(*) FROM customer") == [(5,)]
    assert desk.koppel("approve", str(job)).code == 2


def test_couple_and_uncouple(desk: Desk) -> None:
    customers(desk, [1, 2])
    accounts(desk, [1, 2], name="Other")
    ids = [row[0] for row in desk.rows("crm", "SELECT accountid FROM account ORDER BY accountnumber")]
    done = desk.koppel("couple", "CUSTOMER", "C00001", ids[0], "--take", "crm", "--json")
    assert done.code == 0, done.err
    assert desk.rows("erp", "SELECT name FROM customer ORDER BY no") == [("Other 1",), ("Name 2",)]
    twice = desk.koppel("couple", "CUSTOMER", "C00001", ids[1])
    assert twice.code == 2 and "coupled" in twice.err
    assert desk.koppel("uncouple", "CUSTOMER", "C00001", "--json").json == {"mapping": "CUSTOMER", "uncoupled": 1}
    assert desk.couplings() == 0
    before = desk.writes()
    assert desk.koppel("couple", "CUSTOMER", "C00002", ids[1], "--quiet").code == 1  # names differ: a first contact
    assert desk.koppel("uncouple", "CUSTOMER", "--all").code == 0
    assert desk.writes() == before and desk.couplings() == 0


def test_a_refused_coupling_takes_none_away(desk: Desk) -> None:
    """A record whose partner is gone may be coupled anew (semantics F2); when that is refused, its coupling stays."""
    coupled_desk(desk, 2)
    desk.change("crm", "DELETE FROM account WHERE accountnumber = 'C00001'")
    refused = desk.koppel("couple", "CUSTOMER", "C00001", "nobody")
    assert refused.code == 2 and "no record 'nobody'" in refused.err
    assert desk.couplings() == 2
    accounts(desk, [1])
    [(made,)] = desk.rows("crm", "SELECT accountid FROM account WHERE accountnumber = 'C00001'")
    assert desk.koppel("couple", "CUSTOMER", "C00001", made, "--quiet").code == 0
    assert desk.couplings() == 2


@pytest.mark.parametrize(
    "words",
    [
        ("couple", "CUSTOMER", "C00003", "{account}"),
        ("match", "CUSTOMER", "--accept"),
        ("match", "CUSTOMER", "--reject"),
    ],
)
def test_a_changed_filter_halts_the_manual_verbs_too(desk: Desk, words: tuple[str, ...]) -> None:
    """DESIGN 7, guards: only `koppel apply` puts a changed filter in force; coupling by hand does not on the way."""
    coupled_desk(desk, 2)
    customers(desk, [3])
    accounts(desk, [3])
    [(account,)] = desk.rows("crm", "SELECT accountid FROM account WHERE accountnumber = 'C00003'")
    desk.configure('right_filter = "statecode = 0"', 'right_filter = "statecode = 0 OR statecode = 1"')
    halted = desk.koppel(*(word.format(account=account) for word in words))
    assert halted.code == 4 and "koppel apply" in halted.err
    assert desk.couplings() == 2
    assert desk.koppel("sync", "--quiet").code == 4


def test_match_lists_couples_and_keeps_apart(desk: Desk) -> None:
    customers(desk, range(1, 6))
    accounts(desk, range(1, 4), name="NAME")
    listed = desk.koppel("match", "CUSTOMER", "--limit", "2")
    assert listed.code == 0 and "… and 1 more" in listed.out and "no = accountnumber" in listed.out
    assert desk.couplings() == 0
    accepted = desk.koppel("match", "CUSTOMER", "--accept", "--first-contact", "erp", "--json")
    assert accepted.code == 0, accepted.err
    assert (accepted.json["coupled"], len(accepted.json["line"]["likely"])) == (3, 3)
    assert desk.rows("crm", "SELECT name FROM account ORDER BY 1") == [("Name 1",), ("Name 2",), ("Name 3",)]
    accounts(desk, [5])
    rejected = desk.koppel("match", "CUSTOMER", "--reject", "--json")
    assert (rejected.code, rejected.json["apart"]) == (0, 1)
    assert desk.koppel("match", "CUSTOMER", "--json").json["line"]["likely"] == []


def test_restart_exclude_and_page(desk: Desk) -> None:
    """DESIGN 8: lines can be restarted, excluded; `--page` runs the lines of one connection page."""
    text = (desk.folder / "koppel.toml").read_text()
    second = 'left = "erp.customer"\nright = "crm.account"\ndirection = "->"\nfields = ["no -> accountnumber"]\n'
    (desk.folder / "koppel.toml").write_text(text + f"\n[mappings.SECOND]\n{second}")
    customers(desk, [1])
    excluded = desk.koppel("full", "--yes", "--exclude", "SECOND", "--json").json
    assert [job["mapping"] for job in excluded["jobs"]] == ["CUSTOMER"]
    page = desk.koppel("review", "--page", "sales", "--json").json
    assert [line["mapping"] for line in page] == ["CUSTOMER"]
    restarted = desk.koppel("full", "--yes", "--restart", "CUSTOMER", "--json").json
    assert [job["mapping"] for job in restarted["jobs"]] == ["CUSTOMER"]


def test_jobs_come_in_dependency_order_and_file_order_within_it(desk: Desk) -> None:
    """DESIGN 8: dependency waves, in file order within a wave; the job log shows them so."""
    text = (desk.folder / "koppel.toml").read_text()
    for name, left in (("CURRENCY", "currency"), ("SALESPEOPLE", "salesperson")):
        desk.change("erp", f"CREATE TABLE {left} (code TEXT PRIMARY KEY, name TEXT)")
        desk.change("crm", f"CREATE TABLE {left} (code TEXT PRIMARY KEY, name TEXT)")
        fields = 'fields = ["code -> code", "name -> name"]'
        text += f'\n[mappings.{name}]\nleft = "erp.{left}"\nright = "crm.{left}"\ndirection = "->"\n{fields}\n'
    (desk.folder / "koppel.toml").write_text(text.replace('page = "sales"', 'after = ["CURRENCY", "SALESPEOPLE"]'))
    order = ["CURRENCY", "SALESPEOPLE", "CUSTOMER"]
    assert [job["mapping"] for job in desk.koppel("sync", "--json").json["jobs"]] == order
    assert [job["mapping"] for job in desk.koppel("jobs", "--json").json] == order
    told = desk.koppel("jobs").out
    assert [told.index(name) for name in order] == sorted(told.index(name) for name in order)
    several = desk.koppel("sync", "CUSTOMER", "CURRENCY", "--json").json["jobs"]
    assert [job["mapping"] for job in several] == ["CURRENCY", "CUSTOMER"]
