"""Koppel: the one object every interface talks to. Each command is one method; the work stands in the modules beside
this one.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from koppel.app import al, checking, checks, lookups, manual
from koppel.app.certify import Certificate, certify, refuse
from koppel.app.connections import Connections, closing
from koppel.app.full import FullOptions, full_lines, full_run, review_lines
from koppel.app.levels import ProgressOf, Workplace, run, winners
from koppel.app.planning import plan_full, plan_run
from koppel.app.report import ApplyLine, CheckLine, FirstContactQuestion, MatchReport, PlanReport, RunReport
from koppel.app.worker import Tell, Wait, work
from koppel.config import Configuration, dump, load
from koppel.engine.context import Asked
from koppel.errors import ConfigurationError, Problem
from koppel.model.explanation import Explanation
from koppel.model.job import JobKind, JobRecord
from koppel.model.listing import Conflict, ErrorRecord
from koppel.model.mapping import Mapping as TableMapping
from koppel.model.point import Point
from koppel.model.policy import FirstContact, Side
from koppel.model.review import ReviewLine
from koppel.store import open_store


class Koppel:
    """An opened configuration with its store. Use as a context manager, or call `close`."""

    def __init__(self, configuration: Configuration, progress: ProgressOf | None = None) -> None:
        self.configuration = configuration
        self._store = open_store(configuration.store_url())
        self._connections = Connections(configuration, numbers=self._store.reserve_numbers)
        self._workplace = Workplace(self._connections, self._store)
        if progress is not None:
            self._workplace.progress = progress
        try:
            checks.same_environment(configuration, self._store)
        except ConfigurationError:
            self.close()
            raise

    @staticmethod
    def open(path: Path, stage: str | None = None, progress: ProgressOf | None = None) -> "Koppel":
        """Read koppel.toml and open the store. Raises `ConfigurationError` (all mistakes at once) or `StoreFailure`."""
        return Koppel(load(path, stage), progress)

    def close(self) -> None:
        """Give everything back."""
        closing(self._connections)
        self._store.close()

    def __enter__(self) -> "Koppel":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # --- what there is
    # -------------------------------------------------------------------------------------------------

    @property
    def mappings(self) -> Mapping[str, TableMapping]:
        """The configured mappings, in file order."""
        return self.configuration.mappings

    def select(self, names: Sequence[str], page: str | None = None) -> list[str]:
        """The mappings meant by these names (none: all), or by a connection page. Raises for unknown ones."""
        return checks.select(self.mappings, names, page)

    def couplings(self, mapping: str) -> int:
        """How many couplings a mapping has."""
        return self._store.count_couplings(mapping)

    def side(self, mapping: str, word: str) -> Side:
        """The side that 'left', 'right' or a system's name means in a mapping."""
        return checks.side_of(self.mappings[mapping], word)

    def check(self) -> list[CheckLine]:
        """Try everything a run needs: systems, tables, fields, types, keys. Writes nothing."""
        return checking.check(self._workplace)

    def refuse_certifying(self, system: str) -> None:
        """Raise `ConfigurationError` where `certify` would, before anybody is asked whether to begin."""
        refuse(self.configuration, system)

    def certify(self, system: str, tell: Callable[[Point], None] = lambda point: None) -> Certificate:
        """Find out how a real environment behaves, with records made for it and removed again; never in production."""
        return certify(self.configuration, system, self._store.reserve_numbers, tell)

    def apply(self, plan: bool = False) -> list[ApplyLine]:
        """Make the configuration the one in force; with `plan` only say what would change."""
        return checks.apply(self._workplace, plan)

    def export(self) -> str:
        """The configuration as TOML."""
        return dump(self.configuration)

    def export_al(self, folder: Path, system: str | None = None) -> list[str]:
        """Write the app for Business Central that the mappings need into a folder; its files."""
        files = al.app_files(self.configuration, system)
        al.write_app(files, folder)
        return list(files)

    # --- the three levels
    # ----------------------------------------------------------------------------------------------

    def sync(
        self,
        names: Sequence[str] = (),
        *,
        everything: bool = False,
        force_to: str | None = None,
        sweep: bool = False,
        first_contact: Mapping[str, FirstContact] | None = None,
    ) -> RunReport:
        """Levels 2 and 3: modified records of these mappings (none: all); from the start; forced one way."""
        chosen, asked = self._asked(names, everything, force_to, sweep, first_contact or {})
        return run(self._workplace, JobKind.SYNC, chosen, asked, strict=False)

    def plan(
        self,
        names: Sequence[str] = (),
        *,
        full: bool = False,
        everything: bool = False,
        force_to: str | None = None,
        sweep: bool = False,
        first_contact: Mapping[str, FirstContact] | None = None,
        couple_likely: bool = False,
        create_anyway: bool = False,
    ) -> PlanReport:
        """What `sync` (or `full`) would do, found out by doing it to nothing."""
        chosen, asked = self._asked(names, everything, force_to, sweep, first_contact or {})
        if full:
            return plan_full(self._workplace, chosen, asked, couple_likely, create_anyway)
        return plan_run(self._workplace, JobKind.SYNC, chosen, asked)

    def _asked(
        self,
        names: Sequence[str],
        everything: bool,
        force_to: str | None,
        sweep: bool,
        first: Mapping[str, FirstContact],
    ) -> tuple[list[str], dict[str, Asked]]:
        chosen = self.select(names)
        won = winners(first, chosen)
        asked = {}
        for name in chosen:
            side = None if force_to is None else self.side(name, force_to)
            creates = not self._workplace.only_coupled(name)
            asked[name] = Asked(
                creates=creates,
                everything=everything or side is not None,
                forced=side,
                sweep=sweep,
                first_contact=won[name],
            )
        return chosen, asked

    def sync_records(self, mapping: str, records: Sequence[str], force_to: str | None = None) -> RunReport:
        """Synchronise one record or a selection: `ID` (left, else right) or `system:ID` (semantics 6.2)."""
        return manual.sync_records(self._workplace, mapping, records, force_to)

    def review(self, names: Sequence[str] = (), page: str | None = None) -> list[ReviewLine]:
        """What a full run would meet, mapping by mapping. Writes nothing."""
        return review_lines(self._workplace, self.select(names, page))

    def full(self, names: Sequence[str], options: FullOptions) -> RunReport:
        """Level 1. Raises `Halted` with nothing written while likely pairs wait for a person's word."""
        return full_run(self._workplace, self.select(names, options.page), options)

    def full_lines(self, names: Sequence[str], options: FullOptions) -> list[str]:
        """The lines that `full` would run with these options. Raises `ConfigurationError` for unknown mappings."""
        return full_lines(self._workplace, self.select(names, options.page), options)

    def answer(self, run_number: int | None, yes: bool) -> tuple[str, ...]:
        """Answer the final question of a full run (None: the latest one that asked); the mappings it was about."""
        return manual.answer(self._workplace, run_number, yes)

    # --- unattended
    # ----------------------------------------------------------------------------------------------------

    def work(self, names: Sequence[str], once: bool, tell: Tell, wait: Wait) -> int:
        """Run these mappings (none: all) whenever they are due, until `wait` says to stop; with `once`, those due now.

        `tell` gets a line per job. Answers the gravest exit code of the runs.
        """
        return work(self._workplace, self.select(names), lambda name: self.sync([name]), once, tell, wait)

    def pause(self, names: Sequence[str] = ()) -> list[str]:
        """Let the worker leave these mappings (none: all) alone; all that are paused now."""
        chosen = self.select(names)
        for name in chosen:
            if self._store.applied_document(name) is None:
                self._store.apply_mapping(name, self._workplace.document(name))
        self._store.set_paused(chosen, True)
        return self.paused()

    def resume(self, names: Sequence[str] = ()) -> list[str]:
        """Let the worker run these mappings (none: all) again; all that are still paused."""
        self._store.set_paused(self.select(names), False)
        return self.paused()

    def paused(self) -> list[str]:
        """The mappings that the worker leaves alone, in file order."""
        paused = self._store.paused()
        return [name for name in self.mappings if name in paused]

    # --- couplings
    # -----------------------------------------------------------------------------------------------------

    def match(self, mapping: str, accept: bool, reject: bool, first_contact: FirstContact | None = None) -> MatchReport:
        """Likely pairs of a mapping: list them, couple them and synchronise, or keep them apart for good."""
        return manual.match(self._workplace, mapping, accept, reject, first_contact)

    def couple(self, mapping: str, left: str, right: str, winner: str | None = None) -> RunReport:
        """Couple two records; the next look is their first contact. `winner`: a side whose values stand."""
        return manual.couple(self._workplace, mapping, left, right, winner)

    def uncouple(self, mapping: str, records: Sequence[str], everything: bool) -> int:
        """Take couplings away; no record is touched. The pairs are kept apart. How many it were."""
        return manual.uncouple(self._workplace, mapping, records, everything)

    # --- what needs a person
    # -------------------------------------------------------------------------------------------

    def errors(self, mapping: str | None = None) -> list[ErrorRecord]:
        """Records that could not be carried."""
        return self._store.errors(mapping)

    def conflicts(self, mapping: str | None = None) -> list[Conflict]:
        """Open questions."""
        return self._store.conflicts(mapping)

    def first_contact_questions(self) -> list[FirstContactQuestion]:
        """Open first contacts, as one question per mapping."""
        return lookups.first_contact_questions(self._workplace)

    def answer_first_contact(self, mapping: str, winner: FirstContact) -> RunReport:
        """Answer that question: all open first contacts of the mapping are decided by this winner."""
        return manual.answer_first_contact(self._workplace, mapping, winner)

    def resolve(self, conflict: int, choice: str) -> RunReport:
        """Close a conflict: a system's name (its values stand), or restore, uncouple, delete for a deletion."""
        return manual.resolve(self._workplace, conflict, choice)

    def retry(self, mapping: str | None, errors: Sequence[int]) -> int:
        """Lift skips, so that the next run tries again; how many it were."""
        return self._store.retry(mapping, tuple(errors) or None)

    def approve(self, job: int) -> RunReport:
        """Lift the guard that halted a job, for exactly what it had set aside."""
        return manual.approve(self._workplace, job)

    # --- looking
    # -------------------------------------------------------------------------------------------------------

    def jobs(
        self, mapping: str | None = None, run_number: int | None = None, limit: int | None = None
    ) -> list[JobRecord]:
        """The job log, newest first."""
        return self._store.jobs(run_number, mapping, limit)

    def explain(self, mapping: str, record: str) -> Explanation:
        """Everything koppel knows of one record, and what it would do with it now."""
        return lookups.explain(self._workplace, mapping, record)

    def systems(self) -> list[CheckLine]:
        """The systems, and whether they are the installations they were."""
        return checks.systems(self._workplace)

    def adopt(self, system: str, reason: str) -> None:
        """From now on the system's name stands for the installation it reaches today."""
        if system not in self.configuration.systems:
            raise ConfigurationError(
                [Problem("", f"there is no system {system!r}", f"there are {', '.join(self.configuration.systems)}")]
            )
        checks.adopt(self._workplace, system, reason)
