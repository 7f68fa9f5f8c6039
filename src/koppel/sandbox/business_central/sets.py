"""Calls to a set and to one of its rows (wire 2.3, 2.4)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from koppel.sandbox.business_central.body import document
from koppel.sandbox.business_central.company import Company, Right
from koppel.sandbox.business_central.options import Options, applied, options_of, page_size
from koppel.sandbox.business_central.reading import expansion, page_of, wanted_rows
from koppel.sandbox.business_central.refusal import bad, missing, no_method
from koppel.sandbox.business_central.saving import Author
from koppel.sandbox.business_central.shape import Page
from koppel.sandbox.business_central.showing import showing
from koppel.sandbox.business_central.writing import Wanted, create, delete, update
from koppel.sandbox.exchange import Call, Reply, json_reply
from koppel.sandbox.ids import guid
from koppel.sandbox.refusal import ODATA


@dataclass(frozen=True)
class Place:
    """A set of a company. `root`: the absolute address of the route. `link`: that of the call."""

    company: Company
    page: Page
    root: str
    link: str

    def options(self, call: Call) -> Options:
        """The query options of a call. Raises `Refusal`."""
        return options_of(call, self.page, self.company.switches.variables_filtered)

    @property
    def context(self) -> str:
        """What a document says it is about."""
        return f"{self.root}/$metadata#companies({self.company.id})/{self.page.set_name}"

    def address(self, row_id: str) -> str:
        """Where a row is."""
        return f"{self.root}/companies({self.company.id})/{self.page.set_name}({row_id})"


_RIGHTS = {
    "GET": Right.READ,
    "POST": Right.INSERT,
    "PATCH": Right.MODIFY,
    "PUT": Right.MODIFY,
    "DELETE": Right.DELETE,
}
"""What a call needs; rows that the application itself changes beside, such as the contact of a customer, need none."""


def set_call(place: Place, call: Call, key: str | None, counted: bool, author: Author) -> Reply:
    """Answer a call. `key`: what stands in the parentheses, None when the set itself is meant. Raises `Refusal`."""
    if right := _RIGHTS.get(call.method):
        place.company.check_right(place.page.table, right)
    if key is not None:
        return _row_call(place, call, key, author)
    if call.method == "GET" and counted:
        number = len(wanted_rows(place.company, place.page, place.options(call)))
        return Reply(200, str(number).encode(), {"Content-Type": "text/plain", **ODATA})
    if call.method == "GET":
        return _read_page(place, call)
    if call.method == "POST" and place.page.writable:
        return _post(place, call, author)
    raise no_method()  # a PATCH of a whole set among others (wire 2.4)


def _row_call(place: Place, call: Call, key: str, author: Author) -> Reply:
    if (row_id := guid(key)) is None:
        raise bad(f"The key '{key}' is no id.")
    if call.method == "GET":
        return _representation(place, call)(row_id, 200)
    if call.method in ("PATCH", "PUT") and place.page.writable:
        return _patch(place, call, row_id, author)
    if call.method == "DELETE" and place.page.writable:
        needed = place.company.switches.delete_needs_match  # U4
        with place.company.transaction():
            delete(place.company, place.page, row_id, author, Wanted(call.headers.get("if-match", ""), needed))
        return Reply(204, b"", ODATA)
    raise no_method()


def _read_page(place: Place, call: Call) -> Reply:
    options = place.options(call)
    rows = page_of(place.company, place.page, options, page_size(call.headers), place.link)
    return json_reply(200, {"@odata.context": place.context, **rows}, {**ODATA, **applied(call.headers)})


def _post(place: Place, call: Call, author: Author) -> Reply:
    """A new row: always the row itself, unless it was asked to be left out (wire 2.4)."""
    represented = _representation(place, call)
    with place.company.transaction():
        row_id = create(place.company, place.page, document(call.body), author)
    location = {"Location": place.address(row_id)}
    if "return-no-content" in call.headers.get("prefer", ""):
        return Reply(204, b"", {**ODATA, **location})
    return represented(row_id, 201, location)


def _patch(place: Place, call: Call, row_id: str, author: Author) -> Reply:
    represented, wanted = _representation(place, call), Wanted(call.headers.get("if-match", ""))
    with place.company.transaction():
        update(place.company, place.page, row_id, document(call.body), author, wanted)
    return represented(row_id, 200)


def _representation(place: Place, call: Call) -> Callable[..., Reply]:
    """What shows a row as the call wants it. Raises `Refusal` before anything is done for what it cannot show."""
    options = place.options(call)
    expand = expansion(place.company, place.page, options)
    reading = options.read_only and call.method == "GET"

    def represented(row_id: str, status: int, headers: Mapping[str, str] = MappingProxyType({})) -> Reply:
        row = place.company.row(place.page.table, row_id, reading)
        if row is None:
            raise missing(place.page.table, row_id)
        body = {"@odata.context": f"{place.context}/$entity"}
        body |= showing(place.company, place.page, row, options.select) | expand(row)
        return json_reply(status, body, {**ODATA, **headers})

    return represented
