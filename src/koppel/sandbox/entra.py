"""Entra ID: discovery and the client credentials grant with a secret or a certificate (wire 1.1, 3.6, 5.1).

The AADSTS numbers beyond 7000215 are general knowledge of the service, not in the wire report.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography.x509 import load_pem_x509_certificate

from koppel.sandbox.clock import Clock
from koppel.sandbox.exchange import Call, Reply, json_reply
from koppel.sandbox.tokens import LIFETIME_SECONDS, Tokens

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Registration:
    """An app registration. `certificates`: PEM texts of those it may sign with."""

    client_id: str
    secret: str = field(default="", repr=False)
    secret_expires: datetime = _NEVER
    certificates: tuple[str, ...] = ()


class Refused(Exception):
    """A refusal of the token endpoint, as the real one words it."""

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(text)
        description = f"AADSTS{number}: {text}"
        self.reply = json_reply(status, {"error": error, "error_description": description, "error_codes": [number]})


@dataclass(frozen=True)
class Entra:
    """One tenant. `resources`: the root addresses tokens may be asked for; more may be added later."""

    url: str
    tenant: str
    clock: Clock
    tokens: Tokens
    registrations: Mapping[str, Registration]
    resources: set[str]

    @property
    def token_url(self) -> str:
        """Where tokens are asked for."""
        return f"{self.url}/{self.tenant}/oauth2/v2.0/token"

    def answer(self, call: Call) -> Reply:
        """One call to the service."""
        routes: dict[tuple[str, str], Callable[[Call], Reply]] = {
            ("GET", f"/{self.tenant}/v2.0/.well-known/openid-configuration"): self._configuration,
            ("GET", "/common/discovery/instance"): self._instance,
            ("POST", f"/{self.tenant}/oauth2/v2.0/token"): self._token,
        }
        try:
            if route := routes.get((call.method, call.path)):
                return route(call)
            if call.path.endswith(("/token", "/openid-configuration")):
                tenant = call.path.split("/")[1]
                raise Refused(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        except Refused as refusal:
            return refusal.reply
        return Reply(404)

    def _configuration(self, call: Call) -> Reply:
        base = f"{self.url}/{self.tenant}"
        return json_reply(
            200,
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": self.token_url,
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token", "token"],
                "subject_types_supported": ["pairwise"],
            },
        )

    def _instance(self, call: Call) -> Reply:
        host = self.url.removeprefix("https://")
        endpoint = f"{self.url}/{self.tenant}/v2.0/.well-known/openid-configuration"
        metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
        return json_reply(200, {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": metadata})

    def _token(self, call: Call) -> Reply:
        form = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
        if form.get("grant_type") != "client_credentials":
            raise Refused(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        client_id = form.get("client_id", "")
        registration = self.registrations.get(client_id)
        if registration is None:
            raise Refused(400, "unauthorized_client", 700016, f"Application '{client_id}' was not found.")
        self._prove(registration, form)
        token = self.tokens.issue(client_id, self._audience(form.get("scope", "")))
        times = {"expires_in": LIFETIME_SECONDS, "ext_expires_in": LIFETIME_SECONDS}
        return json_reply(200, {"token_type": "Bearer", **times, "access_token": token})

    def _audience(self, scope: str) -> str:
        """The resource of a scope as it was written: one slash too many makes another audience (wire 1.1)."""
        if not scope.endswith("/.default"):
            text = f"The provided value for scope {scope} is not valid. It must end with /.default."
            raise Refused(400, "invalid_scope", 1002012, text)
        audience = scope.removesuffix("/.default")
        if audience.rstrip("/") not in self.resources:
            raise Refused(400, "invalid_resource", 500011, f"The resource principal named {audience} was not found.")
        return audience

    def _prove(self, registration: Registration, form: Mapping[str, str]) -> None:
        if form.get("client_assertion_type") == ASSERTION:
            self._prove_by_certificate(registration, form.get("client_assertion", ""))
        elif not (secret := form.get("client_secret", "")):
            raise Refused(
                401, "invalid_client", 7000218, "The request body must contain client_assertion or client_secret."
            )
        elif not registration.secret or not compare_digest(secret.encode(), registration.secret.encode()):
            raise Refused(401, "invalid_client", 7000215, "Invalid client secret provided.")
        elif registration.secret_expires <= self.clock.now():
            raise Refused(401, "invalid_client", 7000222, "The provided client secret keys are expired.")

    def _prove_by_certificate(self, registration: Registration, assertion: str) -> None:
        claims = _claims(registration, assertion)
        if claims.get("aud") != self.token_url:
            raise Refused(401, "invalid_client", 700023, "Client assertion audience claim does not match.")
        now = self.clock.now().timestamp()
        if not float(claims.get("nbf", 0)) - 300 <= now < float(claims.get("exp", 0)):
            raise Refused(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
        if {claims.get("iss"), claims.get("sub")} != {registration.client_id}:
            raise Refused(401, "invalid_client", 700021, "Client assertion issuer or subject is not the application.")


def _claims(registration: Registration, assertion: str) -> dict[str, Any]:
    """The claims of an assertion signed by one of the certificates; time and audience are the caller's to judge."""
    unjudged = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    for text in registration.certificates:
        key = load_pem_x509_certificate(text.encode()).public_key()
        try:
            return jwt.decode(assertion, key, algorithms=["RS256", "PS256"], options=unjudged)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            continue
    raise Refused(401, "invalid_client", 700027, "Client assertion failed signature validation.")
