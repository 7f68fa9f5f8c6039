"""Number series (wire 2.4, 4.3.9)."""

import re

from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.refusal import DIALOG, bad
from koppel.sandbox.business_central.shape import Table
from koppel.sandbox.business_central.tables import SERIES
from koppel.sandbox.rows import Row


def series_of(company: Company, table: Table) -> Row | None:
    """The series the numbers of a table come from, None when they do not come from any."""
    series = company.rows.tables[SERIES.name].values()
    return next((row for row in series if serves(row, table)), None)


def serves(series: Row, table: Table) -> bool:
    """Whether a series gives a table its numbers; it may serve several."""
    return table.name in series["Used By"].split(",")


def check_manual(company: Company, table: Table) -> None:
    """Whether a number may be chosen. Raises `Refusal`."""
    series = series_of(company, table)
    if series is not None and not series["Manual Nos."]:
        text = "You may not enter numbers manually. If you want to enter numbers manually, please activate"
        raise bad(f"{text} Manual Nos. in No. Series {series['Code']}.", DIALOG)


def next_number(company: Company, table: Table) -> str | None:
    """The next number of the series that nobody has taken by hand; None without a series. Raises `Refusal`."""
    series = series_of(company, table)
    if series is None:
        return None
    if not series["Default Nos."]:
        text = "It is not possible to assign numbers automatically. If you want that, please activate Default Nos. in"
        raise bad(f"{text} No. Series {series['Code']}.", DIALOG)
    number = series["Last No. Used"]
    while True:
        number = re.sub(r"\d+$", lambda found: str(int(found[0]) + 1).zfill(len(found[0])), number)
        if company.by_code(table.name, number) is None:
            break
    company.rows.put(SERIES, series["SystemId"], {**series, "Last No. Used": number})
    return str(number)
