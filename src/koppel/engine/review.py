"""Reviewing and matching, read-only: how much there is on both sides, which uncoupled records look like one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.couple import look, looked_at, match_rules
from koppel.model.bound import BoundMapping, Identity
from koppel.model.cost import Work
from koppel.model.policy import Side
from koppel.model.review import ReviewLine, SideCount
from koppel.model.values import ID
from koppel.ports import Want
from koppel.transform.filter import to_polars

_LIKELY = {"left_id": pl.String(), "right_id": pl.String(), "rule": pl.String()}
_AMBIGUOUS = {"id": pl.String(), "other": pl.String(), "reason": pl.String()}


@dataclass(frozen=True)
class _Side:
    """What one side holds: the counts, and its uncoupled records inside the filter (ID and the wanted fields)."""

    counts: SideCount
    likely: pl.DataFrame
    ambiguous: pl.DataFrame


def review(context: JobContext) -> ReviewLine:
    """Read both sides and say what a full run of this mapping would meet. Writes nothing anywhere."""
    left, right = _read(context, Side.LEFT, match=True), _read(context, Side.RIGHT, match=False)
    mapping, bound = context.bound.mapping, context.bound
    matched = len(left.likely)
    creates = tuple(
        max(0, side.counts.uncoupled - matched - len(side.ambiguous)) if _creates(bound, target) else 0
        for side, target in ((right, Side.LEFT), (left, Side.RIGHT))
    )
    rows = [context.tables[side].table.features.batch_rows for side in Side]
    calls = sum(math.ceil(count / size) for count, size in zip(creates, rows, strict=True))
    return ReviewLine(
        mapping=mapping.name,
        direction=str(mapping.direction),
        sides=(left.counts, right.counts),
        coupled=context.store.count_couplings(mapping.name),
        likely=left.likely,
        ambiguous=left.ambiguous,
        creates=(creates[0], creates[1]),
        guarantees=bound.identities,
        calls=calls,
        match=tuple(str(rule) for rule in mapping.match),
        waits_for=mapping.depends_on,
        works=tuple(_works(context, (left.counts, right.counts), (creates[0], creates[1]))),
    )


def _works(context: JobContext, counts: tuple[SideCount, SideCount], creates: tuple[int, int]) -> Iterator[Work]:
    """What a full run reads and creates at services; how many couplings differ is known when it is planned."""
    for side in Side:
        rates = context.tables[side].table.features.rates
        if rates is not None:
            yield Work(context.tables.names[side], rates, counts[side].records, creates[side])


def find_likely(context: JobContext) -> pl.DataFrame:
    """`left_id`, `right_id`, `rule`: the likely pairs alone, for which only the left side is read, and only if any rule
    could find one.
    """
    return _read(context, Side.LEFT, match=True).likely if match_rules(context, Side.LEFT) else _nothing_likely()


def _nothing_likely() -> pl.DataFrame:
    return pl.DataFrame(schema=_LIKELY)


def _creates(bound: BoundMapping, side: Side) -> bool:
    return bound.mapping.direction.reaches(side) and bound.identities[side] is not Identity.IMPOSSIBLE


def _read(context: JobContext, side: Side, match: bool) -> _Side:
    """Read one side page by page: count, and match its uncoupled records where asked."""
    records = in_scope = uncoupled = 0
    likely, ambiguous = [_nothing_likely()], [pl.DataFrame(schema=_AMBIGUOUS)]
    for page in context.tables[side].table.changes(None, Want(looked_at(context, side, match))).pages:
        inside = _inside(context, side, page)
        lone = _uncoupled(context, side, inside)
        records, in_scope, uncoupled = records + len(page), in_scope + len(inside), uncoupled + len(lone)
        if match and len(lone):
            found = look(context, side, lone)
            free = found.likely.filter(pl.col("coupling").is_null())
            likely.append(free.select(pl.col("id").alias("left_id"), pl.col("other").alias("right_id"), "rule"))
            ambiguous.append(found.refused.select(*_AMBIGUOUS))
    counts = SideCount(context.tables.names[side], records, in_scope, uncoupled)
    return _Side(counts, *_one_to_one(pl.concat(likely), pl.concat(ambiguous)))


def _one_to_one(likely: pl.DataFrame, ambiguous: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A partner found from two pages is no partner for either."""
    twice = likely.filter(pl.col("right_id").is_duplicated())
    again = twice.select(
        pl.col("left_id").alias("id"), pl.col("right_id").alias("other"), pl.lit("ambiguous").alias("reason")
    )
    return likely.filter(~pl.col("right_id").is_duplicated()).sort("left_id"), pl.concat([ambiguous, again]).sort("id")


def _inside(context: JobContext, side: Side, page: pl.DataFrame) -> pl.DataFrame:
    filter_ = context.bound.mapping.options(side).filter
    return page if filter_ is None else page.filter(to_polars(filter_, context.bound.shape(side)).fill_null(False))


def _uncoupled(context: JobContext, side: Side, page: pl.DataFrame) -> pl.DataFrame:
    name = "left_id" if side is Side.LEFT else "right_id"
    taken = context.store.coupled(context.name, side, page[ID])[name]
    apart = context.store.apart(context.name, side, page[ID]).filter(~pl.col("creates"))["id"]
    return page.filter(~pl.col(ID).is_in(taken.implode()) & ~pl.col(ID).is_in(apart.implode()))
