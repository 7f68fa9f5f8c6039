"""Writing: a request per row, many of them in one where the service takes batches, as many at once as it bears, each
under the version that was just compared.

Rows are read first, and what is no longer as expected is STALE; the etag of that reading goes with the request, so an
edit made in between is refused by the service. A request whose answer never came leaves its row UNKNOWN and is not sent
again.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import polars as pl

from koppel.connectors.agreed.progress import Progress, Refusal, expected_fields, judge, outcomes
from koppel.connectors.odata.batch import Told
from koppel.connectors.odata.encode import json_body, json_values, key_segments
from koppel.connectors.odata.failure import Unanswered, told
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.reading import Source, key_parts_frame
from koppel.errors import BadAnswer, Denied, SystemFailure, Throttled
from koppel.model.values import FAULT, ID, VERSION
from koppel.model.write import Outcome, Write, WriteKind

_JSON = {"Content-Type": "application/json"}


@dataclass
class _Sending:
    """What the threads share. `answered`: what the service says a row is now; `failure`: why no more is sent."""

    answered: dict[int, pl.DataFrame] = field(default_factory=dict)
    failure: SystemFailure | None = None
    stop: Event = field(default_factory=Event)

    def fail(self, failure: SystemFailure) -> None:
        """Nothing more is sent."""
        self.failure = failure
        self.stop.set()


def write_rows(source: Source, write: Write) -> pl.DataFrame:
    """Carry out one write. Raises SystemFailure when nothing was written because the service is out of reach."""
    progress, deadline = Progress.of(write), source.session.deadline()
    requests = _requests(source, write, progress)
    sending, rows = _Sending(), progress.open()

    def send(part: Sequence[int]) -> None:
        told: Sequence[Told | None] = [None] * len(part)
        if not sending.stop.is_set():
            told = source.exchange([requests[row] for row in part], deadline)
        for row, answer in zip(part, told, strict=True):
            _note(source, write, answer, row, progress, sending)

    together = source.together
    with ThreadPoolExecutor(source.session.limits.most_lanes) as threads:
        list(threads.map(send, [rows[at : at + together] for at in range(0, len(rows), together)]))
    if sending.failure is not None and not any(progress.codes[row] is Outcome.WRITTEN for row in rows):
        raise sending.failure
    return outcomes(write, progress, _stored(source, write, progress, sending))


def _requests(source: Source, write: Write, progress: Progress) -> list[Request]:
    """A request for each row; rows that cannot be sent are refused."""
    bodies = _bodies(source, write, progress)
    if write.kind is WriteKind.CREATE:
        headers = _JSON | {"Prefer": "return=representation"}
        return [Request("POST", source.name, headers, json_body(body)) for body in bodies]
    keys = key_segments(source.key_properties, key_parts_frame(source.key_properties, write.rows[ID]))
    etags = _compare(source, write, progress)
    method = "PATCH" if write.kind is WriteKind.UPDATE else "DELETE"
    made = []
    for body, key, etag in zip(bodies, keys, etags, strict=True):
        match = {"If-Match": etag or "*"}
        headers = match if method == "DELETE" else _JSON | {"Prefer": "return=representation"} | match
        made.append(Request(method, f"{source.name}{key}", headers, json_body(body) if method == "PATCH" else None))
    return made


def _bodies(source: Source, write: Write, progress: Progress) -> list[dict[str, Any]]:
    """What each row sends, in the order of `write.fields`."""
    bodies: list[dict[str, Any]] = [{} for _ in range(len(write.rows))]
    if write.kind is WriteKind.DELETE:
        return bodies
    if write.kind is WriteKind.CREATE:
        parts = key_parts_frame(source.key_properties, write.rows[ID])
        for each in source.key_properties:
            _fill(
                bodies, each.shape.name, json_values(each, parts[each.shape.name]), parts[each.shape.name].is_not_null()
            )
    for at, name in enumerate(write.fields):
        property_ = source.entity_set.properties[name]
        sent = pl.Series(write.mask[:, at])
        if property_.shape.read_only:
            _refuse(progress, sent, Refusal(name, f"{name} cannot be written"))
            continue
        if property_.is_enumeration:  # a service may take a number for a member
            strange = ~write.rows[name].is_in(property_.shape.choices) & write.rows[name].is_not_null()
            _refuse(progress, sent & strange, Refusal(name, f"this is none of the choices of {name}"))
        _fill(bodies, name, json_values(property_, write.rows[name]), sent)
    if source.stamp is not None and not source.entity_set.properties[source.stamp].shape.read_only:
        property_ = source.entity_set.properties[source.stamp]
        moment = json_values(property_, pl.Series([write.stamp], dtype=pl.Datetime("us", "UTC")))[0]
        for body in bodies:
            body.setdefault(source.stamp, moment)
    return bodies


def _refuse(progress: Progress, rows: pl.Series, refusal: Refusal) -> None:
    for row in rows.arg_true().to_list():
        progress.refuse(row, refusal)


def _fill(bodies: Sequence[dict[str, Any]], name: str, values: Sequence[Any], sent: pl.Series) -> None:
    for row in sent.arg_true().to_list():
        bodies[row][name] = values[row]


def _compare(source: Source, write: Write, progress: Progress) -> list[str | None]:
    """Mark rows whose record is gone or not as expected; the etags of the others."""
    page = source.fetch(write.rows[ID], expected_fields(write))
    numbered = page.frame.with_columns(page.etags.alias("@etag"))
    at = write.rows.select(ID).with_row_index("@row").cast({"@row": pl.Int64}).join(numbered, on=ID)
    judge(write, progress, at.drop("@row", "@etag"), at["@row"])
    etags: list[str | None] = [None] * len(write.rows)
    for row, etag in at.select("@row", "@etag").rows():
        etags[row] = etag
    return etags


def _note(source: Source, write: Write, told: Told | None, row: int, progress: Progress, sending: _Sending) -> None:
    """Note what became of one row. None: it was not sent."""
    match told:
        case None:
            _unknown(progress, row, "it was not sent any more")
        case Unanswered():
            _unknown(progress, row, str(told))
        case SystemFailure():
            sending.fail(told)
            _unknown(progress, row, str(told))
        case Answer():
            if told.status in (401, 429):
                error = Denied if told.status == 401 else Throttled
                sending.fail(error(source.session.system, f"writing {source.name}: it answered {told.status}"))
            _judge(source, write, told, row, progress, sending)


def _judge(source: Source, write: Write, answer: Answer, row: int, progress: Progress, sending: _Sending) -> None:
    """What an answer says about its row."""
    if answer.good:
        _written(source, write, answer, row, progress, sending)
    elif answer.status == 412:
        progress.codes[row] = Outcome.STALE
    elif answer.status in (404, 410) and write.kind is not WriteKind.CREATE:
        progress.codes[row] = Outcome.MISSING
    elif answer.status >= 500 or answer.status == 408:
        _unknown(progress, row, f"the service answered {answer.status} {told(answer)}".rstrip())
    else:
        field_ = re.split(r"[/#]", answer.error.target)[-1]
        blamed = field_ if field_ in source.entity_set.properties else None
        progress.refuse(row, Refusal(blamed, told(answer) or f"the service answered {answer.status}"))


def _written(source: Source, write: Write, answer: Answer, row: int, progress: Progress, sending: _Sending) -> None:
    """The id of a new record, and what is stored, where the answer says it."""
    if write.kind is WriteKind.DELETE:
        return
    if not answer.body:
        if progress.ids[row] is None:
            _unknown(progress, row, "it was stored, and the service does not say under which key")
        return
    try:
        record = source.decoder(write.want).record(answer.body)
    except BadAnswer:
        _unknown(progress, row, "it was stored, and the answer cannot be read")
        return
    progress.ids[row] = record[ID][0]
    if record[FAULT][0] is None:
        sending.answered[row] = record


def _unknown(progress: Progress, row: int, why: str) -> None:
    progress.codes[row] = Outcome.UNKNOWN
    progress.refusals[row] = Refusal(None, why)


def _stored(source: Source, write: Write, progress: Progress, sending: _Sending) -> pl.DataFrame:
    """The written records as they are now: as answered, else read again."""
    columns = [ID, VERSION, *write.want]
    silent = [row for row in progress.open() if row not in sending.answered and write.kind is not WriteKind.DELETE]
    ids = pl.Series(ID, [progress.ids[row] for row in silent], dtype=pl.String)
    again = source.fetch(ids, write.want).frame
    if silent:
        progress.gone_meanwhile(silent, again[ID])
    answered = [frame.select(columns) for row, frame in sending.answered.items()]
    return pl.concat([again.select(columns), *answered]).unique(ID, keep="first")
