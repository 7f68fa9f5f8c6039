"""PostgreSQL keeps the contract of a table."""

from collections.abc import Iterator

import pytest

from koppel.testing import TableContract
from tests.contract.postgresql_stage import PostgresStage


@pytest.fixture
def stage() -> Iterator[PostgresStage]:
    stage = PostgresStage()
    yield stage
    stage.close()


class TestPostgresql(TableContract):
    pass
