"""The time of the sandbox: that of the machine until somebody moves it."""

from datetime import UTC, datetime, timedelta


class Clock:
    """A clock in UTC that can be set and moved, so that tokens and deltas expire while one waits (wire 5.4)."""

    def __init__(self, at: datetime | None = None) -> None:
        self._ahead = timedelta()
        self._stopped = at

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return (self._stopped or datetime.now(UTC)) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move it by seconds; backwards when negative."""
        self._ahead += timedelta(seconds=seconds)

    def stop(self, at: datetime) -> None:
        """Let it stand still at a moment; `advance` still moves it."""
        self._stopped, self._ahead = at.astimezone(UTC), timedelta()
