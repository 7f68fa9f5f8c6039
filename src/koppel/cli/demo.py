"""`koppel demo`: the main job from beginning to end on two real databases, told as a story. Changes nothing outside its folder."""

import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from rich.console import Console

from koppel.app import Koppel, RunReport
from koppel.app.demo import Demo, edit_demo, make_demo
from koppel.app.full import FullOptions
from koppel.cli.tables import conflict_table, error_table, explanation_table, job_table, review_table
from koppel.model.policy import FirstContact

_WAITING = ("waiting",)


def run_demo(folder: Path | None, quiet: bool) -> int:
    """Tell the story; 0 when it went as it should. Without a folder it happens in a temporary one that is removed afterwards."""
    console = Console(quiet=quiet)
    place = folder or Path(mkdtemp(prefix="koppel-demo-"))
    place.mkdir(parents=True, exist_ok=True)
    try:
        _story(console, make_demo(place))
    except FileExistsError:
        console.print(f"There is a demo in {place} already: name another folder, or remove it.")
        return 2
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
    _farewell(console, folder)
    return 0


def _story(console: Console, demo: Demo) -> None:
    console.print("[bold]koppel demo[/]: Business Central and Dataverse, as two databases that know nothing of each other.")
    with Koppel.open(demo.config) as koppel:
        _couple_what_is_on_both_sides(console, koppel)
        _full(console, koppel)
        _a_day_passes(console, koppel, demo)
        _look_closer(console, koppel)
        _nothing_to_do(console, koppel)


def _couple_what_is_on_both_sides(console: Console, koppel: Koppel) -> None:
    console.rule("1. The review: what a full synchronisation would meet")
    lines = koppel.review()
    console.print(review_table(lines))
    likely = sum(len(line.likely) for line in lines)
    console.print(
        f"{likely:,} records exist on both sides and are not coupled. A full synchronisation now would stop and ask, so that nothing is"
        " doubled.\nThey are coupled by the match rules of each mapping; where two values differ, Business Central wins this once"
        " (one answer per mapping)."
    )
    for line in lines:
        if len(line.likely):
            seconds, report = _timed(lambda name=line.mapping: koppel.match(name, accept=True, reject=False, first_contact=FirstContact.LEFT))
            console.print(f"   {line.mapping:<12} {report.coupled:>6,} coupled by {' or '.join(line.match)}  ({seconds:.1f} s)")


def _full(console: Console, koppel: Koppel) -> None:
    console.rule("2. The full synchronisation: everything else is created and coupled, in dependency order")
    seconds, report = _timed(lambda: koppel.full([], FullOptions()))
    _show_run(console, report, seconds)
    console.print("At the end it asks whether scheduled jobs may keep creating records. Here the answer is no: they go on as before.")
    koppel.answer(report.run, yes=False)


def _a_day_passes(console: Console, koppel: Koppel, demo: Demo) -> None:
    console.rule("3. A day passes: people edit both systems")
    for what, count in Counter(edit.what for edit in edit_demo(demo)).items():
        console.print(f"   {count:>4} × {what}")
    console.print("Synchronise modified records, all mappings, in the order currency, salespeople, vendor, customer, contact:")
    seconds, report = _timed(lambda: koppel.sync(sweep=True))
    _show_run(console, report, seconds)


def _look_closer(console: Console, koppel: Koppel) -> None:
    console.rule("4. What needs a person")
    conflicts = koppel.conflicts()
    console.print(f"{len(conflicts)} conflicts. One of them:")
    console.print(conflict_table(conflicts[:1], koppel.mappings))
    errors = [error for error in koppel.errors() if error.code not in _WAITING]
    longest = [error for error in errors if error.code == "too_long"] or errors
    console.print(f"{len(errors)} records cannot be carried as they are, the others went on without them. One of them:")
    console.print(error_table(longest[:1], koppel.mappings))
    console.print("Why is it as it is? [bold]koppel explain[/] tells of one record:")
    console.print(explanation_table(koppel.explain(conflicts[0].mapping, conflicts[0].left_id)))


def _nothing_to_do(console: Console, koppel: Koppel) -> None:
    console.rule("5. Once more: there is nothing to do")
    koppel.sync()
    seconds, report = _timed(koppel.sync)
    _show_run(console, report, seconds)
    written = sum(job.tally.total.inserted + job.tally.total.modified + job.tally.total.deleted for job in report.jobs)
    console.print(f"{written} records written. What waits for a person, or for a parent record, keeps waiting without holding up the rest.")


def _show_run(console: Console, report: RunReport, seconds: float) -> None:
    console.print(job_table(report.jobs))
    for error in report.errors.values():
        console.print(str(error))
    records = sum(sum(job.tally.total.as_dict().values()) for job in report.jobs)
    console.print(f"{records:,} records decided in {seconds:.1f} s ({records / seconds:,.0f} a second)")


def _farewell(console: Console, folder: Path | None) -> None:
    console.rule("What to try next")
    if folder is None:
        console.print("koppel demo --folder demo      keeps the two databases and koppel.toml, so that you can go on by hand:")
        folder = Path("demo")
    console.print(f"cd {folder}")
    for command, what in (
        ("koppel jobs", "the job log"),
        ("koppel conflicts", "open questions; koppel resolve closes one"),
        ("koppel errors", "records that could not be carried; koppel retry tries them again"),
        ("koppel plan CUSTOMER", "what the next run would write, before it does"),
        ("koppel init", "a koppel.toml of your own"),
    ):
        console.print(f"{command:<30} {what}")


_Result = TypeVar("_Result")


def _timed(work: Callable[[], _Result]) -> tuple[float, _Result]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result
