"""The body of a write, as column values: names, bindings, types (wire 1.3, 1.5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from koppel.sandbox.dataverse.addresses import bound
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.refusal import DENIED, PAYLOAD, bad, undeclared
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import LOOKUPS, Column, Kind, Table
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.dataverse.values import stored
from koppel.sandbox.exchange import json_object
from koppel.sandbox.refusal import Refusal

_BIND = "@odata.bind"
_TOLERATED = {"@odata.type", "@odata.id", "@odata.etag", "@odata.context"}


def same(text: str) -> str:
    """What resolves `$1` outside of a change set: nothing."""
    return text


@dataclass(frozen=True)
class Author:
    """Who writes. `application`: an application user, whose rights are looked at. `contents` resolves the `$1` of a
    change set. `detect_duplicates`: by the header, off unless asked for (wire 1.1).
    """

    user: str
    application: bool = True
    contents: Callable[[str], str] = same
    detect_duplicates: bool = False


def document(body: bytes) -> dict[str, Any]:
    """A JSON object, its numbers exact. Raises `Refusal`."""
    if (found := json_object(body)) is None:
        raise bad("An error occurred while parsing the payload: a JSON object was expected.", PAYLOAD)
    return found


def column_values(
    environment: Environment, table: Table, body: Mapping[str, Any], author: Author, creating: bool
) -> dict[str, Any]:
    """What a body sets, by column. What may not be written is dropped without a word (wire 1.5, 4.2.18, 4.2.20).
    Raises `Refusal`.
    """
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name.endswith(_BIND):
            column, ref = _binding(environment, table, name, value, author)
        elif "@" in name:
            _check_annotation(table, name)
            continue
        else:
            column = table.columns.get(name)
            if column is None or column.kind in LOOKUPS:
                raise undeclared(table.name, name)
            ref = None
        if not (column.create if creating else column.update):
            continue
        if author.application:
            _check_rights(environment, table, column, ref, creating)
        empty = environment.switches.empty_text_is_null
        values[column.name] = ref if column.kind in LOOKUPS else stored(column, value, empty)
    return values


def _check_rights(environment: Environment, table: Table, column: Column, ref: Ref | None, creating: bool) -> None:
    """What column security and the roles say of one column that is sent (wire 4.2.6, 4.2.17). Raises `Refusal`."""
    grant = environment.grant(table.name, column.name)
    secured = (table.name, column.name) in environment.secured
    if secured and not (grant.create if creating else grant.update):
        raise Refusal(403, DENIED, f"Caller does not have privilege to write the secured field '{column.name}'.")
    if column.kind is Kind.OWNER:
        environment.demand("Assign", table)
    elif column.kind in LOOKUPS:
        environment.demand("Append", table)
        if ref is not None:
            environment.demand("AppendTo", TABLES[ref.table])


def _check_annotation(table: Table, name: str) -> None:
    if name not in _TOLERATED and name.partition("@")[0] not in table.by_wire_name:
        raise undeclared(table.name, name)


def _binding(environment: Environment, table: Table, name: str, value: Any, author: Author) -> tuple[Any, Any]:
    """The column a navigation property binds, in its exact case, and the row it is bound to (wire 1.5,
    4.2.10).
    """
    navigation = name.removesuffix(_BIND)
    if navigation not in table.navigation:
        text = (
            f"An undeclared property '{navigation}' which only has property annotations in the payload but no property"
        )
        raise bad(f"{text} value was found in the payload.", PAYLOAD)
    column, tables = table.navigation[navigation]
    if value is None:
        return column, None
    if not isinstance(value, str):
        raise bad(f"'{name}' must name a row.", PAYLOAD)
    ref = bound(environment.rows, value, author.contents)
    if ref.table not in tables:
        raise bad(f"'{navigation}' cannot name a row of '{ref.table}'.", PAYLOAD)
    return column, ref
