"""`koppel db`: upgrade, check and move as a person meets them, over a SQLite store and a PostgreSQL one."""

import json
from collections.abc import Iterator

import pytest

from tests.interfaces.desk import Desk, coupled_desk
from tests.postgresql import connected, dropped, fresh_schema, sql


@pytest.fixture
def server() -> Iterator[str]:
    """The URL of an empty schema."""
    url, schema = fresh_schema()
    yield url
    dropped(schema)


def test_a_store_moves_to_a_server_and_goes_on_there(desk: Desk, server: str) -> None:
    """Couplings intact: what was synchronised before is unchanged after, and an edit travels."""
    coupled_desk(desk, 20)
    done = desk.koppel("db", "move", "env:SERVER", "--json", SERVER=server)
    assert done.code == 0, done.err
    assert done.json["rows"]["coupling"] == 20
    assert done.json["setting"] == 'store = "env:SERVER"'
    assert "→ write" in done.err
    refused = desk.koppel("sync")
    assert (refused.code, "was moved to postgresql:" in refused.err) == (2, True)

    desk.configure('store = "sqlite:///koppel.db"', done.json["setting"])
    desk.edit("erp", "name = 'new'", "no = 'C00007'")
    plan = desk.koppel("plan", "--json", SERVER=server)
    assert [(v["field"], v["after"]) for v in plan.json["values"]] == [("name", "new")], plan.err
    desk.configure('page = "sales"', 'every = "1s"')
    worked = json.loads(desk.koppel("worker", "--once", "--json", SERVER=server).out)
    assert (worked["state"], worked["counts"]["modified"]) == ("done", 1)
    assert desk.koppel("sync", "--json", SERVER=server).json["jobs"][0]["counts"]["modified"] == 0
    assert desk.koppel("db", "check", "--json", SERVER=server).json == []


def test_a_check_that_finds_something_says_what_to_do(desk: Desk) -> None:
    coupled_desk(desk, 3)
    desk.change("koppel", "DELETE FROM layout")
    desk.change("koppel", "UPDATE mapping_version SET document = 'x'")
    done = desk.koppel("db", "check")
    assert done.code == 1
    assert "✗ coupling: 3 baselines are of a layout that their mapping does not have" in done.out
    assert "✗ CUSTOMER: what is in force is not the newest version that is kept\n    → " in done.out
    assert "2 flaws." in done.out
    assert [flaw["subject"] for flaw in desk.koppel("db", "check", "--json").json] == ["coupling", "CUSTOMER"]


def test_an_old_store_is_upgraded_and_the_way_back_is_told(desk: Desk) -> None:
    coupled_desk(desk, 3)
    desk.change("koppel", "DROP TABLE alembic_version")
    desk.change("koppel", "ALTER TABLE mapping DROP COLUMN paused")
    refused = desk.koppel("sync")
    assert (refused.code, "→ koppel db upgrade" in refused.err) == (2, True)
    done = desk.koppel("db", "upgrade")
    assert done.code == 0, done.err
    assert "before: unversioned" in done.out
    (copy,) = desk.folder.glob("koppel-unversioned-*.db")
    assert f"put {copy} in the place of {desk.folder / 'koppel.db'}" in done.err
    assert desk.koppel("sync").code == 0
    assert desk.koppel("db", "upgrade", "--json").json == {
        "before": "0001", "after": "0001", "backup": "", "way_back": "",
    }  # fmt: skip


def test_a_place_that_is_taken_and_a_password_are_refused(desk: Desk, server: str) -> None:
    coupled_desk(desk, 1)
    schema = server.rpartition("%3D")[2].partition("%2C")[0]
    with connected(server) as connection:
        connection.execute(sql(f"CREATE TABLE {schema}.history (of text)"))
    taken = desk.koppel("db", "move", "env:SERVER", SERVER=server)
    assert (taken.code, "names a store needs: history" in taken.err) == (2, True)
    said = desk.koppel("db", "move", "postgresql://me:secret@host/db")
    assert (said.code, "secret" in said.err + said.out) == (2, False)
    assert desk.koppel("sync").code == 0


def test_a_missing_store_is_not_made_by_looking(desk: Desk) -> None:
    for verb in ("check", "upgrade"):
        done = desk.koppel("db", verb)
        assert (done.code, "there is no store" in done.err) == (2, True)
    assert not (desk.folder / "koppel.db").exists()
