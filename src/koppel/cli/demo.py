"""`koppel demo`: the main job from beginning to end on two systems, told as a story.

It changes nothing outside its folder, and without a folder it leaves nothing behind.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from rich.console import Console

from koppel.app import Demo, FullOptions, Koppel, RunReport, demo_on_databases, demo_over_http, services_are_installed
from koppel.cli.progress import Bars
from koppel.cli.tables import conflict_table, error_table, explanation_table, job_table, review_table
from koppel.model.policy import FirstContact

WIDTH = 128
"""Columns where there is no terminal to ask."""

_COMMANDS = (
    ("koppel jobs", "the job log"),
    ("koppel conflicts", "open questions; koppel resolve closes one"),
    ("koppel errors", "records that could not be carried; koppel retry tries them again"),
    ("koppel plan CUSTOMER", "what the next run would write, before it does"),
    ("koppel init", "a koppel.toml of your own"),
)
_OVER_HTTP = (
    ("koppel demo --sql --folder demo", "the same on two databases, which stay, so that you can go on by hand"),
    ("koppel sandbox", "services like these, to rehearse your own mappings against"),
    ("koppel init --preset business-central-dataverse", "a koppel.toml for your own Business Central and Dataverse"),
)
_SERVICES = (
    "Business Central and Dataverse, two services on this machine that behave like the real ones, with tokens, limits"
    " and pages. They know nothing of each other."
)
_DATABASES = "Business Central and Dataverse, as two databases that know nothing of each other."
_WITHOUT_SERVICES = "pip install 'koppel[sandbox]' shows the same on services reached over HTTPS. Without it:"


@dataclass(frozen=True)
class _Stage:
    """Where the story is told."""

    console: Console
    koppel: Koppel
    bars: Bars

    def act(self, title: str) -> None:
        """Begin an act."""
        self.console.rule(title, align="left")

    def say(self, text: str) -> None:
        """Say something, wrapped to the width there is."""
        self.console.print(text, highlight=False)


def run_demo(folder: Path | None, sql: bool, quiet: bool) -> int:
    """Tell the story; 0 when it went as it should, 2 when the folder holds a demo already. `sql`: on two databases, as
    also where what the services need is not installed.
    """
    console = Console(quiet=quiet)
    if not console.is_terminal:
        console.width = WIDTH
    if not sql and not services_are_installed():
        console.print(_WITHOUT_SERVICES, highlight=False, markup=False)
        sql = True
    place = folder or Path(mkdtemp(prefix="koppel-demo-"))
    place.mkdir(parents=True, exist_ok=True)
    try:
        console.print(f"[bold]koppel demo[/]: {_DATABASES if sql else _SERVICES}", highlight=False)
        with demo_on_databases(place) if sql else demo_over_http(place) as demo:
            _story(console, demo, Bars(quiet))
    except FileExistsError:
        console.print(f"There is a demo in {place} already: name another folder, or remove it.")
        return 2
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
    console.rule("What to try next", align="left")
    if sql:
        _farewell(console, folder)
    else:
        _show_commands(console, _OVER_HTTP)
    return 0


def _story(console: Console, demo: Demo, bars: Bars) -> None:
    with Koppel.open(demo.config, progress=bars.of) as koppel:
        stage = _Stage(console, koppel, bars)
        _couple_what_is_on_both_sides(stage)
        _full(stage)
        _a_day_passes(stage, demo)
        _look_closer(stage)
        _nothing_to_do(stage)


def _couple_what_is_on_both_sides(stage: _Stage) -> None:
    stage.act("1. The review: what a full synchronisation would meet")
    lines = stage.koppel.review()
    stage.console.print(review_table(lines, stage.console.width))
    likely = sum(len(line.likely) for line in lines)
    stage.say(
        f"{likely:,} records exist on both sides and are not coupled. A full synchronisation now would stop and ask, so"
        " that nothing is doubled. They are coupled by the match rules of each mapping; where two values differ,"
        " Business Central wins this once (one answer per mapping)."
    )
    for line in lines:
        if len(line.likely):
            with stage.bars.shown():
                seconds, coupled = _timed(lambda name=line.mapping: _accept(stage.koppel, name))  # type: ignore[misc]
            stage.say(f"   {line.mapping:<12} {coupled:>6,} coupled and synchronised in {seconds:.1f} s")


def _accept(koppel: Koppel, mapping: str) -> int:
    return koppel.match(mapping, accept=True, reject=False, first_contact=FirstContact.LEFT).coupled


def _full(stage: _Stage) -> None:
    stage.act("2. The full synchronisation: everything else is created and coupled, in dependency order")
    with stage.bars.shown():
        seconds, report = _timed(lambda: stage.koppel.full([], FullOptions()))
    _show_run(stage, report, seconds)
    stage.say("At the end it asks whether scheduled jobs may keep creating records. The answer here is yes.")
    stage.koppel.answer(report.run, yes=True)


def _a_day_passes(stage: _Stage, demo: Demo) -> None:
    stage.act("3. A day passes: people edit both systems")
    for what, count in Counter(edit.what for edit in demo.edit()).items():
        stage.say(f"   {count:>4} × {what}")
    stage.say("All modified records are synchronised, in the order currency, salespeople, vendor, customer, contact:")
    with stage.bars.shown():
        seconds, report = _timed(lambda: stage.koppel.sync(sweep=True))
    _show_run(stage, report, seconds)


def _look_closer(stage: _Stage) -> None:
    stage.act("4. What needs a person")
    koppel = stage.koppel
    conflicts = sorted(koppel.conflicts(), key=lambda conflict: len(conflict.fields), reverse=True)
    stage.say(
        f"{len(conflicts)} conflicts. One of them, a post code edited here and a city there: one address, one question."
    )
    stage.console.print(conflict_table(conflicts[:1], koppel.mappings))
    errors = [error for error in koppel.errors() if error.code != "waiting"]
    shown = [error for error in errors if error.code == "too_long"] or errors
    stage.say(f"{len(errors)} records cannot be carried as they are; the others went on without them. One of them:")
    stage.console.print(error_table(shown[:1], koppel.mappings))
    stage.say("Why is a record as it is? [bold]koppel explain[/] tells:")
    stage.console.print(explanation_table(koppel.explain(conflicts[0].mapping, conflicts[0].left_id), koppel.mappings))


def _nothing_to_do(stage: _Stage) -> None:
    stage.act("5. Once more: there is nothing to do")
    with stage.bars.shown():
        stage.koppel.sync()  # what Dataverse stamped within the same second is looked at once more
        seconds, report = _timed(stage.koppel.sync)
    _show_run(stage, report, seconds)
    totals = [job.tally.total for job in report.jobs]
    written = sum(total.inserted + total.modified + total.deleted for total in totals)
    stage.say(f"{written} records written. What waits for a person or for another record does not hold up the rest.")


def _show_run(stage: _Stage, report: RunReport, seconds: float) -> None:
    stage.console.print(job_table(report.jobs, stage.koppel.mappings, stage.console.width))
    for error in report.errors.values():
        stage.say(str(error))
    records = sum(sum(job.tally.total.as_dict().values()) for job in report.jobs)
    stage.say(f"{records:,} records decided in {seconds:.1f} s.")


def _farewell(console: Console, folder: Path | None) -> None:
    if folder is None:
        again = "koppel demo --sql --folder demo"
        console.print(f"{again} keeps the two databases and koppel.toml, so that you can go on by hand:")
    console.print(f"cd {folder or 'demo'}")
    _show_commands(console, _COMMANDS)


def _show_commands(console: Console, commands: Sequence[tuple[str, str]]) -> None:
    width = max(24, *(len(command) + 2 for command, _ in commands))
    for command, what in commands:
        console.print(f"{command:<{width}} {what}", highlight=False)


_Result = TypeVar("_Result")


def _timed(work: Callable[[], _Result]) -> tuple[float, _Result]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result
