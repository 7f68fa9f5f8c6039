"""What is known of a system once it is connected."""

from datetime import UTC, datetime, timedelta
from typing import Any

from koppel.app.connections import Connections
from koppel.connectors.memory import MemorySystem

NOT_READ: Any = None


def test_how_far_a_clock_is_ahead_is_measured_once() -> None:
    """DESIGN 3: the clock offset is measured at connection; a clock that is set right later does not move stamps of the
    same run."""
    ahead = timedelta(minutes=3)
    system = MemorySystem("crm", lambda: datetime.now(UTC) + ahead)
    connections = Connections(NOT_READ, {"crm": system})
    assert abs(connections.clock_ahead("crm") - ahead) < timedelta(seconds=5)
    system.now = lambda: datetime.now(UTC)
    assert abs(connections.clock_ahead("crm") - ahead) < timedelta(seconds=5)
