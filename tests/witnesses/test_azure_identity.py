"""azure-identity, with which Microsoft's other clients sign in (wire 3.6), and koppel with its credential."""

from pathlib import Path

import pytest

from koppel.app import Koppel
from koppel.connectors.odata.tokens import Bearer
from koppel.sandbox.server import Sandbox
from tests.sandbox.web import over_https

identity = pytest.importorskip("azure.identity", reason="azure-identity is not installed: make witnesses")


def credential(sandbox: Sandbox, secret: str) -> "identity.ClientSecretCredential":
    return identity.ClientSecretCredential(
        sandbox.entra.tenant,
        sandbox.registration.client_id,
        secret,
        authority=sandbox.entra.url,
        disable_instance_discovery=True,
    )


def test_it_gets_a_token_that_dataverse_and_business_central_take(sandbox: Sandbox) -> None:
    with credential(sandbox, sandbox.registration.secret) as client:
        environment = sandbox.business_central.environment
        companies = f"/v2.0/{environment.tenant}/{environment.name}/api/v2.0/companies"
        for url, path in (
            (sandbox.dataverse.url, "/api/data/v9.2/WhoAmI"),
            (sandbox.business_central.url, companies),
        ):
            token = client.get_token(f"{url}/.default").token
            answer = over_https(sandbox.authority.context(), "GET", url + path, Authorization=f"Bearer {token}")
            assert answer.status == 200


def test_it_is_told_of_a_wrong_secret(sandbox: Sandbox) -> None:
    exceptions = pytest.importorskip("azure.core.exceptions")
    with credential(sandbox, "wrong") as client, pytest.raises(exceptions.ClientAuthenticationError, match="7000215"):
        client.get_token(f"{sandbox.dataverse.url}/.default")


def test_koppel_signs_in_with_it(sandbox: Sandbox) -> None:
    """Any object with `get_token` will do."""
    with credential(sandbox, sandbox.registration.secret) as client:
        header = Bearer("crm", client, f"{sandbox.dataverse.url}/.default").header(None)
    assert sandbox.tokens.bearer(header, sandbox.dataverse.url) is not None


def test_a_program_hands_it_over(sandbox: Sandbox, tmp_path: Path) -> None:
    """The whole way, from koppel.toml without a word of how to sign in."""
    path = tmp_path / "koppel.toml"
    text = (
        f'koppel.environment = "sandbox"\nkoppel.store = "sqlite:///koppel.db"\n'
        f'[systems.crm]\nconnector = "dataverse"\nurl = "{sandbox.dataverse.url}"\n'
        f'ca_file = "{sandbox.authority.ca_file.as_posix()}"\nauth = {{credential = "handed over"}}\n'
        f'[mappings.M]\nleft = "crm.account"\nright = "crm.contact"\nfields = ["name -> lastname"]\n'
    )
    path.write_text(text, encoding="utf-8")
    handed_over = credential(sandbox, sandbox.registration.secret)
    with handed_over as client, Koppel.open(path, credentials={"crm": client}) as koppel:
        assert all(line.well for line in koppel.check())
