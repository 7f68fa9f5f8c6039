"""Fixtures: a store in either database, closed in the end. What a store promises, it promises in both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from koppel.store import SqlStore
from tests.postgresql import dropped, fresh_schema
from tests.store.shelf import Shelf


@pytest.fixture(params=["sqlite", "postgresql"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    schema = None
    url = f"sqlite:///{tmp_path}/koppel.db"
    if request.param == "postgresql":
        url, schema = fresh_schema()
    made = Shelf(url)
    yield made
    for store in made.opened:
        store.close()
    if schema is not None:
        dropped(schema)


@pytest.fixture
def store(shelf: Shelf) -> SqlStore:
    return shelf.open()
