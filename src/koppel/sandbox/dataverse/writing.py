"""Writing rows: create, update, upsert, delete, with their preconditions (wire 1.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from koppel.sandbox.dataverse.addresses import Address
from koppel.sandbox.dataverse.body import Author, column_values
from koppel.sandbox.dataverse.effects import completed, delete_with_children, detect_duplicates
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.refusal import DENIED, DUPLICATE_ID, DUPLICATE_KEY, STALE, missing
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import Table
from koppel.sandbox.dataverse.showing import etag
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.rows import Row


@dataclass(frozen=True)
class Conditions:
    """`If-Match` and `If-None-Match` of a call; empty when absent."""

    match: str = ""
    none_match: str = ""


def conditions_of(headers: Mapping[str, str]) -> Conditions:
    """The preconditions of a call. The literal `null` means none: it is there for caches (wire 1.1)."""
    none_match = headers.get("if-none-match", "")
    return Conditions(headers.get("if-match", ""), "" if none_match == "null" else none_match)


def create(environment: Environment, table: Table, body: Mapping[str, Any], author: Author) -> str:
    """A new row, with the id the body gives if it does. Returns the id. Raises `Refusal`."""
    if not table.creatable:
        text = f"Principal user is missing prvCreate{table.name} privilege."  # wire 4.2.21
        raise Refusal(403, DENIED, text)
    if author.application:
        environment.demand("Create", table)
    values = column_values(environment, table, body, author, creating=True)
    row_id: str = values.get(table.id_column) or str(uuid4())
    if environment.rows.get(table.name, row_id) is not None:
        text = "A record with matching key values already exists."
        raise Refusal(environment.switches.duplicate_status, DUPLICATE_ID, text)
    row = {**_born(environment, table, author), **values, table.id_column: row_id}
    if values.get("overriddencreatedon"):
        row["createdon"] = values["overriddencreatedon"]
    row = completed(environment, table, {}, row, values)
    if author.detect_duplicates:
        detect_duplicates(environment, table, row)
    environment.rows.put(table, row_id, row)
    environment.push.note(environment.rows, "Create", table, row_id, values, author.user)
    return row_id


def update(environment: Environment, table: Table, row_id: str, body: Mapping[str, Any], author: Author) -> None:
    """Change a row that is there; what was sent counts as a change even if it is the same (wire 1.3)."""
    before = environment.rows.get(table.name, row_id)
    if before is None:
        raise missing(table.name, row_id)
    if author.application:
        environment.demand("Write", table)
    values = column_values(environment, table, body, author, creating=False)
    stamps = {"modifiedon": environment.now(), "modifiedby": Ref("systemuser", author.user)}
    row = completed(environment, table, before, {**before, **values, **stamps}, values)
    if author.detect_duplicates:
        detect_duplicates(environment, table, row)
    environment.rows.put(table, row_id, row)
    environment.push.note(environment.rows, "Update", table, row_id, values, author.user)


def upsert(
    environment: Environment, where: Address, body: Mapping[str, Any], author: Author, conditions: Conditions
) -> tuple[str, bool]:
    """Update the row meant, or create it. Returns its id and whether it was created. Raises `Refusal`.

    Without a precondition a missing row is created, also one somebody has just deleted (wire 4.2.1).
    """
    table, before = where.table, environment.rows.get(where.table.name, where.id) if where.id else None
    check(conditions, where, before, environment)
    keys = {*where.key.columns} if where.key else set()
    if before is not None:
        # Values of the key in the body are dropped (wire 1.3).
        update(environment, table, where.id, {name: value for name, value in body.items() if name not in keys}, author)
        return where.id, False
    named = dict(zip(where.key.columns, where.values, strict=True)) if where.key else {table.id_column: where.id}
    return create(environment, table, {**named, **body}, author), True


def check(conditions: Conditions, where: Address, before: Row | None, environment: Environment) -> None:
    """Judge the preconditions of a write. Raises `Refusal`."""
    if before is None and conditions.match:
        raise missing(where.table.name, where.text)
    if before is not None and conditions.match not in ("", "*", etag(before)):
        raise Refusal(412, STALE, "The version of the existing record doesn't match the RowVersion property provided.")
    if before is not None and conditions.none_match == "*":
        text = "A record with matching key values already exists."
        raise Refusal(environment.switches.duplicate_status, DUPLICATE_KEY if where.key else DUPLICATE_ID, text)


def delete(environment: Environment, where: Address, conditions: Conditions, author: Author) -> None:
    """Delete a row and what hangs on it. Raises `Refusal`."""
    before = environment.rows.get(where.table.name, where.id) if where.id else None
    if before is None:
        raise missing(where.table.name, where.text)
    check(conditions, where, before, environment)
    delete_with_children(environment, where.table, where.id, author.user)


def _born(environment: Environment, table: Table, author: Author) -> Row:
    """What the system gives a new row."""
    me, now = Ref("systemuser", author.user), environment.now()
    row: Row = {"createdon": now, "modifiedon": now, "createdby": me, "modifiedby": me}
    if table.owned:
        row["ownerid"] = me
    if "merged" in table.columns:
        row["merged"] = False
    return row
