"""From a url and a way to sign in to an open system."""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from koppel.connectors.odata.network import Network, is_here
from koppel.connectors.odata.recording import Recorder
from koppel.connectors.odata.session import Limits, Session
from koppel.connectors.odata.system import OdataSystem
from koppel.connectors.odata.timing import Timing
from koppel.connectors.odata.tokens import Authorisation, Basic, Bearer, Credential, EntraApp
from koppel.errors import ConfigurationError, Problem

ENTRA = "https://login.microsoftonline.com"


def open_system(
    name: str,
    url: str,
    auth: Mapping[str, str],
    limits: Limits | None = None,
    timing: Timing | None = None,
    transport: httpx2.BaseTransport | None = None,
    batch: bool | None = None,
    credential: Credential | None = None,
) -> OdataSystem:
    """Open the service whose root is `url`; nothing is sent yet. `timing`, `transport`: for tests. `batch`: whether
    many requests are sent in one (`$batch` as JSON); None: where the service says that it takes them.

    `auth`: `user` and `password`, or `tenant`, `client` and `secret` or `certificate` (PEM text with its key), with
    `scope` and `authority` where the usual ones do not fit. `credential`: gives the tokens instead; of `auth` only
    `scope` counts then. Raises ConfigurationError.
    """
    check_url(name, url)
    who = authorisation(name, url, auth, credential=credential)
    return OdataSystem(Session(name, url, who, limits, timing, transport), batch=batch)


def check_url(name: str, url: str) -> None:
    """Raise ConfigurationError unless what is sent there stays secret: https, or a service on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        raise ConfigurationError(
            [Problem(f"{name}.url", "the url names no server", "write https://, the server and its path")]
        )
    if parts.scheme == "https" or (parts.scheme == "http" and is_here(host)):
        if parts.query or parts.fragment or "@" in parts.netloc:
            what = "the url holds more than the address of the service"
            raise ConfigurationError([Problem(f"{name}.url", what, "end it with the service root; sign in with auth")])
        return
    what = "everybody on the way could read the password or token"
    raise ConfigurationError([Problem(f"{name}.url", what, "write a url that begins with https://")])


def transport_of(name: str, ca_file: Path | None, recorder: Recorder | None) -> httpx2.BaseTransport | None:
    """What carries requests where the authorities of a PEM file are to be trusted instead of the usual ones, or a
    recorder takes notes; None: what a session takes by itself. Raises ConfigurationError.
    """
    if ca_file is None and recorder is None:
        return None
    network = Network(name, None if ca_file is None else _trusting(name, ca_file))
    return network if recorder is None else recorder.over(network)


def _trusting(name: str, ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        what = f"the ca_file {ca_file} cannot be read: {error.strerror or 'it holds no certificate'}"
        raise ConfigurationError([Problem(f"{name}.ca_file", what, "give a PEM file")]) from None


def authorisation(
    name: str,
    url: str,
    auth: Mapping[str, str],
    ca_file: Path | None = None,
    credential: Credential | None = None,
) -> Authorisation:
    """Who koppel is. `ca_file`: whom to trust instead of the usual authorities, also where tokens are had.
    `credential`: gives the tokens, and sees to its own trust. Raises ConfigurationError when the parts do not make one
    way.
    """
    parts = urlsplit(url)
    scope = auth.get("scope") or f"{parts.scheme}://{parts.netloc}/.default"
    if credential is not None:
        return Bearer(name, credential, scope)
    if auth.keys() == {"user", "password"}:
        return Basic(auth["user"], auth["password"])
    optional = {"scope", "authority"}
    if auth.keys() - optional not in ({"tenant", "client", "secret"}, {"tenant", "client", "certificate"}):
        what = "auth is neither user and password nor tenant, client and one of secret and certificate"
        raise ConfigurationError([Problem(f"{name}.auth", what, "see docs/reference/configuration.md, [systems.NAME]")])
    secret = _certificate(name, auth["certificate"]) if "certificate" in auth else auth["secret"]
    authority = f"{_https(name, auth.get('authority', ENTRA))}/{auth['tenant']}"
    return Bearer(name, EntraApp(name, authority, auth["client"], secret, ca_file), scope)


def _https(name: str, authority: str) -> str:
    """Who gives tokens, without a slash at the end. Raises ConfigurationError unless what is sent is kept secret."""
    try:
        parts = urlsplit(authority)
        good = parts.scheme == "https" and parts.hostname and not parts.query and not parts.fragment
    except ValueError:
        good = False
    if not good:
        what = f"the authority {authority!r} is no address that begins with https://"
        raise ConfigurationError([Problem(f"{name}.auth.authority", what, f"leave it out for {ENTRA}")])
    return authority.rstrip("/")


def _certificate(name: str, pem: str) -> dict[str, str]:
    """The private key and the certificate of a PEM text, as msal takes them."""
    parts = {kind: text for text, kind in re.findall(r"(-----BEGIN ([A-Z ]+)-----.*?-----END \2-----)", pem, re.DOTALL)}
    key = next((text for kind, text in parts.items() if kind.endswith("PRIVATE KEY")), None)
    if key is None or "CERTIFICATE" not in parts:
        what = "the certificate holds no private key, or no certificate"
        raise ConfigurationError([Problem(f"{name}.auth.certificate", what, "give a PEM file that holds both")])
    return {"private_key": key, "public_certificate": parts["CERTIFICATE"]}
