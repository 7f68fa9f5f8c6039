"""Fixtures: places for stores in either database, taken away in the end. What a store promises, it promises in both."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from koppel.store import SqlStore
from tests.postgresql import dropped, fresh_schema
from tests.store.shelf import Shelf

DATABASES = ("sqlite", "postgresql")
Place = Callable[[str], str]
"""The URL of a new place for a store in a database of that kind."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    schemas, numbers = [], count()

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/koppel{next(numbers) or ''}.db"
        url, schema = fresh_schema()
        schemas.append(schema)
        return url

    yield make
    for schema in schemas:
        dropped(schema)


@pytest.fixture(params=DATABASES)
def shelf(request: pytest.FixtureRequest, place: Place) -> Iterator[Shelf]:
    made = Shelf(place(request.param))
    yield made
    made.close()


@pytest.fixture
def store(shelf: Shelf) -> SqlStore:
    return shelf.open()
