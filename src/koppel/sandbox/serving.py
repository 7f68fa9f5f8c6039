"""HTTPS on 127.0.0.1: a certificate authority of its own, a port the system chooses, a clean end."""

import asyncio
import socket
import ssl
import time
from pathlib import Path
from threading import Thread
from typing import Any

import trustme
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from koppel.sandbox.gate import Gate

HOST = "127.0.0.1"
STARTUP_SECONDS = 30.0


class Authority:
    """The certificate authority of one sandbox; its files lie in a folder. Both Microsoft clients insist on https."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.key_file = folder / "server.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        authority.issue_cert(HOST, "localhost").private_key_and_cert_chain_pem.write_to_path(self.key_file)

    def context(self) -> ssl.SSLContext:
        """What a client of the standard library needs to trust it."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def listening(port: int = 0) -> socket.socket:
    """A socket bound to 127.0.0.1; 0 lets the system choose the port."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        ear.bind((HOST, port))
    except OSError:
        ear.close()
        raise
    return ear


def url_of(ear: socket.socket) -> str:
    """The address clients use, without a slash at its end."""
    return f"https://{HOST}:{ear.getsockname()[1]}"


class Served:
    """An application being served in a thread of its own until `stop`."""

    def __init__(self, application: Any, ear: socket.socket, authority: Authority) -> None:
        self._ear = ear
        self._server = uvicorn.Server(_config(application, authority))
        self._thread = Thread(target=self._server.run, args=([ear],), name=f"sandbox {url_of(ear)}", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + STARTUP_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError(f"the sandbox did not start at {url_of(ear)}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Close the port and every connection, and wait for the thread."""
        self._server.should_exit = True
        self._thread.join()
        self._ear.close()


def _config(application: Any, authority: Authority) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=_cuttable(application) if isinstance(application, Gate) else "h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=not isinstance(application, Gate),
        ssl_certfile=str(authority.key_file),
        timeout_graceful_shutdown=5,
    )


def _cuttable(gate: Gate) -> type[asyncio.Protocol]:
    """The HTTP protocol of uvicorn that lets a gate find the connection of a request, to break it off."""

    class Cuttable(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._peer = tuple(transport.get_extra_info("peername"))
            gate.connections[self._peer] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            gate.connections.pop(self._peer, None)
            super().connection_lost(exc)

    return Cuttable
