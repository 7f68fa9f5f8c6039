"""POST to a set: a new row (wire 1.3)."""

from koppel.sandbox.dataverse.addresses import BASE, Address
from koppel.sandbox.dataverse.body import Author, document
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.one_row import represented
from koppel.sandbox.dataverse.options import prefer_of
from koppel.sandbox.dataverse.shape import Table
from koppel.sandbox.dataverse.writing import create
from koppel.sandbox.exchange import Call, Reply


def posted(environment: Environment, table: Table, call: Call, author: Author, url: str) -> Reply:
    """Create a row; 204 with its address, or 201 with the row when asked for it."""
    with environment.rows.transaction():
        row_id = create(environment, table, document(call.body), author)
    where = Address(table, row_id, text=row_id)
    if prefer_of(call.headers).representation:
        return represented(environment, where, call, url, 201)
    return Reply(204, b"", {"OData-Version": "4.0", "OData-EntityId": f"{url}{BASE}{where.form}"})
