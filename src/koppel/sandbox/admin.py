"""The hooks of the sandbox: a small HTTP service on a port of its own, never on the path of the product (wire 5.4)."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from json import loads
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from koppel.sandbox.bodies import Hook, Mistaken, Nothing, read
from koppel.sandbox.faults import Fault
from koppel.sandbox.gate import Controls
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.tokens import Tokens


@dataclass(frozen=True)
class _Time:
    """How the clock is moved, and where it is stopped."""

    advance: Annotated[float, Field(ge=-1e9, le=1e9)] = 0.0
    stop: AwareDatetime | None = None


class Admin:
    """The hooks all services share, and those of the services by their paths."""

    def __init__(self, controls: Controls, tokens: Tokens, hooks: Mapping[str, Hook]) -> None:
        self._controls = controls
        self._tokens = tokens
        self._hooks = hooks

    def application(self) -> Starlette:
        """The service."""
        hooks: dict[str, Hook] = {
            "/clock": Hook(_Time, self._clock),
            "/faults": Hook(Fault, self._controls.faults.add),
            "/expire/tokens": Hook(Nothing, lambda _: self._tokens.expire()),
            **self._hooks,
        }
        routes = [Route(path, self._hooked(hook), methods=["POST"]) for path, hook in hooks.items()]
        routes.append(Route("/faults", self._clear_faults, methods=["DELETE"]))
        routes.append(Route("/transcript", self._transcript))
        return Starlette(routes=routes)

    def _hooked(self, hook: Hook) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                body = _json(await request.body())
                with self._controls.lock:
                    return JSONResponse(hook.act(body if hook.shape is None else read(hook.shape, body)) or {})
            except Refusal as refusal:
                return JSONResponse({"error": f"{refusal.code} {refusal.message}"}, refusal.status)
            except Mistaken as mistake:
                return JSONResponse({"error": str(mistake)}, 400)

        return endpoint

    async def _clear_faults(self, request: Request) -> Response:
        self._controls.faults.clear()
        return JSONResponse({})

    async def _transcript(self, request: Request) -> Response:
        return JSONResponse([asdict(exchange) for exchange in self._controls.transcript.all()])

    def _clock(self, time: _Time) -> dict[str, str]:
        if time.stop is not None:
            self._controls.clock.stop(time.stop)
        self._controls.clock.advance(time.advance)
        return {"now": self._controls.clock.now().isoformat()}


def _json(body: bytes) -> object:
    """What a body holds; an empty one is an empty object. Raises `Mistaken`."""
    try:
        return loads(body or b"{}", parse_float=Decimal)
    except ValueError:
        raise Mistaken("the body is no JSON") from None
