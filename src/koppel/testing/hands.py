"""Hands for the pipeline whose order is the same every time: a simulation has to be repeatable (see `engine.hands`)."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class Late(Executor):
    """Does everything at the last moment, when its answer is asked for: pages stay open as long as they may.

    What is asked of it is done in the order in which it was asked, as one thread would.
    """

    def __init__(self) -> None:
        self._asked: list[_Promise] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """A future that is not done before somebody waits for it or for a later one."""
        promise = _Promise(self, lambda: fn(*args, **kwargs))
        self._asked.append(promise)
        return promise

    def do_until(self, last: "_Promise") -> None:
        """Do what was asked for, up to this."""
        while not last.done():
            self._asked.pop(0).keep()


class _Promise(Future[Any]):
    def __init__(self, maker: Late, work: Callable[[], Any]) -> None:
        super().__init__()
        self._maker = maker
        self._work = work

    def keep(self) -> None:
        """Do the work. A death is nobody's answer and goes on its way."""
        try:
            self.set_result(self._work())
        except Exception as error:
            self.set_exception(error)

    def result(self, timeout: float | None = None) -> Any:
        """What came out of it, or its exception raised."""
        self._maker.do_until(self)
        return super().result(timeout)
