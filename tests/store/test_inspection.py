"""`db check`: a sound store has no flaws; every kind of damage is found, all at once, and nothing is changed."""

import os

import pytest

from koppel.store import inspect_store
from koppel.store.opened import whole
from tests.store.shelf import Shelf, content, couplings, fill, settle

DAMAGES = {
    "reference": ("DELETE FROM conflict WHERE true; INSERT INTO conflict (mapping, coupling, left_id, right_id, kind,"
    " fields, left_values, right_values, job, opened_at) VALUES (1, 99, 'l', 'r', 'update', '[]', '[]', '[]', 1,"
    " '2026-01-01 00:00:00.000000')", "conflict: 1 rows name a coupling that is not there"),
    "width": ("UPDATE coupling SET left_base = right_version::bytea WHERE left_id = 'NULLl'",
    "coupling: 1 baselines are not as wide as their layout 1 (16 bytes)"),
    "layout": ("UPDATE coupling SET layout = 77 WHERE left_id = 'l1'",
    "coupling: 1 baselines are of a layout that their mapping does not have"),
    "version": ("UPDATE mapping_version SET document = 'another' WHERE mapping = 1",
    "COMPANY: what is in force is not the newest version that is kept"),
    "index": ("DROP INDEX coupling_unsettled_left", "schema: coupling: index coupling_unsettled_left is missing"),
    "column": ("ALTER TABLE mapping DROP COLUMN paused", "schema: mapping: column paused is missing"),
    "journal": ("UPDATE journal SET rows = left_base FROM coupling WHERE left_id = 'l1'",
    "of the journal cannot be read"),
}  # fmt: skip
"""What somebody does to a store, and what is said of it."""


def damage(shelf: Shelf, said: str) -> None:
    """Do it."""
    with whole(shelf.url, references=False) as connection:
        for statement in said.split("; "):
            sqlite = connection.dialect.name == "sqlite"
            connection.exec_driver_sql(statement.replace("::bytea", "") if sqlite else statement)


def found(shelf: Shelf) -> list[str]:
    """What is said of the store."""
    return [f"{flaw.subject}: {flaw.what}" for flaw in inspect_store(shelf.url, shelf.owner())]


@pytest.fixture
def filled(shelf: Shelf) -> Shelf:
    """A store with something in every table, whose worker lives on."""
    fill(shelf.open())
    return shelf


def test_a_sound_store_has_no_flaws(filled: Shelf) -> None:
    before = content(filled.opened[0])
    assert found(filled) == []
    assert content(filled.opened[0]) == before


def test_what_a_dead_worker_left_open_is_told(filled: Shelf) -> None:
    filled.dead.add("one")
    write = filled.opened[0].open_intents("CUSTOMER")[0].id
    assert [(f"{f.subject}: {f.what}", f.remedy) for f in inspect_store(filled.url, filled.owner("two"))] == [
        ("CUSTOMER: job 2 is open and its process is dead", "koppel sync CUSTOMER closes it"),
        (
            f"CUSTOMER: what became of write {write} is not known yet",
            "koppel sync CUSTOMER finds it out before it does anything else",
        ),
    ]


@pytest.mark.parametrize("name", list(DAMAGES))
def test_damage_is_found(filled: Shelf, name: str) -> None:
    statement, said = DAMAGES[name]
    damage(filled, statement)
    assert any(said in line for line in found(filled))


def test_all_damages_are_told_at_once(filled: Shelf) -> None:
    for statement, _ in DAMAGES.values():
        damage(filled, statement)
    lines = found(filled)
    assert [said for _, said in DAMAGES.values() if not any(said in line for line in lines)] == []


def test_records_coupled_twice_are_found_when_the_constraint_is_gone(filled: Shelf) -> None:
    at = fill_again(filled)
    assert "coupling: 1 records are coupled more than once (left_id)" in at
    assert any("unique (mapping, left_id) is missing" in said for said in at)


def fill_again(shelf: Shelf) -> list[str]:
    """What is said of a store whose table of couplings was made without its constraints."""
    if shelf.url.startswith("sqlite"):
        make = "ALTER TABLE coupling RENAME TO old; CREATE TABLE coupling AS SELECT * FROM old; DROP TABLE old"
    else:
        make = "ALTER TABLE coupling DROP CONSTRAINT coupling_mapping_left_id_key"
    columns = "mapping, left_id, right_id, left_base, right_base, layout, generation, recovered"
    twice = f"INSERT INTO coupling ({columns}) SELECT {columns.replace('right_id', 'left_id')}"
    damage(shelf, f"{make}; {twice} FROM coupling WHERE left_id = 'l1'")
    return found(shelf)


def test_a_sequence_that_was_set_back_is_found(filled: Shelf) -> None:
    if filled.url.startswith("sqlite"):
        pytest.skip("SQLite has no sequences here")
    damage(filled, "SELECT setval(pg_get_serial_sequence('coupling', 'id'), 1)")
    (said,) = found(filled)
    assert said.startswith("coupling: its next number would be 2, and ")


def test_a_damaged_file_is_found(shelf: Shelf) -> None:
    """Zeroes among the couplings."""
    if not shelf.url.startswith("sqlite"):
        pytest.skip("PostgreSQL looks after its own files")
    at = fill(shelf.open())
    settle(shelf.opened[0], at, couplings=couplings(*((f"many {n}", f"r{n}") for n in range(2000)), layout=0))
    shelf.close()
    with open(shelf.url.removeprefix("sqlite:///"), "r+b") as file:
        file.seek(-4096 * 8, os.SEEK_END)
        file.write(bytes(4096 * 4))
    assert any(line.startswith(("file: ", "store: it could not be looked through")) for line in found(shelf))


def test_a_missing_column_keeps_nothing_else_from_being_told(filled: Shelf) -> None:
    """A look that cannot be taken says so; the others are taken."""
    damage(filled, "ALTER TABLE journal DROP COLUMN rows; DROP INDEX coupling_layout")
    damage(filled, DAMAGES["width"][0])
    said = found(filled)
    assert {"schema: journal: column rows is missing", "schema: coupling: index coupling_layout is missing"} <= {*said}
    assert any(DAMAGES["width"][1] in line for line in said)
    assert any(line.startswith("store: it could not be looked through: ") for line in said)
