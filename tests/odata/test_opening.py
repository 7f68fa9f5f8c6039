"""From koppel.toml to an open service: ways to sign in, secrets by reference, every mistake at once."""

from pathlib import Path

import httpx2
import pytest

from koppel.app.connections import Connections
from koppel.config import load
from koppel.config.dump import dump
from koppel.connectors.odata.opening import authorisation, check_url, open_system
from koppel.connectors.odata.system import OdataSystem
from koppel.errors import BadAnswer, ConfigurationError
from tests.beside import Database
from tests.odata.server import Server
from tests.odata.service import ROOT, SECRET, FakeTime, Script, answer

TOML = (
    Database("crm").toml
    + """
[systems.erp]
connector = "odata"
url = "https://erp.example/api/v2.0/"
{more}
[mappings.CUSTOMER]
left = "erp.customers"
right = "crm.account"
fields = ["no -> accountnumber"]
"""
)
BASIC = 'auth = {user = "koppel", password = "env:ERP_PASSWORD"}'


def written(folder: Path, more: str) -> Path:
    path = folder / "koppel.toml"
    path.write_text(TOML.format(more=more), encoding="utf-8")
    return path


def test_a_service_is_opened_as_the_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_PASSWORD", SECRET)
    configuration = load(written(tmp_path, BASIC))
    assert configuration.system_auth("erp") == {"user": "koppel", "password": SECRET}
    connections = Connections(configuration)
    system = connections.system("erp")
    assert isinstance(system, OdataSystem) and system.identity() == "odata:erp.example/api/v2.0/"
    connections.close()


def test_what_is_written_back_holds_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_PASSWORD", SECRET)
    path = written(tmp_path, BASIC)
    configuration = load(path)
    text = dump(configuration)
    assert SECRET not in text and "env:ERP_PASSWORD" in text
    path.write_text(text, encoding="utf-8")
    assert load(path) == configuration


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("", "the way to sign in is missing"),
        ('auth = {user = "koppel"}', "this is no way to sign in"),
        (f'auth = {{user = "koppel", password = "{SECRET}"}}', "the password itself does not belong in this file"),
        ('auth = {tenant = "t", client = "c", secret = "env:A", certificate = "file:b"}', "this is no way to sign in"),
        ('auth = {user = "koppel", pasword = "env:A"}', "pasword"),
        ('auth = "koppel"', "a table"),
        (f'{BASIC}\nfields.customers.no = "code"', "a service says itself"),
    ],
)
def test_mistakes_are_told_with_their_place_and_without_the_secret(tmp_path: Path, more: str, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what) as caught:
        load(written(tmp_path, more))
    assert SECRET not in str(caught.value) and "koppel.toml" in str(caught.value)


def test_a_database_is_not_signed_in_to(tmp_path: Path) -> None:
    path = written(tmp_path, BASIC)
    path.write_text(path.read_text().replace('crm.db"', f'crm.db"\n{BASIC}'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="signed in to by its url"):
        load(path)
    path.write_text(TOML.format(more=BASIC).replace('crm.db"', 'crm.db"\nbatch = true'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="many records at once anyway"):
        load(path)


@pytest.mark.parametrize(("more", "batch"), [("", None), ("batch = true", True), ("batch = false", False)])
def test_batches_are_as_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, batch: bool | None
) -> None:
    """None: as the service says; `false` is not forgotten."""
    monkeypatch.setenv("ERP_PASSWORD", SECRET)
    path = written(tmp_path, f"{BASIC}\n{more}")
    asked: list[object] = []
    server = Server()
    monkeypatch.setattr(
        "koppel.connectors.odata.open_system", lambda name, url, auth, batch: asked.append(batch) or server.system()
    )
    path.write_text(dump(load(path)), encoding="utf-8")
    connections = Connections(load(path))
    connections.system("erp")
    connections.close()
    server.engine.dispose()
    assert asked == [batch]


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example/",
        "ftp://erp.example/",
        "http://10.0.0.1/",
        "https://u:p@erp.example/",
        "https://e.example/?x=1",
        "https://[abc",
        "https://",
    ],
)
def test_a_secret_does_not_travel_in_the_open(url: str) -> None:
    with pytest.raises(ConfigurationError):
        check_url("erp", url)


@pytest.mark.parametrize(
    "url", ["https://erp.example/", "http://127.0.0.1:8080/", "http://localhost/x", "http://[::1]/"]
)
def test_https_or_this_machine(url: str) -> None:
    check_url("erp", url)


def test_a_certificate_without_its_key_is_a_mistake() -> None:
    auth = {"tenant": "t", "client": "c", "certificate": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"}
    with pytest.raises(ConfigurationError, match="holds both"):
        authorisation("erp", ROOT, auth)


def test_the_clock_of_a_service_is_the_date_of_its_answers() -> None:
    server = Server()
    server.time.passed = 90
    assert server.system().now() == server.time.now()
    server.engine.dispose()


def test_a_service_without_a_clock_is_not_guessed_at() -> None:
    time = FakeTime()
    script = Script(time, answer())
    system = open_system("erp", ROOT, {"user": "koppel", "password": SECRET}, None, time.timing(), script)
    with pytest.raises(BadAnswer, match="no date"):
        system.now()
    assert script.seen[0][1].headers["authorization"].startswith("Basic ")
    system.close()
    system.close()


def test_an_answer_with_a_bad_date_is_told() -> None:
    time = FakeTime()
    replies = [httpx2.Response(200, headers={"date": "yesterday"})]
    system = open_system("erp", ROOT, {"user": "a", "password": "b"}, None, time.timing(), Script(time, *replies))
    with pytest.raises(BadAnswer, match="no date"):
        system.now()
