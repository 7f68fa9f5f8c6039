"""`koppel worker`, `pause` and `resume`: running unattended. A line of log per job; a signal ends it after the job that
is running, a second one at once.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Annotated

from koppel.cli.levels import MappingNames
from koppel.cli.options import EVERYWHERE, Common, flag, opened
from koppel.cli.screen import emit, out
from koppel.cli.words import moment

if TYPE_CHECKING:
    from koppel.app import WorkLine

_STOPPING = b"Stopping when the running job has ended; a second signal stops at once.\n"


def worker(
    *mappings: MappingNames,
    once: Annotated[bool, flag("--once", "Run what is due now, and end.")] = False,
    common: Common = EVERYWHERE,
) -> int:
    """Run the mappings whenever they are due (their setting `every`), until it is told to stop."""
    # The log is the progress: a bar, or a line per finished mapping, would say it twice.
    with opened(replace(common, quiet=True)) as session, _until_told() as wait:
        code = session.koppel.work(mappings, once, _log_json if common.json else _log, wait)
    return code if once else 0


def pause(*mappings: MappingNames, common: Common = EVERYWHERE) -> int:
    """Let the worker leave mappings alone until they are resumed."""
    return _set_paused(mappings, True, common)


def resume(*mappings: MappingNames, common: Common = EVERYWHERE) -> int:
    """Let the worker run paused mappings again."""
    return _set_paused(mappings, False, common)


def _set_paused(mappings: tuple[str, ...], paused: bool, common: Common) -> int:
    with opened(common) as session:
        left = session.koppel.pause(mappings) if paused else session.koppel.resume(mappings)
        if common.json:
            emit({"paused": left})
        else:
            out(f"Paused: {', '.join(left)}. The worker leaves them alone." if left else "No mapping is paused.")
    return 0


def _log(line: WorkLine) -> None:
    counts = ", ".join(f"{name} {number}" for name, number in line.counts.items())
    seconds = f"{line.seconds:.1f} s" if line.seconds else ""  # of what was left alone there are none
    parts = [moment(line.time), line.mapping, line.state, counts, seconds, line.message]
    print("  ".join(part for part in parts if part), file=sys.stderr, flush=True)


def _log_json(line: WorkLine) -> None:
    from koppel.app import as_json

    print(json.dumps(as_json(line), ensure_ascii=False), flush=True)


@contextmanager
def _until_told() -> Iterator[Callable[[float], bool]]:
    """A function that waits some seconds, shorter once SIGTERM or SIGINT has come, and tells whether it has."""
    ear, bell = socket.socketpair()
    told: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        if told:
            raise KeyboardInterrupt
        told.append(number)
        bell.send(b"!")
        os.write(2, _STOPPING)  # print may be at work already, and does not like to be interrupted by itself

    def wait(seconds: float) -> bool:
        if not told:
            select.select([ear], [], [], seconds)
        return bool(told)

    before = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield wait
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        ear.close()
        bell.close()
