"""Who does the work of the pipeline: another thread where a table's own work is done elsewhere, else nobody but us.

A table in this very process (SQLite) gains nothing from a second thread: the two would only take turns, row by row.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Inline(Executor):
    """Does everything at once, in the thread that asks."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """A future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def hand(elsewhere: bool) -> Executor:
    """One pair of hands; `elsewhere`: the work is done by another process, and we can do something else meanwhile."""
    return ThreadPoolExecutor(1, "koppel") if elsewhere else Inline()


def ahead(pages: Iterator[T], reader: Executor) -> Iterator[T]:
    """The same pages; while one is used, the next is being read."""
    coming = reader.submit(next, pages, None)
    while (page := coming.result()) is not None:
        coming = reader.submit(next, pages, None)
        yield page
