"""The hooks of the sandbox: a small HTTP service on a port of its own, never on the path of the product (wire 5.4)."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from json import JSONDecodeError, loads
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from koppel.sandbox.faults import Fault, RetryAfter, Trouble
from koppel.sandbox.gate import Controls
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.tokens import Tokens

Hook = Callable[[dict[str, Any]], Any]
"""Takes the body of a call, returns what is answered; None for an empty answer."""
Words = Mapping[str, Callable[[str], Any]]
"""Fields that are one of a few words, by name."""

_WORDS: Words = {"trouble": Trouble, "retry_after": RetryAfter}


class Admin:
    """The hooks all services share, and those of the services by their paths."""

    def __init__(self, controls: Controls, tokens: Tokens, hooks: Mapping[str, Hook]) -> None:
        self._controls = controls
        self._tokens = tokens
        self._hooks = hooks

    def application(self) -> Starlette:
        """The service."""
        hooks: dict[str, Hook] = {
            "/clock": self._clock,
            "/faults": self._fault,
            "/expire/tokens": lambda body: self._tokens.expire(),
            **self._hooks,
        }
        routes = [Route(path, self._hooked(hook), methods=["POST"]) for path, hook in hooks.items()]
        routes.append(Route("/faults", self._clear_faults, methods=["DELETE"]))
        routes.append(Route("/transcript", self._transcript))
        return Starlette(routes=routes)

    def _hooked(self, hook: Hook) -> Callable[[Request], Any]:
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
        fault = Fault(**worded(body, _WORDS))
        self._controls.faults.add(replace(fault, seconds=float(fault.seconds)))


def worded(body: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """A body with its words as the values they stand for. Raises `ValueError` for one that is none of them."""
    return {name: words[name](value) if name in words else value for name, value in body.items()}


def known(name: str, names: Mapping[str, Any], what: str) -> str:
    """A name that is there. Raises `ValueError` naming those that are."""
    if name not in names:
        raise ValueError(f"there is no {what} '{name}', only {', '.join(names)}")
    return name
