"""Looking things up for people: one record explained, open first contacts as one question per mapping."""

from collections import Counter

import polars as pl

from koppel.app.levels import Workplace
from koppel.app.report import FirstContactQuestion
from koppel.engine.context import Asked, JobContext
from koppel.engine.explain import explain_pair, pair_of
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
    context = workplace.look(mapping, Asked(creates=not workplace.only_coupled(mapping)))
    side, id_ = find_record(context, record)
    pair = pair_of(context, side, id_)
    told = explain_pair(context, pair)
    if told is None:
        raise ConfigurationError(
            [Problem(mapping, f"there is no record {record!r} on either side", "give an id, or system:id")]
        )
    ids = (pair["left_id"][0], pair["right_id"][0])
    plan, store = told.verdict.plan, workplace.store
    situation = (
        Presence(plan.presence[0][0]).name.lower(),
        Presence(plan.presence[1][0]).name.lower(),
        Content(plan.content[0]).name.lower().replace("_", " "),
    )
    return Explanation(
        mapping=mapping,
        systems=context.tables.names,
        ids=ids,
        coupled=bool(told.verdict.page.coupled[0]),
        situation=situation,
        action=told.action,
        sentence=told.sentence,
        cells=told.cells,
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

    Raises `ConfigurationError` when nothing is found, or when two records that are no pair have this id.
    """
    names = context.tables.names
    for side in Side:
        if record.startswith(f"{names[side]}:"):
            return side, record.removeprefix(f"{names[side]}:")
    found = [side for side in Side if _exists(context, side, record)]
    if len(found) == 2 and names[0] != names[1] and not _one_pair(context, record):
        what = f"both {names[0]} and {names[1]} have a record {record!r}"
        raise ConfigurationError([Problem(context.name, what, f"write {names[0]}:{record} or {names[1]}:{record}")])
    if not found:
        raise ConfigurationError([Problem(context.name, f"there is no record {record!r}", "give its id, or system:id")])
    return found[0], record


def _one_pair(context: JobContext, record: str) -> bool:
    """Whether the records of both sides with this id are coupled with each other, as natural keys let them be."""
    return context.store.coupled(context.name, Side.LEFT, pl.Series([record]))["right_id"].to_list() == [record]


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
