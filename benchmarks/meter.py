"""What a piece of work costs: wall time, CPU of its process and of the PostgreSQL server, peak memory, and how much of
the machine others took meanwhile. It asks /proc, so it needs Linux.
"""

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True)
class Figures:
    """Seconds but for `peak_mb`. `others`: cores that other processes kept busy on average."""

    seconds: float
    client_cpu: float
    server_cpu: float
    peak_mb: float
    others: float
    more: dict[str, float] = field(default_factory=dict)
    """What only this scenario tells."""


class Meter:
    """`with Meter(postmaster) as meter: work()` leaves the `Figures` of the work in `meter.figures`.

    `postmaster`: process id of the server's first process; None: no server takes part.
    """

    figures: Figures

    def __init__(self, postmaster: int | None = None) -> None:
        self._postmaster = postmaster

    def __enter__(self) -> "Meter":
        """Begin."""
        self._server, self._machine, self._client = server_cpu(self._postmaster), _machine_cpu(), _client_cpu()
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End."""
        seconds = time.perf_counter() - self._started
        client = _client_cpu() - self._client
        server = server_cpu(self._postmaster) - self._server
        strangers = max(0.0, _machine_cpu() - self._machine - client - server)
        self.figures = Figures(seconds, client, server, peak_mb(), strangers / seconds)


def measure_process(
    command: Sequence[object], folder: Path, settings: Mapping[str, str], postmaster: int | None
) -> tuple[Figures, str]:
    """What a command costs from the start of its process to the end, and what it prints.

    `settings` are added to its environment; its modules may be kept compiled, as those of an installed program are.
    Raises RuntimeError with the end of its complaint when it fails.
    """
    with TemporaryFile("w+") as told, TemporaryFile("w+") as complaint:
        with Meter(postmaster) as meter:
            words, environment = [str(word) for word in command], os.environ | settings
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            process = subprocess.Popen(words, cwd=folder, env=environment, stdout=told, stderr=complaint)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (told, complaint):
            file.seek(0)
        if process.returncode:
            raise RuntimeError(f"{words[0]} failed:\n{complaint.read()[-2000:]}")
        return replace(meter.figures, peak_mb=usage.ru_maxrss / 1024), told.read()


def peak_mb() -> float:
    """The most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def server_cpu(postmaster: int | None) -> float:
    """CPU seconds of a server so far: its first process, all the processes that have ended, and those at work."""
    if postmaster is None:
        return 0.0
    while True:
        children = _children(postmaster)
        total = sum(_process_cpu(process) for process in (postmaster, *children))
        if children == _children(postmaster):  # one that ended meanwhile counts twice or not at all
            return total


def parent_of(process: int) -> int | None:
    """The parent of a process of this machine; None when there is no such process."""
    fields = _stat(process)
    return int(fields[1]) if fields else None


def _children(parent: int) -> list[int]:
    processes = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    return [process for process in processes if parent_of(process) == parent]


def _process_cpu(process: int) -> float:
    """Of the process and of its children that have ended."""
    return sum(map(int, _stat(process)[11:15])) / _TICKS


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, which may hold anything; none when the process has ended."""
    try:
        return (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _client_cpu() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _machine_cpu() -> float:
    """User, nice, system and interrupts of all cores."""
    fields = (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(fields[place]) for place in (0, 1, 2, 5, 6)) / _TICKS
