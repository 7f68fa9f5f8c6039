"""Entra: what the real msal client gets, and what a wrong secret, resource or tenant is answered with (wire 3.6)."""

import datetime
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from koppel.sandbox.clock import Clock
from koppel.sandbox.entra import ASSERTION, Entra, Registration
from koppel.sandbox.exchange import Call
from koppel.sandbox.server import Sandbox, Settings, running
from koppel.sandbox.tokens import Tokens
from tests.sandbox.web import Answer, answer_of, over_https

RESOURCE = "https://crm.example"


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False  # exported CA variables would win over verify (wire 3.6)
        session.verify = str(sandbox.authority.ca_file)
        yield session


def client(sandbox: Sandbox, http: requests.Session, credential: Any) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        sandbox.registration.client_id,
        client_credential=credential,
        authority=f"{sandbox.entra.url}/{sandbox.entra.tenant}",
        instance_discovery=False,
        http_client=http,
    )


def who_am_i(sandbox: Sandbox, token: str) -> Answer:
    url = f"{sandbox.dataverse.url}/api/data/v9.2/WhoAmI"
    return over_https(sandbox.authority.context(), "GET", url, Authorization=f"Bearer {token}")


def test_msal_gets_a_token_with_a_secret_and_the_second_from_its_cache(
    sandbox: Sandbox, http: requests.Session
) -> None:
    app = client(sandbox, http, sandbox.registration.secret)
    scopes = [f"{sandbox.dataverse.url}/.default"]
    first, second = app.acquire_token_for_client(scopes), app.acquire_token_for_client(scopes)
    assert first["token_type"] == "Bearer" and second["token_source"] == "cache"
    assert who_am_i(sandbox, first["access_token"]).status == 200


def test_msal_is_told_of_a_wrong_secret(sandbox: Sandbox, http: requests.Session) -> None:
    found = client(sandbox, http, "wrong").acquire_token_for_client([f"{sandbox.dataverse.url}/.default"])
    assert found["error"] == "invalid_client" and found["error_description"].startswith("AADSTS7000215")


def test_msal_signs_in_with_a_certificate_and_not_with_another() -> None:
    right, wrong = _certificate(), _certificate()
    with running(Settings(0, 0, certificates=(right["public_certificate"],))) as sandbox, requests.Session() as http:
        http.trust_env, http.verify = False, str(sandbox.authority.ca_file)
        scopes = [f"{sandbox.dataverse.url}/.default"]
        assert "access_token" in client(sandbox, http, right).acquire_token_for_client(scopes)
        refused = client(sandbox, http, wrong).acquire_token_for_client(scopes)
        assert refused["error_description"].startswith("AADSTS700027")


def _certificate() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "koppel")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now)
    certificate = builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "private_key": secret.decode(),
        "public_certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
    }


def entra(registration: Registration | None = None) -> Entra:
    clock = Clock()
    registration = registration or Registration("app", "s3cret")
    return Entra("https://login.example", "tenant", clock, Tokens(clock), {"app": registration}, {RESOURCE})


def asked(service: Entra, path: str = "/tenant/oauth2/v2.0/token", **form: str) -> Answer:
    complete = {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "s3cret",
        "scope": f"{RESOURCE}/.default",
    } | form
    return answer_of(service.answer(Call("POST", path, {}, urlencode(complete).encode())))


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": "other"}, 400, "unauthorized_client", 700016),
        ({"scope": RESOURCE}, 400, "invalid_scope", 1002012),
        ({"scope": "https://other.example/.default"}, 400, "invalid_resource", 500011),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"client_assertion_type": ASSERTION, "client_assertion": "x.y.z"}, 401, "invalid_client", 700027),
    ],
)
def test_each_mistake_has_its_own_answer(form: dict[str, str], status: int, error: str, number: int) -> None:
    answer = asked(entra(), **form)
    assert (answer.status, answer.json["error"], answer.json["error_codes"]) == (status, error, [number])


def test_another_tenant_is_not_found() -> None:
    assert asked(entra(), path="/other/oauth2/v2.0/token").json["error_codes"] == [90002]


def test_an_expired_secret_is_told_apart_from_a_wrong_one() -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    assert asked(entra(Registration("app", "s3cret", past))).json["error_codes"] == [7000222]


def test_a_slash_too_many_makes_another_audience() -> None:
    """wire 1.1: "root, no path; no double slash": Entra gives a token, the environment does not take it."""
    service = entra()
    token = asked(service, scope=f"{RESOURCE}//.default").json["access_token"]
    grant = service.tokens.grant(token)
    assert grant is not None and grant.audience == f"{RESOURCE}/"


def test_tokens_end_with_the_clock_and_on_demand() -> None:
    service = entra()
    first, second = (asked(service).json["access_token"] for _ in range(2))
    service.clock.advance(3_598)
    assert service.tokens.grant(first)
    service.clock.advance(2)
    assert service.tokens.grant(first) is None
    service.clock.advance(-100)
    service.tokens.expire()
    assert service.tokens.grant(second) is None


def test_no_secret_is_shown_by_a_registration() -> None:
    assert "s3cret" not in repr(Registration("app", "s3cret"))
