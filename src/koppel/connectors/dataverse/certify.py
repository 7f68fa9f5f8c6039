"""The points of Dataverse that nobody has settled, asked of a real environment (wire 6)."""

from collections.abc import Iterator
from typing import Any

import msgspec

from koppel.connectors.dataverse.calls import get
from koppel.connectors.dataverse.system import DataverseSystem
from koppel.connectors.dataverse.tracking import EXPIRED
from koppel.connectors.odata.address import followed, query
from koppel.connectors.odata.probing import Probe, Questions, Unclear, looked, verdict
from koppel.model.point import Point

TEXT, OTHER = "name", "telephone1"
_TEST_TYPES = frozenset(
    {"CustomerTest", "CustomerFreeTest", "CustomerPreview", "Developer", "Trial", "EmailTrial", "TestDrive"}
)
"""Types of organisations without anybody's live records. Production is `Customer` or `Secondary`."""

_ORGANISATION = (
    "RetrieveCurrentOrganization(AccessType=@access)?@access=Microsoft.Dynamics.CRM.EndpointAccessType'Default'"
)
_SET, _KEY = "accounts", "accountid"
_OLD = "1!01/01/2015 00:00:00"
"""A delta token as the service makes them, of a time no service remembers (wire 1.4)."""
_TEST_CURRENCY = "XTS"
"""What ISO 4217 reserves for tests."""
_MANY_PAGES = 200


class _Detail(msgspec.Struct):
    OrganizationType: str


class _Organisation(msgspec.Struct):
    Detail: _Detail


class DataverseQuestions(Questions):
    """Asked with accounts."""

    table, text, other = "account", TEXT, OTHER

    def __init__(self, system: DataverseSystem, mark: str) -> None:
        super().__init__(Probe(system.session, mark))

    def no_test(self) -> str | None:
        """The type of its organisation, unless that is one for tests."""
        answer = get(self.probe.session, _ORGANISATION, "asking of what type the organisation is")
        system, unclear = self.probe.session.system, "it does not say of what type it is"
        told = answer.read(_Organisation, system, unclear, "certify an environment that says so")
        type_ = told.Detail.OrganizationType
        return None if type_ in _TEST_TYPES else f"its organisation is of the type {type_}"

    def unsettled(self) -> Iterator[Point]:
        """U1, U2, U3, U10, U11."""
        return looked(self.probe, _QUESTIONS)

    def address(self, id_: str) -> str:
        """An account."""
        return f"{_SET}({id_})"


def _new(probe: Probe, **values: Any) -> str:
    """A new account; its id."""
    address = f"{_SET}{query(select=_KEY)}"
    answer = probe.ask("POST", address, {TEXT: probe.mark, **values}, Prefer="return=representation")
    id_ = str(probe.row(answer, "creating an account")[_KEY])
    probe.made.append(f"{_SET}({id_})")
    return id_


def _old_delta(probe: Probe) -> str:
    answer = probe.ask("GET", f"{_SET}{query(select=TEXT, deltatoken=_OLD)}")
    if answer.good:
        return "everything comes again"
    return f"refused: {verdict(answer)}" + ("" if answer.error.code == EXPIRED else ", a code koppel does not know")


def _comparing(probe: Probe) -> str:
    id_ = _new(probe, name=f"{probe.mark} é")

    def found(condition: str) -> bool:
        asked = query(select=_KEY, filter=f"{_KEY} eq {id_} and {condition}")
        answer = probe.ask("GET", f"{_SET}{asked}")
        return bool(probe.row(answer, "filtering accounts")["value"])

    if not found(f"{TEXT} eq '{probe.mark} é'"):
        raise Unclear("a new account is not found by its name")
    accents = "taken for the same" if found(f"{TEXT} eq '{probe.mark} e'") else "told apart"
    nulls = "finds" if found(f"{OTHER} ne 'x'") else "leaves out"
    return f"é and e are {accents}; ne {nulls} rows without a value"


def _empty_text(probe: Probe) -> str:
    id_ = _new(probe, **{OTHER: ""})
    row = probe.row(probe.ask("GET", f"{_SET}({id_}){query(select=OTHER)}"), "reading an account")
    return "it becomes null" if row[OTHER] is None else "it stays an empty text"


def _made_again(probe: Probe) -> str:
    id_ = _new(probe)
    link = _delta_link(probe)
    if not probe.ask("DELETE", f"{_SET}({id_})").good:
        raise Unclear("an account cannot be deleted")
    probe.row(probe.ask("POST", _SET, {_KEY: id_, TEXT: probe.mark}, Prefer="return=representation"), "making it again")
    changes = probe.row(probe.ask("GET", link), "asking for the changes")["value"]
    told = {"deletion" if "reason" in one else "update" for one in changes if id_ in (one.get("id"), one.get(_KEY))}
    return " and ".join(sorted(told)) or "neither update nor deletion"


def _delta_link(probe: Probe) -> str:
    """Where changes from now on are asked for."""
    answer = probe.ask("GET", f"{_SET}{query(select=TEXT)}", Prefer="odata.track-changes,odata.maxpagesize=5000")
    for _ in range(_MANY_PAGES):
        page = probe.row(answer, "tracking the changes of accounts")
        if link := page.get("@odata.deltaLink"):
            return str(link)
        if "@odata.nextLink" not in page:
            raise Unclear("changes of accounts are not tracked")
        link = followed(probe.session.system, probe.session.root, page["@odata.nextLink"])
        answer = probe.ask("GET", link, Prefer="odata.maxpagesize=5000")
    raise Unclear("there are too many accounts to read them all for this")


def _refusals(probe: Probe) -> str:
    id_ = _new(probe)
    twice = probe.ask("POST", _SET, {_KEY: id_, TEXT: probe.mark})
    return f"an id that is taken: {verdict(twice)}; a row that is in use: {_in_use(probe)}"


def _in_use(probe: Probe) -> str:
    currency = {"isocurrencycode": _TEST_CURRENCY, "currencyname": probe.mark, "currencysymbol": "X"}
    more = {"currencyprecision": 2, "exchangerate": 1}
    answer = probe.ask("POST", "transactioncurrencies", currency | more, Prefer="return=representation")
    if not answer.good:
        return f"not found out, a currency {_TEST_CURRENCY} could not be made: {verdict(answer)}"
    address = f"transactioncurrencies({probe.row(answer, 'making a currency')['transactioncurrencyid']})"
    probe.made.append(address)
    _new(probe, **{"transactioncurrencyid@odata.bind": f"/{address}"})
    return verdict(probe.ask("DELETE", address))


_QUESTIONS = (
    ("U1", "A delta link that has expired", _old_delta),
    ("U2", "Text in filters: accents, and ne where there is no value", _comparing),
    ("U3", "An empty text that is written", _empty_text),
    ("U10", "A row deleted and made again between two looks at the changes", _made_again),
    ("U11", "Statuses of refusals", _refusals),
)
