"""A company of a Business Central environment as a system: its identity, its clock, its pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from threading import Lock

import msgspec

from koppel.connectors.agreed.names import unknown
from koppel.connectors.business_central.checking import findings
from koppel.connectors.business_central.currency import local_currency, rate
from koppel.connectors.business_central.facts import KEY
from koppel.connectors.business_central.page import Page, kinds_of, page_of
from koppel.connectors.business_central.source import PageSource
from koppel.connectors.business_central.table import PageTable, Reserving
from koppel.connectors.business_central.tracking import DELETIONS, Tracking, is_tracked
from koppel.connectors.odata.batch import Batches
from koppel.connectors.odata.csdl import EntitySet, entity_sets
from koppel.connectors.odata.failure import refusal, told
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.session import Session
from koppel.connectors.odata.stamps import change_stamp
from koppel.connectors.odata.system import answered_at
from koppel.errors import BadAnswer, ConfigurationError, Problem
from koppel.model.api import STANDARD_API
from koppel.model.numbers import NumberPolicy, Numbers
from koppel.model.values import KeyOrigin, Kind, TableShape
from koppel.ports import Finding, NumberKeeper, TableOptions, Use

COMPANIES = "companies"

USUAL_LAG = timedelta(minutes=10)
"""How late a change may appear by its stamp, which is taken within a transaction (wire 4.3.19); the service ends an
operation after eight minutes (wire 2.6)."""

TICK = timedelta(milliseconds=4)
"""How finely change stamps tick: three-hundredths of a second, rounded up."""


@dataclass(frozen=True)
class Place:
    """Which company of which environment. `environment`: '' for a server on premises. `company`: name or id, '' for the
    only one there is. `api`: `v2.0`, or publisher/group/version of an app's pages. `kinds`: page, field, and the kind
    that is meant by its text. `tenant`: that of the sign-in.
    """

    environment: str = ""
    company: str = ""
    api: str = STANDARD_API
    kinds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tenant: str = ""


class _Company(msgspec.Struct):
    id: str
    name: str


class _Companies(msgspec.Struct):
    value: list[_Company]


class BusinessCentralSystem:
    """One company, whose tables are the pages of one API. `keeper`: who remembers which numbers were reserved."""

    def __init__(self, session: Session, place: Place, keeper: NumberKeeper | None) -> None:
        self._session = session
        self._place = place
        self._keeper = keeper
        self._batches = Batches(session)
        self._lock = Lock()
        self._sets: Mapping[str, EntitySet] | None = None
        self._kinds: Mapping[str, Mapping[str, Kind]] = {}
        self._company: _Company | None = None

    @property
    def name(self) -> str:
        """The name the configuration gives it."""
        return self._session.system

    @property
    def session(self) -> Session:
        """The way to the environment."""
        return self._session

    @property
    def api(self) -> str:
        """Whose pages these are: `v2.0`, or those of an app."""
        return self._place.api

    @property
    def environment(self) -> str:
        """The name of the environment; '' for a server on premises."""
        return self._place.environment

    @property
    def path(self) -> str:
        """Where the pages of the company begin, below the root of the session."""
        return f"{COMPANIES}({self._where().id})/"

    def identity(self) -> str:
        """Tenant, environment and company: a copied one has records with the same ids (wire 4.3.18)."""
        return f"business-central:{self._place.tenant}/{self._place.environment}/{self._where().id}".lower()

    def now(self) -> datetime:
        """What the service's clock says, to the second."""
        request = Request("GET", f"{COMPANIES}({self._where().id})")
        return answered_at(self.name, self._session.read(request, "asking for the company"))

    def _where(self) -> _Company:
        """The company; asked for once. Raises ConfigurationError when it is not there, or not named among several."""
        with self._lock:
            if self._company is None:
                answer = self._read(Request("GET", COMPANIES), "asking for the companies")
                unclear = "it does not say which companies there are"
                found = answer.read(_Companies, self.name, unclear, "check the url").value
                self._company = _chosen(self.name, self._place.company, found)
            return self._company

    def _read(self, request: Request, doing: str) -> Answer:
        """The good answer to the first question there is. Raises SystemFailure; what is not there is so because of the
        configuration.
        """
        answer = self._session.send(request)
        if answer.status == HTTPStatus.NOT_FOUND:
            named = f"environment ({self._place.environment or 'none'}) and api ({self._place.api}) of the system"
            what = f"{doing}: it answered 404, {told(answer)}".removesuffix(", ")
            raise BadAnswer(self.name, what, f"check the url, {named}; pages of an app are there once it is installed")
        if not answer.good:
            raise refusal(self.name, doing, answer)
        return answer

    def tables(self) -> tuple[str, ...]:
        """The names of the pages."""
        return tuple(self._entity_sets())

    def _entity_sets(self) -> Mapping[str, EntitySet]:
        """The pages; asked for once. Raises ConfigurationError for kinds that do not fit them."""
        with self._lock:
            if self._sets is None:
                request = Request("GET", "$metadata", {"Accept": "application/xml"})
                found = entity_sets(self.name, self._read(request, "reading $metadata").body)
                sets = {name: one for name, one in found.items() if name != COMPANIES and one.key == (KEY,)}
                self._kinds = kinds_of(self.name, self._place.kinds, sets)
                self._sets = sets
            return self._sets

    def table(self, name: str, options: TableOptions) -> PageTable:
        """Open a page. `options.modified` '' means: no change stamp. Raises ConfigurationError."""
        sets, where = self._entity_sets(), f"{self.name}.{name}"
        if name not in sets:
            raise unknown(self.name, f"there is no page {name}", name, tuple(sets), "its pages are")
        if options.key not in (None, (KEY,)):
            what = "records are addressed by their id, which stays when a number changes"
            raise ConfigurationError([Problem(where, what, "leave the key out of the mapping")])
        page = self._page(sets[name])
        fields = tuple(each.shape for each in page.entity_set.properties.values())
        stamp = change_stamp(fields, page.stamp, options.modified, where)
        numbers = _numbers(page, options.numbers, where)
        source = self._source(page, stamp)
        chosen = numbers.policy is NumberPolicy.CLIENT_ID
        reserved = page.number if numbers.policy is NumberPolicy.RESERVED else None
        shape = TableShape(
            name,
            fields,
            (KEY,),
            KeyOrigin.CHOSEN if chosen else KeyOrigin.GENERATED,
            stamp,
            TICK if stamp else timedelta(microseconds=1),
            reserved,
        )
        tracking = None
        if is_tracked(page, sets):
            tracking = Tracking(source, self._source(self._page(sets[DELETIONS]), None))
        usual = USUAL_LAG if tracking is None else timedelta(0)
        reserving = None
        if reserved is not None and numbers.range is not None:
            assert self._keeper is not None, "whoever reserves numbers remembers them"
            reserving = Reserving(reserved, numbers.range, self._keeper)
        lag = usual if options.lag is None else options.lag
        return PageTable(source, shape, lag, self.now, tracking, reserving)

    def _page(self, entity_set: EntitySet) -> Page:
        sets = self._entity_sets()
        return page_of(entity_set, self._kinds[entity_set.name], sets, self._place.api == STANDARD_API)

    def _source(self, page: Page, stamp: str | None) -> PageSource:
        return PageSource(self._session, page.entity_set, (KEY,), stamp, self._batches, self.path, page=page)

    def check(self, uses: Mapping[str, Use]) -> Sequence[Finding]:
        """Rights to read, where new records get their numbers, and whether anything gives them posting groups."""
        pages = {name: self._page(one) for name, one in self._entity_sets().items()}
        return list(findings(self._session, f"{COMPANIES}({self._where().id})/", pages, uses))

    def currency(self) -> str | None:
        """The local currency of the company."""
        return local_currency(self._session, self._standard())

    def rate(self, code: str) -> Decimal | None:
        """What one unit of the local currency is worth today in the currency with this code."""
        return rate(self._session, self._standard(), code, self.now().date())

    def _standard(self) -> str:
        """Where the standard pages of the company begin, whatever the API."""
        return f"{self._session.root.removesuffix(f'{self._place.api}/')}{STANDARD_API}/{self.path}"

    def close(self) -> None:
        """Close every connection."""
        self._session.close()


def _chosen(system: str, said: str, found: list[_Company]) -> _Company:
    """The company that is meant."""
    fitting = [one for one in found if said.lower() in (one.name.lower(), one.id.lower())] if said else found
    if len(fitting) == 1:
        return fitting[0]
    if not found:
        remedy = "give the user or app a permission set in Business Central, and check the environment"
        raise ConfigurationError([Problem(system, "there is no company that koppel may see", remedy)])
    if said:
        names = [one.name for one in found]
        raise unknown(f"{system}.company", f"there is no company {said}", said, names, "there are")
    remedy = f'write company = "…"; there are: {", ".join(one.name for one in found)}'
    raise ConfigurationError([Problem(system, "there are several companies, and none is named", remedy)])


def _numbers(page: Page, said: Numbers | None, where: str) -> Numbers:
    """Who gives new records their numbers: the client where the page takes its ids, else the series. Raises
    ConfigurationError for what the page cannot.
    """
    if said is None:
        return Numbers(NumberPolicy.CLIENT_ID if page.takes_ids else NumberPolicy.SERIES)
    if said.policy is NumberPolicy.CLIENT_ID and not page.takes_ids:
        what = "a standard page does not let koppel choose the id of a new record"
        remedy = 'write "series" or "reserved FIRST..LAST", or use pages of an app (koppel export --al)'
        raise ConfigurationError([Problem(where, what, remedy)])
    if said.policy is NumberPolicy.RESERVED and (page.number is None or not page.facts.series):
        what = "its records have no numbers from a series, so koppel cannot reserve any"
        raise ConfigurationError([Problem(where, what, "map the field that names its records")])
    if said.range is not None and page.number is not None:
        length = page.entity_set.properties[page.number].shape.length
        if length is not None and len(said.range.text(said.range.last)) > length:
            what = f"{page.number} holds {length} characters, and the numbers of {said.range} are longer"
            raise ConfigurationError([Problem(where, what, "give a range of shorter numbers")])
    return said
