"""The tokens Entra has given out, which the other services look up: opaque, with an audience and an end."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_urlsafe

from koppel.sandbox.clock import Clock

LIFETIME_SECONDS = 3599
"""What Entra answers in `expires_in` (wire 3.6)."""


@dataclass(frozen=True)
class Grant:
    """What a token stands for. `audience`: the resource exactly as it was asked for."""

    client_id: str
    audience: str
    expires: datetime


class Tokens:
    """The tokens given out so far."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._grants: dict[str, Grant] = {}

    def issue(self, client_id: str, audience: str) -> str:
        """A new token."""
        token = token_urlsafe(48)
        self._grants[token] = Grant(client_id, audience, self._clock.now() + timedelta(seconds=LIFETIME_SECONDS))
        return token

    def grant(self, token: str) -> Grant | None:
        """What a token stands for, or None when it is unknown or over."""
        found = self._grants.get(token)
        return found if found is not None and found.expires > self._clock.now() else None

    def bearer(self, authorization: str, audience: str) -> Grant | None:
        """What an authorization header stands for, when it is a valid token for exactly this audience (wire 1.1)."""
        scheme, _, token = authorization.partition(" ")
        found = self.grant(token) if scheme.lower() == "bearer" else None
        return found if found is not None and found.audience == audience else None

    def holder(self, authorization: str) -> str:
        """The client an authorization header belongs to, whether still good or not; empty when unknown."""
        found = self._grants.get(authorization.partition(" ")[2])
        return found.client_id if found is not None else ""

    def expire(self) -> None:
        """End all of them now."""
        now = self._clock.now()
        self._grants = {token: replace(grant, expires=now) for token, grant in self._grants.items()}
