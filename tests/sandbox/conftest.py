"""One running sandbox for all tests of a process; an environment of its own for each test that needs no network."""

from collections.abc import Iterator

import pytest

from koppel.sandbox.server import Sandbox, Settings, running
from tests.sandbox.central import Central, central
from tests.sandbox.web import Web, web


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with running(Settings(accounts=12, contacts=8, businesses=12, people=8)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The running sandbox, well behaved again afterwards."""
    yield _sandbox
    _sandbox.controls.faults.clear()


@pytest.fixture
def erp() -> Central:
    """Two companies with set-up, and no customers, vendors or contacts."""
    return central()


@pytest.fixture
def crm() -> Web:
    """An environment with users and currencies, and no other rows."""
    return web()
