"""Writing: a request per row, many of them in one where the service takes batches, as many at once as it bears, each
under the version that was just compared.

Rows are read first, and what is no longer as expected is STALE; the etag of that reading goes with the request, so an
edit made in between is refused by the service. A request whose answer never came leaves its row UNKNOWN and is not sent
again.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from itertools import count
from threading import Event
from typing import Any

import polars as pl

from koppel.connectors.agreed.progress import Progress, Refusal, expected_fields, judge, outcomes
from koppel.connectors.odata.answered import ROW, answered
from koppel.connectors.odata.batch import Told
from koppel.connectors.odata.encode import json_body, json_values, key_segments
from koppel.connectors.odata.failure import Unanswered, refusal, told
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.reading import Source, key_parts_frame
from koppel.errors import SystemFailure
from koppel.model.values import FAULT, ID, VERSION
from koppel.model.write import Outcome, Write, WriteKind

JSON = {"Content-Type": "application/json"}
"""What a request with a body says of it."""


Body = dict[str, Any]
"""The members of a request's body, in the order in which they are sent."""


def write_rows(source: Source, write: Write) -> pl.DataFrame:
    """Carry out one write. Raises SystemFailure when nothing was written because the service is out of reach."""
    return Writer(source, write).run()


class Writer:
    """One write on its way. A dialect overrides what it does its own way: `bodies`, `exchange`, `judged`."""

    def __init__(self, source: Source, write: Write) -> None:
        self.source = source
        self.write = write
        self.progress = Progress.of(write)
        self.deadline = source.session.deadline()
        self._answered: dict[int, bytes] = {}
        self._failure: SystemFailure | None = None
        self._denied: SystemFailure | None = None
        self._forbidden: set[int] = set()
        self._sent: list[Body] = []
        self._stop = Event()

    def run(self) -> pl.DataFrame:
        """Compare, send, answer. Raises SystemFailure where it is all there is to say: nothing was carried out, no fate
        is open, and nothing is wrong with a record.
        """
        requests = self._requests()
        rows = [row for row in self.progress.open() if requests[row] is not None]
        self._send_all(rows, requests)
        self._send_again(requests)
        told = self._read()
        failure = self._failure or self._denied
        if failure is not None and all(self._is_for_nothing(row) for row in rows):
            failure.undone = True
            raise failure
        return outcomes(self.write, self.progress, self._stored(told))

    # ---- what a dialect may do its own way

    def bodies(self, current: pl.DataFrame | None) -> list[Body]:
        """What each row sends, in the order of `write.fields`; rows that cannot be sent are refused. `current`: the
        records as they were compared, row by row, null where there is none; None for creates.
        """
        bodies: list[Body] = [{} for _ in range(len(self.write.rows))]
        if self.write.kind is WriteKind.DELETE:
            return bodies
        self._fill_keys(bodies)
        for at, name in enumerate(self.write.fields):
            property_ = self.source.entity_set.properties[name]
            sent = pl.Series(self.write.mask[:, at])
            if property_.shape.read_only:
                refuse(self.progress, sent, Refusal(name, f"{name} cannot be written"))
                continue
            if property_.is_enumeration:  # a service may take a number for a member
                values = self.write.rows[name]
                strange = ~values.is_in(property_.shape.choices) & values.is_not_null()
                refuse(self.progress, sent & strange, Refusal(name, f"this is none of the choices of {name}"))
            fill(bodies, property_.member, json_values(property_, self.write.rows[name]), sent)
        self._fill_stamp(bodies)
        return bodies

    def exchange(self, rows: Sequence[int], requests: Sequence[Request]) -> Sequence[Told]:
        """What became of these requests, of these rows, at most `source.together` of them."""
        return self.source.exchange(requests, self.deadline)

    def once_more(self) -> list[int]:
        """Rows that the service has refused just now, and may not refuse when they are sent again; asked until there
        are none.
        """
        return []

    def judged(self, row: int, answer: Answer) -> tuple[Outcome, Refusal | None]:
        """What an answer says about its row."""
        if answer.good:
            return Outcome.WRITTEN, None
        if answer.status == 412:
            return Outcome.STALE, None
        if answer.status in (404, 410) and self.write.kind is not WriteKind.CREATE:
            return Outcome.MISSING, None
        why = told(answer, self._sent[row].values())
        said = f"the service answered {answer.status} {why}".rstrip()
        if answer.status >= 500 or answer.status == 408:
            return Outcome.UNKNOWN, Refusal(None, said)
        field_ = re.split(r"[/#]", answer.error.target)[-1]
        return Outcome.REFUSED, Refusal(field_ if field_ in self.source.entity_set.properties else None, why or said)

    def denial(self, answer: Answer) -> SystemFailure:
        """The failure of a write of which nothing is allowed."""
        return refusal(self.source.session.system, f"writing {self.source.name}", answer)

    # ---- what all have in common

    def _requests(self) -> list[Request | None]:
        """A request for each row; None where an update has nothing to send."""
        address = self.source.address
        if self.write.kind is WriteKind.CREATE:
            headers = JSON | {"Prefer": "return=representation"}
            self._sent = self.bodies(None)
            return [Request("POST", address, headers, json_body(body)) for body in self._sent]
        current, etags = self._compared()
        keys = key_segments(
            self.source.key_properties, key_parts_frame(self.source.key_properties, self.write.rows[ID])
        )
        method = "PATCH" if self.write.kind is WriteKind.UPDATE else "DELETE"
        self._sent, made = self.bodies(current), list[Request | None]()
        for body, key, etag in zip(self._sent, keys, etags, strict=True):
            if method == "PATCH" and not body:
                made.append(None)
                continue
            match = {"If-Match": etag or "*"}
            headers = match if method == "DELETE" else JSON | {"Prefer": "return=representation"} | match
            made.append(Request(method, f"{address}{key}", headers, json_body(body) if method == "PATCH" else None))
        return made

    def _compared(self) -> tuple[pl.DataFrame, list[str | None]]:
        """Mark rows whose record is gone or not as expected; all records and their etags, row by row."""
        page = self.source.fetch(self.write.rows[ID], expected_fields(self.write))
        numbered = page.frame.with_columns(page.etags.alias("@etag"))
        rows = self.write.rows.select(ID).with_row_index(ROW).cast({ROW: pl.Int64})
        current = rows.join(numbered, on=ID, how="left", maintain_order="left")
        found = current.filter(pl.col(ID).is_in(numbered[ID].implode()))
        judge(self.write, self.progress, found.drop(ROW, "@etag"), found[ROW])
        return current.drop(ROW, "@etag"), current["@etag"].to_list()

    def _fill_keys(self, bodies: Sequence[Body]) -> None:
        """The keys that koppel has chosen for new records."""
        if self.write.kind is not WriteKind.CREATE:
            return
        parts = key_parts_frame(self.source.key_properties, self.write.rows[ID])
        for each in self.source.key_properties:
            values = parts[each.shape.name]
            fill(bodies, each.shape.name, json_values(each, values), values.is_not_null())

    def _fill_stamp(self, bodies: Sequence[Body]) -> None:
        """The change stamp, where the service does not set it itself."""
        if self.source.stamp is None or self.source.entity_set.properties[self.source.stamp].shape.read_only:
            return
        property_ = self.source.entity_set.properties[self.source.stamp]
        moment = json_values(property_, pl.Series([self.write.stamp], dtype=pl.Datetime("us", "UTC")))[0]
        for body in bodies:
            body.setdefault(self.source.stamp, moment)

    def _send_all(self, rows: Sequence[int], requests: Sequence[Request | None]) -> None:
        """Send these rows, as many together as the service takes, and as many requests at once as it bears."""
        together = self.source.together
        parts = [rows[at : at + together] for at in range(0, len(rows), together)]
        with ThreadPoolExecutor(self.source.session.limits.most_lanes) as threads:
            list(threads.map(lambda part: self._send(part, requests), parts))

    def _send_again(self, requests: Sequence[Request | None]) -> None:
        """Send once more what may not be refused then, as long as there is anything and time for it."""
        for tries in count(1):
            again = [] if self._stop.is_set() else self.once_more()
            if not again or not self.source.session.rest(tries, self.deadline):
                return
            for row in again:
                self.progress.codes[row] = Outcome.WRITTEN
                del self.progress.refusals[row]
            self._send_all(again, requests)

    def _send(self, rows: Sequence[int], requests: Sequence[Request | None]) -> None:
        """Send these rows, unless nothing is sent any more."""
        told: Sequence[Told | None] = [None] * len(rows)
        if not self._stop.is_set():
            told = self.exchange(rows, [request for row in rows if (request := requests[row]) is not None])
        for row, answer in zip(rows, told, strict=True):
            self._note(row, answer)

    def _note(self, row: int, told: Told | None) -> None:
        """Note what became of one row. None: it was not sent, and is decided again. Where nothing at all may be written
        it is no record that is to blame.
        """
        match told:
            case None:
                self.progress.codes[row] = Outcome.STALE
            case Unanswered():
                self._unknown(row, str(told))
            case SystemFailure():
                self._fail(told)
                if self.write.kind is WriteKind.CREATE:  # it is never sent again after a failure, so it was not sent
                    self.progress.codes[row] = Outcome.STALE
                else:
                    self._unknown(row, str(told))
            case Answer(status=HTTPStatus.UNAUTHORIZED):
                self._note(row, self.denial(told))
            case Answer():
                if told.status == HTTPStatus.FORBIDDEN:
                    self._denied = self.denial(told)
                    self._forbidden.add(row)
                outcome, said = self.judged(row, told)
                if outcome is Outcome.WRITTEN:
                    self._written(row, told)
                else:
                    self.progress.codes[row] = outcome
                    self.progress.refusals |= {row: said} if said is not None else {}

    def _is_for_nothing(self, row: int) -> bool:
        """Whether a row was not sent, or not allowed."""
        return self.progress.codes[row] is Outcome.STALE or row in self._forbidden

    def _fail(self, failure: SystemFailure) -> None:
        """Nothing more is sent."""
        self._failure = failure
        self._stop.set()

    def _written(self, row: int, answer: Answer) -> None:
        """Keep what an answer says of a stored record."""
        if self.write.kind is WriteKind.DELETE:
            return
        if answer.body:
            self._answered[row] = answer.body
        elif self.progress.ids[row] is None:
            self._unknown(row, "it was stored, and the service does not say under which key")

    def _read(self) -> pl.DataFrame:
        """The records (with ROW) that were answered, the ids of new ones among them noted."""
        found = answered(self.source.decoder(self.write.want).page, self._answered)
        for row in self._answered.keys() - set(found[ROW]):
            self._unknown(row, "it was stored, and the answer cannot be read")
        for row, id_ in found.select(ROW, ID).iter_rows():
            self.progress.ids[row] = id_
        return found.filter(pl.col(FAULT).is_null())

    def _unknown(self, row: int, why: str) -> None:
        self.progress.codes[row] = Outcome.UNKNOWN
        self.progress.refusals[row] = Refusal(None, why)

    def _stored(self, told: pl.DataFrame) -> pl.DataFrame:
        """The written records as they are now: as `told` (with ROW), else read again."""
        columns = [ID, VERSION, *self.write.want]
        deletes, rows = self.write.kind is WriteKind.DELETE, set(told[ROW])
        silent = [row for row in self.progress.open() if row not in rows and not deletes]
        ids = pl.Series(ID, [self.progress.ids[row] for row in silent], dtype=pl.String)
        try:
            again = self.source.fetch(ids, self.write.want).frame
        except SystemFailure as failure:  # what the others were answered stands
            for row in silent:
                self._unknown(row, str(failure))
            return told.select(columns)
        if silent:
            self.progress.gone_meanwhile(silent, again[ID])
        return pl.concat([again.select(columns), told.select(columns)]).unique(ID, keep="first")


def refuse(progress: Progress, rows: pl.Series, refusal: Refusal) -> None:
    """None of these rows (Boolean) goes in."""
    for row in rows.arg_true().to_list():
        progress.refuse(row, refusal)


def fill(bodies: Sequence[Body], name: str, values: Sequence[Any], sent: pl.Series) -> None:
    """Put the values of one member into the bodies of the rows that send it (Boolean)."""
    for row in sent.arg_true().to_list():
        bodies[row][name] = values[row]
