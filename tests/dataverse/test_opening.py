"""From koppel.toml to an open environment: every mistake at once, with what to do."""

from pathlib import Path

import pytest

from koppel.app.connections import Connections
from koppel.config import load
from koppel.config.dump import dump
from koppel.connectors.dataverse import open_system
from koppel.connectors.dataverse.opening import root_of
from koppel.connectors.dataverse.system import DataverseSystem
from koppel.errors import ConfigurationError, Unreachable
from koppel.ports import TableOptions
from tests.dataverse.crm import crm

TOML = """
[systems.crm]
connector = "dataverse"
url = "https://contoso.crm4.dynamics.com"
timezone = "Europe/Amsterdam"
{more}
[systems.erp]
connector = "sql"
url = "sqlite:///erp.db"
{erp}
"""
AUTH = 'auth = {tenant = "contoso.com", client = "app", secret = "env:CRM_SECRET"}'
SIGN_IN = {"tenant": "contoso.com", "client": "app", "secret": "s3cr3t"}


def written(folder: Path, more: str, erp: str = "") -> Path:
    path = folder / "koppel.toml"
    path.write_text(TOML.format(more=more, erp=erp), encoding="utf-8")
    return path


def test_an_environment_is_opened_as_the_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET", "s3cr3t")
    configuration = load(written(tmp_path, AUTH))
    connections = Connections(configuration)
    system = connections.system("crm")
    assert isinstance(system, DataverseSystem) and system._zone == "Europe/Amsterdam"
    assert system._session.root == "https://contoso.crm4.dynamics.com/api/data/v9.2/"
    connections.close()


def test_what_is_written_back_is_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, AUTH + '\nca_file = "certificates/ca.pem"')
    configuration = load(path)
    assert configuration.system_ca_file("crm") == tmp_path / "certificates/ca.pem"
    assert configuration.system_ca_file("erp") is None
    path.write_text(dump(configuration), encoding="utf-8")
    assert load(path) == configuration


@pytest.mark.parametrize(
    ("more", "erp", "what"),
    [
        ("", "", "the way to sign in is missing"),
        ('auth = {user = "a", password = "env:B"}', "", "Dataverse takes no user and password"),
        (AUTH + '\nfields.account.name = "code"', "", "a service says itself of what kind its fields are"),
        (AUTH, 'ca_file = "ca.pem"', "sql trusts the authorities of this machine"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, more: str, erp: str, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        load(written(tmp_path, more, erp))


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("https://contoso.crm4.dynamics.com/", "https://contoso.crm4.dynamics.com/api/data/v9.2/"),
        ("https://contoso.crm4.dynamics.com/api/data/v9.1", "https://contoso.crm4.dynamics.com/api/data/v9.1/"),
    ],
)
def test_the_url_may_be_that_of_the_environment_or_of_its_api(url: str, root: str) -> None:
    assert root_of("crm", url) == root


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("https://contoso.crm4.dynamics.com/main.aspx", "write https://contoso.crm4.dynamics.com"),
        ("http://contoso.crm4.dynamics.com", "https://"),
    ],
)
def test_any_other_url_is_refused(url: str, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        open_system("crm", url, SIGN_IN)


def test_a_file_of_authorities_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing", encoding="utf-8")
    for name in ("empty.pem", "missing.pem"):
        with pytest.raises(ConfigurationError, match=f"{name} cannot be read"):
            open_system("crm", "https://contoso.crm4.dynamics.com", SIGN_IN, ca_file=tmp_path / name)


def test_an_authority_that_is_not_trusted_gives_no_token(tmp_path: Path) -> None:
    """Nor is one asked over a line that does not exist; nothing of the secret is told."""
    from trustme import CA

    CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    sign_in = SIGN_IN | {"authority": "https://127.0.0.1:9"}
    system = open_system("crm", "https://127.0.0.1:9", sign_in, ca_file=tmp_path / "ca.pem")
    with pytest.raises(Unreachable) as raised:
        system.identity()
    assert "s3cr3t" not in str(raised.value)
    system.close()


@pytest.mark.parametrize(
    ("name", "options", "what"),
    [
        ("acount", TableOptions(), "did you mean account"),
        ("account", TableOptions(key=("name",)), "addressed by accountid"),
        ("account", TableOptions(modified="name"), "cannot be a change stamp"),
        ("account", TableOptions(modified="modifiedat"), "did you mean modifiedon"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(name: str, options: TableOptions, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        crm().system.table(name, options)


def test_metadata_is_read_once_a_minute_and_in_two_calls() -> None:
    far = crm()
    for _ in range(3):
        far.system.table("account", TableOptions())
        far.system.table("contact", TableOptions())
    assert len(far.line.asked) == 3, "the list of tables, and one batch for each of both"
    far.web.clock.advance(61)
    far.system.table("account", TableOptions())
    assert len(far.line.asked) == 5
