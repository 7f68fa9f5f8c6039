"""The worlds the tests of this folder look at: a full one, made once and only read, and a small one to write in."""

import time
from pathlib import Path

import pytest

from koppel.demo.databases import build
from koppel.demo.files import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    started = time.perf_counter()
    made = build(tmp_path_factory.mktemp("world"))
    print(f"demo world built in {time.perf_counter() - started:.2f} s")
    return made


@pytest.fixture
def small(tmp_path: Path) -> World:
    return build(tmp_path / "small", customers=300, vendors=40, contacts=700, salespeople=5, overlap=90)
