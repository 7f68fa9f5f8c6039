"""What people and background jobs do in an environment, beside the application that is being rehearsed (wire 5.4)."""

from collections.abc import Mapping
from typing import Any

from koppel.sandbox.dataverse.addresses import Address
from koppel.sandbox.dataverse.body import Author
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.refusal import missing
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.dataverse.writing import Conditions, create, delete, update


class Others:
    """A person at work in the environment. `user`: a systemuser id."""

    def __init__(self, environment: Environment, user: str) -> None:
        self._environment = environment
        self._author = Author(user, application=False)

    def create(self, table: str, body: Mapping[str, Any]) -> str:
        """A new row; its id. The body is one of the Web API. Raises `Refusal`."""
        with self._environment.rows.transaction():
            return create(self._environment, TABLES[table], body, self._author)

    def edit(self, table: str, row_id: str, body: Mapping[str, Any]) -> None:
        """Change a row; people turn customers into vendors as well (wire 4.2.19). Raises `Refusal`."""
        with self._environment.rows.transaction():
            update(self._environment, TABLES[table], row_id, body, self._author)

    def touch(self, table: str, row_id: str) -> None:
        """A background job passes: the version moves, `modifiedon` does not (wire 4.2.5)."""
        row = self._environment.rows.get(table, row_id)
        if row is None:
            raise missing(table, row_id)
        self._environment.rows.put(TABLES[table], row_id, row)

    def delete(self, table: str, row_id: str) -> None:
        """Delete a row. Raises `Refusal`."""
        with self._environment.rows.transaction():
            delete(self._environment, Address(TABLES[table], row_id, text=row_id), Conditions(), self._author)

    def merge(self, table: str, loser: str, winner: str) -> None:
        """Merge two rows: the loser stays, inactive and pointing to the winner (wire 4.2.26). Raises `Refusal`."""
        rows = self._environment.rows
        if rows.get(table, winner) is None:
            raise missing(table, winner)
        with rows.transaction():
            self.edit(table, loser, {"statecode": 1, "statuscode": 2})
            row = rows.get(table, loser) or {}
            rows.put(TABLES[table], loser, {**row, "merged": True, "masterid": Ref(table, winner)})

    def restore(self, table: str, row_id: str, body: Mapping[str, Any]) -> None:
        """A deleted row comes back with its id (wire 4.2.27)."""
        self.create(table, {**body, TABLES[table].id_column: row_id})
