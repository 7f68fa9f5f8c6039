"""Both services of a sandbox in a process of its own, with latency and limits on; a tape of what was asked of them."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2

LATENCY_SECONDS = 0.05
LANES = {"dataverse": 8, "business_central": 5}
"""How many requests a service works on at once: what it advises (`x-ms-dop-hint`), what it does (wire 1.9, 2.6)."""

_BUSY = (429, 503)
_LEFT_OUT = {"authorization", "host", "content-length", "connection", "accept-encoding"}


@dataclass(frozen=True)
class Services:
    """A running sandbox. `said`: what `koppel sandbox --json` prints of it."""

    said: Mapping[str, str]
    process: int
    context: ssl.SSLContext

    def hook(self, path: str, body: Mapping[str, Any]) -> None:
        """Call a hook; see docs/sandbox.md."""
        answer = httpx2.post(f"{self.said['admin']}{path}", json=dict(body), verify=self.context)
        assert answer.status_code == 200, f"{path}: {answer.text}"

    def token(self, service: str) -> str:
        """An access token for a service."""
        form = {"grant_type": "client_credentials", "scope": f"{self.said[service]}/.default"}
        form |= {name: self.said[name] for name in ("client_id", "client_secret")}
        url = f"{self.said['authority']}/{self.said['tenant']}/oauth2/v2.0/token"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = httpx2.post(url, content=urlencode(form), headers=headers, verify=self.context)
        return str(answer.json()["access_token"])

    def service_of(self, url: str) -> str | None:
        """Which service an address belongs to."""
        return next((name for name in LANES if url.startswith(self.said[name])), None)


@contextmanager
def running(customers: int) -> Iterator[Services]:
    """So many customers and contacts in proportion in Business Central, and nobody in Dataverse."""
    amounts = {"businesses": customers * 5 // 4, "people": customers * 7 // 5, "accounts": 0, "contacts": 0}
    words = [word for name, number in amounts.items() for word in (f"--{name}", str(number))]
    command = [sys.executable, "-c", "from koppel.cli import main; main()", "sandbox", "--json", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ.copy()) as process:
        try:
            assert process.stdout is not None
            said = json.loads(_document(process.stdout))
            services = Services(said, process.pid, ssl.create_default_context(cafile=said["ca_file"]))
            services.hook("/faults", {"trouble": "latency", "seconds": LATENCY_SECONDS, "times": 0, "target": "/api/"})
            yield services
        finally:
            process.send_signal(signal.SIGTERM)


def _document(lines: Iterator[str]) -> str:
    """The first JSON document of a stream."""
    text = ""
    for line in lines:
        text += line
        if line.startswith("}"):
            break
    return text


@dataclass(frozen=True)
class Call:
    """One request as it was sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    status: int


@dataclass
class Tape:
    """What was asked, in the order of the answers; in the place of an `odata.recording.Recorder`."""

    calls: list[Call] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def over(self, transport: httpx2.BaseTransport) -> httpx2.BaseTransport:
        """The transport, being listened to."""
        return _Taped(self, transport)

    def note(self, request: httpx2.Request, status: int) -> None:
        """Keep a call."""
        headers = {name.lower(): text for name, text in request.headers.items() if name.lower() not in _LEFT_OUT}
        with self._lock:
            self.calls.append(Call(request.method, str(request.url), headers, request.content, status))

    def rejected(self, warm_up: int = 0) -> int:
        """How many were rejected because the service was busy, after the first ones."""
        return sum(call.status in _BUSY for call in self.calls[warm_up:])


class _Taped(httpx2.BaseTransport):
    def __init__(self, tape: Tape, transport: httpx2.BaseTransport) -> None:
        self._tape = tape
        self._transport = transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry it, and keep it."""
        request.read()
        response = self._transport.handle_request(request)
        self._tape.note(request, response.status_code)
        return response

    def close(self) -> None:
        """Close what is below."""
        self._transport.close()


def replayed(calls: Sequence[Call], then: Services, now: Services) -> float:
    """Seconds that the same calls take at fresh services when nobody does anything else: as many at once as each
    service works on. All of them must be answered as they were.
    """
    lines = {name: [call for call in calls if then.service_of(call.url) == name] for name in LANES}
    assert sum(map(len, lines.values())) == len(calls), "every call goes to one of the services"
    with ThreadPoolExecutor(len(lines)) as services:
        started = time.perf_counter()
        list(services.map(lambda name: _sent(lines[name], name, then, now), lines))
        return time.perf_counter() - started


def _sent(calls: Sequence[Call], service: str, then: Services, now: Services) -> None:
    authorization = f"Bearer {now.token(service)}"
    old, new = then.said[service], now.said[service]
    tenants = then.said["tenant"], now.said["tenant"]
    limits = httpx2.Limits(max_connections=LANES[service])
    with httpx2.Client(verify=now.context, limits=limits, timeout=120) as client:

        def send(call: Call) -> None:
            url = call.url.replace(old, new).replace(*tenants)
            body = call.body.replace(old.encode(), new.encode())
            headers = call.headers | {"authorization": authorization}
            status = client.request(call.method, url, headers=headers, content=body).status_code
            assert status == call.status, f"{call.method} {urlsplit(url).path}: {status}, and then it was {call.status}"

        with ThreadPoolExecutor(LANES[service]) as lanes:
            deque(lanes.map(send, calls), maxlen=0)


def configure(folder: Path, services: Services) -> Path:
    """A koppel.toml for the two services."""
    path = folder / "koppel.toml"
    path.write_text(_HEAD + services.said["toml"] + _MAPPINGS, encoding="utf-8")
    return path


_HEAD = """[koppel]
store = "sqlite:///koppel.db"
environment = "sandbox"
"""
_MAPPINGS = """
[mappings.CUSTOMER]
left = "bc.customers"
right = "dataverse.account"
only_coupled = false
together = [["addressLine1", "postalCode", "city"]]
fields = [
  "number       -> accountnumber",
  "displayName  <-> name",
  "addressLine1 <-> address1_line1",
  "postalCode   <-> address1_postalcode",
  "city         <-> address1_city",
  "phoneNumber  <-> telephone1",
  "email        <-> emailaddress1",
  "website      <-> websiteurl",
]
[mappings.CONTACT]
left = "bc.contacts"
right = "dataverse.contact"
only_coupled = false
left_filter = "type = 'Person'"
fields = [
  "displayName       -> lastname",
  "jobTitle          <-> jobtitle",
  "phoneNumber       <-> telephone1",
  "mobilePhoneNumber <-> mobilephone",
  "email             <-> emailaddress1",
]
"""
