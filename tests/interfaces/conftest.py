"""A desk for every test of the interfaces."""

from pathlib import Path

import pytest

from tests.interfaces.desk import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Two empty databases and a configuration."""
    return make_desk(tmp_path)
