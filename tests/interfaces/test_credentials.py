"""A program hands over credentials of its own, as those of azure-identity; koppel.toml then says nothing secret."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from koppel.app import Koppel
from koppel.cli.program import run
from koppel.config import load
from koppel.config.dump import dump
from koppel.errors import ConfigurationError, Denied
from koppel.sandbox.server import Sandbox, Settings, running
from tests.beside import Database

TOML = """\
[koppel]
store = "sqlite:///koppel.db"
environment = "sandbox"
[systems.crm]
connector = "dataverse"
url = "{crm}"
ca_file = "{ca_file}"
auth = {crm_auth}
[systems.erp]
connector = "business-central"
url = "{erp}"
environment = "Rehearsal"
company = "CRONUS NL"
ca_file = "{ca_file}"
auth = {erp_auth}
{database}
[mappings.CUSTOMER]
left = "erp.customers"
right = "crm.account"
match = ["number = accountnumber"]
fields = ["number -> accountnumber", "displayName -> name"]
"""
CRM_AUTH_LINE = 8
HANDED_OVER = '{credential = "handed over"}'


class Credential:
    """What any foreign credential is to koppel. `scopes`: what it was asked for."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.scopes: list[str] = []

    def get_token(self, *scopes: str) -> Any:
        """A token that is good for what is asked for, without any of what koppel itself would sign in with."""
        self.scopes += scopes
        audience = scopes[0].removesuffix("/.default")
        return SimpleNamespace(token=self._sandbox.tokens.issue(self._sandbox.registration.client_id, audience))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(Settings(accounts=2, contacts=0, businesses=4, people=0)) as made:
        yield made


def written(folder: Path, sandbox: Sandbox, crm: str = HANDED_OVER, erp: str | None = None) -> Path:
    """A configuration of both services, and of a database that no mapping uses."""
    tenant = f'{{credential = "handed over", tenant = "{sandbox.entra.tenant}"}}'
    path = folder / "koppel.toml"
    text = TOML.format(
        crm=sandbox.dataverse.url, erp=sandbox.business_central.url, crm_auth=crm, erp_auth=erp or tenant,
        ca_file=sandbox.authority.ca_file.as_posix(), database=Database("db").toml,
    )  # fmt: skip
    path.write_text(text, encoding="utf-8")
    return path


def test_both_services_are_signed_in_to_with_what_was_handed_over(tmp_path: Path, sandbox: Sandbox) -> None:
    """Planning and running take the same way."""
    crm, erp = Credential(sandbox), Credential(sandbox)
    with Koppel.open(written(tmp_path, sandbox), credentials={"crm": crm, "erp": erp}) as koppel:
        koppel.apply()
        assert not koppel.plan().errors
        assert not koppel.sync(everything=True).errors
    assert set(crm.scopes) == {f"{sandbox.dataverse.url}/.default"}
    assert set(erp.scopes) == {f"{sandbox.business_central.url}/.default"}


def test_it_goes_before_what_the_file_says_but_for_scope_and_tenant(tmp_path: Path, sandbox: Sandbox) -> None:
    """The secret, which is not there, is not asked for."""
    app = f'{{tenant = "{sandbox.entra.tenant}", client = "nobody", secret = "env:NO_SUCH_SECRET", scope = "SCOPE"}}'
    path = written(tmp_path, sandbox, erp=app.replace("SCOPE", f"{sandbox.business_central.url}//.default"))
    erp = Credential(sandbox)
    with Koppel.open(path, credentials={"crm": Credential(sandbox), "erp": erp}) as koppel:
        koppel.check()
    assert set(erp.scopes) == {f"{sandbox.business_central.url}//.default"}


def test_a_command_says_where_the_credential_is_missing(
    tmp_path: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what needs no connection works."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, sandbox)
    assert run(["sync"]) == 2
    told = capsys.readouterr().err
    place = f"koppel.toml:{CRM_AUTH_LINE} systems.crm.auth"
    assert f"\n{place}: " in f"\n{told}", "its place is told once"
    assert "the program that opens koppel hands over the credential, and none was" in told
    assert run(["check", "--json"]) != 0
    told = capsys.readouterr().out
    assert place in told and "systems.erp.auth" in told and "koppel.toml:1 " not in told
    assert run(["errors"]) == 0


@pytest.mark.parametrize(
    ("crm", "erp", "where", "what"),
    [
        ('{credential = "mine"}', None, "crm.auth.credential", "handed over"),
        ('{credential = "handed over", client = "x"}', None, "crm.auth.client", "takes the place of the client"),
        ('{credential = "handed over", secret = "s3cr3t"}', None, "crm.auth.secret", "takes the place of the secret"),
        (HANDED_OVER, HANDED_OVER, "erp.auth", "the tenant is missing"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, sandbox: Sandbox, crm: str, erp: str | None, where: str, what: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(written(tmp_path, sandbox, crm, erp))
    told = str(raised.value)
    assert f" systems.{where}" in told and what in told and "s3cr3t" not in told


def test_what_is_written_back_is_the_same(tmp_path: Path, sandbox: Sandbox) -> None:
    path = written(tmp_path, sandbox)
    configuration = load(path)
    path.write_text(dump(configuration), encoding="utf-8")
    assert load(path) == configuration


def test_what_cannot_be_used_is_refused_at_once(tmp_path: Path, sandbox: Sandbox) -> None:
    path = written(tmp_path, sandbox)
    good, no_credential = Credential(sandbox), SimpleNamespace(token="s3cr3t")
    handed: dict[str, Any] = {"crm": no_credential, "bc": good, "db": good}
    with pytest.raises(ConfigurationError) as raised:
        Koppel.open(path, credentials=handed)
    told = str(raised.value)
    for what in ("has no get_token", "there is no system 'bc'", "signed in to by its url"):
        assert what in told
    assert "s3cr3t" not in told and not (tmp_path / "koppel.db").exists()


def test_what_a_credential_says_of_its_failure_is_not_repeated(tmp_path: Path, sandbox: Sandbox) -> None:
    """Only Entra's own code."""

    class Failing(Credential):
        def get_token(self, *scopes: str) -> Any:
            raise RuntimeError("AADSTS7000222: the secret s3cr3t of contoso has expired")

    credentials = {"crm": Failing(sandbox), "erp": Credential(sandbox)}
    with Koppel.open(written(tmp_path, sandbox), credentials=credentials) as koppel, pytest.raises(Denied) as raised:
        koppel.couple("CUSTOMER", "1", "2")
    assert "AADSTS7000222" in str(raised.value) and "s3cr3t" not in str(raised.value)
