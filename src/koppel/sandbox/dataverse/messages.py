"""Which bulk messages a table takes: `sdkmessagefilters`, as clients ask for it (wire 1.8, 3.2b)."""

import re
from collections.abc import Mapping
from typing import Any

from koppel.sandbox.dataverse.refusal import bad
from koppel.sandbox.dataverse.tables import TABLES

_ASKED = re.compile(r"\(((?:sdkmessageid/name eq '\w+'(?: or )?)+)\) and primaryobjecttypecode eq '(\w+)'")
_BULK = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")


def message_filters(query: Mapping[str, str]) -> dict[str, Any]:
    """The rows for the messages and the table of a filter. Raises `Refusal` for any other question."""
    asked = _ASKED.fullmatch(query.get("$filter", ""))
    if asked is None:
        raise bad("Only the messages of one table can be asked for here: a filter over sdkmessageid/name.")
    names = re.findall(r"'(\w+)'", asked[1])
    table = TABLES.get(asked[2])
    taken = _BULK if table is not None and table.creatable else ()
    return {"value": [{"sdkmessageid": {"name": name}} for name in names if name in taken]}
