"""From koppel.toml to an open company: every mistake at once, with what to do; and the whole way over https."""

import sqlite3
from pathlib import Path

import pytest

from koppel.app import SECRET_VARIABLE, Amounts, Koppel, rehearsal
from koppel.app.connections import Connections
from koppel.config import load
from koppel.config.dump import dump
from koppel.connectors.business_central import Place, open_system
from koppel.connectors.business_central.opening import root_of
from koppel.connectors.business_central.system import BusinessCentralSystem
from koppel.errors import BadAnswer, ConfigurationError
from koppel.model.values import Kind
from koppel.ports import TableOptions
from tests.business_central.erp import Erp, standard
from tests.sandbox.central import central

TOML = """
[systems.erp]
connector = "business-central"
url = "https://api.businesscentral.dynamics.com"
{more}
[systems.crm]
connector = "sql"
url = "sqlite:///crm.db"
{crm}
[mappings.CUSTOMER]
left = "erp.customers"
right = "crm.account"
{mapping}
fields = ["displayName <-> name"]
"""
AUTH = 'auth = {tenant = "contoso.com", client = "app", secret = "env:BC_SECRET"}'
PLACE = 'environment = "Production"\ncompany = "CRONUS NL"\napi = "contoso/sync/v1.0"'
SIGN_IN = {"tenant": "contoso.com", "client": "app", "secret": "s3cr3t"}


def written(folder: Path, more: str, crm: str = "", mapping: str = "") -> Path:
    path = folder / "koppel.toml"
    path.write_text(TOML.format(more=more, crm=crm, mapping=mapping), encoding="utf-8")
    return path


def test_a_company_is_opened_as_the_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BC_SECRET", "s3cr3t")
    connections = Connections(load(written(tmp_path, f"{PLACE}\n{AUTH}")))
    system = connections.system("erp")
    assert isinstance(system, BusinessCentralSystem)
    root = "https://api.businesscentral.dynamics.com/v2.0/contoso.com/Production/api/contoso/sync/v1.0/"
    assert system._session.root == root
    connections.close()


def test_what_is_written_back_is_the_same(tmp_path: Path) -> None:
    more = f'{PLACE}\n{AUTH}\nfields.things.no = "code"\nca_file = "ca.pem"'
    path = written(tmp_path, more, mapping='left_numbers = "reserved K001..K999"')
    configuration = load(path)
    path.write_text(dump(configuration), encoding="utf-8")
    assert load(path) == configuration


@pytest.mark.parametrize(
    ("more", "crm", "mapping", "what"),
    [
        (PLACE, "", "", "the way to sign in is missing"),
        (AUTH + '\napi = "contoso/sync"', "", "", "'contoso/sync' is no API"),
        (AUTH + "\nbatch = true", "", "", "business-central takes many records at once anyway"),
        (AUTH, 'company = "x"', "", "it means nothing to sql"),
        (AUTH, "", 'left_numbers = "reserved"', "the range of the reserved numbers is missing"),
        (AUTH, "", 'left_numbers = "reserved K1..K05"', "is no range of numbers"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, more: str, crm: str, mapping: str, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        load(written(tmp_path, more, crm, mapping))


def test_numbers_mean_nothing_to_a_database(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "crm.db")
    connection.execute("CREATE TABLE account (id UUIDTEXT PRIMARY KEY, name TEXT)")
    connection.close()
    configuration = load(written(tmp_path, AUTH, mapping='right_numbers = "series"'))
    mapping = configuration.mappings["CUSTOMER"]
    connections = Connections(configuration)
    with pytest.raises(ConfigurationError, match="means something to Business Central only"):
        connections._open(mapping.right, mapping.right_options)
    connections.close()


def test_a_server_on_premises_has_no_environment() -> None:
    assert root_of("https://bc.example:7048/BC/", Place()) == "https://bc.example:7048/BC/api/v2.0/"


def test_a_url_that_everybody_could_read_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="https://"):
        open_system("erp", "http://bc.example", SIGN_IN, Place())


@pytest.mark.parametrize(
    ("name", "options", "what"),
    [
        ("customer", TableOptions(), "did you mean customers"),
        ("customers", TableOptions(key=("number",)), "addressed by their id"),
        ("customers", TableOptions(modified="number"), "cannot be a change stamp"),
    ],
)
def test_a_page_that_does_not_fit_is_refused(erp: Erp, name: str, options: TableOptions, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        erp.table(name, options)


def test_the_configuration_says_which_texts_are_codes(erp: Erp) -> None:
    """Where no page of that name is known."""
    erp.system = erp.connected()
    erp.system._place = Place(api="v2.0", company="CRONUS NL", kinds={"customers": {"website": "code"}})
    field = erp.system.table("customers", TableOptions()).describe().field("website")
    assert field is not None and field.kind is Kind.CODE


def test_kinds_that_do_not_fit_are_told_all_at_once(erp: Erp) -> None:
    """As those of databases are: pages and fields that are not there, and types that say enough."""
    erp.system = erp.connected()
    kinds = {
        "things": {"no": "code"},
        "customers": {"webbsite": "code", "balanceDue": "text"},
        "Vendors": {"id": "code"},
    }
    erp.system._place = Place(company="CRONUS NL", kinds=kinds)
    with pytest.raises(ConfigurationError) as caught:
        erp.system.tables()
    assert [(problem.where, problem.what) for problem in caught.value.problems] == [
        ("erp", "there is no table things to give kinds"),
        ("erp.customers", "there is no column webbsite"),
        ("erp.customers", "balanceDue is stored as Edm.Decimal, which cannot be read as text"),
        ("erp.vendors", "id is stored as Edm.Guid, which cannot be read as code"),
    ]


@pytest.mark.parametrize("said", ["", "CRONUS NL"])
def test_an_environment_that_shows_no_company_is_told_as_such(said: str) -> None:
    """Once it was told that there are several."""
    erp = standard()
    erp.central.environment.companies.clear()
    erp.company = said
    with pytest.raises(ConfigurationError, match="there is no company that koppel may see"):
        erp.connected().identity()


def test_metadata_and_company_are_asked_for_once(erp: Erp) -> None:
    for page in ("customers", "vendors", "customers"):
        erp.system.table(page, TableOptions())
    assert [one.url.path.rpartition("/")[2] for one in erp.line.asked] == ["$metadata", "companies"]


@pytest.mark.parametrize("asked", ["tables", "identity"])
def test_an_environment_or_an_api_that_is_not_there_names_both(asked: str) -> None:
    """The url is that of every customer of the service; these two are what people write."""
    far = Erp(central(), "contoso/sync/v9.0")
    with pytest.raises(BadAnswer, match=r"404.*\n.*environment \(Rehearsal\) and api \(contoso/sync/v9.0\)"):
        getattr(far.system, asked)()


def test_what_the_sandbox_prints_is_a_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over https, with a token of Entra got by msal and a certificate authority of the sandbox's own."""
    with rehearsal(Amounts(0, 0, 5, 2), 0) as running:
        monkeypatch.setenv(SECRET_VARIABLE, running.client_secret)
        system = running.business_central_toml
        rest = '[systems.crm]\nconnector = "sql"\nurl = "sqlite:///crm.db"\n' + TOML.partition("[mappings")[2]
        mapping = "only_coupled = false"
        mappings = rest.replace(".CUSTOMER]", "[mappings.CUSTOMER]").replace('"erp.', '"bc.')
        text = system + mappings.format(mapping=mapping)
        (tmp_path / "koppel.toml").write_text(text, encoding="utf-8")
        connection = sqlite3.connect(tmp_path / "crm.db")
        connection.execute("CREATE TABLE account (id UUIDTEXT PRIMARY KEY, name TEXT)")
        connection.execute("INSERT INTO account VALUES ('0190a5f2-0000-7000-8000-000000000001', 'Ours B.V.')")
        connection.commit()
        with Koppel.open(tmp_path / "koppel.toml") as koppel:
            (job,) = koppel.sync().jobs
        assert (str(job.state), job.tally.to_left.inserted, job.tally.to_right.inserted) == ("done", 1, 4)
        assert connection.execute("SELECT count(*) FROM account").fetchone() == (5,)
        connection.close()
