"""What people and background jobs do in a company, beside the application that is being rehearsed (wire 5.4)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from koppel.sandbox.business_central.body import sent_values
from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.pages import CUSTOM, STANDARD
from koppel.sandbox.business_central.refusal import bad, missing
from koppel.sandbox.business_central.saving import Author, save
from koppel.sandbox.business_central.series import serves
from koppel.sandbox.business_central.shape import Page
from koppel.sandbox.business_central.tables import CUSTOMER, SERIES, VERSION
from koppel.sandbox.business_central.validation import assign
from koppel.sandbox.business_central.writing import Wanted, create, delete, update
from koppel.sandbox.rows import Row

PAGES: Mapping[str, Page] = {**STANDARD, **CUSTOM}
"""The pages people work with: those with all fields where there are any."""
_FREELY = Wanted("", needed=False)


class Others:
    """A person at work in a company. `user`: the security id of a user. Sets are named as the pages name them."""

    def __init__(self, company: Company, user: str) -> None:
        self._company = company
        self._author = Author(user)
        self._held: dict[int, tuple[Page, Row]] = {}

    def create(self, set_name: str, body: Mapping[str, Any]) -> str:
        """A new row; its id. Raises `Refusal`."""
        with self._company.transaction():
            return create(self._company, PAGES[set_name], body, self._author)

    def edit(self, set_name: str, row_id: str, body: Mapping[str, Any]) -> None:
        """Change a row; a new number is a rename (wire 4.3.2). Raises `Refusal`."""
        with self._company.transaction():
            update(self._company, PAGES[set_name], row_id, body, self._author, _FREELY)

    def delete(self, set_name: str, row_id: str) -> None:
        """Delete a row. Raises `Refusal`."""
        with self._company.transaction():
            delete(self._company, PAGES[set_name], row_id, self._author, _FREELY)

    def manual_numbers(self, set_name: str, on: bool) -> None:
        """Whether numbers of a table may be chosen, in the set-up of its series (wire 2.4)."""
        self._change_series(set_name, {"Manual Nos.": on})

    def default_numbers(self, set_name: str, on: bool) -> None:
        """Whether the series of a table gives numbers by itself."""
        self._change_series(set_name, {"Default Nos.": on})

    def series_for(self, set_name: str, used_by: str) -> None:
        """Which tables take their numbers from the series of a table: names, with commas between; '' for none."""
        self._change_series(set_name, {"Used By": used_by})

    def _change_series(self, set_name: str, changes: Mapping[str, Any]) -> None:
        table = PAGES[set_name].table
        for row_id, series in [*self._company.rows.tables[SERIES.name].items()]:
            if serves(series, table):
                save(self._company, SERIES, row_id, {**series, **changes}, self._author)

    def template(self, set_name: str, body: Mapping[str, Any]) -> None:
        """What new rows take where nothing was sent (wire 4.3.15). Raises `Refusal`."""
        page = PAGES[set_name]
        values = {field.name: value for field, value in sent_values(self._company, page, body, None)}
        self._company.templates[page.table.name] = values

    def owe(self, row_id: str, amount: Decimal) -> None:
        """Something is posted to a customer: its balance moves, its stamps and its version do not (wire 4.3.17)."""
        row = self._row(CUSTOM["customers"], row_id)
        changed = {**row, "Balance Due": row["Balance Due"] + amount}
        self._company.rows.put(CUSTOMER, row_id, changed, row[VERSION])

    def hold(self, set_name: str, row_id: str, body: Mapping[str, Any]) -> int:
        """Begin to change a row in a long transaction; the version it has taken, to `release` it by.

        The row gets its stamps now and is seen only then, "in the past" (wire 4.3.19).
        """
        page, company = PAGES[set_name], self._company
        row = dict(self._row(page, row_id))
        for field, value in sent_values(company, page, body, row_id):
            assign(company, page.table, row, field, value)
        version = company.rows.next_version()
        company.held[version] = row_id
        stamps = {"SystemModifiedAt": company.setting.now(), "SystemModifiedBy": self._author.user}
        self._held[version] = (page, {**row, **stamps})
        return version

    def release(self, version: int) -> None:
        """End the transaction. Raises `Refusal` where there is none."""
        if version not in self._held:
            raise bad(f"No transaction has taken the version {version}.")
        page, row = self._held.pop(version)
        self._company.rows.put(page.table, row["SystemId"], row, version)
        del self._company.held[version]

    def _row(self, page: Page, row_id: str) -> Row:
        row = self._company.rows.get(page.table.name, row_id)
        if row is None:
            raise missing(page.table, row_id)
        return row
