"""Progress on stderr: on a terminal, once work takes more than a second, a bar per mapping with count, total, rate;
elsewhere a line per finished mapping. Nothing with `--quiet`. stdout is never touched."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from koppel.cli.words import thousands

if TYPE_CHECKING:
    from rich.progress import Progress

_PATIENCE = 1.0
"""Seconds before a bar is worth the flicker."""


class Bars:
    """The progress of one run at a time; `of` is what the facade is given, `shown` surrounds the work."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: Progress | None = None
        self._current: tuple[str, float] | None = None
        self._done = 0

    def of(self, mapping: str) -> Callable[[int, int], None]:
        """Begin a mapping: a function of (pairs done, pairs in all) that shows how far it is."""
        self._close()
        self._current, self._done = (mapping, time.monotonic()), 0
        task = None if self._bars is None else self._bars.add_task(mapping, total=None, rate="")

        def advance(done: int, total: int) -> None:
            self._done = done
            if self._bars is not None and task is not None and self._current is not None:
                rate = done / max(time.monotonic() - self._current[1], 0.001)
                self._bars.update(task, completed=done, total=total, rate=f"{thousands(round(rate))}/s")

        return advance

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show progress while the work inside lasts."""
        if self._quiet:
            yield
            return
        timer = None
        if sys.stderr.isatty():
            self._bars = _rich_bars()
            timer = Timer(_PATIENCE, self._bars.start)
            timer.daemon = True
            timer.start()
        try:
            yield
            self._close()
        finally:
            self._current = None
            if timer is not None and self._bars is not None:
                timer.cancel()
                timer.join()
                self._bars.stop()
                self._bars = None

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """The same for work that cannot be counted beforehand."""
        with self.shown():
            if self._bars is not None:
                self._bars.add_task(what, total=None, rate="")
            yield

    def _close(self) -> None:
        """Say that the mapping at work is finished: fill its bar, or print its line where there are no bars."""
        if self._current is None:
            return
        mapping, began = self._current
        if self._bars is not None:
            for task in self._bars.tasks:
                if not task.finished:
                    self._bars.update(task.id, total=max(self._done, 1), completed=max(self._done, 1))
        elif not self._quiet:
            print(
                f"{mapping}: {thousands(self._done)} pairs looked at in {time.monotonic() - began:.1f} s",
                file=sys.stderr,
            )


def _rich_bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
