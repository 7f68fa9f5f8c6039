"""Level 1, the full synchronisation: review, likely pairs first, then everything in dependency order, and a question at
the end (DESIGN 8).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from koppel.app.levels import Workplace, run, winners
from koppel.app.preflight import preflight
from koppel.app.report import RunReport
from koppel.engine.context import Asked
from koppel.engine.review import find_likely, review
from koppel.errors import ConfigurationError, Halted, Problem
from koppel.model.job import JobKind, JobState
from koppel.model.policy import FirstContact
from koppel.model.review import ReviewLine

SHOWN = 5
"""Likely pairs named in the message that halts a run; `koppel match` lists them all."""


@dataclass(frozen=True)
class FullOptions:
    """What was said about this run. `restart`: only this line and what depends on it; `exclude`: lines left out."""

    exclude: Sequence[str] = ()
    restart: str | None = None
    page: str | None = None
    couple_likely: bool = False
    create_anyway: bool = False
    first_contact: Mapping[str, FirstContact] = field(default_factory=dict)


def review_lines(workplace: Workplace, names: Sequence[str]) -> list[ReviewLine]:
    """The review of these mappings. Writes nothing."""
    preflight(workplace.connections, [workplace.mappings[name] for name in names], writes=False)
    return [review(workplace.look(name, Asked(creates=True))) for name in names]


def full_run(workplace: Workplace, names: Sequence[str], options: FullOptions) -> RunReport:
    """Run the full synchronisation. Raises `Halted` before anything is written while a line has likely pairs nobody has
    decided.
    """
    lines = full_lines(workplace, names, options)
    workplace.prepare(lines)
    held = workplace.store.held(lines)
    if held:
        raise Halted([f"{', '.join(held)}: being synchronised right now by another process"], "koppel jobs")
    likely = likely_pairs(workplace, lines)
    if likely and not (options.couple_likely or options.create_anyway):
        raise undecided(likely)
    if options.create_anyway:
        keep_apart(workplace, likely)
    won = winners(options.first_contact, lines)
    asked = {name: Asked(creates=True, everything=True, sweep=True, first_contact=won[name]) for name in lines}
    return run(workplace, JobKind.FULL, lines, asked, strict=True)


def likely_pairs(workplace: Workplace, lines: Sequence[str]) -> dict[str, pl.DataFrame]:
    """The likely pairs of the lines that have any."""
    preflight(workplace.connections, [workplace.mappings[name] for name in lines], writes=False)
    found = {name: find_likely(workplace.look(name, Asked(creates=True))) for name in lines}
    return {name: pairs for name, pairs in found.items() if len(pairs)}


def undecided(likely: Mapping[str, pl.DataFrame]) -> Halted:
    """What halts a full run while nobody has said what becomes of these pairs."""
    return Halted(_likely_reasons(likely), _next_command(likely))


def keep_apart(workplace: Workplace, likely: Mapping[str, pl.DataFrame]) -> None:
    """Never couple these pairs; each of their records may be created on the other side."""
    for name, pairs in likely.items():
        workplace.store.apply_mapping(name, workplace.document(name))
        workplace.store.keep_apart(name, pairs, creates=True)


def full_lines(workplace: Workplace, names: Sequence[str], options: FullOptions) -> list[str]:
    """The lines of this run: without those excluded; when one is restarted, that line and what waited for it."""
    unknown = [
        name for name in (*options.exclude, options.restart) if name is not None and name not in workplace.mappings
    ]
    if unknown:
        remedy = f"there are {', '.join(workplace.mappings)}"
        raise ConfigurationError([Problem("", f"there is no mapping {name!r}", remedy) for name in unknown])
    chosen = [name for name in names if name not in options.exclude]
    if options.restart is None:
        return chosen
    latest = {job.mapping: job.state for job in reversed(workplace.store.jobs())}
    depends = workplace.depends_on()
    restarted = {options.restart}
    for _ in chosen:  # file order may name a child before its parent, so ask until nothing is added
        restarted |= {n for n in chosen if restarted & set(depends[n]) and latest.get(n) is not JobState.DONE}
    return [name for name in chosen if name in restarted]


def _likely_reasons(likely: Mapping[str, pl.DataFrame]) -> list[str]:
    reasons = []
    for name, pairs in likely.items():
        reasons.append(
            f"{name}: {len(pairs)} uncoupled records on both sides look like the same thing; nothing was written"
        )
        reasons += [f"    {left}  =  {right}   ({rule})" for left, right, rule in pairs.head(SHOWN).rows()]
        if len(pairs) > SHOWN:
            reasons.append(f"    … and {len(pairs) - SHOWN} more")
    return reasons


def _next_command(likely: Mapping[str, pl.DataFrame]) -> str:
    name = next(iter(likely))
    ways = "koppel full --couple-likely, or koppel full --create-anyway"
    return f"koppel match {name} (to look, --accept or --reject), {ways}"
