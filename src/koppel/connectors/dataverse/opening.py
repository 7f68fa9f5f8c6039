"""From a url and a way to sign in to an open environment."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from koppel.connectors.dataverse.system import DataverseSystem
from koppel.connectors.odata.opening import authorisation, check_url, transport_of
from koppel.connectors.odata.recording import Recorder
from koppel.connectors.odata.session import Limits, Session
from koppel.connectors.odata.timing import Timing
from koppel.connectors.odata.tokens import Authorisation
from koppel.errors import ConfigurationError, Problem

API = "/api/data/v9.2/"

USUAL_LIMITS = Limits(most_lanes=16)
"""The service bears 52 requests at once and says with every answer how many it advises (wire 1.9)."""


def open_system(
    name: str,
    url: str,
    auth: Mapping[str, str],
    zone: str = "UTC",
    ca_file: Path | None = None,
    initial_load: bool = False,
    recorder: Recorder | None = None,
) -> DataverseSystem:
    """Open the environment at `url`; nothing is sent yet. `auth`: as for `odata.open_system`, with an app registration.
    `zone`: of date-times that carry none. `ca_file`: the authorities to trust instead of the usual ones.
    `initial_load`: hold back what the environment's own plug-ins, workflows and flows do. `recorder`: takes notes of
    everything that is asked. Raises ConfigurationError.
    """
    root = root_of(name, url)
    if "user" in auth:
        what = "Dataverse takes no user and password"
        raise ConfigurationError([Problem(name, what, "give tenant, client and one of secret and certificate")])
    who = authorisation(name, url, auth, ca_file)
    transport = transport_of(name, ca_file, recorder)
    return system_of(name, root, who, zone, transport=transport, initial_load=initial_load)


def system_of(
    name: str,
    root: str,
    who: Authorisation,
    zone: str = "UTC",
    limits: Limits = USUAL_LIMITS,
    timing: Timing | None = None,
    transport: httpx2.BaseTransport | None = None,
    initial_load: bool = False,
) -> DataverseSystem:
    """The environment behind a service root. `timing`, `transport`: for tests."""
    return DataverseSystem(Session(name, root, who, limits, timing, transport), zone, initial_load)


def root_of(name: str, url: str) -> str:
    """The service root of an environment; its url may be that of the environment or the root itself."""
    check_url(name, url)
    parts = urlsplit(url)
    if parts.path in ("", "/"):
        return f"{parts.scheme}://{parts.netloc}{API}"
    if re.fullmatch(r"/api/data/v9\.\d+/?", parts.path):
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"
    what = "the url leads to a page inside of the environment"
    raise ConfigurationError([Problem(name, what, f"write {parts.scheme}://{parts.netloc}")])
