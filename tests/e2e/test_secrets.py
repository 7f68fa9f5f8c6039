"""No token, secret or password in logs, errors, transcripts or, in clear, in the store (issue 4, "Shows it is done").

Everything secret here holds one word. Business Central and Dataverse are synchronised with the word in the client
secret and in every token, a third service with the word in its password, through every kind of trouble; then all that
was said and kept is searched.
"""

import json
import logging
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_urlsafe

import httpx2
import pytest

from koppel.app import SECRET_VARIABLE
from koppel.cli.program import run
from koppel.connectors.odata import opening
from koppel.sandbox import server, tokens, transcript
from koppel.sandbox.faults import Fault, RetryAfter, Trouble
from koppel.sandbox.server import Sandbox, Settings, running
from tests.beside import Database, uid
from tests.odata.server import CUSTOMERS, Server
from tests.odata.test_tokens import certificate
from tests.sandbox.web import admin

WORD = "sesame"
PASSWORD = f"{WORD}-p4ss w/rd"

OLD = Database("old")
MAPPINGS = (
    OLD.toml
    + """
[systems.shop]
connector = "odata"
url = "https://erp.example/api/v2.0/"
auth = {user = "koppel", password = "file:password"}
[mappings.CUSTOMER]
left = "erp.customers"
right = "crm.account"
only_coupled = false
fields = ["number -> accountnumber", "displayName <-> name"]
[mappings.SHOP]
left = "old.customer"
right = "shop.customers"
only_coupled = false
fields = ["no <-> no", "name <-> name"]
"""
)


@dataclass
class Ear:
    """A folder with a configuration, and everything that was ever said in it. `hidden`: what nobody may say."""

    folder: Path
    sandbox: Sandbox
    shop: Server
    capture: pytest.CaptureFixture[str]
    logged: pytest.LogCaptureFixture
    hidden: list[str]
    heard: str = ""

    def koppel(self, *words: str) -> int:
        """Run a command, and listen."""
        code = run([*words, "--config", str(self.folder / "koppel.toml")])
        self.heard += "".join(self.capture.readouterr())
        return code

    def customer(self, number: int) -> None:
        """A customer more, so that there is something to write."""
        row = (uid(number), f"C{number}", f"Name {number}")
        OLD.sql(self.folder, "INSERT INTO customer VALUES (?, ?, ?)", *row)
        with self.sandbox.controls.lock:
            next(iter(self.sandbox.companies.people.values())).create("customers", {"displayName": f"Name {number}"})

    def trouble(self, trouble: Trouble, target: str, status: int = 503, seconds: float = 0) -> None:
        """What the next call to a target meets."""
        self.sandbox.controls.faults.add(Fault(trouble, "", target, 1, seconds, status, RetryAfter.SECONDS))

    def cut_off(self) -> None:
        """The shop breaks off at every write, and the library below names the password when it says so."""
        self.shop.before.update(dict.fromkeys(range(1, 99), httpx2.ReadError(f"broken off: {PASSWORD}")))

    def found(self) -> list[str]:
        """Where something hidden can be read: the place, and what surrounds it."""
        said = {"output": self.heard, "log": self.logged.text}
        said["transcript"] = json.dumps(admin(self.sandbox, "/transcript", method="GET").json)
        kept = [path for path in self.folder.rglob("*") if path.is_file() and path.name not in ("password", "app.pem")]
        said |= {path.name: path.read_bytes().decode("utf-8", "replace") for path in kept}
        assert {"koppel.db", "koppel.toml"} <= said.keys() and all(said.values())
        return [
            f"{place}: {text[max(0, at - 60) : at + 60]!r}"
            for place, text in said.items()
            for secret in self.hidden
            if (at := text.lower().find(secret.lower())) >= 0
        ]


def _told(sandbox: Sandbox, secret: str) -> str:
    """The systems as `koppel sandbox` prints them, with this way to prove who koppel is."""
    auth = {"authority": sandbox.entra.url, "tenant": sandbox.entra.tenant, "client": sandbox.registration.client_id}
    said = "\n".join(f'{name} = "{value}"' for name, value in auth.items())
    common = f'ca_file = "{sandbox.authority.ca_file.as_posix()}"\n[systems.{{}}.auth]\n{said}\n{secret}\n'
    company = next(iter(sandbox.business_central.environment.companies.values())).name
    return (
        f'[koppel]\nstore = "sqlite:///koppel.db"\n[systems.crm]\nconnector = "dataverse"\n'
        f'url = "{sandbox.dataverse.url}"\n{common.format("crm")}'
        f'[systems.erp]\nconnector = "business-central"\nenvironment = "Rehearsal"\ncompany = "{company}"\n'
        f'url = "{sandbox.business_central.url}"\n{common.format("erp")}'
    )


@contextmanager
def listening(
    folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str], log: pytest.LogCaptureFixture
) -> Iterator[Ear]:
    """Both services behind one configuration."""
    for maker in (server, tokens):
        patch.setattr(maker, "token_urlsafe", lambda size: f"{WORD}-{token_urlsafe(size)}")
    shop, pem = Server(), certificate()
    patch.setattr("tests.odata.server.SECRET", PASSWORD)
    patch.setattr(
        "koppel.connectors.odata.open_system",
        partial(opening.open_system, timing=shop.time.timing(), transport=shop),
    )
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    (folder / "app.pem").write_text("".join(pem.values()), encoding="utf-8")
    OLD.create(folder, "CREATE TABLE customer (id UUIDTEXT PRIMARY KEY, no TEXT UNIQUE, name TEXT NOT NULL)")
    log.set_level(logging.DEBUG)
    for name in ("httpx2", "httpcore2", "msal", "urllib3"):
        log.set_level(logging.DEBUG, name)
    basic = b64encode(f"koppel:{PASSWORD}".encode()).decode()
    key_lines = [line for line in pem["private_key"].splitlines() if not line.startswith("-")]
    with running(Settings(0, 0, 2, 0, certificates=(pem["public_certificate"],))) as sandbox:
        patch.setenv(SECRET_VARIABLE, sandbox.registration.secret)
        assert WORD in sandbox.registration.secret
        (folder / "koppel.toml").write_text(
            _told(sandbox, f'secret = "env:{SECRET_VARIABLE}"') + MAPPINGS, encoding="utf-8"
        )
        yield Ear(folder, sandbox, shop, capture, log, [WORD, basic, *key_lines])


@pytest.fixture
def ear(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Ear]:
    with listening(tmp_path, monkeypatch, capsys, caplog) as made:
        yield made


def live(ear: Ear) -> None:
    """Both systems, with everything that can go wrong on the way."""
    meetings: list[Callable[[], object]] = [
        lambda: None,
        lambda: (ear.sandbox.tokens.expire(), ear.trouble(Trouble.CUT_AFTER, "/api/data/v9.2/$batch")),
        lambda: (ear.trouble(Trouble.HALF, "/accounts"), ear.trouble(Trouble.STATUS, "/accounts", 429, 1)),
        lambda: (ear.trouble(Trouble.STATUS, "/accounts", 403), ear.trouble(Trouble.CUT_AFTER, "/customers")),
        lambda: [ear.trouble(Trouble.STATUS, "/accounts", 401) for _ in range(2)],
        lambda: (ear.trouble(Trouble.STATUS, "/oauth2/v2.0/token", 500), ear.cut_off()),
    ]
    for number, happens in enumerate(meetings):
        ear.customer(number)
        happens()
        ear.koppel("sync", "--yes")
        ear.sandbox.controls.faults.clear()
        ear.shop.before.clear()


def strangers(ear: Ear, patch: pytest.MonkeyPatch) -> None:
    """Nobody lets koppel in: no user in the environment, another secret, another password."""
    users = ear.sandbox.dataverse.environment.users
    known = dict(users)
    users.clear()
    assert ear.koppel("check") and "0x80072560" in ear.heard
    users.update(known)
    patch.setenv(SECRET_VARIABLE, f"{WORD}-of-somebody-else")
    assert ear.koppel("check", "--json") and "AADSTS7000215" in ear.heard
    assert ear.koppel("sync", "--yes", "--json") == 3


def test_nothing_secret_is_said_or_kept(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOPPEL_DEBUG", "1")
    live(ear)
    strangers(ear, monkeypatch)
    for words in (["jobs", "--json"], ["errors"], ["export"], ["systems", "--json"], ["check"], ["db", "check"]):
        ear.koppel(*words)
    assert len(ear.sandbox.dataverse.environment.rows.tables["account"]) > 4, "it did synchronise"
    assert len(ear.shop.rows(CUSTOMERS)) > 4
    assert len(ear.sandbox.tokens._grants) > 3 and all(WORD in token for token in ear.sandbox.tokens._grants)
    assert "koppel.connectors.odata.session" in ear.logged.text and "msal" in ear.logged.text
    assert ear.found() == []


def test_a_certificate_is_not_said_either(ear: Ear) -> None:
    """Its private key never leaves; what is signed with it counts as a password."""
    (ear.folder / "koppel.toml").write_text(
        _told(ear.sandbox, 'certificate = "file:app.pem"') + MAPPINGS, encoding="utf-8"
    )
    ear.customer(1)
    assert ear.koppel("sync", "CUSTOMER", "--yes") == 0
    assert len(ear.sandbox.dataverse.environment.rows.tables["account"]) == 3
    assert "client_assertion" in str(ear.sandbox.controls.transcript.all())
    assert "eyJ" not in str(ear.sandbox.controls.transcript.all()), "the assertion is a signed token"
    assert ear.found() == []


def test_the_search_finds_what_is_there(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transcript that hides nothing, and a password in the file that may not hold one."""
    monkeypatch.setattr(transcript, "redacted", lambda body: body.decode(errors="replace"))
    monkeypatch.setattr(transcript, "_SECRET_HEADERS", set[str]())
    logging.getLogger("koppel").warning("the password is %s", PASSWORD)
    ear.koppel("sync", "--yes")
    (ear.folder / "forgotten.txt").write_text(WORD.upper(), encoding="utf-8")
    places = {found.partition(":")[0] for found in ear.found()}
    assert places == {"transcript", "log", "forgotten.txt"}
