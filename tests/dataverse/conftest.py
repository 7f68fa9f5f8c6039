"""An environment behind a configuration, for tests that go the whole way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from koppel.app import SECRET_VARIABLE, Koppel
from tests.beside import uid
from tests.dataverse.crm import Crm, crm
from tests.dataverse.pair import CRM, ERP, REST, TABLES, sql


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crm]:
    """The environment behind the configuration; the database's currencies are coupled with its own."""
    made = crm()
    monkeypatch.setenv(SECRET_VARIABLE, "s3cr3t")
    monkeypatch.setattr("koppel.connectors.dataverse.open_system", lambda *_: made.connected())
    (tmp_path / "koppel.toml").write_text(CRM + REST, encoding="utf-8")
    ERP.create(tmp_path, TABLES)
    for number, code in enumerate(("EUR", "USD")):
        sql(tmp_path, "INSERT INTO currency VALUES (?, ?)", uid(100 + number), code)
    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        koppel.match("CURRENCY", True, False)
    yield made
