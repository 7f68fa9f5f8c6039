"""Fixtures: a store on a file, closed in the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from koppel.store import SqlStore
from tests.store.shelf import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(f"sqlite:///{tmp_path}/koppel.db")
    yield made
    for store in made.opened:
        store.close()


@pytest.fixture
def store(shelf: Shelf) -> SqlStore:
    return shelf.open()
