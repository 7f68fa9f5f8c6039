"""Storing a row with its stamps (wire 2.2, 2.3)."""

from dataclasses import dataclass

from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.shape import ZERO_GUID, Table
from koppel.sandbox.rows import Row


@dataclass(frozen=True)
class Author:
    """Who writes. `user`: the security id of a user."""

    user: str


def save(company: Company, table: Table, row_id: str, row: Row, author: Author) -> None:
    """Store a row, stamped; a changed row gets the next version whether or not a value differs."""
    now = company.setting.now()
    stamps: Row = {"SystemId": row_id, "SystemModifiedAt": now, "SystemModifiedBy": author.user}
    if row["SystemCreatedBy"] == ZERO_GUID:
        stamps |= {"SystemCreatedAt": now, "SystemCreatedBy": author.user}
    company.rows.put(table, row_id, {**row, **stamps})


def new_row(table: Table, values: Row) -> Row:
    """A row with nothing in it but these values."""
    return {name: field.blank for name, field in table.fields.items()} | values
