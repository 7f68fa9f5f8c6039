"""Business Central keeps the contract of a table, whatever its unsettled points turn out to be (wire 6)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from koppel.connectors.business_central import system
from koppel.model.values import FieldShape, KeyOrigin, Kind
from koppel.sandbox.business_central.switches import BlankMember, Switches
from koppel.testing import TableContract
from koppel.testing.contract import ways
from koppel.testing.stage import FIELDS
from tests.contract.business_central_stage import BusinessCentralStage, staged

THE_OTHER_WAY = Switches(
    delete_needs_match=False,
    blank_member_written=BlankMember.ENCODED,
    blank_member_shown=" ",
    duplicate_key_status=409,
    stale_status=412,
    enum_filtered=False,
    or_refused_status=500,
)


class TestBusinessCentral(TableContract):
    """Over the connector, the session and the sandbox: read by row version, and by stamp as standard pages are."""

    @pytest.fixture(params=["by row version", "by stamp, the other way"])
    def stage(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[BusinessCentralStage]:
        # Three-hundredths of a second are kept (wire 2.3).
        monkeypatch.setitem(ways.RICH, "seen", datetime(2026, 10, 25, 0, 30, 1, 123000, tzinfo=UTC))
        with staged(monkeypatch):
            if request.param == "by row version":
                yield BusinessCentralStage(Switches())
            else:
                monkeypatch.setattr(system, "is_tracked", lambda page, sets: False)
                yield BusinessCentralStage(THE_OTHER_WAY)

    def test_the_shape_is_the_tables(self, stage: BusinessCentralStage) -> None:  # type: ignore[override]
        """No text is without a limit, no decimal tells its digits, and the stamp has a name of its own."""
        table = stage.table(KeyOrigin.CHOSEN)
        assert table is not None
        shape = table.describe()
        assert (shape.key, shape.key_origin, shape.modified) == (("id",), KeyOrigin.CHOSEN, "lastModifiedDateTime")
        differing = {
            "note": FieldShape("note", Kind.TEXT, length=2048),
            "amount": FieldShape("amount", Kind.DECIMAL),
            "number": FieldShape("number", Kind.TEXT, length=200),
        }
        for field in FIELDS:
            assert shape.field(field.name) == differing.get(field.name, field)
