"""MariaDB keeps the contract of a table."""

from collections.abc import Iterator

import pytest

from koppel.testing import TableContract
from tests.contract.mariadb_stage import MariaStage


@pytest.fixture
def stage() -> Iterator[MariaStage]:
    stage = MariaStage()
    yield stage
    stage.close()


class TestMariadb(TableContract):
    pass
