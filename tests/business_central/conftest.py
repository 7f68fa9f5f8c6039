"""An environment of its own for each test."""

import pytest

from tests.business_central.erp import Erp, custom, standard


@pytest.fixture
def erp() -> Erp:
    """Standard pages."""
    return standard()


@pytest.fixture
def app() -> Erp:
    """The pages of an app."""
    return custom()
