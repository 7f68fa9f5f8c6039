"""Revisions: what migrations make is what a new store is; older and newer stores are told apart; an upgrade that fails
changes nothing.
"""

from datetime import datetime, tzinfo
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from koppel.errors import ConfigurationError, Halted, StoreFailure
from koppel.store import inspect_store, open_store, revision, upgrade
from koppel.store.backup import back_up
from koppel.store.opened import whole
from koppel.store.shape import differences
from koppel.store.upgrade import upgrade_store
from tests.store.conftest import DATABASES, Place
from tests.store.shelf import Shelf, content, fill

PRERELEASE = (
    "DROP TABLE alembic_version",
    "INSERT INTO meta (key, value) VALUES ('schema', '1')",
    "ALTER TABLE mapping DROP COLUMN paused",
    "ALTER TABLE watermark DROP COLUMN newest_id",
    "ALTER TABLE watermark DROP COLUMN newest_version",
    "ALTER TABLE journal DROP COLUMN history",
    "DROP INDEX coupling_layout",
    "DROP INDEX coupling_unsettled_left",
    "DROP INDEX coupling_unsettled_right",
    "CREATE INDEX coupling_look_again ON coupling (mapping) WHERE left_version IS NULL OR right_version IS NULL",
    "CREATE TABLE likely (mapping INTEGER REFERENCES mapping (id), left_id VARCHAR)",
)
"""What makes today's store one of the first there were."""


def change(shelf: Shelf, *statements: str) -> None:
    """Change a store as no koppel of today does."""
    shelf.close()
    with whole(shelf.url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize("kind", DATABASES)
def test_migrations_make_what_a_new_store_is(place: Place, kind: str) -> None:
    migrated, made = place(kind), place(kind)
    with whole(migrated) as connection:
        upgrade.migrate(connection)
        assert revision.revision(connection) == revision.NEWEST
        savepoint = connection.begin_nested()
        assert differences(connection) == []
        savepoint.rollback()
    open_store(migrated).close()
    open_store(made).close()
    assert inspect_store(made) == inspect_store(migrated) == []


def test_the_revisions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(upgrade.MIGRATIONS))
    scripts = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(scripts)) == revision.REVISIONS


def test_a_store_of_before_the_first_release_is_refused_and_then_adopted(shelf: Shelf) -> None:
    fill(shelf.open())
    before = content(shelf.opened[0])
    change(shelf, *PRERELEASE)
    with pytest.raises(ConfigurationError, match="older koppel") as refused:
        shelf.open()
    assert refused.value.problems[0].remedy == "koppel db upgrade"
    shelf.dead.add("one")
    done = upgrade_store(shelf.url, owner=shelf.owner())
    shelf.dead.clear()
    assert (done.before, done.after) == ("unversioned", revision.NEWEST)
    after = content(shelf.open())
    lost = {"mapping": [(*row[:6], False) for row in before["mapping"]]}
    lost["watermark"] = [(*row[:4], None, None) for row in before["watermark"]]
    assert after == before | lost
    assert {flaw.subject for flaw in inspect_store(shelf.url, shelf.owner())} == set()


def test_the_way_back_leads_back(shelf: Shelf) -> None:
    """The copy made before an upgrade is the whole store of before."""
    fill(shelf.open())
    before = content(shelf.opened[0])
    change(shelf, "DELETE FROM alembic_version", "DROP INDEX coupling_layout")
    shelf.dead.add("one")
    done = upgrade_store(shelf.url, owner=shelf.owner())
    assert done.backup.removeprefix("schema ") in done.way_back
    copy = f"sqlite:///{done.backup}"
    if not shelf.url.startswith("sqlite"):
        options = {"options": f"-csearch_path={done.backup.removeprefix('schema ')}"}
        copy = make_url(shelf.url).update_query_dict(options).render_as_string(hide_password=False)
    with pytest.raises(ConfigurationError, match="older koppel"):
        open_store(copy)
    upgrade_store(copy, backup=False, owner=shelf.owner())
    again = Shelf(copy)
    assert content(again.open()) == before
    again.close()
    assert inspect_store(copy, Shelf(copy).owner()) == []
    if not shelf.url.startswith("sqlite"):
        with whole(shelf.url) as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {done.backup.removeprefix('schema ')} CASCADE")


def test_an_older_store_is_refused_with_the_command(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.open()
    monkeypatch.setattr(revision, "REVISIONS", ("0001", "0002"))
    monkeypatch.setattr(revision, "NEWEST", "0002")
    with pytest.raises(ConfigurationError, match=r"revision 0001, this one needs 0002\)\n    → koppel db upgrade"):
        shelf.open("two")


def test_a_newer_store_is_refused_by_everything(shelf: Shelf) -> None:
    shelf.open()
    change(shelf, "UPDATE alembic_version SET version_num = '9999'")
    for attempt in (shelf.open, lambda: upgrade_store(shelf.url), lambda: inspect_store(shelf.url)):
        with pytest.raises(ConfigurationError, match="does not know") as refused:
            attempt()
        assert "the koppel version that wrote it" in refused.value.problems[0].remedy


def test_a_process_that_was_left_running_stops_after_an_upgrade(shelf: Shelf) -> None:
    store = shelf.open()
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="does not know"):
        fill(store)


def test_nothing_is_upgraded_while_a_worker_is_at_work(shelf: Shelf) -> None:
    fill(shelf.open())
    change(shelf, *PRERELEASE)
    with pytest.raises(Halted, match="CUSTOMER is being synchronised by one"):
        upgrade_store(shelf.url, owner=shelf.owner("two"))
    shelf.dead.add("one")
    upgrade_store(shelf.url, owner=shelf.owner("two"))


def test_an_upgrade_that_goes_wrong_is_taken_back(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(shelf.open())
    change(shelf, *PRERELEASE)
    monkeypatch.setattr(upgrade, "differences", lambda _: ["table coupling is missing"])
    shelf.dead.add("one")
    with pytest.raises(StoreFailure, match="table coupling is missing"):
        upgrade_store(shelf.url, owner=shelf.owner("two"))
    with whole(shelf.url) as connection:
        assert revision.revision(connection) == revision.UNVERSIONED
        assert connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'schema'").scalar() == "1"


def test_two_copies_within_a_second_are_two(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores of one database are upgraded one after another, each in a schema of its own."""

    class Still(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Still":
            return cls(2026, 1, 1, tzinfo=tz)

    monkeypatch.setattr("koppel.store.backup.datetime", Still)
    url = place("postgresql")
    open_store(url).close()
    with whole(url) as connection:
        made = {back_up(connection, "test")[0] for _ in range(2)}
        assert len(made) == 2
        for name in made:
            connection.exec_driver_sql(f"DROP {name} CASCADE")


def test_the_newest_store_is_left_alone(shelf: Shelf) -> None:
    shelf.open()
    assert upgrade_store(shelf.url) == upgrade.Upgraded(revision.NEWEST, revision.NEWEST)


def test_where_there_is_no_store_none_is_made(place: Place) -> None:
    missing = place("sqlite")
    for attempt in (upgrade_store, inspect_store):
        for url in (missing, place("postgresql")):
            with pytest.raises(ConfigurationError, match="there is no store"):
                attempt(url)
    assert not Path(missing.removeprefix("sqlite:///")).exists()


def test_what_stands_elsewhere_in_the_search_path_is_somebody_elses(place: Place) -> None:
    """Another store, or an application with names like ours and a revision: none of it is ours, none is changed."""
    theirs, ours = place("postgresql"), place("postgresql")
    other = open_store(theirs)
    other.apply_mapping("THEIRS", "{}")
    other.close()
    path = "{},{}".format(*(make_url(url).query["options"].split("=")[1].split(",")[0] for url in (ours, theirs)))
    both = make_url(ours).update_query_dict({"options": f"-csearch_path={path}"}).render_as_string(hide_password=False)
    shelf = Shelf(both)
    fill(shelf.open())
    assert shelf.opened[0].applied_document("THEIRS") is None
    before = content(shelf.opened[0])
    change(shelf, *PRERELEASE)
    shelf.dead.add("one")
    assert upgrade_store(both, owner=shelf.owner()).before == "unversioned"
    assert inspect_store(both, Shelf(both).owner()) == []
    assert content(shelf.open())["coupling"] == before["coupling"]
    shelf.close()
    other = open_store(theirs)
    assert (other.applied_document("THEIRS"), other.applied_document("CUSTOMER")) == ("{}", None)
    other.close()
    assert inspect_store(theirs) == []


@pytest.mark.parametrize("kind", DATABASES)
def test_tables_of_something_else_are_not_touched(place: Place, kind: str) -> None:
    """A system's own database is no place for the store when the names meet."""
    url = place(kind)
    with whole(url) as connection:
        connection.exec_driver_sql("CREATE TABLE job (title VARCHAR)")
    with pytest.raises(ConfigurationError, match="something else whose names a store needs: job"):
        open_store(url)
