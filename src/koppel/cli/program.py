"""The program: its commands, and what becomes of mistakes. A user's mistake gets a remedy, never a traceback."""

import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from cyclopts import App, CycloptsError

from koppel import __version__
from koppel.cli import certify, full, levels, logs, records, sandbox, setup, storekeeping, worker
from koppel.cli.screen import complain
from koppel.errors import ConfigurationError, KoppelError, Problem

INTERRUPTED, BROKEN_PIPE, BUG = 130, 141, 70
"""Exit codes beside those of DESIGN 11, as shells and sysexits.h know them."""

_COMMANDS: tuple[Callable[..., int], ...] = (
    *(setup.init, setup.check, levels.review, full.full, levels.answer, levels.sync, levels.plan),
    *(worker.worker, worker.pause, worker.resume),
    *(logs.jobs, logs.errors, logs.conflicts, records.explain, records.resolve, records.retry, records.approve),
    *(records.match, records.couple, records.uncouple, setup.apply, setup.export, setup.demo, sandbox.sandbox),
    certify.certify,
)


def program() -> App:
    """The command line with all its commands."""
    app = App(
        name="koppel",
        help="Keeps the records of two business systems coupled and in step. Every run can be planned first.",
        version=f"koppel {__version__}",
        help_format="plaintext",
        suppress_keyboard_interrupt=False,
    )
    for place, command in enumerate(_COMMANDS):
        app.command(command, sort_key=place)  # the order in which one meets them, not that of the alphabet
    about = "Show the systems, or adopt another installation of one."
    systems = App(name="systems", default_command=setup.systems, help=about, sort_key=len(_COMMANDS))
    systems.command(setup.adopt)
    app.command(systems)
    about = "Bring the store up to date, look through it, or move it into another database."
    store = App(name="db", default_command=storekeeping.check, help=about, sort_key=len(_COMMANDS) + 1)
    for command in (storekeeping.upgrade, storekeeping.check, storekeeping.move):
        store.command(command)
    app.command(store)
    app["--help"].group = app["--version"].group = ()
    return app


def main() -> NoReturn:
    """Run the command line and end the process with its exit code."""
    # Libraries that are being loaded leave no garbage; looking for it among them took a tenth of a short run.
    gc.set_threshold(100_000)
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run one command; its exit code: 0 done, 1 records failed or conflicts opened, 2 usage, 3 a system, 4 halted."""
    as_json = "--json" in words
    try:
        code = _called(words)
        sys.stdout.flush()
        return code
    except CycloptsError as error:
        error.verbose = False
        remedy = f"koppel {' '.join(error.command_chain or ())}".rstrip() + " --help"
        complain(ConfigurationError([Problem("", str(error).strip(), remedy)]), as_json)
        return 2
    except KoppelError as error:
        complain(error, as_json)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nStopped. What was begun is finished or taken back by the next run.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        return _bug(error, as_json)


def _called(words: Sequence[str]) -> int:
    result = program()(words, exit_on_error=False, print_error=False, result_action="return_value")
    return result if isinstance(result, int) else 0


def _bug(error: Exception, as_json: bool) -> int:
    """What koppel did not foresee: one line, and the traceback for whoever asks for it."""
    if os.environ.get("KOPPEL_DEBUG") == "1":
        traceback.print_exception(error)
    what = f"this is a bug in koppel: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
    if as_json:
        failure = KoppelError(f"{what}\n    → run it again with KOPPEL_DEBUG=1 for the details")
        failure.exit_code = BUG
        complain(failure, as_json)
    else:
        print(f"{what} (KOPPEL_DEBUG=1 tells more)", file=sys.stderr)
    return BUG
