"""What a write brings about beside what was sent: states, currencies, names, owners, cascades (wire 1.3, 1.5, 4.2)."""

from collections.abc import Iterator, Mapping
from typing import Any

from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.refusal import ASSOCIATED, DENIED, DUPLICATE_FOUND, STATE, bad
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import Kind, Table
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.dataverse.values import quantized
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.rows import Row

DUPLICATE_RULES = {"account": "name", "contact": "emailaddress1"}
"""The column whose equality the published duplicate detection rules look at."""

_PARENTAL = {("contact", "parentcustomerid", "account"), ("contact", "parentcustomerid", "contact")}
"""Lookups whose rows go with their parent: (table, column, table of the parent)."""
_PLACES = 2
"""Decimals of a currency that says nothing of them."""
_RESTRICTING = {"transactioncurrencyid", "ownerid"}
"""Lookups that keep what they name from being deleted (wire 1.10)."""


def completed(environment: Environment, table: Table, before: Row, row: Row, sent: Mapping[str, Any]) -> Row:
    """A row about to be stored, with all that follows from what was sent. Raises `Refusal`."""
    row = dict(row)
    for column in table.columns.values():
        if column.required and row.get(column.name) is None:
            raise bad(f"The required field '{column.name}' is missing.")  # wire 1.6
    if "statecode" in table.columns:
        row |= _state(table, before, sent)
    if "transactioncurrencyid" in table.columns.keys() - {table.id_column}:
        row |= _amounts(environment, table, row)
    if "fullname" in table.columns:
        row["fullname"] = _joined(" ", row.get("firstname"), row.get("lastname"))
    if "address1_composite" in table.columns:
        row["address1_composite"] = _composite(row)
    if "ownerid" in sent:
        _check_owner(environment, sent["ownerid"])
    return row


def detect_duplicates(environment: Environment, table: Table, row: Row) -> None:
    """Refuse a row another one looks like (wire 4.2.9)."""
    column = DUPLICATE_RULES.get(table.name)
    value = row.get(column) if column else None
    if value is None or column is None:
        return
    for other in environment.rows.tables[table.name].values():
        if other[table.id_column] != row[table.id_column] and (other.get(column) or "").casefold() == value.casefold():
            raise Refusal(412, DUPLICATE_FOUND, "A record was not created or updated because a duplicate exists.")


def delete_with_children(environment: Environment, table: Table, row_id: str, user: str) -> None:
    """Delete a row, the children that go with it, and every link to it, all by one user. Raises `Refusal`."""
    if not table.creatable:
        raise Refusal(403, DENIED, f"Principal user is missing prvDelete{table.name} privilege.")
    naming = [*_naming(environment, Ref(table.name, row_id))]
    if any(column in _RESTRICTING for _, _, column in naming):
        text = "The object you tried to delete is associated with another object and cannot be deleted."
        raise Refusal(environment.switches.delete_refused_status, ASSOCIATED, text)
    for other, other_id, column in naming:
        child = environment.rows.get(other.name, other_id)
        if child is None:
            continue  # gone with a row deleted a moment ago
        if (other.name, column, table.name) in _PARENTAL:
            delete_with_children(environment, other, other_id, user)
        else:
            environment.rows.put(other, other_id, {**child, column: None, "modifiedon": environment.now()})
    environment.rows.remove(table, row_id)
    environment.push.note(environment.rows, "Delete", table, row_id, {}, user)


def _naming(environment: Environment, ref: Ref) -> Iterator[tuple[Table, str, str]]:
    """The rows that name one, and by which column."""
    for table in TABLES.values():
        columns = [
            column.name
            for column in table.columns.values()
            if column.create and any(target.table == ref.table for target in column.targets)
        ]
        for row_id, row in environment.rows.tables[table.name].items():
            for column in columns:
                if row.get(column) == ref:
                    yield table, row_id, column


def _state(table: Table, before: Row, sent: Mapping[str, Any]) -> Row:
    """State and status belong together; a state alone takes its first status (wire 1.5, 4.2.8)."""
    states = table.columns["statuscode"].states
    state = sent.get("statecode", before.get("statecode", 0))
    status = sent.get("statuscode")
    if state is None:
        raise bad(f"The state of {table.name} cannot be blank.", STATE)
    if status is None:
        first = next(number for number, of in states.items() if of == state)
        status = first if "statecode" in sent else before.get("statuscode", first)
    if states[status] != state:
        raise bad(f"{status} is not a valid status code for state code {state} on {table.name}.", STATE)
    return {"statecode": state, "statuscode": status}


def _amounts(environment: Environment, table: Table, row: Row) -> Row:
    """A missing currency is filled in; amounts are rounded to the decimals of the currency (wire 1.5, 4.2.11)."""
    if row.get("transactioncurrencyid") is None and environment.base_currency:
        row["transactioncurrencyid"] = Ref("transactioncurrency", environment.base_currency)
    currency = environment.currency(row)
    said = currency.get("currencyprecision") if currency else None
    places = _PLACES if said is None else said
    for column in table.columns.values():
        if column.kind is Kind.MONEY and row.get(column.name) is not None:
            row[column.name] = quantized(row[column.name], places)
    return row


def _check_owner(environment: Environment, owner: Ref | None) -> None:
    """Disabled users own nothing, and nothing is without an owner (wire 4.2.17)."""
    if owner is None:
        raise bad("The owner of a record cannot be blank.")
    row = environment.rows.get(*owner)
    if row is not None and row.get("isdisabled"):
        raise bad("Cannot assign a record to a disabled user.")


def _joined(glue: str, *parts: str | None) -> str | None:
    return glue.join(part for part in parts if part) or None


def _composite(row: Row) -> str | None:
    street = [row.get(f"address1_line{number}") for number in (1, 2, 3)]
    town = _joined(" ", row.get("address1_postalcode"), row.get("address1_city"))
    return _joined("\r\n", *street, town, row.get("address1_stateorprovince"), row.get("address1_country"))
