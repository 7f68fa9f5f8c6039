"""Every point that nobody has settled (wire 6), both ways: the connector does the same, whatever the service does."""

from typing import Any

import httpx2
import polars as pl
import pytest

from koppel.connectors.business_central.table import PageTable
from koppel.model.filter import Compare, Comparison, OneOf, Or
from koppel.model.numbers import Numbers
from koppel.model.values import ID, OP
from koppel.model.write import CODE, FIELD
from koppel.ports import TableOptions, Want
from koppel.sandbox.business_central.switches import BlankMember, Switches
from tests.business_central.erp import Erp, standard
from tests.business_central.writes import CREATE, DELETE, UPDATE, row_of, written
from tests.switches import noting, switches_of

PLACE = {"city": "Assen", "country": "NL", "postalCode": "1011"}
"""A city, and a post code that is not its own: whatever fills one from the other would change it."""

OTHER_WAYS: dict[str, list[Any]] = {
    "delete_needs_match": [False],  # U4
    "blank_member_written": [BlankMember.ENCODED, BlankMember.BLANK, BlankMember.REFUSED],  # U6
    "blank_member_shown": [" "],
    "duplicate_key_status": [409],  # U7
    "top_continues": [False],  # U8
    "stale_status": [412],
    "variables_filtered": [True],
    "post_code_fills": [False],
    "locked_status": [500],
    "english": [False],
}
NEVER_MET = {"client_id", "webhooks_for_people", "enum_filtered", "or_refused_status"}
"""The connector sends no id to a standard page (U5), asks for no webhooks (U9), and sends no enum and no `or` over two
fields in a filter: what the service makes of them cannot matter.
"""

SAME = {
    "a record with a place": ("written", PLACE),
    "a number that is taken": ("refused", "number"),
    "an enum made blank": ("written", None, ""),
    "found by what the page works out": [True],
    "named through an or and an enum": {"a", "b"},
    "the first number above those in use": ["K2"],
    "a stale record": "stale",
    "a locked table": "written",
    "deleted": ("written", 0),
    "people": True,
}
UNSPELLED = SAME | {"an enum made blank": ("refused", "blocked", "All")}
"""Where the blank member is not taken as `$metadata` spells it (wire 2.4), the record is in error, with its field."""


def test_each_switch_is_met_or_cannot_matter() -> None:
    met: set[str] = set()
    assert journey(noting(Switches, met)) == SAME
    assert met == OTHER_WAYS.keys() == switches_of(Switches) - NEVER_MET


@pytest.mark.parametrize(
    ("switch", "setting"), [(switch, setting) for switch, settings in OTHER_WAYS.items() for setting in settings]
)
def test_the_other_way(switch: str, setting: Any) -> None:
    unspelled = setting in (BlankMember.BLANK, BlankMember.REFUSED)
    assert journey(Switches(**{switch: setting})) == (UNSPELLED if unspelled else SAME)


def journey(switches: Switches) -> dict[str, object]:
    """A little of everything over standard pages, and what came of it."""
    erp = standard()
    erp.central.environment.switches = switches
    table = erp.table()
    rows = [{"number": "K1", "displayName": "a", **PLACE}, {"displayName": "b", "blocked": "All"}]
    first, second = written(erp, table, CREATE, rows, list(PLACE))
    id_, other = str(first[ID]), str(second[ID])
    (taken,) = written(erp, table, CREATE, [{"number": "K1", "displayName": "c"}])
    either = Or((Compare("displayName", Comparison.EQUAL, "a"), OneOf("blocked", ("All",))))
    pages = list(table.changes(None, Want(("displayName",), either)).pages)
    (unblocked,) = written(erp, table, UPDATE, [{"id": other, "blocked": None}], seen=[{"blocked": "All"}])
    local = table.find(pl.DataFrame({OP: [1], "currencyCode": ["EUR"], "number": ["K1"]}), False)
    reserving = erp.table(options=TableOptions(numbers=Numbers.parse("reserved K1..K9")))
    numbers = reserving.reserve(1).to_list()
    stale = _edited_meanwhile(erp, table, id_)
    erp.central.company.busy["Customer"] = 2
    (late,) = written(erp, table, UPDATE, [{"id": id_, "displayName": "late"}])
    (deleted,) = written(erp, table, DELETE, [{"id": id_}])
    return {
        "a record with a place": (first[CODE], {name: first[name] for name in PLACE}),
        "a number that is taken": (taken[CODE], taken[FIELD]),
        "an enum made blank": (unblocked[CODE], unblocked[FIELD], row_of(table, other, "blocked")["blocked"]),
        "found by what the page works out": [found == id_ for found in local[ID]],
        "named through an or and an enum": {name for page in pages for name in page["displayName"]},
        "the first number above those in use": numbers,
        "a stale record": stale,
        "a locked table": late[CODE],
        "deleted": (deleted[CODE], table.fetch(pl.Series([id_]), Want(())).height),
        "people": {"contacts", "salespeoplePurchasers"} <= {*erp.system.tables()},
    }


def _edited_meanwhile(erp: Erp, table: PageTable, id_: str) -> object:
    """What becomes of a write when somebody else edits between koppel's look and its write."""

    def edited(response: httpx2.Response) -> httpx2.Response:
        erp.central.others.edit("customers", id_, {"displayName": "theirs"})
        return response

    erp.line.after["GET", "customers?"] = edited
    (answer,) = written(erp, table, UPDATE, [{"id": id_, "displayName": "ours"}])
    return answer[CODE]
