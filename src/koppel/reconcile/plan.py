"""The plan of one page: for every pair its action, for every cell whether it is sent, and what must wait for a person
or the guard.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from koppel.model.action import Action
from koppel.model.policy import Side
from koppel.model.situation import Cell, Move, Presence
from koppel.reconcile.classify import CellRules, Codes, Evidence, Mask, contents, decide_cells
from koppel.reconcile.decide import RecordPolicy
from koppel.reconcile.table import actions


class Hold(IntEnum):
    """Why a pair that has something to do does not do it now."""

    NONE = 0
    FAILED = 1
    """A value to be sent does not fit or cannot be translated: that record's error."""
    WAITING = 2
    """A value to be sent names a record that is not coupled yet."""


class Aside(IntEnum):
    """Why a pair is kept until every page is read and the guard has judged the total."""

    NONE = 0
    OVERWRITE = 1
    BLANKING = 2
    RESTORE = 3
    UNCOUPLING = 4
    DELETION = 5


@dataclass(frozen=True)
class Facts:
    """What is known of a page of pairs. Bool arrays: `exists`, `in_scope`, `coupled` per pair, the others pairs ×
    lines.

    The first lines are the cells of `evidence`, the rest are written on creation only. `blank` is raw, `blank_sent`
    after translation towards that side; `failed`, `waiting`: the value cannot be had now. All pairs of sides are (left,
    right).
    """

    coupled: Mask
    exists: tuple[Mask, Mask]
    in_scope: tuple[Mask, Mask]
    evidence: Evidence
    blank: tuple[Mask, Mask]
    blank_sent: tuple[Mask, Mask]
    failed: tuple[Mask, Mask]
    waiting: tuple[Mask, Mask]
    creatable: tuple[bool, bool] = (True, True)
    """Per side: whether a record can be created there at all."""


@dataclass(frozen=True)
class Plan:
    """What is to be done with a page. `sent[side]`: pairs × lines, the values that go to that side."""

    presence: tuple[Codes, Codes]
    cells: Codes
    content: Codes
    actions: Codes
    sent: tuple[Mask, Mask]
    hold: Codes
    aside: Codes

    def clashes(self) -> Mask:
        """Pairs × cells: what a person is asked about."""
        clashing: Mask = self.cells == Cell.CLASH
        return clashing


def reconcile(
    facts: Facts, rules: CellRules, policy: RecordPolicy, writable: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]
) -> Plan:
    """Decide a page. `writable[side]`: per line, whether it may write to that side."""
    cells = decide_cells(rules, facts.evidence)
    cells[~(facts.exists[0] & facts.exists[1])] = Cell.KEEP
    content = contents(cells, rules.scope)
    presence = tuple(_presence(facts, side) for side in Side)
    todo = actions(presence[0], presence[1], content, policy)
    sent = tuple(_sent(side, cells, todo, writable[side], facts.blank_sent[side]) for side in Side)
    return Plan(
        presence=(presence[0], presence[1]),
        cells=cells,
        content=content,
        actions=todo,
        sent=(sent[0], sent[1]),
        hold=_held(facts, todo, (sent[0], sent[1])),
        aside=_aside(facts, presence, todo, (sent[0], sent[1])),
    )


def _presence(facts: Facts, side: Side) -> Codes:
    moves = (facts.evidence.left, facts.evidence.right)[side]
    changed = (moves != Move.SAME).any(axis=1)
    coupled = np.select(
        [~facts.exists[side], ~facts.in_scope[side], changed],
        [Presence.GONE, Presence.OUT, Presence.CHANGED],
        Presence.SAME,
    )
    alone = np.where(facts.exists[side], Presence.NEW, Presence.ABSENT)
    result: Codes = np.where(facts.coupled, coupled, alone).astype(np.uint8)
    return result


def _sent(side: Side, cells: Codes, todo: Codes, writable: npt.NDArray[np.bool_], blank: Mask) -> Mask:
    """Which values go to `side`: what the cells say for records that exist there, every line that may for records to be
    created.
    """
    updated = np.isin(todo, (Action.UPDATE_RIGHT, Action.UPDATE_LEFT, Action.MERGE))
    towards = Cell.TO_RIGHT if side is Side.RIGHT else Cell.TO_LEFT
    sent = np.zeros((len(cells), len(writable)), dtype=np.bool_)
    sent[:, : cells.shape[1]] = np.isin(cells, (towards, Cell.RESOLVE)) & updated[:, None]
    created = todo == (Action.CREATE_RIGHT if side is Side.RIGHT else Action.CREATE_LEFT)
    # A blank is not sent into a record to be created: the system's own default stands, and travels back where it may.
    sent[created] = writable & ~blank[created]
    return sent


def _held(facts: Facts, todo: Codes, sent: tuple[Mask, Mask]) -> Codes:
    failed = (sent[0] & facts.failed[0]).any(axis=1) | (sent[1] & facts.failed[1]).any(axis=1)
    for side, create in ((Side.LEFT, Action.CREATE_LEFT), (Side.RIGHT, Action.CREATE_RIGHT)):
        if not facts.creatable[side]:
            failed |= todo == create
    waiting = (sent[0] & facts.waiting[0]).any(axis=1) | (sent[1] & facts.waiting[1]).any(axis=1)
    return np.where(failed, np.uint8(Hold.FAILED), np.where(waiting, np.uint8(Hold.WAITING), np.uint8(Hold.NONE)))


def _aside(facts: Facts, presence: tuple[Codes, ...], todo: Codes, sent: tuple[Mask, Mask]) -> Codes:
    """What looks small alone and like an accident in numbers."""
    deletion = np.isin(todo, (Action.DELETE_LEFT, Action.DELETE_RIGHT, Action.DEACTIVATE_LEFT, Action.DEACTIVATE_RIGHT))
    restore = np.isin(todo, (Action.CREATE_LEFT, Action.CREATE_RIGHT)) & facts.coupled
    unseen = (facts.evidence.left == Move.UNSEEN) | (facts.evidence.right == Move.UNSEEN)
    blanking, overwrite = np.zeros(len(todo), np.bool_), np.zeros(len(todo), np.bool_)
    for side in Side:
        replaced = sent[side] & ~facts.blank[side] & facts.exists[side][:, None]
        blanking |= (replaced & facts.blank_sent[side]).any(axis=1)
        overwrite |= (replaced[:, : unseen.shape[1]] & unseen).any(axis=1)
    kinds = [deletion, todo == Action.UNCOUPLE, restore, blanking, overwrite]
    names = [Aside.DELETION, Aside.UNCOUPLING, Aside.RESTORE, Aside.BLANKING, Aside.OVERWRITE]
    result: Codes = np.select(kinds, names, Aside.NONE).astype(np.uint8)
    return result
