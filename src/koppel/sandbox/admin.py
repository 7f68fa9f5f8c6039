"""The hooks of the sandbox: a small HTTP service on a port of its own, never on the path of the product (wire 5.4)."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from json import JSONDecodeError, loads
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.service import Dataverse
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.faults import Fault, RetryAfter, Trouble
from koppel.sandbox.gate import Controls
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.switches import ExpiredDelta
from koppel.sandbox.tokens import Tokens

_WORDS: dict[str, Callable[[str], Any]] = {
    "trouble": Trouble,
    "retry_after": RetryAfter,
    "expired_delta": ExpiredDelta,
}
"""Fields of faults and switches that are one of a few words."""


class Admin:
    """The handlers. `person`: the user as whom rows are edited."""

    def __init__(self, controls: Controls, dataverse: Dataverse, tokens: Tokens, person: str) -> None:
        self._controls = controls
        self._dataverse = dataverse
        self._tokens = tokens
        self._others = Others(dataverse.environment, person)

    def application(self) -> Starlette:
        """The service."""
        hooks: dict[str, Callable[[dict[str, Any]], Any]] = {
            "/clock": self._clock,
            "/faults": self._fault,
            "/switches": self._switch,
            "/limits": self._limit,
            "/expire/tokens": self._expire_tokens,
            "/expire/deltas": self._expire_deltas,
            "/secure": self._secure,
            "/rows/create": lambda b: {"id": self._others.create(_table(b), b["values"])},
            "/rows/edit": lambda b: self._others.edit(_table(b), b["id"], b["values"]),
            "/rows/touch": lambda b: self._others.touch(_table(b), b["id"]),
            "/rows/delete": lambda b: self._others.delete(_table(b), b["id"]),
            "/rows/merge": lambda b: self._others.merge(_table(b), b["loser"], b["winner"]),
        }
        routes = [Route(path, self._hooked(hook), methods=["POST"]) for path, hook in hooks.items()]
        routes.append(Route("/faults", self._clear_faults, methods=["DELETE"]))
        routes.append(Route("/transcript", self._transcript))
        return Starlette(routes=routes)

    def _hooked(self, hook: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                body = loads(await request.body() or b"{}", parse_float=Decimal)
                with self._controls.lock:
                    return JSONResponse(hook(body) or {})
            except Refusal as refusal:
                return JSONResponse({"error": f"{refusal.code} {refusal.message}"}, refusal.status)
            except (KeyError, TypeError, ValueError, AttributeError, JSONDecodeError) as error:
                return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

        return endpoint

    async def _clear_faults(self, request: Request) -> Response:
        self._controls.faults.clear()
        return JSONResponse({})

    async def _transcript(self, request: Request) -> Response:
        return JSONResponse([asdict(exchange) for exchange in self._controls.transcript.all()])

    def _clock(self, body: dict[str, Any]) -> dict[str, str]:
        if "stop" in body:
            self._controls.clock.stop(datetime.fromisoformat(body["stop"]))
        self._controls.clock.advance(float(body.get("advance", 0)))
        return {"now": self._controls.clock.now().isoformat()}

    def _fault(self, body: dict[str, Any]) -> None:
        fault = Fault(**_worded(body))
        self._controls.faults.add(replace(fault, seconds=float(fault.seconds)))

    def _switch(self, body: dict[str, Any]) -> dict[str, Any]:
        environment = self._dataverse.environment
        environment.switches = replace(environment.switches, **_worded(body))
        return asdict(environment.switches)

    def _limit(self, body: dict[str, Any]) -> dict[str, Any]:
        self._dataverse.limits.allowance = replace(self._dataverse.limits.allowance, **body)
        return asdict(self._dataverse.limits.allowance)

    def _expire_tokens(self, body: dict[str, Any]) -> None:
        self._tokens.expire()

    def _expire_deltas(self, body: dict[str, Any]) -> None:
        self._dataverse.environment.expire_deltas()

    def _secure(self, body: dict[str, Any]) -> None:
        secured = self._dataverse.environment.secured
        (secured.add if body.get("on", True) else secured.discard)((_table(body), body["column"]))


def _table(body: dict[str, Any]) -> str:
    table: str = body["table"]
    if table not in TABLES:
        raise ValueError(f"there is no table '{table}', only {', '.join(TABLES)}")
    return table


def _worded(body: dict[str, Any]) -> dict[str, Any]:
    return {name: _WORDS[name](value) if name in _WORDS else value for name, value in body.items()}
