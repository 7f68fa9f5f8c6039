"""The way to a service leads through the proxies that the environment names, whoever is trusted and whoever listens."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx2
import pytest
from trustme import CA

from koppel.connectors import business_central, dataverse, odata
from koppel.connectors.odata.network import Network
from koppel.connectors.odata.recording import Recorder
from koppel.connectors.odata.tokens import EntraApp
from koppel.errors import ConfigurationError, Unreachable
from koppel.ports import System

USER = {"user": "koppel", "password": "s3cr3t"}
APP = {"tenant": "t", "client": "c", "secret": "s3cr3t", "authority": "https://login.example"}

Open = Callable[[Path | None, Recorder | None], System]


def _business_central(ca_file: Path | None, recorder: Recorder | None) -> System:
    place = business_central.Place()
    return business_central.open_system("bc", "https://erp.example/BC", USER, place, ca_file, None, recorder)


def _dataverse(ca_file: Path | None, recorder: Recorder | None) -> System:
    return dataverse.open_system("crm", "https://crm.example", APP, ca_file=ca_file, recorder=recorder)


class Refusing(BaseHTTPRequestHandler):
    """A proxy that leads nowhere, and remembers where it should have."""

    wanted: list[str]

    def do_CONNECT(self) -> None:
        """Somebody wants to go there."""
        self.wanted.append(self.path)
        self.send_error(502)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The environment names a proxy; who wanted to go where through it. Nothing is tried twice."""
    monkeypatch.setattr("koppel.connectors.odata.session.TRIES", 1)
    Refusing.wanted = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
    yield Refusing.wanted
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


def fails(system: System) -> None:
    """It is asked something, and is out of reach."""
    try:
        with pytest.raises(Unreachable):
            system.now()
    finally:
        system.close()


@pytest.mark.parametrize("trusting", [False, True])
@pytest.mark.parametrize("recording", [False, True])
@pytest.mark.parametrize("dialect", [_business_central, _dataverse])
def test_a_proxy_is_taken_whoever_is_trusted_and_whoever_takes_notes(
    proxy: list[str], ca_file: Path, monkeypatch: pytest.MonkeyPatch, dialect: Open, recording: bool, trusting: bool
) -> None:
    """A ca_file, and the notes of certify, once led past every proxy."""
    monkeypatch.setattr(EntraApp, "get_token", lambda self, *scopes: type("Token", (), {"token": "t"}))
    fails(dialect(ca_file if trusting else None, Recorder("mark") if recording else None))
    assert proxy == ["erp.example:443" if dialect is _business_central else "crm.example:443"]


def test_tokens_are_had_through_it_too(proxy: list[str], ca_file: Path) -> None:
    fails(_dataverse(ca_file, None))
    assert proxy == ["login.example:443"]


def test_what_the_environment_excepts_is_reached_directly(
    proxy: list[str], ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "example")
    fails(_business_central(ca_file, None))
    fails(_dataverse(ca_file, None))
    assert proxy == []


def test_no_proxy_leads_to_this_machine(proxy: list[str], ca_file: Path) -> None:
    """Rehearsals run here, under certificates of their own, also where everything else goes through a proxy."""
    place, app = business_central.Place(), APP | {"authority": "https://127.0.0.1:9"}
    fails(business_central.open_system("bc", "https://localhost:9/", USER, place, ca_file))
    fails(dataverse.open_system("crm", "https://127.0.0.1:9", app, ca_file=ca_file))
    fails(odata.open_system("erp", "https://[::1]:9/", USER))
    assert proxy == []


def test_a_proxy_that_cannot_be_used_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://me:s3cr3t@proxy.example")
    for opened in (lambda: Network("bc"), lambda: odata.open_system("erp", "https://erp.example", USER)):
        with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as mistake:
            opened()
        assert "s3cr3t" not in str(mistake.value)


def test_it_carries_what_an_ordinary_client_does() -> None:
    """Over a socket: what is answered, and in pieces."""
    Refusing.wanted = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with httpx2.Client(transport=Network("erp")) as client:
            answer = client.get(f"http://127.0.0.1:{server.server_address[1]}/")
        server.shutdown()
        thread.join()
    assert answer.status_code == 501 and b"Unsupported method" in answer.content
