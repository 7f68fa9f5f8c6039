"""The rules as a page of the documentation, printed out of the functions that decide.

Every case is evaluated; cases that need not be told apart are put into one row. So the page cannot say anything the
program does not do: what is typed here are words, never answers. `tests/docs` holds the approved page against
`decision_page()`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np

from koppel.model.action import Action
from koppel.model.policy import ConflictScope, Direction, Drift, OnDelete
from koppel.model.situation import Blank, Cell, Content, Move, Presence, Situation, Winner
from koppel.reconcile.cells import decide_cell
from koppel.reconcile.classify import CellRules, Evidence, contents, decide_cells
from koppel.reconcile.decide import RecordPolicy, decide, sentence

Row = tuple[str, ...]
Answer = Callable[..., Row]

ANY = "any"
LEFT, RIGHT = "erp", "crm"
"""What the two systems are called on the page: people never read left and right."""


@dataclass(frozen=True)
class Axis:
    """One column of conditions: a word for each value, and one for a set of values that " or " would not join well."""

    title: str
    words: Mapping[Any, str]
    joint: Mapping[frozenset[Any], str] = field(default_factory=dict)

    def name(self, values: Sequence[Any]) -> str:
        """The values in words."""
        if len(values) == len(self.words):
            return ANY
        return self.joint.get(frozenset(values)) or " or ".join(self.words[value] for value in values)


def _rows(axes: Sequence[Axis], answer: Answer, *chosen: Any) -> list[Row]:
    """Every answer, in as few rows as the order of the axes allows: values that lead to the same rows share them."""
    if not axes:
        return [answer(*chosen)]
    alike: dict[tuple[Row, ...], list[Any]] = {}
    for value in axes[0].words:
        alike.setdefault(tuple(_rows(axes[1:], answer, *chosen, value)), []).append(value)
    return [(axes[0].name(values), *row) for rows, values in alike.items() for row in rows]


def _table(axes: Sequence[Axis], titles: Row, answer: Answer) -> str:
    """A Markdown table of all answers, without the columns that never matter."""
    rows = [(*(axis.title for axis in axes), *titles), *_rows(axes, answer)]
    columns = [column for column in zip(*rows, strict=True) if set(column[1:]) != {ANY}]
    lines = [f"| {' | '.join(cells)} |" for cells in zip(*columns, strict=True)]
    return "\n".join([lines[0], "|" + "---|" * len(columns), *lines[1:]])


# One field

_CELLS = {
    Cell.KEEP: "keep",
    Cell.TO_RIGHT: f"to {RIGHT}",
    Cell.TO_LEFT: f"to {LEFT}",
    Cell.RESOLVE: "resolve",
    Cell.CLASH: "**clash**",
    Cell.DRIFT: "drift",
}
_BOTH_SEEN = {
    (Move.SAME, Move.SAME): "neither",
    (Move.MOVED, Move.SAME): LEFT,
    (Move.SAME, Move.MOVED): RIGHT,
    (Move.MOVED, Move.MOVED): "both",
}
_UNSEEN = {pair: f"{pair[0].name}/{pair[1].name}" for pair in product(Move, Move) if Move.UNSEEN in pair}
_MOVES = Axis("Moved since they last agreed", _BOTH_SEEN | _UNSEEN, {frozenset(_UNSEEN): "never seen together"})
_AGREE = Axis("The values", {True: "agree", False: "differ"})
_BLANK = Axis("Blank in", {Blank.LEFT: LEFT, Blank.RIGHT: RIGHT, Blank.NEITHER: "neither"})
_WINNERS = {Winner.NOBODY: "nobody (ask)", Winner.LEFT: LEFT, Winner.RIGHT: RIGHT}
_FIRST_CONTACT = Axis("`first_contact` winner", _WINNERS)


def _winners(direction: Direction) -> Axis:
    """What may stand as conflict winner; of a one-way field only its source, where drift is to be overwritten."""
    if direction is Direction.BOTH:
        return Axis("`on_conflict` winner", _WINNERS | {Winner.RESOLVER: "a resolver"})
    source = Winner.LEFT if direction is Direction.TO_RIGHT else Winner.RIGHT
    return Axis("`drift`", {Winner.NOBODY: Drift.SHOW.value, source: Drift.RESTORE.value})


def _cell_table(direction: Direction) -> str:
    def answer(agree: bool, moves: tuple[Move, Move], blank: Blank, conflict: Winner, first: Winner) -> Row:
        return (_CELLS[decide_cell(*moves, agree, blank, direction, conflict, first)],)

    return _table([_AGREE, _MOVES, _BLANK, _winners(direction), _FIRST_CONTACT], ("The field",), answer)


def _two_fields(first: str, second: str, rules: CellRules) -> str:
    """Two fields under rules that look at both of them, where nobody wins."""

    def answer(*moves: tuple[Move, Move]) -> Row:
        left, right = (np.array([side], dtype=np.uint8) for side in zip(*moves, strict=True))
        none, differ = np.zeros((1, 2), dtype=np.uint8), np.zeros((1, 2), dtype=np.bool_)
        cells = decide_cells(rules, Evidence(left, right, differ, none, none, none))
        return tuple(_CELLS[Cell(cell)] for cell in cells[0])

    axes = [Axis(f"Moved in {name}", _BOTH_SEEN) for name in (first, second)]
    return _table(axes, (first, second), answer)


# One record

_CONTENTS = {
    Content.EQUAL: "equal",
    Content.DRIFT: "drift",
    Content.TO_RIGHT: f"to {RIGHT}",
    Content.TO_LEFT: f"to {LEFT}",
    Content.BOTH_WAYS: "both ways",
    Content.CLASH: "**clash**",
}
_ACTIONS = {
    action: action.name.lower().replace("_right", f" in {RIGHT}").replace("_left", f" in {LEFT}") for action in Action
}
_DIRECTIONS = {
    direction: f"`{direction.value}`" for direction in (Direction.TO_RIGHT, Direction.TO_LEFT, Direction.BOTH)
}
_DIRECTION = Axis("`direction`", _DIRECTIONS)
_ONLY_COUPLED = Axis("`only_coupled`", {True: "off", False: "on"})
_TOLD = ("Action", "Why")
_SITUATIONS = [Situation(left, right, content) for left, right, content in product(Presence, Presence, Content)]
_POLICIES = [RecordPolicy(*choice) for choice in product(Direction, (False, True), OnDelete)]
_POLICY = Axis("Policy", {policy: str(policy) for policy in _POLICIES})


def _told(situation: Situation, policy: RecordPolicy) -> Row:
    return _ACTIONS[decide(situation, policy)], sentence(situation, policy).format(left=LEFT, right=RIGHT)


def _content_table() -> str:
    """What a record's fields add up to, from every set of answers that fields can give."""
    carried = (Cell.TO_RIGHT, Cell.TO_LEFT, Cell.RESOLVE)
    sets = [cells for size in range(len(carried) + 1) for cells in combinations(carried, size)]
    travel = {cells: " + ".join(_CELLS[cell] for cell in cells) or "nothing" for cells in sets}
    both = frozenset(cells for cells in sets if len(cells) > 1 or Cell.RESOLVE in cells)
    clash = {None: "no"} | {scope: f"yes, `conflict_scope = {scope.value}`" for scope in ConflictScope}
    not_decisive = frozenset({None, ConflictScope.FIELD})

    def answer(travelling: tuple[Cell, ...], scope: ConflictScope | None, drifts: bool) -> Row:
        cells = [Cell.KEEP, *travelling, *[Cell.CLASH] * (scope is not None), *[Cell.DRIFT] * drifts]
        content = contents(np.array([cells], dtype=np.uint8), scope or ConflictScope.FIELD)
        return (_CONTENTS[Content(content[0])],)

    merged = {frozenset(ConflictScope): "yes", not_decisive: f"no, or {clash[ConflictScope.FIELD]}"}
    axes = [
        Axis("Fields travel", travel, {both: "both ways, or a resolver decides"}),
        Axis("Some clash", clash, merged),
        Axis("Some drift", {False: "no", True: "yes"}),
    ]
    return _table(axes, ("The record's content",), answer)


def _both_exist() -> str:
    new, same = (Presence.NEW, Presence.NEW), (Presence.SAME, Presence.SAME)
    changed = {
        (Presence.CHANGED, Presence.SAME): f"{LEFT} changed",
        (Presence.SAME, Presence.CHANGED): f"{RIGHT} changed",
        (Presence.CHANGED, Presence.CHANGED): "both changed",
    }
    records = Axis(
        "The records",
        {same: "neither changed", **changed, new: "likely pair, not coupled yet"},
        {frozenset({new, *changed}): "one changed, or not coupled yet"},
    )

    def answer(content: Content, pair: tuple[Presence, Presence], policy: RecordPolicy) -> Row:
        return _told(Situation(*pair, content), policy)

    return _table([Axis("Content", _CONTENTS), records, _POLICY], _TOLD, answer)


def _deleted(gone_left: bool) -> str:
    def answer(on_delete: OnDelete, direction: Direction, survivor: Presence, creates: bool) -> Row:
        pair = (Presence.GONE, survivor) if gone_left else (survivor, Presence.GONE)
        return _told(Situation(*pair, Content.EQUAL), RecordPolicy(direction, creates, on_delete))

    choices = Axis("`on_delete`", {choice: f"`{choice.value}`" for choice in OnDelete})
    changed = Axis("The other record changed", {Presence.SAME: "no", Presence.CHANGED: "yes"})
    return _table([choices, _DIRECTION, changed, _ONLY_COUPLED], _TOLD, answer)


def _frozen() -> str:
    """Both records deleted, or one outside the filter: the policy is not asked."""
    both_gone = Situation(Presence.GONE, Presence.GONE, Content.EQUAL)
    possible = [case for case in _SITUATIONS if case.possible]
    out = [case for case in possible if Presence.OUT in (case.left, case.right)]
    words = {both_gone: "both were deleted"} | {case: str(case) for case in out}
    axis = Axis("The records", words, {frozenset(out): "one is outside the filter, whatever the other is"})
    return _table([axis, _POLICY], _TOLD, _told)


def _alone() -> str:
    def answer(pair: tuple[Presence, Presence], creates: bool, direction: Direction, on_delete: OnDelete) -> Row:
        return _told(Situation(*pair, Content.EQUAL), RecordPolicy(direction, creates, on_delete))

    where = {(Presence.NEW, Presence.ABSENT): LEFT, (Presence.ABSENT, Presence.NEW): RIGHT}
    choices = Axis("`on_delete`", {choice: choice.value for choice in OnDelete})
    return _table([Axis("Exists in", where), _ONLY_COUPLED, _DIRECTION, choices], _TOLD, answer)


def _counts() -> str:
    possible = [situation.possible for situation in _SITUATIONS]
    return (
        f"These tables stand for {sum(possible)} situations under {len(_POLICIES)} policies each. "
        f"The other {len(possible) - sum(possible)} of the {len(possible)} combinations of presence and content cannot "
        "come about, and koppel stops with an error if one is ever claimed."
    )


_PAGE: tuple[str | Callable[[], str], ...] = (
    "# What koppel decides",
    f"""This page is printed by the program itself, out of the functions that decide; it is not written by hand.
In the tables the left system of a mapping is called `{LEFT}` and the right one `{RIGHT}`, so `->` means from {LEFT}
to {RIGHT}. A condition that matters in no row of a table has no column; where it does not matter in one row, the
table says *{ANY}*.""",
    "## One field",
    """Each field of a pair of records is decided by itself. Per side koppel knows whether the value moved since the two
systems last agreed on it; if they never did (a new pair, a field added to the mapping, a forced run), this is their
*first contact*.

* **keep**: nothing travels.
* **resolve**: a resolver (max, min, longest, union) makes one value for both.
* **clash**: both hold something else and nobody may choose, so a person is asked.
* **drift**: a difference that may not travel; it is shown and counted.

*Agree* means: equal after conversion. A winner is chosen for every field beforehand; `newest wins` names one of the two
systems, or nobody when their clocks cannot tell.""",
    "### Two-way fields: `<->`",
    partial(_cell_table, Direction.BOTH),
    f"### One-way fields: `->` ({LEFT} to {RIGHT})",
    partial(_cell_table, Direction.TO_RIGHT),
    f"### One-way fields: `<-` ({RIGHT} to {LEFT})",
    partial(_cell_table, Direction.TO_LEFT),
    "### Fields that belong together",
    """Fields listed under `together` are one value in the eyes of a conflict: half an address must not travel. Here are
two two-way fields, `address` and `city`, that have been in agreement before, with `on_conflict = "ask"`:""",
    partial(_two_fields, "address", "city", CellRules((Direction.BOTH,) * 2, groups=((0, 1),))),
    "### The whole record: `conflict_scope = record`",
    """As in Business Central, edits on both sides of a record are one conflict, even in different two-way fields; only
what differs is written. Two fields that have nothing else to do with each other, `phone` and `e-mail`:""",
    partial(_two_fields, "phone", "e-mail", CellRules((Direction.BOTH,) * 2, scope=ConflictScope.RECORD)),
    "## One record",
    "### What its fields add up to",
    """A clash holds back only its own fields, and the conflict is recorded beside what travels; with
`conflict_scope = "record"` it holds back the whole pair.""",
    _content_table,
    "### Both records exist",
    """*Settle* writes nothing: koppel remembers what both sides agree on. *Conflict* asks a person; nothing of the pair
moves.""",
    _both_exist,
    f"### The record in {LEFT} was deleted",
    partial(_deleted, True),
    f"### The record in {RIGHT} was deleted",
    partial(_deleted, False),
    "### Both deleted, or outside the filter",
    _frozen,
    "### Not coupled, and nothing on the other side",
    """Before anything is created the other system is searched for a record that matches; what is said here happens when
there is none.""",
    _alone,
    _counts,
)


def decision_page() -> str:
    """The page `docs/reference/decisions.md`, in Markdown: both decisions of DESIGN 3 in words."""
    return "\n\n".join(part if isinstance(part, str) else part() for part in _PAGE) + "\n"
