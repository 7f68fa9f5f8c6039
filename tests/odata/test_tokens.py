"""Signing in: what is asked for a token, what is told when there is none, and what never is."""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from koppel.connectors.odata.opening import authorisation
from koppel.connectors.odata.tokens import Basic, Bearer, EntraApp
from koppel.errors import ConfigurationError, Denied, KoppelError, Unreachable
from tests.odata.service import SECRET

AUTHORITY = "https://login.example/3f0c0000-0000-4000-8000-000000000001"
SCOPE = "https://erp.example/.default"


class Entra:
    """The two endpoints that msal asks; no network. `fault`: what it answers instead of a token, or raises."""

    def __init__(self, fault: dict[str, str] | Exception | None = None) -> None:
        self.fault = fault
        self.asked: list[dict[str, Any]] = []

    def get(self, url: str, **_: object) -> SimpleNamespace:
        known = {name: f"{AUTHORITY}/{name}" for name in ("issuer", "authorization_endpoint", "token_endpoint")}
        return SimpleNamespace(status_code=200, text=json.dumps(known), headers={})

    def post(self, url: str, data: dict[str, Any], **_: object) -> SimpleNamespace:
        self.asked.append(data)
        if isinstance(self.fault, Exception):
            raise self.fault
        if self.fault is not None:
            return SimpleNamespace(status_code=401, text=json.dumps(self.fault), headers={})
        token = {"token_type": "Bearer", "expires_in": 3599, "access_token": f"token{len(self.asked)}"}
        return SimpleNamespace(status_code=200, text=json.dumps(token), headers={})

    def close(self) -> None:
        """Nothing is open."""


def app(entra: Entra, secret: str | dict[str, str] = SECRET) -> Bearer:
    return Bearer(
        "erp", EntraApp("erp", AUTHORITY, "client-7", secret, http_client=entra, instance_discovery=False), SCOPE
    )


def test_a_client_secret_gets_a_token_which_is_kept() -> None:
    entra = Entra()
    bearer = app(entra)
    assert [bearer.header(None), bearer.header(None)] == ["Bearer token1"] * 2
    assert len(entra.asked) == 1
    asked = entra.asked[0]
    assert (asked["grant_type"], asked["client_id"], asked["scope"]) == ("client_credentials", "client-7", SCOPE)


def test_a_token_that_was_refused_is_replaced() -> None:
    """It may be revoked long before it expires."""
    bearer = app(Entra())
    first = bearer.header(None)
    assert bearer.header(first) == "Bearer token2"
    assert bearer.header(first) == "Bearer token2", "another worker that was refused meanwhile takes the new one"


def certificate() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "koppel")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"private_key": private.decode(), "public_certificate": made.public_bytes(pem).decode()}


def test_a_certificate_signs_instead_of_a_secret() -> None:
    entra = Entra()
    assert app(entra, certificate()).header(None) == "Bearer token1"
    assert "client_secret" not in entra.asked[0]
    assert entra.asked[0]["client_assertion"]


def test_a_certificate_that_cannot_be_read_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match=r"certificate of the app client-7 cannot be read\n.*PEM"):
        app(Entra(), {"private_key": SECRET, "thumbprint": "00"}).header(None)


@pytest.mark.parametrize("secret", [SECRET, "certificate"])
def test_a_tenant_that_does_not_exist_is_not_blamed_on_the_certificate(secret: str) -> None:
    """msal raises the same ValueError for both."""
    entra = Entra()
    entra.get = lambda *_, **__: SimpleNamespace(status_code=400, text="{}", headers={})  # type: ignore[method-assign]
    with pytest.raises(ConfigurationError, match="there is no tenant at") as caught:
        app(entra, certificate() if secret == "certificate" else secret).header(None)
    assert "certificate" not in str(caught.value)


@pytest.mark.parametrize("authority", ["http://login.example", "login.example", "https://", "https://[x"])
def test_an_authority_that_is_no_https_is_said_before_anything_is_sent(authority: str) -> None:
    auth = {"tenant": "t", "client": "c", "secret": SECRET, "authority": authority}
    with pytest.raises(ConfigurationError, match="is no address that begins with https://"):
        authorisation("erp", "https://erp.example", auth)


def test_an_untrusted_certificate_is_told_from_a_network_that_is_down() -> None:
    """As the session tells them apart."""
    with pytest.raises(Unreachable, match=r"shows a certificate that is not trusted\n.*trust the authority"):
        app(Entra(requests.exceptions.SSLError(SECRET))).header(None)
    with pytest.raises(Unreachable, match="cannot be reached for a token: ConnectionError"):
        app(Entra(requests.ConnectionError(SECRET))).header(None)


@pytest.mark.parametrize("ca_file", [None, Path(requests.certs.where())])
def test_an_authority_that_stays_silent_is_given_up(ca_file: Path | None) -> None:
    """msal waits for ever unless it is told how long, and applies that to no client but its own (DESIGN 7)."""
    options = {"instance_discovery": False} if ca_file is None else {}
    with create_server(("127.0.0.1", 0)) as silent:
        authority = f"https://127.0.0.1:{silent.getsockname()[1]}/tenant"
        entra = EntraApp("erp", authority, "client-7", SECRET, ca_file, 0.1, **options)
        with pytest.raises(Unreachable, match=r"cannot be reached for a token: (ReadTimeout|ConnectionError)"):
            Bearer("erp", entra, SCOPE).header(None)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("AADSTS7000215", "not its id"),
        ("AADSTS7000222", "expired"),
        ("AADSTS700016", "client id"),
        ("AADSTS500011", "check the url of the system"),
        ("AADSTS1002012", "and /.default"),
        ("AADSTS1", "check tenant"),
    ],
)
def test_a_refusal_names_its_code_and_remedy(code: str, remedy: str) -> None:
    """wire 3.6: msal returns the error, it does not raise it."""
    said = {"error": "invalid_client", "error_description": f"{code}: Invalid client secret '{SECRET}' provided."}
    with pytest.raises(Denied, match=code) as caught:
        app(Entra(said)).header(None)
    assert remedy in str(caught.value)


class Foreign:
    """A credential as azure-identity has them."""

    def __init__(self, result: object) -> None:
        self.result = result
        self.scopes: tuple[str, ...] = ()

    def get_token(self, *scopes: str) -> object:
        self.scopes = scopes
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_any_object_that_hands_out_tokens_will_do() -> None:
    credential = Foreign(SimpleNamespace(token="abc", expires_on=1))
    assert Bearer("crm", credential, SCOPE).header(None) == "Bearer abc"
    assert credential.scopes == (SCOPE,)


def test_what_a_foreign_credential_raises_is_a_denial_without_its_words() -> None:
    with pytest.raises(Denied, match=r"RuntimeError \(AADSTS700016\)"):
        Bearer("crm", Foreign(RuntimeError(f"AADSTS700016 {SECRET}")), SCOPE).header(None)


@pytest.mark.parametrize(
    "fault",
    [
        {"error": "invalid_client", "error_description": f"AADSTS7000215: {SECRET}"},
        {"error": "invalid_client"},
        requests.ConnectionError(SECRET),
        requests.Timeout(SECRET),
    ],
)
def test_no_secret_in_errors_logs_and_texts(
    fault: dict[str, str] | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bearer = app(Entra(fault))
    with pytest.raises(KoppelError) as caught:
        bearer.header(None)
    assert isinstance(caught.value, Denied | Unreachable)
    for text in (str(caught.value), caplog.text, repr(bearer), repr(vars(bearer)), repr(Basic("koppel", SECRET))):
        assert SECRET not in text


def test_user_and_password() -> None:
    assert Basic("koppel", "pässword:1").header(None) == "Basic a29wcGVsOnDDpHNzd29yZDox"
