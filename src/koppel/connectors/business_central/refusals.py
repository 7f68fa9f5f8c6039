"""What a refusal of the service means. Codes and statuses are matched. One text is looked for too, in English, which is
why every request asks for it (wire 2.3, 2.8): only how patient koppel is with a table that is held depends on it.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from koppel.connectors.odata.batch import Told
from koppel.connectors.odata.failure import told as said_by
from koppel.connectors.odata.message import Answer

ENGLISH = {"Accept-Language": "en-US"}

GRANT = "give the app a permission set with this table on the page Microsoft Entra Applications"
"""What to do about 403."""

CHANGED = "Request_EntityChanged"
TAKEN = "Internal_EntityWithSameKeyExists"
DIALOG = "Application_DialogException"

_LOCKED = re.compile(r"updated in a\s+transaction done by another session|locked by another user", re.IGNORECASE)
_CORRELATION = re.compile(r"\s*CorrelationId:\s*[\w-]+\.?")


def is_stale(answer: Answer) -> bool:
    """Whether another one has changed the record: 409 in fact, 412 by the documentation (wire 2.4)."""
    changed = answer.status == HTTPStatus.CONFLICT and answer.error.code == CHANGED
    return changed or answer.status == HTTPStatus.PRECONDITION_FAILED


def is_locked(told: Told) -> bool:
    """Whether another session held the table: it passes, though it comes as a refusal (wire 4.3.26)."""
    return isinstance(told, Answer) and told.status >= 400 and _LOCKED.search(told.error.text) is not None


def may_pass(answer: Answer) -> bool:
    """Whether another session may have held the table: a locked one has no code of its own, and not every service tells
    in English that it was one.
    """
    return answer.error.code == DIALOG and not is_locked(answer)


def is_taken(answer: Answer) -> bool:
    """Whether another record has the same key; with 400 or 409 (U7)."""
    return answer.error.code == TAKEN


def is_forbidden(answer: Answer) -> bool:
    """Whether a right is missing; the code with it is that of any failure."""
    return answer.status == HTTPStatus.FORBIDDEN


def blamed(answer: Answer, body: Mapping[str, Any]) -> str | None:
    """The field that must be to blame, where only one was sent; none is for a right that is missing."""
    return next(iter(body)) if len(body) == 1 and not is_forbidden(answer) else None


def without_values(answer: Answer, body: Mapping[str, Any]) -> str:
    """Code and text, without what the record holds, and without the number of the call, which is always another."""
    text = _CORRELATION.sub("", said_by(answer, body.values())) or f"the service answered {answer.status}"
    return f"{text}: {GRANT}" if is_forbidden(answer) else text
