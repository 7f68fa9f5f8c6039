"""Calls to one row: read, upsert, one column of it, delete (wire 1.3)."""

from dataclasses import replace
from typing import Any

from koppel.sandbox.dataverse.addresses import BASE, Address, no_segment
from koppel.sandbox.dataverse.body import Author, document
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.options import options_of, prefer_of
from koppel.sandbox.dataverse.refusal import missing
from koppel.sandbox.dataverse.shape import LOOKUPS
from koppel.sandbox.dataverse.showing import etag, shown
from koppel.sandbox.dataverse.writing import Conditions, check, conditions_of, delete, update, upsert
from koppel.sandbox.exchange import Call, Reply, json_reply
from koppel.sandbox.rows import Row


def read_row(environment: Environment, where: Address, call: Call, url: str) -> Reply:
    """GET of one row; 304 when the caller has it already."""
    row = _there(environment, where)
    if conditions_of(call.headers).none_match == etag(row):
        return Reply(304, b"", {"ETag": etag(row)})
    return represented(environment, where, call, url, 200)


def patch_row(environment: Environment, where: Address, call: Call, author: Author, url: str) -> Reply:
    """PATCH of one row: an upsert unless a precondition says otherwise."""
    body = document(call.body)
    with environment.rows.transaction():
        row_id, created = upsert(environment, where, body, author, conditions_of(call.headers))
    if prefer_of(call.headers).representation:
        # Only so one learns which of both it was (wire 1.1).
        return represented(environment, replace(where, id=row_id), call, url, 201 if created else 200)
    # The form the row was named in is echoed, so a key stays a key (wire 1.3).
    return Reply(204, b"", {"OData-Version": "4.0", "OData-EntityId": f"{url}{BASE}{where.form}"})


def put_column(environment: Environment, where: Address, parts: list[str], call: Call, author: Author) -> Reply:
    """PUT or DELETE of one column, or DELETE of a link by `nav/$ref`."""
    row = _there(environment, where)
    table, name = where.table, parts[0]
    if len(parts) == 2 and parts[1] == "$ref" and name in table.navigation and call.method == "DELETE":
        body: dict[str, Any] = {f"{name}@odata.bind": None}
    elif len(parts) == 1 and name in table.columns and table.columns[name].kind not in LOOKUPS:
        body = {name: document(call.body).get("value") if call.method == "PUT" else None}
    else:
        raise no_segment("/".join(parts))
    check(conditions_of(call.headers), where, row, environment)
    with environment.rows.transaction():
        update(environment, table, where.id, body, author)
    return Reply(204, b"", {"OData-Version": "4.0"})


def delete_row(environment: Environment, where: Address, call: Call, author: Author) -> Reply:
    """DELETE of one row; only `If-Match` means anything here."""
    environment.demand("Delete", where.table)
    with environment.rows.transaction():
        delete(environment, where, Conditions(conditions_of(call.headers).match), author)
    return Reply(204, b"", {"OData-Version": "4.0"})


def represented(environment: Environment, where: Address, call: Call, url: str, status: int) -> Reply:
    """The row as an answer, all of it unless columns are selected; without `OData-EntityId` (wire 1.1, 4.2.28)."""
    options, prefer = options_of(call, where.table), prefer_of(call.headers)
    row = _there(environment, where)
    head = {"@odata.context": f"{url}{BASE}$metadata#{where.table.set_name}/$entity"}
    body = head | shown(environment, where.table, row, options.select, prefer.annotations)
    return json_reply(status, body, {"OData-Version": "4.0", "ETag": etag(row), **prefer.applied})


def _there(environment: Environment, where: Address) -> Row:
    row = environment.rows.get(where.table.name, where.id) if where.id else None
    if row is None:
        raise missing(where.table.name, where.text)
    return row
