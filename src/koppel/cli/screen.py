"""Writing to the terminal: results to stdout, all about them to stderr; with `--json` one document on stdout."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import TYPE_CHECKING

from koppel.errors import ConfigurationError, Halted, KoppelError, Problem

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

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
    """Show a result; where it is not a terminal, without the blanks that fill a table's lines."""
    console = screen()
    if console.is_terminal:
        console.print(what, soft_wrap=isinstance(what, str))
        return
    with console.capture() as captured:
        console.print(what, soft_wrap=isinstance(what, str))
    print("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def tell(text: str, quiet: bool = False) -> None:
    """Say something about the work: a hint, a warning."""
    if not quiet:
        screen(stderr=True).print(text, soft_wrap=True)


def emit(value: object) -> None:
    """Print an answer of the facade as the one JSON document of this command."""
    from koppel.app import as_json

    print(json.dumps(as_json(value), ensure_ascii=False, indent=2))


def complain(error: KoppelError, as_json: bool) -> None:
    """Show an error: every problem with its remedy on stderr; with `--json` also as the document on stdout."""
    print(str(error), file=sys.stderr)
    if as_json:
        document = {
            "kind": type(error).__name__,
            "exit_code": error.exit_code,
            "problems": [_problem(p) for p in _problems(error)],
        }
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
