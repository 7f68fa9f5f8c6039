"""Addresses of rows: `accounts(guid)`, `accounts(accountnumber='X')`, and what follows them (wire 1.3)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from koppel.sandbox import paths
from koppel.sandbox.dataverse.refusal import MISSING_KEY, NO_SEGMENT, PAYLOAD, bad, missing
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import Column, Key, Kind, Table
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.ids import guid
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.rows import Rows

BASE = "/api/data/v9.2/"
FORBIDDEN = set("/<>*%&:\\?+")
"""Characters a key value may not hold in an address (wire 1.3, 4.2.16)."""

_PAIR = re.compile(r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|[^,'\"]+?)\s*(?:,|$)")
_SETS = {table.set_name: table for table in TABLES.values()}


@dataclass(frozen=True)
class Address:
    """A row that is meant. `id` is empty when it was named by `key` and there is none with these `values` yet."""

    table: Table
    id: str
    key: Key | None = None
    values: tuple[Any, ...] = ()
    text: str = ""

    @property
    def form(self) -> str:
        """The row in the form it was named in, which `OData-EntityId` echoes."""
        return f"{self.table.set_name}({self.text})"


def parted(segment: str) -> tuple[str, str | None]:
    """Name of a segment, and what stands between its parentheses if there are any. Raises `Refusal`."""
    if (found := paths.parted(segment)) is None:
        raise no_segment(segment)
    return found


def no_segment(segment: str) -> Refusal:
    """The path names something that is not there."""
    return Refusal(404, NO_SEGMENT, f"Resource not found for the segment '{segment}'.")


def table_of(set_name: str) -> Table:
    """The table of an entity set, whose name is case-sensitive. Raises `Refusal`."""
    if (table := _SETS.get(set_name)) is None:
        raise no_segment(set_name)
    return table


def address(rows: Rows, table: Table, inside: str) -> Address:
    """The row meant by what stands in the parentheses. Raises `Refusal`."""
    if known := guid(inside.strip()):
        return Address(table, known, text=inside.strip())
    pairs = _pairs(table, inside)
    own = "ownerid" if table.name in ("systemuser", "team") else table.id_column
    if [*pairs] == [own]:
        if known := guid(pairs[own]):
            return Address(table, known, text=inside)
        raise bad(f"'{pairs[own]}' is no id.")
    key = next((key for key in table.keys if {*key.columns} == {*pairs}), None)
    if key is None or not key.enforced or key.name in rows.broken:
        raise bad("The specified key properties do not match an alternate key of the entity.", MISSING_KEY)
    values = tuple(_key_value(table.columns[name], pairs[name]) for name in key.columns)
    return Address(table, rows.by_key(table, key, values) or "", key, values, inside)


def _pairs(table: Table, inside: str) -> dict[str, str]:
    pairs, place = {}, 0
    while place < len(inside):
        match = _PAIR.match(inside, place)
        if match is None:
            raise bad(f"Bad Request - Error in query syntax: {table.set_name}({inside}).", PAYLOAD)
        pairs[match[1]] = match[2]
        place = match.end()
    if not pairs:
        raise bad(f"Bad Request - Error in query syntax: {table.set_name}().", PAYLOAD)
    return pairs


def _key_value(column: Column, literal: str) -> Any:
    if column.kind not in (Kind.TEXT, Kind.MEMO):
        return int(literal) if literal.lstrip("-").isdigit() else literal
    if not literal.startswith("'"):
        raise bad(f"The value of '{column.name}' must be quoted.", PAYLOAD)
    text = literal[1:-1].replace("''", "'")
    if FORBIDDEN & {*text}:
        raise bad(f"A potentially dangerous value was detected in the key '{column.name}'.", PAYLOAD)
    return text


def bound(rows: Rows, text: str, contents: Callable[[str], str]) -> Ref:
    """The row an `@odata.bind` names. `contents` resolves `$1` of a change set. Raises `Refusal` when there is none."""
    text = contents(text)
    path = text.partition(BASE)[2] if BASE in text else text.lstrip("/")
    parts = paths.segments(path)
    name, inside = parted(parts[0]) if len(parts) == 1 else ("", None)
    if inside is None:
        raise bad(f"'{text}' does not name a row.", PAYLOAD)
    found = address(rows, table_of(name), inside)
    if not found.id or rows.get(found.table.name, found.id) is None:
        raise missing(found.table.name, found.text)
    return Ref(found.table.name, found.id)
