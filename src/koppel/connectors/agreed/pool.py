"""Connections that are kept when a call is done, and tried before the next one uses them: a restarted server costs
nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Generic, TypeVar

C = TypeVar("C")

IDLE_CONNECTIONS = 8


class Pool(Generic[C]):
    """`opened` makes one; `alive` whether an idle one still answers; `fresh` whether a used one is without a
    transaction now (it may end one); `closed` closes one and never raises.
    """

    def __init__(
        self,
        opened: Callable[[], C],
        alive: Callable[[C], bool],
        fresh: Callable[[C], bool],
        closed: Callable[[C], None],
    ) -> None:
        self._opened = opened
        self._alive = alive
        self._fresh = fresh
        self._closed = closed
        self._idle: list[C] = []
        self._lock = Lock()

    @contextmanager
    def lent(self) -> Iterator[C]:
        """One that answers, for one call."""
        connection = self._taken()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _taken(self) -> C:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._opened()
            if self._alive(connection):
                return connection
            self._closed(connection)

    def _give_back(self, connection: C) -> None:
        """Keep it for the next call, unless it is of no use any more or there are many."""
        if self._fresh(connection):
            with self._lock:
                if len(self._idle) < IDLE_CONNECTIONS:
                    self._idle.append(connection)
                    return
        self._closed(connection)

    def close(self) -> None:
        """Close every idle connection. Safe to call twice."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            self._closed(connection)
