"""`$batch`, in JSON only (wire 2.5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from koppel.sandbox.business_central.body import document
from koppel.sandbox.business_central.environment import Environment
from koppel.sandbox.business_central.refusal import BAD, SERVER, Refusal, bad
from koppel.sandbox.exchange import Call, Reply, json_bytes, json_object, json_reply
from koppel.sandbox.refusal import ODATA

OPERATIONS = 100
"""Operations of a batch at most (wire 2.5, 4.3.6)."""

Inner = Callable[[Call], Reply]
_METHODS = {"GET", "POST", "PATCH", "PUT", "DELETE"}


@dataclass(frozen=True)
class _Operation:
    id: str
    call: Call
    after: tuple[str, ...]


class _RolledBack(Exception):
    pass


def batch(environment: Environment, call: Call, inner: Inner) -> Reply:
    """Carry out a batch; `inner` answers one operation, its address below the route. Raises `Refusal`."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        # Several operations in a change set are the end of a multipart batch, so none is offered at all.
        raise Refusal(500, SERVER, "A batch of several operations has to be JSON.")
    operations = _operations(document(call.body))
    if call.headers.get("isolation", "").lower() == "snapshot":
        return _all_or_nothing(environment, operations, inner)
    go_on = "odata.continue-on-error" in call.headers.get("prefer", "")
    return _answer(_carried_out(operations, inner, go_on))


def _all_or_nothing(environment: Environment, operations: list[_Operation], inner: Inner) -> Reply:
    """One transaction. When it fails, what went before the failure is told as done although nothing is (wire 2.5,
    4.3.5).
    """
    answers: list[dict[str, Any]] = []
    try:
        with environment.transaction():
            answers = _carried_out(operations, inner, go_on=False)
            if answers[-1]["status"] >= 400:
                raise _RolledBack
    except _RolledBack:
        pass
    return _answer(answers)


def _carried_out(operations: list[_Operation], inner: Inner, go_on: bool) -> list[dict[str, Any]]:
    """The answers in order, up to the first failure unless one goes on (wire 2.5)."""
    answers: list[dict[str, Any]] = []
    failed: set[str] = set()
    for operation in operations:
        reply = _waited_in_vain(operation) if failed & {*operation.after} else inner(operation.call)
        answers.append(_shown(operation, reply))
        if reply.status >= 400:
            failed.add(operation.id)
            if not go_on:
                break
    return answers


def _waited_in_vain(operation: _Operation) -> Reply:
    return Refusal(424, BAD, f"Operation {operation.id} depends on one that has failed.").reply()


def _operations(body: Mapping[str, Any]) -> list[_Operation]:
    requests = body.get("requests")
    if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests) or not requests:
        raise bad("A batch needs a list of requests.")
    if len(requests) > OPERATIONS:
        text = f"The number of operations {len(requests)} exceeds the maximum number of '{OPERATIONS}'."
        raise Refusal(500, SERVER, text)  # not a 400 (wire 2.5)
    seen: set[str] = set()
    return [_operation(one, seen) for one in requests]


def _operation(one: Mapping[str, Any], seen: set[str]) -> _Operation:
    """One operation; it may wait for earlier ones only."""
    name, method, url, headers = one.get("id"), one.get("method"), one.get("url"), one.get("headers", {})
    if not isinstance(name, str) or not isinstance(url, str) or method not in _METHODS or name in seen:
        raise bad("Every request of a batch needs an id of its own, a method and a url.")
    if not isinstance(headers, dict) or not isinstance(one.get("dependsOn", []), list):
        raise bad("The headers of a request are an object, what it depends on is a list.")
    if unknown := {*one} - {"id", "method", "url", "headers", "body", "dependsOn"}:
        raise bad(f"A request of a batch has no '{min(unknown)}'.")
    after = tuple(one.get("dependsOn", ()))
    if not {*after} <= seen:
        raise bad(f"The request '{name}' depends on one that does not stand before it.")
    seen.add(name)
    body = json_bytes(one["body"]) if "body" in one else b""
    return _Operation(name, Call(method, url, {key.lower(): str(value) for key, value in headers.items()}, body), after)


def _shown(operation: _Operation, reply: Reply) -> dict[str, Any]:
    """A reply, which is known by its id (wire 4.1.6)."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    shown: dict[str, Any] = {"id": operation.id, "status": reply.status, "headers": headers}
    if reply.body:
        found = json_object(reply.body)
        shown["body"] = reply.body.decode() if found is None else found
    return shown


def _answer(answers: list[dict[str, Any]]) -> Reply:
    return json_reply(200, {"responses": answers}, ODATA)
