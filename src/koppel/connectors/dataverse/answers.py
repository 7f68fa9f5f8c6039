"""What an answer to a write says about its row. Codes are matched, not texts, which come in any language; some statuses
are not settled (wire 1.10, 6 U11).

A code alone does not say that nothing was done: a statement that timed out (0x80044151) and a failure that nobody
foresaw (0x80040216) have codes too, and what was asked may go on, or be done already.
"""

import re
from typing import Any

from koppel.connectors.agreed.progress import Refusal
from koppel.connectors.dataverse.definition import Definition
from koppel.connectors.dataverse.privileges import DENIED
from koppel.connectors.odata.failure import refusal, told
from koppel.connectors.odata.message import Answer
from koppel.errors import Denied, SystemFailure
from koppel.model.write import Outcome

STALE = "0x80060882"
MISSING = "0x80040217"
DUPLICATE_ID = "0x80040237"
DUPLICATE_KEY = "0x80060892"
DUPLICATES = frozenset({DUPLICATE_ID, DUPLICATE_KEY})
_NOT_DONE = DUPLICATES | {STALE, MISSING, "0x80040333", "0x80048408", "0x80040227"}
"""Refused, whatever the status says; beside those above duplicate detection, state and status, a row still in use."""

_BROKEN_DOWN = frozenset({"0x80040216", "0x80044150", "0x80044151", "-2147204784"})
"""What broke down over something else than the row: a failure of any kind, the database, its time-out, a deadlock."""

BUSY = frozenset({"0x80072321", "0x80072322", "0x80072326"})
"""Refused because of what was asked before (wire 1.9)."""

_NO_ROLE = "0x80042f09"
_OF_THE_USER = frozenset({DENIED, _NO_ROLE, "0x80072560"})
"""What the application user may not do whatever the row."""

_THERE = "a record with this id is there already"
_TAKEN = "another record has this value, which the alternate key {key} allows only once"


def judged(definition: Definition, answer: Answer, body: dict[str, Any]) -> tuple[Outcome, Refusal]:
    """What became of the row that was sent as `body`. MISSING may be a record that the row refers to; UNKNOWN may have
    been carried out, or may be when it is asked for again.
    """
    if answer.good:
        return Outcome.WRITTEN, Refusal(None, None)
    code, text = code_of(answer), told(answer, body.values())
    said = Refusal(None, f"the service answered {answer.status} {text}".rstrip())
    if code == STALE or (answer.status == 412 and not code):
        return Outcome.STALE, said
    if code == MISSING or answer.status in (404, 410):
        return Outcome.MISSING, said
    if code == DUPLICATE_ID:
        return Outcome.REFUSED, Refusal(definition.key, _THERE)
    if code == DUPLICATE_KEY:
        return Outcome.REFUSED, _taken(definition, answer)
    if not definite(answer):
        return Outcome.UNKNOWN, said
    return Outcome.REFUSED, Refusal(_named(definition, answer.error.text, body), text or said.message)


def definite(answer: Answer) -> bool:
    """Whether the service surely did nothing of what it was asked, because of what it was asked."""
    code = code_of(answer)
    if code in _NOT_DONE:
        return True
    ours = 400 <= answer.status < 500 and answer.status not in (401, 408, 429)
    return ours and code not in _BROKEN_DOWN | BUSY


def code_of(answer: Answer) -> str:
    """The code of the service; its letters come in either case."""
    return answer.error.code.lower()


def denied(answer: Answer) -> bool:
    """Whether it is the application user who may not, whatever the row: a person must grant it, and then nothing was
    wrong with the row.
    """
    return answer.status == 401 or (not answer.good and code_of(answer) in _OF_THE_USER)


def denial(system: str, doing: str, answer: Answer) -> SystemFailure:
    """The failure of a job that is denied a right. The privilege stands in the text, as a name that no language
    changes.
    """
    named = re.search(r"\bprv\w+", answer.error.text)
    if code_of(answer) not in (DENIED, _NO_ROLE):
        return refusal(system, doing, answer)
    right = f"the privilege {named[0]}" if named else "this privilege"
    remedy = f"give a security role of the application user {right}"
    if code_of(answer) == _NO_ROLE:
        remedy = "give the application user a security role"
    what = f"{doing}: it answered {answer.status}, {told(answer)}"
    return Denied(system, what, f"{remedy}; the next run does what this one could not")


def _taken(definition: Definition, answer: Answer) -> Refusal:
    """Which key it was stands in the text, as a name that no language changes."""
    found = next((key for key in definition.keys if re.search(rf"\b{re.escape(key)}\b", answer.error.text)), None)
    return Refusal(definition.keys[found][0] if found else None, _TAKEN.format(key=found or "of the table"))


def _named(definition: Definition, text: str, body: dict[str, Any]) -> str | None:
    """The one sent column whose logical name stands in quotes in a message."""
    quoted = set(re.findall(r"'(\w+)'", text))
    names = [name for name in body if name in quoted and name in definition.columns]
    return names[0] if len(names) == 1 else None
