"""Addresses: query strings as OData services read them, and links that are followed only where they may lead.

A blank is `%20`: the `+` of HTML forms is refused by real services (wire 3.4). A link that a service gave is opaque, so
it is sent byte for byte (wire 1.2), and only to the origin it came from, for the token travels with it (wire 4.1.8).
"""

from urllib.parse import quote, urljoin, urlsplit

from koppel.errors import BadAnswer

_READABLE = "'(),:/*=@!~$;"
"""What may stand in a query option as it is; `&`, `#`, `+` and `%` would be read as something else."""

_PORTS = {"http": 80, "https": 443}


def query(**options: str | None) -> str:
    """System query options as `?$name=value&…`, the given ones in order; '' when there are none."""
    said = [f"${name}={quoted(value)}" for name, value in options.items() if value is not None]
    return "?" + "&".join(said) if said else ""


def quoted(value: str) -> str:
    """A value as it stands in a query string."""
    return quote(value, safe=_READABLE)


def quoted_segment(value: str) -> str:
    """A value as it stands in a path, where a slash would begin another segment."""
    return quote(value, safe="'(),:=@!~$")


def followed(system: str, asked: str, link: str) -> str:
    """The address of a `link` found in the answer to `asked`, an absolute address. An absolute one stays as it is.

    Raises BadAnswer when it leads to another origin.
    """
    absolute = "://" in link.partition("?")[0]
    address = link if absolute else urljoin(asked, link)
    if origin(address) != origin(asked):
        where = origin(address)[1].rpartition("@")[2] or "an address that cannot be read"
        raise BadAnswer(
            system,
            f"it sent a link to {where}, which is not where it was asked ({origin(asked)[1]})",
            "nothing was sent there; if a gateway stands in between, name its address as the url of the system",
        )
    return address


class Trail:
    """Where the pages of one reading were, which began at the addresses `visited`. `what`: what is read, for the
    message.
    """

    def __init__(self, system: str, what: str, *visited: str) -> None:
        self._system = system
        self._what = what
        self._visited = set(visited)

    def onto(self, asked: str, link: str) -> str:
        """The address of the next page, by the `link` in the answer to `asked`. Raises BadAnswer when it leads to
        another origin, or back.
        """
        address = followed(self._system, asked, link)
        if address in self._visited:
            raise BadAnswer(self._system, f"the pages of {self._what} lead round in a circle")
        self._visited.add(address)
        return address


def origin(address: str) -> tuple[str, str, int | None]:
    """Scheme, host and port. An address with a name or password in it has an origin of its own."""
    try:
        parts = urlsplit(address)
        port = parts.port or _PORTS.get(parts.scheme.lower())
    except ValueError:
        return ("", "", None)
    host = (parts.hostname or "").lower()
    return (parts.scheme.lower(), host if "@" not in parts.netloc else parts.netloc, port)
