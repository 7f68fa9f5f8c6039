"""Clients that others wrote, against a running sandbox: what they take for granted holds (wire 3, 5.5).

They are installed by `make witnesses`; without them these tests are skipped and say so.
"""

from collections.abc import Iterator

import pytest

from koppel.sandbox.server import Sandbox, Settings, running


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with running(Settings(accounts=4, contacts=5, businesses=0, people=0)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Running, and trusted by every client that asks the environment whom to trust (wire 3.6)."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.setenv(name, str(_sandbox.authority.ca_file))
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    return _sandbox


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    """An access token for Dataverse."""
    return sandbox.tokens.issue(sandbox.registration.client_id, sandbox.dataverse.url)
