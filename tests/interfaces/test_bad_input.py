"""Bad input: every mistake at once, with place and remedy, exit 2 or 3, and nothing is written anywhere."""

import shutil
import subprocess
import sys
from pathlib import Path

import certifi
import pytest

from koppel import connectors
from koppel.cli.program import run
from tests.interfaces.desk import Desk, accounts, coupled_desk, customers

SECOND = """
[mappings.{name}]
left = "erp.{left}"
right = "crm.account"
{more}
fields = [{fields}]
"""


@pytest.fixture
def here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with records on both sides, in whose folder the test itself runs commands."""
    customers(desk, range(1, 4))
    accounts(desk, range(101, 104))
    monkeypatch.chdir(desk.folder)
    monkeypatch.delenv("KOPPEL_CONFIG", raising=False)
    return desk


def refused(desk: Desk, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Run a command that must not write anything: its exit code and what stands on stderr."""
    before = desk.writes()
    code = run(words)
    assert desk.writes() == before
    assert desk.couplings() == 0
    said = capsys.readouterr().err
    assert "bug" not in said and "Traceback" not in said
    return code, said


@pytest.mark.parametrize("words", [("check",), ("sync",), ("full", "--yes"), ("plan",)])
def test_mistakes_against_the_tables_are_told_at_once(
    here: Desk, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """Unknown fields of either side, an unknown match field, inconvertible types: all, of all mappings."""
    here.configure('"name             <-> name"', '"nmae             <-> name"')
    here.configure('match = ["no = accountnumber"', 'match = ["no = accountnumbr"')
    fields = '"no -> accountnumber", "credit -> founded", "name -> noname"'
    text = (here.folder / "koppel.toml").read_text() + SECOND.format(
        name="SECOND", left="customer", more='direction = "->"', fields=fields
    )
    (here.folder / "koppel.toml").write_text(text)
    before, code = here.writes(), run(words)
    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert code == 2, said
    assert here.writes() == before and here.couplings() == 0
    for mistake in ("'nmae'", "did you mean name?", "'accountnumbr'", "did you mean accountnumber?", "'noname'"):
        assert mistake in said, said
    for place in ("mappings.CUSTOMER.fields[4]", "mappings.CUSTOMER.match[0]", "mappings.SECOND.fields[1]"):
        assert place in said, said


def test_mistakes_in_the_file_are_told_at_once(here: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown mapping, two lines that write one field, unknown setting: with file, line and remedy."""
    here.configure('page = "sales"', 'page = "sales"\nafter = ["SECOND", "NOBODY"]\nonly_copled = true')
    fields = '"no -> accountnumber", "city -> name", "name -> name"'
    text = (here.folder / "koppel.toml").read_text() + SECOND.format(
        name="SECOND", left="customer", more='after = ["CUSTOMER"]', fields=fields
    )
    (here.folder / "koppel.toml").write_text(text)
    code, said = refused(here, capsys, "sync")
    assert code == 2
    for mistake in ("'NOBODY'", "only_copled", "only_coupled", "name", "CUSTOMER"):
        assert mistake in said, said
    assert said.count("koppel.toml:") >= 3, said
    assert "→" in said
    assert not (here.folder / "koppel.db").exists()


def test_every_wrong_table_key_and_stamp_is_told(here: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Issue, bad input: all at once also where one mapping is wrong on both its sides, or another names it."""
    here.configure('left  = "erp.customer"', 'left  = "erp.custmer"')
    here.configure('page = "sales"', 'right_key = "nokey"\nright_modified = "nostamp"')
    code, said = refused(here, capsys, "sync")
    assert code == 2
    for mistake in ("no table 'custmer'", "no column nokey", "no column nostamp"):
        assert said.count(mistake) == 1, said


def test_a_configuration_without_mappings_is_told(here: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A run over nothing would end well and say nothing."""
    text = (here.folder / "koppel.toml").read_text("utf-8")
    (here.folder / "koppel.toml").write_text(text[: text.index("[mappings")], "utf-8")
    for words in (("sync",), ("full", "--yes"), ("plan",)):
        code, said = refused(here, capsys, *words)
        assert code == 2 and "no mapping is configured" in said and "→" in said


def test_a_cycle_is_told(here: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    here.configure('page = "sales"', 'after = ["SECOND"]')
    text = (here.folder / "koppel.toml").read_text() + SECOND.format(
        name="SECOND", left="customer", more='after = ["CUSTOMER"]', fields='"no -> accountnumber"'
    )
    (here.folder / "koppel.toml").write_text(text)
    code, said = refused(here, capsys, "sync")
    assert code == 2 and "CUSTOMER" in said and "SECOND" in said and "koppel.toml:" in said


@pytest.mark.parametrize(
    ("old", "new", "mistakes"),
    [
        ('left  = "erp.customer"', 'left  = "erp.custmer"', ("no table 'custmer'", "did you mean customer?")),
        ('left  = "erp.customer"', 'left  = "sap.customer"', ("sap", "koppel.toml:")),
        ("[mappings.CUSTOMER]", "[mappings.CUSTOMER", ("koppel.toml:", "not TOML")),
        ('url = "sqlite:///crm.db"', 'url = "env:NO_SUCH_VARIABLE"', ("NO_SUCH_VARIABLE",)),
        ('url = "sqlite:///crm.db"', 'url = "oracle://crm"', ("oracle", "sqlite")),
        ('right_filter = "statecode = 0"', 'right_filter = "statecod = 0"', ("statecod",)),
        ('right_filter = "statecode = 0"', 'right_filter = "statecode === 0"', ("koppel.toml:", "right_filter")),
        ("| lower", "| loewr", ("loewr", "lower")),
        ("on_", "on_", ()),
    ],
)
def test_one_mistake_has_its_place_and_its_remedy(
    here: Desk, capsys: pytest.CaptureFixture[str], old: str, new: str, mistakes: tuple[str, ...]
) -> None:
    if not mistakes:
        new, old = 'on_conflict = "sap wins"\npage = "sales"', 'page = "sales"'
        mistakes = ("sap wins", "erp wins")
    here.configure(old, new)
    code, said = refused(here, capsys, "sync")
    assert code == 2, said
    for mistake in mistakes:
        assert mistake in said, said


@pytest.mark.parametrize(("package", "driver"), [("postgresql", "psycopg"), ("mariadb", "pymysql")])
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    here: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, package: str, driver: str
) -> None:
    """Nobody needs a driver for a database that they do not have."""
    monkeypatch.delattr(connectors, package, raising=False)
    for name in [name for name in sys.modules if name.startswith(f"koppel.connectors.{package}")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)
    here.configure('url = "sqlite:///crm.db"', f'url = "{package}://me@host/db"')
    code, said = refused(here, capsys, "sync")
    assert code == 2, said
    assert f"{driver} is not installed" in said
    assert f"koppel[{package}]" in said


def test_no_driver_is_loaded_that_nobody_asked_for(here: Desk) -> None:
    """`koppel --help` and a run between files must not wait for one."""
    load = "import sys, pathlib; from koppel.app import Koppel; Koppel.open(pathlib.Path('koppel.toml')).check()"
    said = "print([name for name in ('psycopg', 'pymysql') if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", f"{load}; {said}"], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_systems_that_cannot_be_reached_are_exit_3_and_all_are_named(
    here: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    here.configure('"sqlite:///erp.db"', '"sqlite:///nowhere/erp.db"')
    here.configure('"sqlite:///crm.db"', '"sqlite:///nowhere/crm.db"')
    for words in (("sync",), ("full", "--yes"), ("check",)):
        code = run(words)
        captured = capsys.readouterr()
        assert code == 3
        said = captured.out + captured.err
        assert "→" in said and "erp" in said
        assert "crm" in said, said
    assert not (here.folder / "nowhere").exists()


def test_a_database_that_is_none_is_exit_3(here: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    (here.folder / "crm.db").write_bytes(b"this is not a database, " * 100)
    assert run(["sync"]) == 3
    said = capsys.readouterr().err
    assert "crm" in said and "not a database" in said and "→" in said


@pytest.mark.parametrize("system", ["erp", "crm"])
def test_a_read_only_database_is_found_before_the_other_is_written(
    here: Desk, capsys: pytest.CaptureFixture[str], system: str
) -> None:
    here.configure(f'"sqlite:///{system}.db"', f'"sqlite:///{system}.db?mode=ro"')
    code, said = refused(here, capsys, "full", "--yes")
    assert code == 3
    assert system in said and "readonly" in said and "→" in said


def test_a_read_only_database_that_is_only_read_will_do(here: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    here.configure('"sqlite:///erp.db"', '"sqlite:///erp.db?mode=ro"')
    here.configure('page = "sales"', 'direction = "->"')
    assert run(["full", "--yes", "--quiet"]) == 0, capsys.readouterr().err
    assert here.couplings() == 3


def test_keys_that_are_there_twice_are_told(here: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A key of the mapping's own choice that two records share: neither record may be coupled as the other."""
    here.change("erp", "CREATE TABLE loose (code TEXT, name TEXT, modified_at TEXT)")
    here.change(
        "erp", "INSERT INTO loose VALUES ('A', 'x', '2026-01-01T00:00:00Z'), ('A', 'y', '2026-01-01T00:00:00Z')"
    )
    here.configure('left  = "erp.customer"', 'left  = "erp.loose"\nleft_key = "code"\ndirection = "->"')
    text = (here.folder / "koppel.toml").read_text()
    start = text.index("together")
    (here.folder / "koppel.toml").write_text(
        text[:start].replace('match = ["no = accountnumber", "e_mail = emailaddress1 (ignore case)"]\n', "")
        + 'fields = ["code -> accountnumber", "name -> name"]\n'
    )
    code, said = refused(here, capsys, "full", "--yes")
    assert code in (2, 3), said
    assert "loose" in said and "code" in said, said


def test_another_installation_behind_a_name_halts_until_adopted(tmp_path: Path, desk: Desk) -> None:
    """DESIGN 7, guards: another identity of a system halts, shows, and names the next command."""
    coupled_desk(desk, 2)
    shutil.copy(desk.folder / "crm.db", desk.folder / "copy.db")
    desk.configure('"sqlite:///crm.db"', '"sqlite:///copy.db"')
    halted = desk.koppel("sync", "--json")
    assert halted.code == 4
    assert halted.json["error"]["problems"][0]["remedy"].startswith("koppel systems adopt crm --as ")
    assert desk.koppel("systems").code == 4
    assert desk.koppel("systems", "adopt", "crm", "--as", "whim").code == 2
    assert desk.koppel("systems", "adopt", "sap", "--as", "moved").code == 2
    assert desk.koppel("systems", "adopt", "crm", "--as", "moved").code == 0
    assert desk.koppel("sync", "--quiet").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Usage"),
        (("snyc",), "sync"),
        (("sync", "--ful"), "--full"),
        (("sync", "CUSTMER"), "CUSTOMER"),
        (("full", "--exclude", "NOBODY", "--yes"), "NOBODY"),
        (("full", "--page", "nowhere", "--yes"), "sales"),
        (("full", "--couple-likely", "--create-anyway"), "exclude each other"),
        (("plan", "--full", "--couple-likely", "--create-anyway"), "exclude each other"),
        (("plan", "--create-anyway"), "write --full with it"),
        (("full", "--keep-creating", "perhaps"), "perhaps"),
        (("jobs", "--limit", "many"), "many"),
        (("jobs", "NOBODY"), "NOBODY"),
        (("errors", "NOBODY"), "NOBODY"),
        (("conflicts", "NOBODY"), "NOBODY"),
        (("explain", "CUSTOMER"), "ID"),
        (("explain", "CUSTOMER", "C77777"), "C77777"),
        (("resolve", "1", "--take", "erp"), "koppel conflicts"),
        (("approve", "77"), "koppel jobs"),
        (("retry", "CUSTOMER", "x"), "koppel errors"),
        (("uncouple", "CUSTOMER"), "--all"),
        (("couple", "CUSTOMER", "C77777", "x"), "C77777"),
        (("match", "CUSTOMER", "--accept", "--reject"), "exclude each other"),
        (("answer",), "yes"),
        (("answer", "yes"), "no full run"),
        (("sync", "CUSTOMER", "C00001", "--plan"), "record ids"),
        (("init",), "never overwrites"),
        (("init", "new.toml", "--preset", "sap"), "business-central-dataverse"),
        (("sync", "--config", "nowhere.toml"), "koppel init"),
        (("sync", "--stage", "nowhere"), "koppel.nowhere.toml"),
    ],
)
def test_a_command_that_cannot_be_meant_is_exit_2(
    here: Desk, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    code = run(words)
    captured = capsys.readouterr()
    assert told in captured.out + captured.err
    assert code == (2 if words else 0)
    assert here.couplings() == 0


def test_errors_are_one_document_with_json(here: Desk) -> None:
    done = here.koppel("sync", "CUSTMER", "--json")
    assert done.code == 2
    assert done.json == {
        "error": {
            "kind": "ConfigurationError",
            "exit_code": 2,
            "problems": [{"where": "", "what": "there is no mapping 'CUSTMER'", "remedy": "did you mean CUSTOMER?"}],
        }
    }
    unknown = here.koppel("snyc", "--json")
    assert unknown.code == unknown.json["error"]["exit_code"] == 2


def test_a_bug_is_one_line_and_its_traceback_only_on_demand(here: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("koppel.app.Koppel.open", lambda *_, **__: 1 / 0)
        assert run(["jobs"]) == 70
        first = capsys.readouterr()
        assert "this is a bug in koppel: ZeroDivisionError" in first.err and "Traceback" not in first.err
        patch.setenv("KOPPEL_DEBUG", "1")
        assert run(["jobs"]) == 70
        assert "Traceback" in capsys.readouterr().err


SERVICE = """
[systems.bc]
connector = "business-central"
url = "{url}"
environment = "Production"
company = "CRONUS NL"
ca_file = "{ca_file}"
auth = {{tenant = "t", client = "c", secret = "env:KOPPEL_TEST_{secret}"}}
"""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "http://bc.example"}, "systems.bc.url: everybody on the way could read the password"),
        ({"ca_file": "none.pem"}, "systems.bc.ca_file: the ca_file "),
        ({"secret": "UNSET"}, "systems.bc.auth.secret: the environment variable KOPPEL_TEST_UNSET is not set"),
    ],
)
def test_a_service_that_is_not_set_up_is_a_mistake_with_its_line(
    here: Desk,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, str],
    said: str,
) -> None:
    """Nothing could be reached, because nothing was tried: exit 2, not 3."""
    monkeypatch.setenv("KOPPEL_TEST_SECRET", "s3cr3t")
    usual = {"url": "https://bc.example", "ca_file": certifi.where(), "secret": "SECRET"}
    text = (here.folder / "koppel.toml").read_text() + SERVICE.format(**usual | given)
    (here.folder / "koppel.toml").write_text(text)
    line = next(at for at, one in enumerate(text.splitlines(), 1) if next(iter(given.values())) in one)
    code, told = run(["check"]), capsys.readouterr().out
    assert code == 2 and f"koppel.toml:{line} {said}" in told
