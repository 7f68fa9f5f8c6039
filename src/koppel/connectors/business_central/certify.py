"""The points of Business Central that nobody has settled, asked of a real company (wire 6). All are about the standard
pages.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

from koppel.connectors.business_central.facts import KEY
from koppel.connectors.business_central.system import BusinessCentralSystem
from koppel.connectors.odata.address import query
from koppel.connectors.odata.decode import ETAG
from koppel.connectors.odata.probing import Probe, Questions, Unclear, looked, verdict
from koppel.model.api import STANDARD_API
from koppel.model.point import Point

TEXT = "displayName"
_SET = "customers"
_RUNTIME = "api/microsoft/runtime/beta/"
_PEOPLE = ("contacts", "salespeoplePurchasers")


class BusinessCentralQuestions(Questions):
    """Asked with customers."""

    table, text, other = _SET, TEXT, "addressLine2"

    def __init__(self, system: BusinessCentralSystem, mark: str) -> None:
        super().__init__(Probe(system.session, mark))
        self._path = system.path
        self._standard = system.api == STANDARD_API

    def unsettled(self) -> Iterator[Point]:
        """U4 to U9."""
        company = _Company(self._path) if self._standard else None
        return looked(
            self.probe, [(code, question, partial(_asked, company, how)) for code, question, how in _QUESTIONS]
        )

    def address(self, id_: str) -> str:
        """A customer."""
        return f"{self._path}{_SET}({id_})"

    def beside(self) -> list[str]:
        """The contact of each customer (wire 4.3.10)."""
        asked = query(select=KEY, filter=f"startswith({TEXT},'{self.probe.mark}')")
        rows = self.probe.row(self.probe.ask("GET", f"{self._path}contacts{asked}"), "looking for contacts")["value"]
        return [f"{self._path}contacts({row[KEY]})" for row in rows]


class _Company:
    """The pages below `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.customers = f"{path}{_SET}"

    def new(self, probe: Probe, **values: Any) -> dict[str, Any]:
        """A new customer, as it was answered."""
        answer = probe.ask("POST", self.customers, {TEXT: probe.mark, **values})
        row = probe.row(answer, "creating a customer")
        probe.made.append(f"{self.customers}({row[KEY]})")
        return row


def _asked(company: _Company | None, how: Callable[[_Company, Probe], str], probe: Probe) -> str:
    if company is None:
        raise Unclear("it is a question of the standard pages; leave `api` out of a system to ask it")
    return how(company, probe)


def _deletion(company: _Company, probe: Probe) -> str:
    row = company.new(probe)
    answer = probe.ask("DELETE", f"{company.customers}({row[KEY]})")
    return "accepted" if answer.good else f"refused: {verdict(answer)}"


def _chosen_id(company: _Company, probe: Probe) -> str:
    wanted = str(uuid4())
    answer = probe.ask("POST", company.customers, {KEY: wanted, TEXT: probe.mark})
    if not answer.good:
        return f"refused: {verdict(answer)}"
    got = str(probe.row(answer, "creating a customer")[KEY])
    probe.made.append(f"{company.customers}({got})")
    return "accepted" if got.lower() == wanted else "ignored"


def _blank_member(company: _Company, probe: Probe) -> str:
    row = company.new(probe)
    shown = row.get("blocked")
    taken = [spelling for spelling in (" ", "_x0020_") if _takes(company, probe, row[KEY], spelling)]
    return f"taken: {' and '.join(map(repr, taken)) or 'none'}; shown: {shown!r}"


def _takes(company: _Company, probe: Probe, id_: str, spelling: str) -> bool:
    """Whether a customer that is blocked can be unblocked in these words."""
    address = f"{company.customers}({id_})"
    blocked = probe.row(probe.ask("PATCH", address, {"blocked": "All"}, if_match="*"), "blocking a customer")
    answer = probe.ask("PATCH", address, {"blocked": spelling}, if_match=str(blocked[ETAG]))
    return answer.good and probe.row(answer, "unblocking").get("blocked") != "All"


def _taken_number(company: _Company, probe: Probe) -> str:
    number = company.new(probe)["number"]
    answer = probe.ask("POST", company.customers, {"number": number, TEXT: probe.mark})
    if answer.good:
        probe.made.append(f"{company.customers}({probe.row(answer, 'creating a customer')[KEY]})")
        raise Unclear("a second customer got the number")
    return verdict(answer)


def _top(company: _Company, probe: Probe) -> str:
    """Asked with pages of one record: the usual ones hold 20 000."""
    for _ in range(2):
        company.new(probe)
    asked = query(select=KEY, filter=f"{TEXT} eq '{probe.mark}'", top="2")
    answer = probe.ask("GET", f"{company.customers}{asked}", Prefer="odata.maxpagesize=1")
    page = probe.row(answer, "reading customers")
    if len(page["value"]) > 1:
        raise Unclear("the service gives more at once than it was asked for")
    return "a link leads to the rest" if "@odata.nextLink" in page else "the page is the end"


def _webhooks(company: _Company, probe: Probe) -> str:
    root = probe.session.root.removesuffix(f"api/{STANDARD_API}/")
    answer = probe.ask("GET", f"{root}{_RUNTIME}{company.path}webhookSupportedResources")
    resources = probe.row(answer, "asking for resources with webhooks")["value"]
    names = {str(one["resource"]).rpartition("/")[2] for one in resources}
    return "; ".join(f"{name}: {'yes' if name in names else 'no'}" for name in _PEOPLE)


_QUESTIONS = (
    ("U4", "A deletion without If-Match", _deletion),
    ("U5", "An id chosen for a record of a standard page", _chosen_id),
    ("U6", "The blank member of an enum", _blank_member),
    ("U7", "A number that is taken", _taken_number),
    ("U8", "A $top beyond a page", _top),
    ("U9", "Webhooks for people", _webhooks),
)
