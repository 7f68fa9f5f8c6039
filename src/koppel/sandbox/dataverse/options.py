"""What a caller asks for beside the rows: query options and preferences (wire 1.1, 1.2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from koppel.sandbox.dataverse.refusal import PAYLOAD, bad
from koppel.sandbox.dataverse.shape import Column, Table
from koppel.sandbox.exchange import Call
from koppel.sandbox.ordering import ordered

PAGE = 5_000
"""Rows of a page at most, and without a preference (wire 1.1)."""

_KNOWN = {"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken", "$deltatoken"}


@dataclass(frozen=True)
class Options:
    """Query options. `select`: None means all columns. `order`: columns, each with whether it descends."""

    select: tuple[Column, ...] | None = None
    filter: str = ""
    order: tuple[tuple[Column, bool], ...] = ()
    top: int | None = None
    count: bool = False
    expand: str = ""
    skiptoken: str = ""
    deltatoken: str = ""


@dataclass(frozen=True)
class Prefer:
    """The preferences of a call, and in `applied` what the answer says of them."""

    representation: bool = False
    page: int = PAGE
    annotations: str = ""
    track: bool = False
    go_on: bool = False

    @property
    def applied(self) -> dict[str, str]:
        """The header that tells which of them were honoured (wire 4.1.7)."""
        words = []
        if self.representation:
            words.append("return=representation")
        if self.page != PAGE:
            words.append(f"odata.maxpagesize={self.page}")
        if self.annotations:
            words.append(f'odata.include-annotations="{self.annotations}"')
        if self.track:
            words.append("odata.track-changes")
        return {"Preference-Applied": ",".join(words)} if words else {}


def options_of(call: Call, table: Table) -> Options:
    """The query options of a call; their names are case-sensitive (wire 1.2). Raises `Refusal`."""
    query = call.query
    for name in query:
        if name.startswith("$") and name not in _KNOWN:
            raise bad(f"The query parameter {name} is not supported.")
    top = query.get("$top")
    if top is not None and not top.isdigit():
        raise bad(f"Invalid value '{top}' for $top.", PAYLOAD)
    return Options(
        select=_selected(table, query["$select"]) if "$select" in query else None,
        filter=query.get("$filter", ""),
        order=ordered(query.get("$orderby", ""), partial(column_of, table), partial(bad, code=PAYLOAD)),
        top=None if top is None else int(top),
        count=query.get("$count") == "true",
        expand=query.get("$expand", ""),
        skiptoken=query.get("$skiptoken", ""),
        deltatoken=query.get("$deltatoken", ""),
    )


def column_of(table: Table, name: str) -> Column:
    """A column by the name rows give it. Raises `Refusal`."""
    if (column := table.by_wire_name.get(name)) is None:
        raise bad(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table.name}'.", PAYLOAD)
    return column


def _selected(table: Table, text: str) -> tuple[Column, ...]:
    """The columns asked for; the id always comes too, and an amount brings its currency (wire 1.2)."""
    asked = [column_of(table, name.strip()) for name in text.split(",")]
    extra = [table.columns[table.id_column]]
    if any(column.kind == "Money" for column in asked):
        extra.append(table.columns["transactioncurrencyid"])
    return tuple(dict.fromkeys([*asked, *extra]))


def prefer_of(headers: Mapping[str, str]) -> Prefer:
    """The preferences of a call. A page size beyond the limit is ignored (wire 1.1)."""
    text = headers.get("prefer", "")
    size = re.search(r"odata\.maxpagesize\s*=\s*(\d+)", text)
    page = int(size[1]) if size else PAGE
    annotations = re.search(r'odata\.include-annotations\s*=\s*"([^"]*)"', text)
    return Prefer(
        representation="return=representation" in text,
        page=page if 0 < page <= PAGE else PAGE,
        annotations=annotations[1] if annotations else "",
        track="odata.track-changes" in text,
        go_on="odata.continue-on-error" in text,
    )
