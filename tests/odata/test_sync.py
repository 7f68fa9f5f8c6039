"""The whole way: the engine keeps a service and a database in step, also over a line that is cut."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from koppel.app import Koppel
from tests.beside import Database, Rows, synced
from tests.odata.server import CUSTOMERS, Cut, Server
from tests.odata.service import SECRET
from tests.odata.test_table import uid

CRM = Database("crm")
sql = CRM.sql
TOML = (
    CRM.toml
    + """
[systems.erp]
connector = "odata"
url = "https://erp.example/api/v2.0/"
auth = {user = "koppel", password = "env:ERP_PASSWORD"}
[mappings.CUSTOMER]
left = "erp.customers"
right = "crm.account"
only_coupled = false
fields = ["no <-> number", "name <-> name", "credit <-> credit"]
"""
)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The service behind the configuration."""
    made = Server()
    monkeypatch.setenv("ERP_PASSWORD", SECRET)
    monkeypatch.setattr(
        "koppel.connectors.odata.open_system", lambda name, url, auth, batch, **_: made.system(4, batch)
    )
    (tmp_path / "koppel.toml").write_text(TOML, encoding="utf-8")
    CRM.create(
        tmp_path,
        "CREATE TABLE account (id UUIDTEXT PRIMARY KEY, number TEXT UNIQUE, name TEXT NOT NULL, credit DECIMAL(15,4))",
    )
    yield made
    made.engine.dispose()


def sync(folder: Path, server: Server) -> list[str]:
    """One run, an hour later; what each job says of itself."""
    server.time.passed += 3600
    return synced(folder)


def both(folder: Path, server: Server) -> tuple[Rows, Rows]:
    """Number and name of all records on both sides."""
    theirs = sorted((row["no"], row["name"]) for row in server.rows())
    return theirs, sql(folder, "SELECT number, name FROM account ORDER BY number")


def test_records_travel_both_ways_and_then_rest(tmp_path: Path, server: Server) -> None:
    server.put(CUSTOMERS, id=uid(1), no="C1", name="O'Brien", credit=Decimal("12.5"))
    sql(tmp_path, "INSERT INTO account VALUES (?, 'A1', 'Übel & Zn', '7.25')", uid(2))
    assert sync(tmp_path, server) == ["done"]
    left, right = both(tmp_path, server)
    assert left == right == [("A1", "Übel & Zn"), ("C1", "O'Brien")]
    server.edit(uid(1), name="new")
    sql(tmp_path, "UPDATE account SET name = 'other' WHERE number = 'A1'")
    sync(tmp_path, server)
    assert both(tmp_path, server)[0] == both(tmp_path, server)[1] == [("A1", "other"), ("C1", "new")]
    server.asked.clear()
    sync(tmp_path, server)
    assert [line for line in server.asked if not line.startswith("GET")] == [], "a further run writes nothing"


@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize("stored", [True, False])
def test_a_create_whose_answer_is_lost_is_made_once_in_the_same_run(
    tmp_path: Path, server: Server, stored: bool, batch: bool
) -> None:
    """DESIGN 7; issue 4: the connection is cut before or after the commit. koppel chose the id, and looks it up."""
    server.batch = batch
    for n in (1, 2, 3):
        sql(tmp_path, "INSERT INTO account VALUES (?, ?, 'x', NULL)", uid(n), f"A{n}")
    (server.after if stored else server.before)[2] = Cut("cut")
    assert sync(tmp_path, server) == ["done"]
    left, right = both(tmp_path, server)
    assert left == right == [("A1", "x"), ("A2", "x"), ("A3", "x")]
    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        assert not koppel.errors()
    assert ("POST $batch" in server.asked) == batch
    server.asked.clear()
    sync(tmp_path, server)
    assert [line for line in server.asked if not line.startswith("GET")] == [], "a further run writes nothing"
