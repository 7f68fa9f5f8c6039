"""What a caller asks for beside the rows: query options and preferences (wire 2.3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from koppel.sandbox.business_central.refusal import bad
from koppel.sandbox.business_central.shape import Control, Page
from koppel.sandbox.exchange import Call
from koppel.sandbox.ordering import ordered

PAGE = 20_000
"""Rows of a page at most, and without a preference."""

_KNOWN = {"$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$skiptoken", "$schemaversion"}


@dataclass(frozen=True)
class Options:
    """Query options. `order`: controls, each with whether it descends."""

    select: tuple[Control, ...]
    filter: str = ""
    order: tuple[tuple[Control, bool], ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    expand: str = ""
    skiptoken: str = ""
    schema_version: str = ""
    read_only: bool = False


def options_of(call: Call, page: Page, variables: bool = False) -> Options:
    """The query options of a call. `variables`: whether rows may be sorted by what the page works out. Raises `Refusal`
    for an option that is not known.
    """
    query = call.query
    for name in query:
        if name.startswith("$") and name not in _KNOWN:
            raise bad(f"The query parameter '{name}' is not supported.")
    return Options(
        select=_selected(page, query["$select"]) if "$select" in query else tuple(page.controls.values()),
        filter=query.get("$filter", ""),
        order=ordered(query.get("$orderby", ""), lambda name: sought_control(page, name, variables), bad),
        top=_number(query, "$top"),
        skip=_number(query, "$skip") or 0,
        count=query.get("$count") == "true",
        expand=query.get("$expand", ""),
        skiptoken=query.get("$skiptoken", ""),
        schema_version=query.get("$schemaversion", ""),
        read_only=call.headers.get("data-access-intent", "").lower() == "readonly",
    )


def control_of(page: Page, name: str) -> Control:
    """A property by its name, which is case-sensitive. Raises `Refusal`."""
    if (control := page.controls.get(name)) is None:
        raise bad(f"Could not find a property named '{name}' on type 'Microsoft.NAV.{page.entity}'.")
    return control


def sought_control(page: Page, name: str, variables: bool) -> Control:
    """A property to filter or sort by. `variables`: whether those the page works out will do. Raises `Refusal`."""
    control = control_of(page, name)
    if page.variable(control) and not variables:
        raise bad(f"The property '{name}' is no field of the table {page.table.name}.")
    return control


def _selected(page: Page, text: str) -> tuple[Control, ...]:
    """The properties asked for and no others: not even the id comes by itself."""
    return tuple(control_of(page, name.strip()) for name in text.split(","))


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is not None and not text.isdigit():
        raise bad(f"Invalid value '{text}' for {name}.")
    return None if text is None else int(text)


def page_size(headers: Mapping[str, str]) -> int:
    """How many rows a page may have: as preferred, up to the limit."""
    found = re.search(r"odata\.maxpagesize\s*=\s*(\d+)", headers.get("prefer", ""))
    return min(int(found[1]), PAGE) if found and int(found[1]) > 0 else PAGE


def applied(headers: Mapping[str, str]) -> dict[str, str]:
    """The header that tells which preference was honoured."""
    size = page_size(headers)
    return {"Preference-Applied": f"odata.maxpagesize={size}"} if size != PAGE else {}
