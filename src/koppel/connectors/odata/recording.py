"""What went over the wire, to be shown to others: nothing in it tells who, where or what a record holds.

Not a list of what is secret is left out, but of what is harmless kept: methods, paths without hosts and tenants, names
of options and properties, statuses, codes, and texts that koppel itself made up for the occasion.
"""

import json
import re
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx2

HIDDEN = "…"

_HEADERS = frozenset(
    {"content-type", "if-match", "if-none-match", "prefer", "preference-applied", "odata-version", "retry-after"}
)
_KEPT = frozenset({"code", "reason", "@odata.type"})
"""Members whose texts say nothing about anybody."""
_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; `status` 0 when none came."""

    method: str
    target: str
    headers: dict[str, str]
    body: Any
    status: int
    answered: dict[str, str]
    answer: Any


@dataclass
class Recorder:
    """Keeps exchanges, safe to use from several threads. `mark`: what all texts of koppel's own hold."""

    mark: str
    exchanges: list[Exchange] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def over(self, transport: httpx2.BaseTransport) -> httpx2.BaseTransport:
        """The transport, with somebody who takes notes."""
        return _Recording(self, transport)

    def note(self, request: httpx2.Request, response: httpx2.Response | None) -> None:
        """Keep an exchange."""
        with self._lock:
            self.exchanges.append(
                Exchange(
                    request.method,
                    self._target(request.url),
                    self._headers(request.headers),
                    self._body(request.headers, request.content),
                    0 if response is None else response.status_code,
                    {} if response is None else self._headers(response.headers),
                    None if response is None else self._body(response.headers, response.content),
                )
            )

    def _headers(self, headers: httpx2.Headers) -> dict[str, str]:
        """Those that steer a request; a boundary is as good as a name."""
        said = {name.lower(): text for name, text in headers.items() if name.lower() in _HEADERS}
        return {name: re.sub(r'boundary="?[^";]+"?', f"boundary={HIDDEN}", text) for name, text in said.items()}

    def _target(self, url: httpx2.URL) -> str:
        """From the API on; what stands before it names a tenant and an environment."""
        parts = urlsplit(str(url))
        path = unquote(parts.path)
        path = path[path.find("/api/") :] if "/api/" in path else f"/{HIDDEN}"
        options = [option.partition("=") for option in parts.query.split("&") if option]
        query = "&".join(f"{unquote(name)}={self._condition(unquote(value))}" for name, _, value in options)
        return self._without_ids(path) + (f"?{query}" if query else "")

    def _condition(self, text: str) -> str:
        """An option without the values in it, but for those of koppel's own."""
        if "cookie" in text:
            return HIDDEN
        return self._without_ids(re.sub(r"'((?:[^']|'')*)'", lambda found: f"'{self._text(found[1])}'", text))

    def _text(self, text: str) -> str:
        return text if self.mark in text else self._without_ids(text) if _ID.fullmatch(text) else HIDDEN

    def _without_ids(self, text: str) -> str:
        """Every id as a number of this transcript, so that one can see which is which."""
        return _ID.sub(lambda found: self._ids.setdefault(found[0].lower(), f"<id {len(self._ids) + 1}>"), text)

    def _body(self, headers: httpx2.Headers, content: bytes) -> Any:
        if not content:
            return None
        try:
            return self._shown("", json.loads(content))
        except ValueError:
            kind = headers.get("content-type", "").partition(";")[0]
            return f"<{len(content)} bytes of {kind or 'something'}>"

    def _shown(self, name: str, value: Any) -> Any:
        match value:
            case dict():
                return {key: self._shown(key, each) for key, each in value.items()}
            case list():
                return [self._shown(name, each) for each in value[:3]] + ([HIDDEN] if len(value) > 3 else [])
            case str():
                return value if name in _KEPT or not value else self._text(value)
            case bool() | None:
                return value
            case _:
                return 0


class _Recording(httpx2.BaseTransport):
    def __init__(self, recorder: Recorder, transport: httpx2.BaseTransport) -> None:
        self._recorder = recorder
        self._transport = transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry it, and note what came of it."""
        request.read()
        try:
            response = self._transport.handle_request(request)
            response.read()
        except httpx2.HTTPError:
            self._recorder.note(request, None)
            raise
        self._recorder.note(request, response)
        return response

    def close(self) -> None:
        """Close the connections below."""
        self._transport.close()
