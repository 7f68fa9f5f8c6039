"""A generic OData service keeps the contract of a table: one that compares texts exactly and takes batches, and one
that does neither.
"""

from collections.abc import Iterator

import pytest

from koppel.testing import TableContract
from tests.contract.odata_stage import OdataStage


class TestOdata(TableContract):
    @pytest.fixture(params=[True, False], ids=["exact-batch", "coarse-single"])
    def stage(self, request: pytest.FixtureRequest) -> Iterator[OdataStage]:
        made = OdataStage(exact=request.param, batch=request.param)
        yield made
        made.close()
