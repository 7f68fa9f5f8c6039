"""The whole way: the engine keeps Business Central and a database in step, whoever gives new records their numbers."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from koppel.app import SECRET_VARIABLE, Koppel
from koppel.cli.program import run
from koppel.connectors.business_central.system import Place
from koppel.ports import NumberKeeper
from koppel.sandbox.business_central.refusal import Refusal
from tests.beside import Database, Rows, synced, uid
from tests.business_central.erp import Erp, standard
from tests.poison import refused

CUT = httpx2.ReadError("cut")
SERIES, RESERVED, CLIENT = "series", "reserved K00001..K99999", "client id"
CRM = Database("crm")
sql = CRM.sql
TOML = (
    CRM.toml
    + """
[systems.erp]
connector = "business-central"
url = "https://erp.example"
environment = "Rehearsal"
company = "CRONUS NL"
api = "{api}"
auth = {{tenant = "t", client = "c", secret = "env:KOPPEL_SANDBOX_SECRET"}}
[mappings.CUSTOMER]
left = "erp.customers"
right = "crm.account"
left_filter = "blocked = ''"
left_numbers = "{numbers}"
only_coupled = false
on_delete = "delete too"
fields = [
  "number -> number",
  "displayName <-> name",
  "creditLimit -> credit",
  "country <-> country",
]
"""
)
TABLES = """
CREATE TABLE account
  (id UUIDTEXT PRIMARY KEY, number TEXT, name TEXT NOT NULL, credit DECIMAL(15,2), country TEXT);
"""

Far = Callable[[str], Erp]


def put(folder: Path, *numbers: int) -> None:
    """Accounts of the database."""
    for number in numbers:
        sql(folder, "INSERT INTO account VALUES (?, NULL, ?, NULL, 'NL')", uid(number), f"Name {number}")


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Far:
    """The environment behind a configuration in which numbers are given so."""

    def made(numbers: str) -> Erp:
        erp = standard()

        def opened(
            name: str, url: str, auth: object, place: Place, ca_file: object, keeper: NumberKeeper, *_: object
        ) -> object:
            erp.api, erp.keeper = place.api, keeper
            return erp.connected()

        monkeypatch.setattr("koppel.connectors.business_central.open_system", opened)
        api = "koppel/sync/v1.0" if numbers == CLIENT else "v2.0"
        (tmp_path / "koppel.toml").write_text(TOML.format(api=api, numbers=numbers), encoding="utf-8")
        return erp

    monkeypatch.setenv(SECRET_VARIABLE, "s3cr3t")
    CRM.create(tmp_path, TABLES)
    return made


def sync(folder: Path, erp: Erp) -> list[str]:
    """One run, an hour later; the state of each job."""
    erp.central.clock.advance(3600)
    erp.line.asked.clear()
    return synced(folder)


def errors(folder: Path) -> list[str]:
    """The codes of the open errors."""
    with Koppel.open(folder / "koppel.toml") as koppel:
        return [error.code for error in koppel.errors()]


def both(folder: Path, erp: Erp) -> tuple[Rows, Rows]:
    """Number and name of all records on both sides."""
    rows = erp.central.company.rows.tables["Customer"].values()
    return sorted((row["No."], row["Name"]) for row in rows), sql(
        folder, "SELECT number, name FROM account ORDER BY number"
    )


def writes(erp: Erp) -> list[str]:
    """What was sent that could change a record."""
    return [word for word in ("PATCH", "DELETE") if word in erp.line.sent] + [
        one.method for one in erp.line.asked if one.method != "GET" and not one.url.path.endswith("$batch")
    ]


@pytest.mark.parametrize("numbers", [SERIES, RESERVED, CLIENT])
def test_records_travel_both_ways_and_then_rest(tmp_path: Path, far: Far, numbers: str) -> None:
    erp = far(numbers)
    put(tmp_path, 1, 2, 3)
    theirs = erp.central.others.create("customers", {"displayName": "Übel & Zn", "creditLimit": 12, "country": "BE"})
    assert sync(tmp_path, erp) == ["done"]
    left, right = both(tmp_path, erp)
    assert left == right and [name for _, name in left].count("Name 1") == 1 and len(left) == 4
    if numbers == RESERVED:
        assert {"K00001", "K00002", "K00003"} < {number for number, _ in left}
    erp.central.others.edit("customers", theirs, {"displayName": "theirs"})
    sql(tmp_path, "UPDATE account SET name = 'ours' WHERE name = 'Name 2'")
    sql(tmp_path, "DELETE FROM account WHERE name = 'Name 3'")
    blocked = next(
        row["SystemId"] for row in erp.central.company.rows.tables["Customer"].values() if row["Name"] == "Name 1"
    )
    erp.central.others.edit("customers", blocked, {"blocked": "All"})
    assert sync(tmp_path, erp) == ["done"]
    left, right = both(tmp_path, erp)
    assert left == right and sorted(str(name) for _, name in left) == ["Name 1", "ours", "theirs"]
    sync(tmp_path, erp)
    assert writes(erp) == [], "a further run writes nothing"


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("numbers", [RESERVED, CLIENT])
def test_a_create_whose_answer_is_lost_is_made_once(
    tmp_path: Path, far: Far, numbers: str, rows: int, stored: bool
) -> None:
    """DESIGN 7, wire 4.1.3: it is found by the number, or the id, that koppel gave it."""
    erp = far(numbers)
    put(tmp_path, *range(1, rows + 1))
    (erp.line.after if stored else erp.line.before)["POST", "$batch" if rows > 1 else "customers"] = CUT
    for _ in range(2):
        sync(tmp_path, erp)
    left, right = both(tmp_path, erp)
    assert left == right and len(left) == rows
    assert errors(tmp_path) == []
    if numbers == RESERVED:
        assert {number for number, _ in left} == {f"K{number:05}" for number in range(1, rows + 1)}
    sync(tmp_path, erp)
    assert writes(erp) == [], "a further run writes nothing"


@pytest.mark.parametrize("stored", [True, False])
def test_with_a_series_a_lost_answer_is_a_matter_for_a_person(tmp_path: Path, far: Far, stored: bool) -> None:
    """Nothing tells two alike customers apart: neither is one made twice, nor the lost one created back."""
    erp = far(SERIES)
    put(tmp_path, 1)
    (erp.line.after if stored else erp.line.before)["POST", "customers"] = CUT
    for _ in range(3):
        sync(tmp_path, erp)
        assert "unknown_outcome" in errors(tmp_path)
        assert len(erp.central.company.rows.tables["Customer"]) == int(stored)
        assert sql(tmp_path, "SELECT count(*) FROM account") == [(1,)]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (SERIES, "is for a person to find out"),
        (RESERVED, "a number that it has reserved: one whose answer is lost is found by it"),
        (CLIENT, "koppel chooses the id of new records: one whose answer is lost is found by it"),
    ],
)
def test_check_and_plan_say_what_keeps_a_create_from_being_repeated(
    tmp_path: Path, far: Far, numbers: str, said: str
) -> None:
    erp = far(numbers)
    put(tmp_path, 1)
    erp.central.clock.advance(3600)
    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        assert [said in line.text for line in koppel.check() if "erp.customers: " in line.text][:1] == [True]
        report = koppel.plan()
        (line,) = koppel.review([])
    assert [(one.system, said in one.text) for one in report.guarantees] == [("erp", True)]
    assert not [value for value in report.values if value.field == "number"], "it is not known before it is reserved"
    assert said in line.guarantees[0].guarantee
    assert erp.central.company.rows.tables["Customer"] == {}


def test_an_unknown_company_is_a_mistake_of_the_configuration_with_its_line(
    tmp_path: Path, far: Far, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service was reached, so this is exit 2, whichever command finds it."""
    far(SERIES).company = "CRONUS BE"
    line = 1 + (tmp_path / "koppel.toml").read_text("utf-8").splitlines().index('company = "CRONUS NL"')
    place = f"koppel.toml:{line} systems.erp.company: there is no company CRONUS BE"
    for words in (("check",), ("sync", "--yes")):
        assert run([*words, "--config", str(tmp_path / "koppel.toml")]) == 2
        said = capsys.readouterr()
        assert place in said.out + said.err and "did you mean CRONUS NL?" in said.out + said.err


def test_numbers_that_may_not_be_chosen_are_refused_in_words(tmp_path: Path, far: Far) -> None:
    """Manual Nos. is what reserved numbers need."""
    erp = far(RESERVED)
    put(tmp_path, 1)
    erp.central.others.manual_numbers("customers", False)
    sync(tmp_path, erp)
    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        (error,) = koppel.errors()
    assert "Manual Nos." in error.message
    erp.central.others.manual_numbers("customers", True)
    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        koppel.retry("CUSTOMER", ())
    sync(tmp_path, erp)
    assert len(both(tmp_path, erp)[0]) == 1 and errors(tmp_path) == []


@pytest.mark.parametrize("numbers", [SERIES, CLIENT])
@pytest.mark.parametrize("status", [401, 403])
def test_a_right_missing_on_a_table_ends_the_job_and_sets_nothing_aside(
    tmp_path: Path, far: Far, numbers: str, status: int
) -> None:
    """DESIGN 12: it is nobody's record that is to blame. Nothing was done, so that nobody is asked what became of it,
    also where it could not be looked up; when the right is given the next run does the rest.
    """
    erp = far(numbers)
    put(tmp_path, 1, 2, 3)
    denied = Refusal(status, "Internal_ServerError", "Sorry. (TableData 18 Customer Insert: Base Application)")
    with refused(erp.central.company.rows, denied, lambda row: True):
        for _ in range(2):
            assert sync(tmp_path, erp) == ["failed"]
            with Koppel.open(tmp_path / "koppel.toml") as koppel:
                (job, *_) = koppel.jobs()
                assert "TableData 18 Customer Insert" in job.message
                assert status == 401 or "Microsoft Entra Applications" in job.message
            assert errors(tmp_path) == []
    assert sync(tmp_path, erp) == ["done"] and errors(tmp_path) == []
    assert len(both(tmp_path, erp)[0]) == 3
