"""MariaDB keeps the contract of a table."""

import pytest

from koppel.testing import TableContract
from tests.contract.mariadb_stage import MariaStage


class TestMariadb(TableContract):
    @pytest.fixture
    def stage(self, maria: MariaStage) -> MariaStage:
        return maria
