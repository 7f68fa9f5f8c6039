"""From a url, a company and a way to sign in to an open system."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx2

from koppel.connectors.business_central.refusals import ENGLISH
from koppel.connectors.business_central.system import BusinessCentralSystem, Place
from koppel.connectors.odata.opening import authorisation, check_url, transport_of
from koppel.connectors.odata.recording import Recorder
from koppel.connectors.odata.session import Limits, Session
from koppel.connectors.odata.timing import Timing
from koppel.connectors.odata.tokens import Authorisation
from koppel.ports import NumberKeeper

USUAL_LIMITS = Limits(most_lanes=4, headers=ENGLISH)
"""The service works on five requests of a user at once (wire 2.6). Never `Data-Access-Intent: ReadOnly`: a replica is
seconds behind, and what koppel has just written is read again (wire 4.3.20)."""


def open_system(
    name: str,
    url: str,
    auth: Mapping[str, str],
    place: Place,
    ca_file: Path | None = None,
    keeper: NumberKeeper | None = None,
    recorder: Recorder | None = None,
) -> BusinessCentralSystem:
    """Open a company; nothing is sent yet. `url`: of the service, or of a server on premises. `auth`: as for
    `odata.open_system`. `ca_file`: the authorities to trust instead of the usual ones. `recorder`: takes notes of
    everything that is asked. Raises ConfigurationError.
    """
    check_url(name, url)
    place = replace(place, tenant=auth.get("tenant", urlsplit(url).netloc))
    who = authorisation(name, url, auth, ca_file)
    transport = transport_of(name, ca_file, recorder)
    return system_of(name, root_of(url, place), who, place, keeper, transport=transport)


def system_of(
    name: str,
    root: str,
    who: Authorisation,
    place: Place,
    keeper: NumberKeeper | None = None,
    limits: Limits = USUAL_LIMITS,
    timing: Timing | None = None,
    transport: httpx2.BaseTransport | None = None,
) -> BusinessCentralSystem:
    """The company behind a service root. `timing`, `transport`: for tests."""
    return BusinessCentralSystem(Session(name, root, who, limits, timing, transport), place, keeper)


def root_of(url: str, place: Place) -> str:
    """Where the pages of an API are (wire 2.1)."""
    environment = f"/v2.0/{quote(place.tenant)}/{quote(place.environment)}" if place.environment else ""
    return f"{url.rstrip('/')}{environment}/api/{place.api}/"
