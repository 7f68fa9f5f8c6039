"""Looking things up for people: one record explained, open first contacts as one question per mapping."""

from collections import Counter

import polars as pl

from koppel.app.levels import Workplace
from koppel.app.report import FirstContactQuestion
from koppel.engine.context import JobContext
from koppel.engine.explain import action_word, explain_pair, pair_of
from koppel.errors import ConfigurationError, Problem
from koppel.model.coupling import ConflictKind
from koppel.model.explanation import Explanation
from koppel.model.policy import Side
from koppel.model.situation import Content, Presence
from koppel.ports import Want

SAMPLES = 3
"""Differing values shown with a first-contact question."""


def explain(workplace: Workplace, mapping: str, record: str) -> Explanation:
    """Everything koppel knows of one record. Raises `ConfigurationError` when there is no such mapping or record."""
    _known(workplace, mapping)
    context = workplace.look(mapping)
    side, id_ = find_record(context, record)
    pair = pair_of(context, side, id_)
    told = explain_pair(context, pair)
    if told is None:
        raise ConfigurationError(
            [Problem(mapping, f"there is no record {record!r} on either side", "give an id, or system:id")]
        )
    verdict, why, cells = told
    ids = (pair["left_id"][0], pair["right_id"][0])
    plan, store = verdict.plan, workplace.store
    situation = (
        Presence(plan.presence[0][0]).name.lower(),
        Presence(plan.presence[1][0]).name.lower(),
        Content(plan.content[0]).name.lower().replace("_", " "),
    )
    return Explanation(
        mapping=mapping,
        systems=context.tables.names,
        ids=ids,
        coupled=bool(verdict.page.coupled[0]),
        situation=situation,
        action=action_word(verdict, context.tables.names),
        sentence=why,
        cells=cells,
        errors=tuple(error for error in store.errors(mapping) if error.record == ids[error.side]),
        conflicts=tuple(
            conflict for conflict in store.conflicts(mapping) if (conflict.left_id, conflict.right_id) == ids
        ),
        history=tuple(entry for s in Side if ids[s] is not None for entry in store.history_of(mapping, s, ids[s])),
    )


def _known(workplace: Workplace, mapping: str) -> None:
    if mapping not in workplace.mappings:
        raise ConfigurationError(
            [Problem("", f"there is no mapping {mapping!r}", f"there are {', '.join(workplace.mappings)}")]
        )


def find_record(context: JobContext, record: str) -> tuple[Side, str]:
    """Which record is meant: `system:ID`, else the left id, else the right id; a coupling or an existing record
    decides.

    Raises `ConfigurationError` when nothing is found, or when both sides have such an id and none was named.
    """
    names = context.tables.names
    for side in Side:
        if record.startswith(f"{names[side]}:"):
            return side, record.removeprefix(f"{names[side]}:")
    found = [side for side in Side if _exists(context, side, record)]
    if len(found) == 2 and names[0] != names[1]:
        what = f"both {names[0]} and {names[1]} have a record {record!r}"
        raise ConfigurationError([Problem(context.name, what, f"write {names[0]}:{record} or {names[1]}:{record}")])
    if not found:
        raise ConfigurationError([Problem(context.name, f"there is no record {record!r}", "give its id, or system:id")])
    return found[0], record


def _exists(context: JobContext, side: Side, record: str) -> bool:
    ids = pl.Series([record])
    return (
        len(context.store.coupled(context.name, side, ids)) > 0
        or len(context.tables[side].table.fetch(ids, Want(()))) > 0
    )


def first_contact_questions(workplace: Workplace) -> list[FirstContactQuestion]:
    """Open first contacts, grouped by mapping."""
    questions = []
    for name, mapping in workplace.mappings.items():
        open_ = [c for c in workplace.store.conflicts(name) if c.kind == ConflictKind.FIRST_CONTACT]
        if open_:
            counts = Counter(field for conflict in open_ for field in conflict.fields)
            values = [v for c in open_ for v in zip(c.fields, c.left_values, c.right_values, strict=True)]
            systems = (mapping.left.system, mapping.right.system)
            questions.append(
                FirstContactQuestion(name, systems, len(open_), dict(counts.most_common()), values[:SAMPLES])
            )
    return questions
