"""Every exception koppel raises on purpose.

KoppelError
├── ConfigurationError      what the user wrote cannot work; all problems at once        exit 2
├── SystemFailure           one of the two systems did not do what was asked             exit 3
│   ├── Unreachable             no connection, or the database cannot be opened or written
│   ├── Throttled               it is busy for longer than koppel may wait
│   ├── Denied                  the system refuses these rights
│   └── BadAnswer               it answered something that cannot be understood
├── Halted                  a guard refuses to go on; names the next command             exit 4
├── LeaseLost               another worker owns this mapping now                         exit 4
└── StoreFailure            koppel's own store cannot be read or written                 exit 3

One record's trouble is never an exception: it is data (an outcome, an error row). An exception always ends a page, a
job or the process, and its class says which exit code the command line gives.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One mistake, told so that it can be mended: where it stands, what is wrong, what to do."""

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        """The problem on one line, the remedy on a second one."""
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}\n    → {self.remedy}" if self.remedy else line


class KoppelError(Exception):
    """Base of all errors a person can act on; `exit_code` is what the command line returns."""

    exit_code = 1


class ConfigurationError(KoppelError):
    """Wrong usage or configuration. Carries every problem found, not only the first; nothing was written."""

    exit_code = 2

    def __init__(self, problems: list[Problem]) -> None:
        assert problems, "a configuration error names at least one problem"
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class SystemFailure(KoppelError):
    """A system did not do what was asked; the job ends and the next run takes up where it stopped.

    `undone`: of a write, surely nothing was carried out, so that nobody has to look what became of it.
    """

    exit_code = 3
    undone = False

    def __init__(self, system: str, what: str, remedy: str = "") -> None:
        super().__init__(str(Problem(system, what, remedy)))
        self.system = system


class Unreachable(SystemFailure):
    """No connection, or the database cannot be opened, read or written. Try again later."""


class Throttled(SystemFailure):
    """The system is there and asks to be left alone for longer than a call may take. Try again later."""


class Denied(SystemFailure):
    """The system refuses these rights. A person must grant them."""


class BadAnswer(SystemFailure):
    """The system answered something that cannot be understood. Nothing of that answer was used."""


class Halted(KoppelError):
    """A guard refuses to go on. `reasons` say what looks like an accident, `next_command` lifts exactly that."""

    exit_code = 4

    def __init__(self, reasons: list[str], next_command: str) -> None:
        super().__init__("\n".join([*reasons, f"    → {next_command}"]))
        self.reasons = reasons
        self.next_command = next_command


class LeaseLost(KoppelError):
    """Another worker holds the lease of this mapping; what this one still had open is refused."""

    exit_code = 4


class StoreFailure(KoppelError):
    """koppel's own store cannot be read or written; nothing was settled."""

    exit_code = 3
