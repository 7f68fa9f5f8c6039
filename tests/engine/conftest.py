"""Every engine test gets a fresh twin."""

from pathlib import Path

import pytest

from tests.engine.twin import Twin


@pytest.fixture
def twin(tmp_path: Path) -> Twin:
    """Two empty customer tables with a two-way mapping between them."""
    return Twin(tmp_path)
