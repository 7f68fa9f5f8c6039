"""The one way to a service: every request of a connection goes through its session, whatever thread it comes from.

It signs in, keeps within what the service bears, sends again what may be sent again, and refuses answers that are too
large, too slow or from somewhere else. What an answer means is for the caller.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx2

from koppel.connectors.odata.address import followed
from koppel.connectors.odata.brake import Brake, Lanes, Ride
from koppel.connectors.odata.failure import Unanswered, connection_failure, crowded, refusal, throttled, was_sent
from koppel.connectors.odata.message import Answer, Repeat, Request
from koppel.connectors.odata.network import client
from koppel.connectors.odata.repeat import BUSY, TRIES, asked_wait, may_repeat, own_wait
from koppel.connectors.odata.timing import Timing
from koppel.connectors.odata.tokens import Authorisation
from koppel.errors import BadAnswer, SystemFailure, Unreachable

_log = logging.getLogger(__name__)

# What these write below a warning names whole addresses, and with them the values of filters and keys.
for _library in ("httpx2", "httpcore2"):
    logging.getLogger(_library).setLevel(logging.WARNING)

USUAL_HEADERS = {"Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0"}


@dataclass(frozen=True)
class Limits:
    """What a session takes upon itself, and from a service."""

    call_seconds: float = 600
    """How long a call may take, repeats and waiting included: two thirds of a lease (DESIGN 7)."""
    silence_seconds: float = 120
    """How long the service may say nothing; Dataverse itself gives up after so long."""
    connect_seconds: float = 15
    answer_bytes: int = 256 * 1024 * 1024
    """How large an answer may be, unpacked."""
    most_lanes: int = 4
    """How many requests may ever be under way at once; Business Central works on five (wire 2.6)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request beside the usual ones."""


class Session:
    """A connection to one service, used by many threads. `root`: its address, ending in a slash."""

    def __init__(
        self,
        system: str,
        root: str,
        authorisation: Authorisation,
        limits: Limits | None = None,
        timing: Timing | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`transport`: what carries requests, for tests; None: the network."""
        self.system = system
        self.root = root if root.endswith("/") else f"{root}/"
        self.limits = limits or Limits()
        self._authorisation = authorisation
        self._timing = timing or Timing()
        self._brake = Brake(self._timing)
        self._lanes = Lanes(self._timing, self.limits.most_lanes)
        # Cookies would pin all requests to one server, and with it to one server's share of the limits (wire 1.9).
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        headers = {**USUAL_HEADERS, **self.limits.headers}
        self._client = client(system, headers=headers, cookies=no_cookies, transport=transport)

    def elapsed(self) -> float:
        """Seconds that only grow."""
        return self._timing.elapsed()

    def deadline(self) -> float:
        """When a call that begins now has to be over. All requests of one call share it."""
        return self._timing.elapsed() + self.limits.call_seconds

    def close(self) -> None:
        """Close every connection. Safe to call twice."""
        self._client.close()

    def read(self, request: Request, doing: str, deadline: float | None = None) -> Answer:
        """The good answer to a request. `doing`: in words, for the error. Raises SystemFailure."""
        answer = self.send(request, deadline)
        if not answer.good:
            raise refusal(self.system, doing, answer)
        return answer

    def send(self, request: Request, deadline: float | None = None) -> Answer:
        """The answer to a request, good or not, after all repeats that are allowed.

        Raises Unreachable, Throttled, Denied (no token) or BadAnswer when there is no answer that could be used, and
        Unanswered when the fate of something that changes records is unknown.
        """
        address = self.absolute(request)
        deadline = self.deadline() if deadline is None else deadline
        tries, refused = 0, None
        while True:
            tries += 1
            authorisation = self._authorisation.header(refused)
            try:
                answer = self._once(request, address, authorisation, deadline)
            except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
                self._wait_after(request, address, error, tries, deadline)
                continue
            if answer.status == 401 and refused is None:  # it was not looked at: safe for every request
                refused = authorisation
                continue
            wait = asked_wait(answer, self._timing.now())
            if not may_repeat(request.repeat, answer, wait):
                return answer
            seconds = own_wait(tries, self._timing.chance()) if wait is None else wait
            if answer.status in BUSY:
                _log.info("%s is busy: nothing is sent for %.1f s", self.system, seconds)
                self._brake.pull(seconds)
            elif tries < TRIES and self._timing.elapsed() + seconds <= deadline:
                self._timing.sleep(seconds)
            else:
                return answer

    def absolute(self, request: Request) -> str:
        """Where a request goes. Raises BadAnswer before anything, the token above all, is sent to another origin."""
        if "://" in request.address.partition("?")[0]:
            return followed(self.system, self.root, request.address)
        return self.root + request.address

    def pause(self, request: Request, answer: Answer, tries: int) -> bool:
        """For a request within a batch that the service was too busy for: whether it may be sent again. Then nobody
        sends anything for as long as the answer asks; `tries`: how often it was sent.
        """
        wait = asked_wait(answer, self._timing.now())
        if not may_repeat(request.repeat, answer, wait):
            return False
        self._brake.pull(own_wait(tries, self._timing.chance()) if wait is None else wait)
        return True

    def rest(self, tries: int, deadline: float) -> bool:
        """Wait before what failed `tries` times is tried again; False at once when that is too late."""
        seconds = own_wait(tries, self._timing.chance())
        if self._timing.elapsed() + seconds > deadline:
            return False
        self._timing.sleep(seconds)
        return True

    def _once(self, request: Request, address: str, authorisation: str, deadline: float) -> Answer:
        """One try, when the brake and the lanes let it go."""
        kind = f"{request.method} {_place(address)}"
        while True:
            if not self._brake.wait(deadline):
                raise throttled(self.system, self._brake.left)
            with self._lanes.ride(kind, deadline - self._timing.elapsed()) as ride:
                if ride is None:
                    raise crowded(self.system)
                if self._brake.left:  # pulled while this one waited for a lane
                    continue
                return self._carried(request, address, authorisation, deadline, ride)

    def _carried(self, request: Request, address: str, authorisation: str, deadline: float, ride: Ride) -> Answer:
        """The answer, whole; what it says about load is noted."""
        seconds = max(1.0, deadline - self._timing.elapsed())
        silence = min(self.limits.silence_seconds, seconds)
        timeout = httpx2.Timeout(silence, connect=min(self.limits.connect_seconds, seconds))
        headers = {**request.headers, "Authorization": authorisation}
        with self._client.stream(
            request.method, address, headers=headers, content=request.body, timeout=timeout
        ) as response:
            body = b"".join(self._chunks(response, request, deadline))
            answer = Answer(address, response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)
        ride.answered = answer.good
        ride.throttled = answer.status in BUSY
        hint = answer.headers.get("x-ms-dop-hint", "")
        ride.hint = int(hint) if hint.isdecimal() else None
        elapsed = (self._timing.elapsed() - ride.began) * 1000
        trace = answer.headers.get("x-ms-service-request-id") or answer.headers.get("request-id") or "-"
        _log.debug("%s: %s: %d in %.0f ms, request %s", self.system, ride.kind, answer.status, elapsed, trace)
        return answer

    def _chunks(self, response: httpx2.Response, request: Request, deadline: float) -> Iterator[bytes]:
        """The body, refused as soon as it is too large or takes too long."""
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > self.limits.answer_bytes:
                what = f"an answer is larger than {self.limits.answer_bytes // 2**20} MiB"
                raise self._broken_off(request, BadAnswer(self.system, what, "ask for fewer records at once"))
            if self._timing.elapsed() > deadline:
                what = f"an answer was not complete after {self.limits.call_seconds:.0f} seconds"
                raise self._broken_off(request, Unreachable(self.system, what, "run again later"))
            yield chunk

    def _broken_off(self, request: Request, failure: SystemFailure) -> SystemFailure:
        """The fate of a write whose answer was not read to its end is unknown."""
        if request.repeat is Repeat.ALWAYS:
            return failure
        return Unanswered(self.system, "the answer to a write could not be read", "its fate is found out by looking")

    def _wait_after(self, request: Request, address: str, error: Exception, tries: int, deadline: float) -> None:
        """Wait before another try. Raises when there must not be one."""
        wait = own_wait(tries, self._timing.chance())
        may = request.repeat is Repeat.ALWAYS or not was_sent(error)
        if not may or tries >= TRIES or self._timing.elapsed() + wait > deadline:
            raise connection_failure(self.system, address, error, request.repeat is Repeat.ALWAYS) from None
        _log.info("%s: %s: %s, again in %.1f s", self.system, _place(address), type(error).__name__, wait)
        self._timing.sleep(wait)


def _place(address: str) -> str:
    """The last part of the path without its key: what may be shown of an address."""
    return urlsplit(address).path.rstrip("/").rpartition("/")[2].partition("(")[0]
