"""The session over a real socket: what leaves this machine, and what a cut line looks like."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from koppel.connectors.odata.failure import Unanswered
from koppel.connectors.odata.message import Request
from koppel.connectors.odata.session import Limits, Session
from koppel.connectors.odata.tokens import Basic
from koppel.errors import Unreachable
from tests.odata.service import SECRET, FakeTime


class Line(BaseHTTPRequestHandler):
    """Answers every path but /cut, where it hangs up, and /half, where it does so in the middle of the answer."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        """Any request."""
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        self.seen.append((self.path, self.headers.get("authorization") or ""))
        if self.path == "/cut":
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"{" if self.path == "/half" else b"{  }")
        self.close_connection = self.path == "/half"

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def session() -> Iterator[Session]:
    """Over a socket of this machine; waiting takes no time."""
    Line.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Line)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    root = f"http://127.0.0.1:{server.server_address[1]}/"
    made = Session("erp", root, Basic("koppel", SECRET), Limits(silence_seconds=5), FakeTime().timing())
    yield made
    made.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_link_leaves_byte_for_byte(session: Session) -> None:
    """wire 1.2, 3.4."""
    path = "accounts?$select=name&$skiptoken=%3Ccookie%20p=%222%22%20q=%22%253ccookie%252f%22%20/%3E&t=%2f'(a),:@!~"
    assert session.send(Request("GET", session.root + path)).body == b"{  }"
    assert Line.seen[0][0] == f"/{path}"
    assert Line.seen[0][1].startswith("Basic ")


@pytest.mark.parametrize("path", ["cut", "half"])
def test_a_write_over_a_cut_line_is_sent_once(session: Session, path: str) -> None:
    with pytest.raises(Unanswered):
        session.send(Request("POST", path, {}, b"{}"))
    assert len(Line.seen) == 1


@pytest.mark.parametrize("path", ["cut", "half"])
def test_a_read_over_a_cut_line_is_tried_again(session: Session, path: str) -> None:
    with pytest.raises(Unreachable):
        session.send(Request("GET", path))
    assert len(Line.seen) == 6


def test_nobody_at_the_other_end_is_unreachable() -> None:
    """And a create is not unknown then: it never left."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Line) as server:
        port = server.server_address[1]
    session = Session("erp", f"http://127.0.0.1:{port}/", Basic("koppel", SECRET), None, FakeTime().timing())
    with pytest.raises(Unreachable) as caught:
        session.send(Request("POST", "customers", {}, b"{}"))
    assert not isinstance(caught.value, Unanswered)
    session.close()
