"""The way to a service: through the proxies that the environment names (HTTPS_PROXY, NO_PROXY, …), but to this machine
directly, where no proxy leads.
"""

import ssl
from ipaddress import ip_address
from typing import Any

import httpx2

from koppel.errors import ConfigurationError, Problem

_HERE = dict.fromkeys(("all://127.0.0.0/8", "all://localhost", "all://[::1]"))


def client(system: str, **options: Any) -> httpx2.Client:
    """A client with these options. Raises ConfigurationError for a proxy that cannot be used; its address, which may
    hold a password, is not told.
    """
    try:
        return httpx2.Client(mounts=_HERE, **options)
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        what = f"the proxy that the environment names cannot be used ({type(error).__name__})"
        remedy = "write http://host:port into HTTPS_PROXY; for a socks5 proxy install socksio"
        raise ConfigurationError([Problem(system, what, remedy)]) from None


class Network(httpx2.BaseTransport):
    """What a client without a transport of its own does, as a transport: a client that is handed one looks for no
    proxies. `trust`: in which authorities; None: the usual ones.
    """

    def __init__(self, system: str, trust: ssl.SSLContext | None = None) -> None:
        self._client = client(system, verify=True if trust is None else trust)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry it."""
        return self._client.send(request, stream=True)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
