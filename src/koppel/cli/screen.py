"""Writing to the terminal: results to stdout, everything about them to stderr, and with `--json` one document and nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from koppel.errors import ConfigurationError, Halted, KoppelError, Problem

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_PIPE_WIDTH = 240
"""Columns of a table that nobody sees on a terminal: wide enough that a line stays a line for grep."""


@cache
def screen(stderr: bool = False) -> Console:
    """The console of stdout or stderr. Values are shown as they are: no markup, no emoji."""
    from rich.console import Console

    class Plain(Console):
        """A console that leaves a closed pipe to `main`."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Plain(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def out(what: RenderableType = "") -> None:
    """Show a result."""
    screen().print(what, soft_wrap=isinstance(what, str))


def tell(text: str, quiet: bool = False) -> None:
    """Say something about the work: a hint, a warning."""
    if not quiet:
        screen(stderr=True).print(text, soft_wrap=True)


def emit(value: object) -> None:
    """Print an answer of the facade as the one JSON document of this command."""
    from koppel.app import as_json

    print(json.dumps(as_json(value), ensure_ascii=False, indent=2))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str] = ()) -> Table:
    """A table; `numbers` names the columns that are aligned to the right."""
    from rich import box
    from rich.table import Table

    made = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(shown(value) for value in row))
    return made


def is_narrow(width: int) -> bool:
    """Whether a table that wide does not fit on the terminal."""
    return screen().width < width


def shown(value: object) -> str:
    """A value as people read it: numbers with groups of three, moments in local time, blanks as a dash."""
    match value:
        case None | "":
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return thousands(value)
        case datetime():
            return moment(value)
        case _:
            return str(value)


def thousands(number: int) -> str:
    """12 431."""
    return f"{number:,}".replace(",", " ")


def counted(number: int, one: str, many: str = "") -> str:
    """`1 mapping`, `5 mappings`."""
    return f"{thousands(number)} {one if number == 1 else many or one + 's'}"


def moment(at: datetime) -> str:
    """A moment in local time, to the second; one without a zone is UTC."""
    from datetime import UTC

    zoned = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return zoned.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def complain(error: KoppelError, as_json: bool) -> None:
    """Show an error: every problem with its remedy on stderr; with `--json` also as the document on stdout."""
    print(str(error), file=sys.stderr)
    if as_json:
        document = {"kind": type(error).__name__, "exit_code": error.exit_code, "problems": [_problem(p) for p in _problems(error)]}
        print(json.dumps({"error": document}, ensure_ascii=False, indent=2))


def _problem(problem: Problem) -> dict[str, str]:
    return {"where": problem.where, "what": problem.what, "remedy": problem.remedy}


def _problems(error: KoppelError) -> list[Problem]:
    if isinstance(error, ConfigurationError):
        return error.problems
    if isinstance(error, Halted):
        return [Problem("", reason.strip(), error.next_command) for reason in error.reasons]
    what, _, remedy = str(error).partition("\n    → ")
    return [Problem("", what, remedy)]
