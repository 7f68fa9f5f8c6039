"""Stages that several modules use."""

from collections.abc import Iterator

import pytest

from tests.contract.mariadb_stage import MariaStage


@pytest.fixture
def maria() -> Iterator[MariaStage]:
    """A fresh MariaDB database."""
    stage = MariaStage()
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def shared_maria() -> Iterator[MariaStage]:
    """One database for all examples of a property."""
    stage = MariaStage()
    yield stage
    stage.close()
