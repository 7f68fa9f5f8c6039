"""Dataverse keeps the contract of a table, whatever its unsettled points turn out to be (wire 6)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from koppel.model.values import FieldShape, KeyOrigin, Kind
from koppel.sandbox.switches import Switches
from koppel.testing import TableContract
from koppel.testing.contract import ways
from koppel.testing.contract.feeding import Feeding
from tests.contract.dataverse_stage import WORDS, DataverseStage, staged

THE_OTHER_WAY = Switches(
    empty_text_is_null=False,
    accent_sensitive=False,
    ne_finds_null=True,
    delete_refused_status=400,
    duplicate_status=500,
    recreated_is_deleted_too=True,
)


class TestDataverse(TableContract):
    """Over the connector, the session and the sandbox."""

    @pytest.fixture(params=[Switches(), THE_OTHER_WAY], ids=["usual", "the other way"])
    def stage(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataverseStage]:
        # Dataverse keeps whole seconds (wire 1.5).
        monkeypatch.setitem(ways.RICH, "seen", datetime(2026, 10, 25, 0, 30, 1, tzinfo=UTC))
        with staged(monkeypatch):
            yield DataverseStage(request.param)

    def test_the_shape_is_the_tables(self, stage: DataverseStage) -> None:  # type: ignore[override]
        """Dataverse knows no codes, no text without a limit, and calls its change stamp as it likes."""
        table = stage.table(KeyOrigin.CHOSEN)
        assert table is not None
        shape = table.describe()
        assert (shape.key, shape.key_origin, shape.modified) == (("id",), KeyOrigin.CHOSEN, "modifiedon")
        for wanted in (
            FieldShape("no", Kind.TEXT, length=20, unique=True),
            FieldShape("name", Kind.TEXT, length=100, nullable=False),
            FieldShape("note", Kind.TEXT, length=1_048_576),
            FieldShape("amount", Kind.DECIMAL, scale=4),
            FieldShape("pieces", Kind.INTEGER),
            FieldShape("active", Kind.BOOLEAN),
            FieldShape("since", Kind.DATE),
            FieldShape("seen", Kind.DATETIME),
            FieldShape("partner", Kind.UUID),
            FieldShape("rank", Kind.CHOICE, choices=tuple(WORDS)),
            FieldShape("number", Kind.TEXT, length=200),
        ):
            assert shape.field(wanted.name) == wanted


class TestUntracked(Feeding):
    """A table whose changes are not tracked tells them by its change stamp."""

    @pytest.fixture
    def stage(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataverseStage]:
        with staged(monkeypatch):
            made = DataverseStage(Switches())
            made.crm.web.environment.untracked.add("thing")
            yield made
