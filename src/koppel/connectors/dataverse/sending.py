"""Sending the rows of a write: new ones in bulk, the others under the version that was compared, many in one batch.

A bulk message carries new rows, which have ids of their own, all or none; when it is refused nothing was done, and the
rows go again each for itself, for the refusal names none of them (wire 1.8, 4.2.22). Updates and deletions never go in
bulk, which demands no version; never as an upsert, which would make a deleted row anew (wire 4.2.1).

What is not answered is UNKNOWN and not sent again: every row has an id, so the engine looks it up (wire 4.1.3). When
it decides to send such a row again, it goes with fewer others (`parting`); the id is the same, so a row that came to be
after that look is not made twice: the service refuses it, and it is looked up once more.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

from koppel.connectors.agreed.progress import Progress, Refusal
from koppel.connectors.dataverse.answers import BUSY, DUPLICATES, code_of, definite, denial, denied, judged
from koppel.connectors.dataverse.bodies import Body
from koppel.connectors.dataverse.multipart import answers_of, batch_request
from koppel.connectors.dataverse.source import Source
from koppel.connectors.odata.address import query
from koppel.connectors.odata.encode import json_body
from koppel.connectors.odata.failure import Unanswered
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.parting import PIECES
from koppel.errors import SystemFailure
from koppel.model.values import ID
from koppel.model.write import Outcome, Write, WriteKind

ROWS_AT_ONCE = 100
"""How many rows one request carries: what Microsoft advises to begin with (wire 1.8), far from two minutes of work."""

_NAMESPACE = "Microsoft.Dynamics.CRM."
_JSON = {"Content-Type": "application/json"}


@dataclass
class Sending:
    """One write on its way. `bodies`: what each row sends; `etags`: the version it demands. `answered`: the record as
    the service answered it, by row. `failure`: why no more is sent.
    """

    source: Source
    write: Write
    progress: Progress
    bodies: Sequence[Body]
    etags: Sequence[str | None]
    deadline: float
    answered: dict[int, bytes] = field(default_factory=dict)
    failure: SystemFailure | None = None
    stop: Event = field(default_factory=Event)

    def send(self, rows: list[int]) -> None:
        """Send these rows. Afterwards `progress` knows of each."""
        work = self._create if self.write.kind is WriteKind.CREATE else self._batch
        names = self._names(rows)
        parts = list(self.source.parting.parts(rows, names, ROWS_AT_ONCE))
        if any(name in self.source.parting for name in names):
            self.source.session.rest(1, self.deadline)  # what broke down a moment ago
        with ThreadPoolExecutor(self.source.session.limits.most_lanes) as threads:
            list(threads.map(lambda part: self._guarded(work, part), parts))

    def _names(self, rows: Sequence[int]) -> list[str | None]:
        """By what rows are known again: their ids."""
        return [self.progress.ids[row] for row in rows]

    def _guarded(self, work: Callable[[list[int]], None], rows: list[int]) -> None:
        """A failure of one request is the end of all that were not sent yet."""
        if self.stop.is_set():
            self._undone(rows)
            return
        try:
            work(rows)
        except Unanswered as failure:
            self.source.parting.unanswered(self._names(rows))
            self._unknown(rows, str(failure))
        except SystemFailure as failure:
            self.failure = failure
            self.stop.set()
            self._undone(rows)

    def _create(self, rows: list[int]) -> None:
        if len(rows) == 1 or not self.source.definition.bulk:
            self._batch(rows)
            return
        type_ = {"@odata.type": _NAMESPACE + self.source.definition.name}
        body = json_body({"Targets": [type_ | self.bodies[row] for row in rows]})
        address = f"{self.source.definition.set_name}/{_NAMESPACE}CreateMultiple"
        headers = _JSON | dict(self.source.writing)
        answer = self.source.session.send(Request("POST", address, headers, body), self.deadline)
        if answer.good:
            self.source.parting.answered(self._names(rows))
        elif definite(answer):
            self._batch(rows)
        else:
            self._whole(answer, rows)

    def _batch(self, rows: list[int]) -> None:
        requests = [self._request(row) for row in rows]
        whole = self.source.session.send(batch_request(self.source.session.root, requests), self.deadline)
        if not whole.headers.get("content-type", "").startswith("multipart/"):
            if len(rows) > 1 and definite(whole) and not _of_everybody(whole):
                self._in_pieces(rows)
            else:
                self._whole(whole, rows)
            return
        answers = answers_of(whole, requests)
        silent = [row for row, answer in zip(rows, answers, strict=True) if answer is None]
        self.source.parting.unanswered(self._names(silent))
        self._unknown(silent, "the service did not answer for it")
        told = [(row, answer) for row, answer in zip(rows, answers, strict=True) if answer is not None]
        for row, answer in told:
            self._judge(row, answer)
        if len(told) > 1 and all(denied(answer) for _, answer in told):
            self.stop.set()  # nobody's right is missing, but koppel's; a single one may be denied for its lookup

    def _in_pieces(self, rows: list[int]) -> None:
        """A batch that was refused as such, of which nothing was done, says nothing of its rows: it may be too large,
        or hold one that a gateway does not let pass. So they go in tenths, and only a single one is judged by it.
        """
        size = max(1, len(rows) // PIECES)
        for start in range(0, len(rows), size):
            self._guarded(self._batch, rows[start : start + size])

    def _request(self, row: int) -> Request:
        """One row for itself. The answer holds of the record what is wanted, and no more (wire 4.2.28)."""
        set_name, body = self.source.definition.set_name, json_body(self.bodies[row])
        wanted = query(select=self.source.select(self.write.want))
        prefer = {"Prefer": self.source.prefer(self.write.want, "return=representation")}
        headers = _JSON | prefer | dict(self.source.writing)
        match self.write.kind:
            case WriteKind.CREATE:
                return Request("POST", f"{set_name}{wanted}", headers, body)
            case WriteKind.UPDATE:
                address = f"{set_name}({self.write.rows[ID][row]}){wanted}"
                return Request("PATCH", address, headers | self._match(row), body)
            case WriteKind.DELETE:
                return Request(
                    "DELETE", f"{set_name}({self.write.rows[ID][row]})", dict(self.source.writing) | self._match(row)
                )

    def _match(self, row: int) -> dict[str, str]:
        """The version the row must still have; at least it must be there."""
        return {"If-Match": self.etags[row] or "*"}

    def _whole(self, answer: Answer, rows: list[int]) -> None:
        """An answer that is everybody's. Raises SystemFailure for one that ends the write, or says nothing."""
        system = self.source.session.system
        if _of_everybody(answer):
            raise denial(system, self._doing, answer)
        if not definite(answer):
            said = f"{answer.status} {answer.error.code}".rstrip()
            what = f"{self._doing}: it answered {said}, and what it did is not known"
            raise Unanswered(system, what, "it is found out by looking")
        for row in rows:
            self._judge(row, answer)

    @property
    def _doing(self) -> str:
        return f"writing {self.source.definition.name}"

    def _judge(self, row: int, answer: Answer) -> None:
        """Note what an answer says of its row. A right that is missing says nothing of it: the others are carried out,
        and the failure is the job's when nothing else is left.
        """
        if denied(answer):
            self.failure = denial(self.source.session.system, self._doing, answer)
            self._undone([row])
            return
        outcome, said = judged(self.source.definition, answer, self.bodies[row])
        (name,) = self._names([row])
        if code_of(answer) in DUPLICATES and name in self.source.parting:
            outcome, said = Outcome.UNKNOWN, Refusal(None, "it may be there since it was sent before")
            self.source.parting.answered([name])
        elif outcome is not Outcome.UNKNOWN:
            self.source.parting.answered([name])
        elif code_of(answer) not in BUSY and answer.status != 429:
            self.source.parting.unanswered([name])
        if outcome is not Outcome.WRITTEN:
            self.progress.codes[row], self.progress.refusals[row] = outcome, said
        elif answer.body:
            self.answered[row] = answer.body

    def _undone(self, rows: Sequence[int]) -> None:
        """Nothing was done to these, and nothing is wrong with them: they are decided again."""
        for row in rows:
            self.progress.codes[row] = Outcome.STALE

    def _unknown(self, rows: list[int], why: str) -> None:
        for row in rows:
            self.progress.codes[row], self.progress.refusals[row] = Outcome.UNKNOWN, Refusal(None, why)


def _of_everybody(answer: Answer) -> bool:
    """Whether an answer to all ends the write: koppel may not, or is to come later."""
    return answer.status in (401, 403, 429) or code_of(answer) in BUSY
