"""The cache of the metadata: for half a minute a change of it is not seen (wire 1.1, 4.2.29)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from koppel.sandbox.clock import Clock

LIFETIME = timedelta(seconds=30)
"""How long an answer is given again."""

Document = Mapping[str, Any]


class Cache:
    """Answers by the address they were asked at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[datetime, Document]] = {}

    def get(self, address: str, strong: bool, made: Callable[[], Document]) -> Document:
        """The answer as it was, if that is not too long ago; as it is when `strong` consistency is asked for."""
        now = self._clock.now()
        at, document = self._kept.get(address, (now - LIFETIME, {}))
        if strong or now - at >= LIFETIME:
            document = made()
            self._kept[address] = (now, document)
        return document
