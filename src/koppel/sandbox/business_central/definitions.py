"""`entityDefinitions`: the captions of sets and their properties (wire 2.3, 5.3). They are there in English only, which
is what fields are called in AL; its lists of actions and of members of enums are empty.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from koppel.sandbox.business_central.refusal import bad
from koppel.sandbox.business_central.shape import Page

ENGLISH = 1033
"""The code of the language."""

_ASKED = re.compile(r"(entitySetName|entityName) eq '(\w+)'")


def entity_definitions(pages: Iterable[Page], query: Mapping[str, str]) -> dict[str, Any]:
    """The pages of a route, or the one that a filter names. Raises `Refusal` for any other question."""
    found = [_shown(page) for page in pages]
    if unknown := {*query} - {"$filter"}:
        raise bad(f"The query parameter '{min(unknown)}' is not supported.")
    if "$filter" in query:
        asked = _ASKED.fullmatch(query["$filter"])
        if asked is None:
            raise bad("Only one entity can be asked for here: a filter over entitySetName or entityName.")
        found = [one for one in found if one[asked[1]] == asked[2]]
    return {"value": found}


def _shown(page: Page) -> dict[str, Any]:
    properties = [
        {"name": control.name, "captions": _captions(page.field(control).name)} for control in page.controls.values()
    ]
    return {
        "entityName": page.entity,
        "entitySetName": page.set_name,
        "entityCaptions": _captions(page.table.name),
        "entitySetCaptions": _captions(f"{page.table.name} List"),
        "properties": properties,
        "actions": [],
        "enumMembers": [],
    }


def _captions(caption: str) -> list[dict[str, Any]]:
    return [{"languageCode": ENGLISH, "caption": caption}]
