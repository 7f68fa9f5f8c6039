"""The approved page of the decision: what the documentation says is what the program does (DESIGN 3).

A red test here means that a rule or its wording changed. Read the difference; if it is meant, approve it with
`KOPPEL_APPROVE=1 make check` (the page is written anew) and commit the page with the change.
"""

import os
import re
from pathlib import Path

from koppel.model.action import Action
from koppel.model.policy import OnDelete
from koppel.reconcile.describe import decision_page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "decisions.md"


def tables(page: str) -> list[list[list[str]]]:
    """Every table of the page as rows of cells, its head first."""
    blocks = re.findall(r"(?:^\|.*\n)+", page, flags=re.M)
    return [
        [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines() if "---" not in line]
        for block in blocks
    ]


def test_the_page_is_the_approved_one() -> None:
    if os.environ.get("KOPPEL_APPROVE") == "1":
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(decision_page(), "utf-8")
    assert PAGE.read_text("utf-8") == decision_page()


def test_the_page_can_be_read_in_one_sitting() -> None:
    """1 944 cells and 216 situations, told in fewer than a hundred rows; none of them twice."""
    found = tables(decision_page())
    assert len(found) == 11
    assert sum(len(table) - 1 for table in found) < 100
    for table in found:
        assert len({len(row) for row in table}) == 1
        assert len({tuple(row) for row in table}) == len(table)


def test_a_column_that_never_matters_is_left_out() -> None:
    for table in tables(decision_page()):
        for column in zip(*table, strict=True):
            assert set(column[1:]) != {"any"}, column[0]


def test_people_never_read_left_and_right() -> None:
    """DESIGN 2: pages show the systems' own names. The introduction says once which is which."""
    introduction, _, rules = decision_page().partition("## One field")
    assert "left" in introduction
    assert re.findall(r"\b(?:left|right)\b", rules) == []


def test_every_action_and_every_deletion_policy_is_told() -> None:
    told = {cell for table in tables(decision_page()) for row in table for cell in row}
    names = [action.name.lower().replace("_right", " in crm").replace("_left", " in erp") for action in Action]
    assert set(names) - told == set()
    assert {f"`{choice.value}`" for choice in OnDelete} - told == set()
