"""Writing records: fields in the order of the page, blanks as the service spells them, and what its rules answer.

The service validates field after field, and a field may fill or clear another (wire 4.3.11): so fields go in the order
of the page, and a place that did not arrive is sent again. One that the service keeps otherwise all the same is told:
what it holds then was not agreed. Members of enums that do not change are left out, because not every spelling of the
blank one is surely taken back (U6).
"""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from koppel.connectors.agreed.progress import Refusal
from koppel.connectors.business_central.blanks import blank_expected, json_of
from koppel.connectors.business_central.facts import KEY
from koppel.connectors.business_central.fitting import SENTENCES, misfits
from koppel.connectors.business_central.places import KNOWN_ELSEWHERE, ORDERS, altered, sent_again
from koppel.connectors.business_central.refusals import (
    blamed,
    is_forbidden,
    is_locked,
    is_stale,
    is_taken,
    may_pass,
    without_values,
)
from koppel.connectors.business_central.source import PageSource
from koppel.connectors.odata.batch import Told
from koppel.connectors.odata.edm import Property
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.writing import Body, Writer, fill, refuse
from koppel.errors import Denied, SystemFailure
from koppel.model.write import Outcome, Write, WriteKind

TRIES = 6
"""How often a row is sent whose table another session holds."""

ROUNDS = 3
"""How often a row is sent that a rule of the application refuses: perhaps it was a table that another session held, and
the service does not say so in English.
"""


def write_rows(source: PageSource, write: Write) -> pl.DataFrame:
    """Carry out one write. Raises SystemFailure when nothing was written because the service is out of reach."""
    return _PageWriter(source, write).run()


class _PageWriter(Writer):
    """One write to a page."""

    def __init__(self, source: PageSource, write: Write) -> None:
        if write.expected is not None:
            write = replace(write, expected=blank_expected(write.expected, source.page))
        super().__init__(source, write)
        self._page = source.page
        self._bodies: list[Body] = []
        self._refusals: dict[int, str] = {}  # of places that were sent again
        self._doubtful: set[int] = set()
        self._rounds = 0

    def bodies(self, current: pl.DataFrame | None) -> list[Body]:
        """What each row sends, in the order of the page; rows that would not fit are refused."""
        self._bodies = [{} for _ in range(len(self.write.rows))]
        if self.write.kind is WriteKind.DELETE:
            return self._bodies
        self._fill_keys(self._bodies)
        for name, property_ in self._page.entity_set.properties.items():
            if name in self.write.fields:
                sent = pl.Series(self.write.mask[:, self.write.fields.index(name)])
                self._fill_field(property_, sent, current)
        return self._bodies

    def _fill_field(self, property_: Property, sent: pl.Series, current: pl.DataFrame | None) -> None:
        """One field of all rows."""
        name, values = property_.shape.name, self.write.rows[property_.shape.name]
        if property_.shape.read_only:
            refuse(self.progress, sent, Refusal(name, f"{name} cannot be written"))
            return
        reasons = misfits(self._page, property_, values)
        for reason in () if reasons is None else reasons.filter(sent).drop_nulls().unique():
            refuse(self.progress, sent & (reasons == reason), Refusal(name, f"{name}: {SENTENCES[reason]}"))
        if property_.is_enumeration:
            sent = sent & ~self._as_it_is(name, values, current)
        fill(self._bodies, name, json_of(self._page, property_, values), sent)

    def _as_it_is(self, name: str, values: pl.Series, current: pl.DataFrame | None) -> pl.Series:
        """Which rows would set an enum to the member it has: a new record begins with the blank one."""
        if current is None:
            return values.fill_null("") == ""
        if name not in current.columns:
            return pl.Series([False]).new_from_index(0, len(values))
        return values.fill_null("") == current[name].fill_null("")

    def exchange(self, rows: Sequence[int], requests: Sequence[Request]) -> Sequence[Told]:
        """What became of these rows; those that another session held are sent again, and a place that did not arrive
        too.
        """
        told = list(super().exchange(rows, requests))
        tries = 0
        while locked := [at for at, answer in enumerate(told) if is_locked(answer)]:
            tries += 1
            if tries == TRIES or not self.source.session.rest(tries, self.deadline):
                break
            again = super().exchange([rows[at] for at in locked], [requests[at] for at in locked])
            for at, answer in zip(locked, again, strict=True):
                told[at] = answer
        return self._placed(rows, told)

    def _placed(self, rows: Sequence[int], told: list[Told]) -> list[Told]:
        """The answers, those of records whose place did not arrive taken from further requests."""
        for order in ORDERS:
            again = {
                at: request
                for at, row in enumerate(rows)
                if row not in self._refusals
                and (request := sent_again(self.source.address, self._bodies[row], told[at], order)) is not None
            }
            if again:
                answers = super().exchange([rows[at] for at in again], list(again.values()))
                for at, answer in zip(again, answers, strict=True):
                    told[at] = self._later(rows[at], told[at], answer)
        return told

    def _later(self, row: int, before: Told, told: Told) -> Told:
        """Which of two answers tells what is stored: of a refusal, or of one that holds nothing, the one before; and
        only that one tells which record a create has made.
        """
        if isinstance(told, Answer) and told.good:
            return told if told.body else before
        if not isinstance(told, Answer) and self.write.kind is not WriteKind.CREATE:
            return told
        self._refusals[row] = without_values(told, self._bodies[row]) if isinstance(told, Answer) else str(told)
        return before

    def once_more(self) -> list[int]:
        """Rows that a rule of the application has refused, all together once the others are through."""
        again, self._doubtful = sorted(self._doubtful), set()
        self._rounds += 1
        return again if self._rounds < ROUNDS else []

    def denial(self, answer: Answer) -> SystemFailure:
        """The text says which right it is, and on which table."""
        if not is_forbidden(answer):
            return super().denial(answer)
        return Denied(self.source.session.system, f"writing {self.source.name}: {without_values(answer, {})}")

    def judged(self, row: int, answer: Answer) -> tuple[Outcome, Refusal | None]:
        """What an answer says about its row: 409 and 412 both mean that it is stale, but not every 409 does (wire
        2.4). A table that stays locked says nothing against the record, so it is decided again.
        """
        if is_stale(answer) or is_locked(answer):
            return Outcome.STALE, None
        outcome, said = super().judged(row, answer)
        if outcome is Outcome.WRITTEN and (names := altered(self._bodies[row], answer)):
            self.progress.altered[row] = names
            self.progress.refusals[row] = Refusal(None, self._refusals.get(row, KNOWN_ELSEWHERE))
        if may_pass(answer):  # whatever the status: what a rule of the application refuses is taken back
            self._doubtful.add(row)
        elif outcome is not Outcome.REFUSED or said is None:
            return outcome, said
        field_ = self._taken_field(row) if is_taken(answer) else blamed(answer, self._bodies[row])
        return Outcome.REFUSED, Refusal(field_, without_values(answer, self._bodies[row]))

    def _taken_field(self, row: int) -> str | None:
        """Which of its keys another record has; the service tells it in words only."""
        id_ = self._bodies[row].get(KEY)
        if id_ is not None and len(self.source.fetch(pl.Series([id_]), ()).frame):
            return KEY
        number = self._page.number
        return number if number in self._bodies[row] else None
