"""The bulk messages: one transaction, one error for all of it, the culprit not named (wire 1.8,
4.2.22).
"""

from collections.abc import Callable, Mapping
from typing import Any

from koppel.sandbox.dataverse.addresses import Address, address, no_segment, parted, table_of
from koppel.sandbox.dataverse.body import Author, document
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.refusal import INVALID, PAYLOAD, bad
from koppel.sandbox.dataverse.shape import Table
from koppel.sandbox.dataverse.writing import Conditions, create, update, upsert
from koppel.sandbox.exchange import Reply, json_reply
from koppel.sandbox.ids import guid
from koppel.sandbox.paths import segments
from koppel.sandbox.refusal import Refusal

PREFIX = "Microsoft.Dynamics.CRM."
MESSAGE_BYTES = 116 * 1024 * 1024
"""Size of a message at most."""

Targets = list[Mapping[str, Any]]


def bulk(environment: Environment, table: Table, message: str, body: bytes, author: Author) -> Reply:
    """Carry out one bulk message on a table. Raises `Refusal`, without the id of any row in it."""
    messages: dict[str, Callable[[Environment, Table, Targets, Author], Reply]] = {
        "CreateMultiple": _create,
        "UpdateMultiple": _update,
        "UpsertMultiple": _upsert,
    }
    name = message.removeprefix(PREFIX)
    if name == "DeleteMultiple":
        raise bad("DeleteMultiple has not yet been implemented.")
    if name not in messages:
        raise no_segment(message)
    if len(body) > MESSAGE_BYTES:
        raise Refusal(413, "0x8004418A", "The message exceeds the maximum size.")
    targets = document(body).get("Targets")
    if not isinstance(targets, list) or not all(isinstance(target, dict) for target in targets) or not targets:
        raise bad("The parameter 'Targets' is missing or empty.", PAYLOAD)
    if any(
        target.get("@odata.type", f"#{PREFIX}{table.name}").lstrip("#") != PREFIX + table.name for target in targets
    ):
        raise bad(f"Every target needs the @odata.type '{PREFIX}{table.name}'.", PAYLOAD)
    with environment.rows.transaction():
        return messages[name](environment, table, targets, author)


def _create(environment: Environment, table: Table, targets: Targets, author: Author) -> Reply:
    if any("@odata.type" not in target for target in targets):
        raise bad("Every target needs its @odata.type.", PAYLOAD)
    return json_reply(200, {"Ids": [create(environment, table, target, author) for target in targets]})


def _update(environment: Environment, table: Table, targets: Targets, author: Author) -> Reply:
    ids = [guid(target.get(table.id_column)) for target in targets]
    _once(ids)
    for row_id, target in zip(ids, targets, strict=True):
        if row_id is None:
            raise bad(f"Every target needs its {table.id_column}.", PAYLOAD)
        update(environment, table, row_id, target, author)
    return Reply(204)


def _upsert(environment: Environment, table: Table, targets: Targets, author: Author) -> Reply:
    places = [_place(environment, table, target) for target in targets]
    _once([place.id or place.text for place in places])
    for place, target in zip(places, targets, strict=True):
        upsert(environment, place, target, author, Conditions())
    return Reply(204)


def _place(environment: Environment, table: Table, target: Mapping[str, Any]) -> Address:
    """The row a target means: by its id, or by `@odata.id` with an alternate key."""
    if known := guid(target.get(table.id_column)):
        return Address(table, known, text=known)
    parts = segments(str(target.get("@odata.id", "")).lstrip("/"))
    name, inside = parted(parts[-1]) if parts else ("", None)
    if inside is None or table_of(name) is not table:
        raise bad("Every target needs its id or an @odata.id.", PAYLOAD)
    return address(environment.rows, table, inside)


def _once(ids: list[str | None]) -> None:
    """No row twice in one call (wire 1.8)."""
    if len({*ids}) != len(ids):
        raise bad("The same record stands among the targets more than once.", INVALID)
