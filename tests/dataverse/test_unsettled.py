"""Every point that nobody has settled (wire 6), both ways: the connector does the same, whatever the service does."""

from typing import Any

import polars as pl
import pytest

from koppel.model.filter import Compare, Comparison, Filter
from koppel.model.values import ID, OP
from koppel.model.write import CODE
from koppel.ports import Want
from koppel.sandbox.switches import ExpiredDelta, Switches
from koppel.testing.contract import uuid
from koppel.testing.stage import fetched, named
from tests.dataverse.crm import Crm, crm
from tests.dataverse.writes import create, delete, update
from tests.switches import noting, switches_of

OTHER_WAYS: dict[str, list[Any]] = {
    "expired_delta": [ExpiredDelta.EVERYTHING],  # U1
    "expired_delta_status": [410, 500],
    "accent_sensitive": [False],  # U2
    "ne_finds_null": [True],
    "empty_text_is_null": [False],  # U3
    "recreated_is_deleted_too": [True],  # U10
    "delete_refused_status": [400, 500],  # U11
    "duplicate_status": [500],
    "english": [False],
}


SAME = {
    "new": ["written", "written", "written"],
    "an empty text is a blank": True,
    "an id that is taken": "refused",
    "found as é": [0],
    "filtered as é": True,
    "filtered as another than x": True,
    "made again": [0],
    "after the link has expired": [0],
    "a currency in use": "refused",
}


def test_each_switch_is_met() -> None:
    met: set[str] = set()
    assert journey(noting(Switches, met)) == SAME
    assert met == OTHER_WAYS.keys() == switches_of(Switches)


@pytest.mark.parametrize(
    ("switch", "setting"), [(switch, setting) for switch, settings in OTHER_WAYS.items() for setting in settings]
)
def test_the_other_way(switch: str, setting: Any) -> None:
    assert journey(Switches(**{switch: setting})) == SAME


def journey(switches: Switches) -> dict[str, object]:
    """A little of everything, and what came of it; records by their number."""
    far = crm()
    far.web.environment.switches = switches
    table = far.table()
    ids = [uuid(number) for number in range(3)]
    faxes = ("é", "e", "")
    new = create(far, table, *({"id": id_, "name": "x", "fax": fax} for id_, fax in zip(ids, faxes, strict=True)))
    blank = fetched(table, ids, "fax")[ids[2]]["fax"]
    (taken,) = create(far, table, {"id": ids[0], "name": "again"})
    keys = pl.DataFrame({OP: [1], "fax": ["é"]})
    return {
        "new": [answer[CODE] for answer in new],
        "an empty text is a blank": blank in ("", None),
        "an id that is taken": taken[CODE],
        "found as é": [ids.index(id_) for id_ in table.find(keys, False)[ID]],
        "filtered as é": ids[0] in _by_stamp(far, Compare("fax", Comparison.EQUAL, "é")),
        "filtered as another than x": {*ids} <= {*_by_stamp(far, Compare("fax", Comparison.UNEQUAL, "x"))},
        "made again": [ids.index(id_) for id_ in _made_again(far, ids[0])],
        "after the link has expired": [ids.index(id_) for id_ in _edited_unseen(far, ids[0])],
        "a currency in use": _currency_in_use(far, ids[0]),
    }


def _by_stamp(far: Crm, filter_: Filter) -> list[str]:
    """Ids within a filter, of which the service is asked where change tracking is off."""
    far.web.environment.untracked.add("account")
    found = named(far.table().changes(None, Want((), filter_)))
    far.web.environment.untracked.clear()
    return found


def _made_again(far: Crm, id_: str) -> list[str]:
    """What the feed names of a row that was deleted and came back between two looks; each once."""
    table = far.table()
    cursor = table.changes(None, Want(())).cursor
    far.web.others.delete("account", id_)
    far.web.others.restore("account", id_, {"name": "back"})
    return sorted({*named(table.changes(cursor, Want(())))})


def _edited_unseen(far: Crm, id_: str) -> list[str]:
    """Whether an edit is found whose link has expired, for all rows are compared then."""
    table = far.table()
    cursor = table.changes(None, Want(())).cursor
    far.web.others.edit("account", id_, {"fax": "new"})
    far.web.environment.expire_deltas()
    pages = pl.concat(table.changes(cursor, Want(("fax",))).pages)
    return pages.filter(pl.col("fax") == "new")[ID].to_list()


def _currency_in_use(far: Crm, account: str) -> object:
    """What becomes of the deletion of a row that others refer to."""
    currency = far.web.sample.currencies[3]
    update(far, far.table(), {"id": account, "transactioncurrencyid": currency})
    (answer,) = delete(far, far.table("transactioncurrency"), currency)
    return answer[CODE]
