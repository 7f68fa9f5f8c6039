"""Who koppel is to a service: the `Authorization` header, from a password, an app registration or a foreign credential.

No object here shows a secret in its text, and no error repeats one: of what a token service says only its code is told.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

from koppel.connectors.odata.network import is_here
from koppel.errors import ConfigurationError, Denied, KoppelError, Problem, Unreachable

TIMEOUT_SECONDS = 30.0
"""How long an authority may be silent: msal would wait for ever, and with it every worker (DESIGN 7)."""


class Authorisation(Protocol):
    """Gives the header. Used by many threads."""

    def header(self, refused: str | None) -> str:
        """The value of `Authorization`. `refused`: the one that the service did not take any more.

        Raises Denied or Unreachable.
        """


class Credential(Protocol):
    """Any object that hands out tokens, as those of azure-identity do."""

    def get_token(self, *scopes: str) -> Any:
        """An object whose `token` is the access token for these scopes."""


class Basic:
    """User and password: on-premises services, and web service access keys."""

    def __init__(self, user: str, password: str) -> None:
        self._value = "Basic " + b64encode(f"{user}:{password}".encode()).decode()

    def header(self, refused: str | None) -> str:
        """The same every time."""
        return self._value


class Bearer:
    """Tokens of a credential for one scope, asked for each time: credentials keep them while they are good."""

    def __init__(self, system: str, credential: Credential, scope: str) -> None:
        self._system = system
        self._credential = credential
        self._scope = scope
        self._lock = Lock()

    def header(self, refused: str | None) -> str:
        """A token that was not refused already, where the credential can forget one (`forget_tokens`)."""
        with self._lock:  # one asks, the others take what it got
            token = self._token()
            forget: Callable[[], None] | None = getattr(self._credential, "forget_tokens", None)
            if token == refused and forget is not None:
                forget()
                token = self._token()
        return token

    def _token(self) -> str:
        try:
            return f"Bearer {self._credential.get_token(self._scope).token}"
        except KoppelError:
            raise
        except Exception as error:  # whatever a foreign credential raises; its text may hold anything
            what = f"no token could be had: {type(error).__name__}{_code_in(str(error))}"
            raise Denied(self._system, what, "check how koppel is to sign in to it") from None


class _Token:
    def __init__(self, token: str) -> None:
        self.token = token


class EntraApp:
    """An app registration of Microsoft Entra ID that signs in with a client secret or a certificate (extra `entra`).

    `authority`: `https://login.microsoftonline.com/TENANT`, or that of another cloud or a rehearsal.
    """

    def __init__(
        self,
        system: str,
        authority: str,
        client: str,
        secret: str | dict[str, str],
        ca_file: Path | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        **options: Any,
    ) -> None:
        """`secret`: the client secret, or `{"private_key": PEM, "thumbprint" or "public_certificate": …}`; `ca_file`:
        whom to trust instead of the usual certificate authorities; `timeout_seconds`: how long the authority may be
        silent; `options`: handed to msal.
        """
        self._system = system
        self._authority = authority
        self._client = client
        self._secret = secret
        self._ca_file = ca_file
        self._timeout_seconds = timeout_seconds
        self._options = options
        self._application: Any = None

    def get_token(self, *scopes: str) -> _Token:
        """A token, from memory while it is good. Raises Denied, Unreachable or ConfigurationError."""
        answer = self._asked(lambda application: application.acquire_token_for_client(list(scopes)))
        if "access_token" not in answer:
            code = _code_in(str(answer.get("error_description", ""))) or f" ({answer.get('error', 'no reason given')})"
            what = f"{self._authority} gives the app {self._client} no token for {' '.join(scopes)}{code}"
            raise Denied(self._system, what, _REMEDIES.get(code.strip(" ()"), "check tenant, client and secret"))
        return _Token(answer["access_token"])

    def forget_tokens(self) -> None:
        """The next token is a new one."""
        if self._application is not None:
            self._application.remove_tokens_for_client()

    def _asked(self, ask: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        try:
            import msal
        except ModuleNotFoundError as error:
            remedy = "install it with: pip install 'koppel[entra]'"
            raise ConfigurationError([Problem(self._system, f"{error.name} is not installed", remedy)]) from error
        try:
            if self._application is None:
                make = msal.ConfidentialClientApplication
                self._application = make(
                    self._client,
                    client_credential=self._secret,
                    authority=self._authority,
                    timeout=self._timeout_seconds,
                    **self._trust(),
                    **self._options,
                )
            return ask(self._application)
        except OSError as error:  # what every failure of the HTTP library below msal is
            raise self._out_of_reach(error) from None
        except Exception:  # ValueError for an authority, and whatever the libraries below raise for a key
            raise ConfigurationError([self._mistake()]) from None

    def _trust(self) -> dict[str, Any]:
        """What msal needs to trust whom it is told to."""
        if self._ca_file is None:
            return {}
        return _trusting(self._authority, self._ca_file, self._timeout_seconds)

    def _out_of_reach(self, error: OSError) -> Unreachable:
        from requests.exceptions import SSLError  # a part of msal

        if isinstance(error, SSLError):
            what = f"{self._authority} shows a certificate that is not trusted"
            return Unreachable(self._system, what, UNTRUSTED)
        what = f"{self._authority} cannot be reached for a token: {type(error).__name__}"
        return Unreachable(self._system, what, "check the network, and that the authority is right")

    def _mistake(self) -> Problem:
        """What is wrong with the configuration, where no question could be asked: a key that cannot be read, or else
        the tenant.
        """
        if isinstance(self._secret, dict) and not _is_readable(self._secret["private_key"]):
            what = f"the certificate of the app {self._client} cannot be read"
            return Problem(
                f"{self._system}.auth.certificate",
                what,
                "give a PEM file with the certificate and its private key, unlocked",
            )
        what = f"there is no tenant at {self._authority} that could know the app {self._client}"
        return Problem(
            f"{self._system}.auth.tenant", what, "check tenant, its id or its domain, and authority where one is given"
        )


UNTRUSTED = "let this machine trust the authority that issued it"
"""What to do about a certificate that nobody here trusts."""

_OF_SCOPE = "the scope of an app is the address of the service and /.default: leave scope out, or correct it"
_REMEDIES = {
    "AADSTS7000215": "the client secret is wrong: give the value of the secret, not its id",
    "AADSTS7000222": "the client secret has expired: make a new one at the app registration",
    "AADSTS700016": "there is no such app in this tenant: check the client id and the tenant",
    "AADSTS700027": "the certificate is not registered with the app: upload it there",
    "AADSTS90002": "there is no such tenant: check its id",
    "AADSTS500011": "the tenant knows no service of this address: check the url of the system (or scope, where it is "
    "given), and that its environment belongs to this tenant",
    "AADSTS1002012": _OF_SCOPE,
    "AADSTS70011": _OF_SCOPE,
}


def _is_readable(private_key: str) -> bool:
    """Whether this PEM text is a private key that no password guards."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # a part of msal

    try:
        load_pem_private_key(private_key.encode(), password=None)
    except Exception:  # ValueError, TypeError where there is a password, and what it raises for algorithms
        return False
    return True


def _trusting(authority: str, ca_file: Path, timeout_seconds: float) -> dict[str, Any]:
    """What msal needs for an authority that only these certificates prove. The environment's own are left aside, for
    they would win (wire 3.6); its proxies are not. Microsoft is not asked whether it knows that authority.
    """
    import requests  # a part of msal

    client = requests.Session()
    client.trust_env = False
    client.verify = str(ca_file)
    if not is_here(urlsplit(authority).hostname or ""):
        client.proxies = requests.utils.get_environ_proxies(authority)
    # msal would do so on a client of its own only.
    client.request = partial(client.request, timeout=timeout_seconds)  # type: ignore[method-assign]
    client.headers["Connection"] = "close"  # nobody closes it, and it is used once an hour
    return {"http_client": client, "instance_discovery": False}


def _code_in(text: str) -> str:
    """The code of Microsoft Entra ID in a text, in parentheses; its words may name more than they should."""
    found = re.search(r"AADSTS\d+", text)
    return f" ({found[0]})" if found else ""
