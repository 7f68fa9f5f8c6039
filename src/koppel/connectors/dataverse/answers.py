"""What an answer to a write says about its row. Only codes are matched: texts come in any language, and some statuses
are not settled (wire 1.10, 6 U11).
"""

import re
from typing import Any

from koppel.connectors.agreed.progress import Refusal
from koppel.connectors.dataverse.definition import Definition
from koppel.connectors.odata.failure import told
from koppel.connectors.odata.message import Answer
from koppel.model.write import Outcome

STALE = "0x80060882"
MISSING = "0x80040217"
DUPLICATE_ID = "0x80040237"
DUPLICATE_KEY = "0x80060892"
_NOT_DONE = frozenset({STALE, MISSING, DUPLICATE_ID, DUPLICATE_KEY, "0x80040333", "0x80048408", "0x80040227"})
"""Refused, whatever the status says; beside those above duplicate detection, state and status, a row still in use."""

_THERE = "a record with this id is there already"
_TAKEN = "another record has this value, which the alternate key {key} allows only once"


def judged(definition: Definition, answer: Answer, body: dict[str, Any]) -> tuple[Outcome, Refusal]:
    """What became of the row that was sent as `body`. MISSING may be a record that the row refers to. An error with a
    code is one of the service, which undoes what it could not finish, whatever the status.
    """
    if answer.good:
        return Outcome.WRITTEN, Refusal(None, None)
    code = answer.error.code
    said = Refusal(None, _without_values(told(answer), body) or f"the service answered {answer.status}")
    if code == STALE or (answer.status == 412 and not code):
        return Outcome.STALE, said
    if code == MISSING or answer.status in (404, 410):
        return Outcome.MISSING, said
    if code == DUPLICATE_ID:
        return Outcome.REFUSED, Refusal(definition.key, _THERE)
    if code == DUPLICATE_KEY:
        return Outcome.REFUSED, _taken(definition, answer)
    if answer.status == 429 or (not code and not definite(answer)):
        return Outcome.UNKNOWN, said
    return Outcome.REFUSED, Refusal(_named(definition, answer.error.text, body), said.message)


def definite(answer: Answer) -> bool:
    """Whether the service surely did nothing of what it was asked, and says so."""
    return answer.error.code in _NOT_DONE or (400 <= answer.status < 500 and answer.status not in (401, 408, 429))


def _taken(definition: Definition, answer: Answer) -> Refusal:
    """Which key it was stands in the text, as a name that no language changes."""
    found = next((key for key in definition.keys if re.search(rf"\b{re.escape(key)}\b", answer.error.text)), None)
    return Refusal(definition.keys[found][0] if found else None, _TAKEN.format(key=found or "of the table"))


def _named(definition: Definition, text: str, body: dict[str, Any]) -> str | None:
    """The one sent column whose logical name stands in quotes in a message."""
    quoted = set(re.findall(r"'(\w+)'", text))
    names = [name for name in body if name in quoted and name in definition.columns]
    return names[0] if len(names) == 1 else None


def _without_values(text: str, body: dict[str, Any]) -> str:
    """Messages may repeat what was sent."""
    values = [value for value in body.values() if isinstance(value, str) and len(value) > 2]
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "…")
    return text
