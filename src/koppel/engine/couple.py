"""Look before you create: uncoupled records are matched with what the other side already has (DESIGN 3, 8; semantics
6.4).

Match rules are tried in order against the whole table; each rule by itself, a later one never narrows an earlier
(semantics 6.4.4 quirk). A hit counts only when it is one to one. Nothing ambiguous ever creates a record.
"""

from dataclasses import dataclass

import polars as pl

from koppel.engine.context import Claim, JobContext
from koppel.model.coupling import COUPLING
from koppel.model.filter import fields_of
from koppel.model.mapping import MatchRule
from koppel.model.policy import Side
from koppel.model.values import ID, OP, dtype
from koppel.ports import Want
from koppel.transform.filter import to_polars

AMBIGUOUS = "ambiguous"
OUTSIDE = "match_outside_filter"
LOOKED_FOR = frozenset({AMBIGUOUS, OUTSIDE})
"""Reasons that looking finds anew in every run."""

_FOUND = {"id": pl.String(), "other": pl.String(), "coupling": pl.Int64(), "rule": pl.String(), "reason": pl.String()}


@dataclass(frozen=True)
class Candidates:
    """What looking gave. `found`: `id`, `other`, `coupling`, `rule`, `reason`.

    `reason` null: a likely pair, free to be coupled; with `coupling` set: that coupling's other half is gone, it is
    taken over.
    """

    found: pl.DataFrame

    @property
    def likely(self) -> pl.DataFrame:
        """One-to-one hits."""
        return self.found.filter(pl.col("reason").is_null())

    @property
    def refused(self) -> pl.DataFrame:
        """Records that must neither be coupled nor created."""
        return self.found.filter(pl.col("reason").is_not_null())


def look(context: JobContext, side: Side, records: pl.DataFrame) -> Candidates:
    """Look for partners of uncoupled records of `side` (ID and the wanted fields) on the other side."""
    found = pl.DataFrame(schema=_FOUND)
    open_ = records
    for rule in match_rules(context, side):
        hits = _hits(context, side, rule, open_)
        if len(hits):
            judged = _judge(context, side, hits).with_columns(pl.lit(str(rule)).alias("rule")).select(*_FOUND)
            found = pl.concat([found, judged])
            open_ = open_.join(judged, left_on=ID, right_on="id", how="anti", maintain_order="left")
    return Candidates(found)


def looked_at(context: JobContext, side: Side, matching: bool) -> tuple[str, ...]:
    """The fields of `side` that decide about an uncoupled record: those of its filter and, if it is to be matched, of
    the rules.
    """
    rules = match_rules(context, side) if matching else ()
    return tuple(dict.fromkeys((*context.bound.filtered(side), *(pair[side] for rule in rules for pair in rule.pairs))))


def match_rules(context: JobContext, side: Side) -> tuple[MatchRule, ...]:
    """The mapping's rules; a mapped key of the other table goes first, for a record with that key cannot be created
    again.
    """
    other = context.bound.shape(side.other)
    lines = {line.mapping.name(side.other): line.mapping for line in context.bound.lines if not line.mapping.reference}
    pairs = [(lines[name].left, lines[name].right) for name in other.key if name in lines]
    filled = tuple((left, right) for left, right in pairs if left is not None and right is not None)
    return (
        (MatchRule(filled), *context.bound.mapping.match)
        if len(filled) == len(other.key)
        else context.bound.mapping.match
    )


def _hits(context: JobContext, side: Side, rule: MatchRule, records: pl.DataFrame) -> pl.DataFrame:
    """`id`, `other`: every record of the other side that equals an open one in all fields of the rule."""
    other = context.tables[side.other]
    keys = records.select(pl.int_range(pl.len()).alias(OP), ID)
    for pair in rule.pairs:
        shape = other.shape.field(pair[side.other])
        assert shape is not None, "configuration has checked the match rules"
        value = records[pair[side]].cast(pl.String).cast(dtype(shape), strict=False)
        keys = keys.with_columns(value.alias(pair[side.other]))
    names = [pair[side.other] for pair in rule.pairs]
    filled = keys.filter(*(pl.col(name).is_not_null() & (pl.col(name).cast(pl.String) != "") for name in names))
    if not len(filled):
        return pl.DataFrame(schema={"id": pl.String(), "other": pl.String()})
    answer = other.table.find(filled.select(OP, *names), rule.ignore_case)
    return filled.select(OP, pl.col(ID).alias("id")).join(answer, on=OP).select("id", pl.col(ID).alias("other"))


def _judge(context: JobContext, side: Side, hits: pl.DataFrame) -> pl.DataFrame:
    """Which hits are one to one, free, inside the filter and not kept apart; one row per record."""
    apart = context.store.apart(context.name, side, hits["id"].unique())
    hits = hits.join(apart.select("id", "other"), on=["id", "other"], how="anti", maintain_order="left")
    outside, theirs = _outside(context, side.other, hits["other"].unique())
    hits = hits.filter(~pl.col("other").is_in(theirs.implode()))
    if not len(hits):
        return pl.DataFrame(schema=_FOUND)
    taken = _taken(context, side, hits["other"].unique())
    hits = hits.join(taken, on="other", how="left", maintain_order="left").with_columns(
        pl.len().over("id").alias("per_id"),
        pl.len().over("other").alias("per_other"),
        pl.col("other").is_in(outside.implode()).alias("outside"),
    )
    ambiguous = (pl.col("per_id") > 1) | (pl.col("per_other") > 1) | pl.col("alive").fill_null(False)
    reason = pl.when(ambiguous).then(pl.lit(AMBIGUOUS)).when("outside").then(pl.lit(OUTSIDE)).alias("reason")
    return (
        hits.with_columns(reason, pl.lit("").alias("rule"))
        .unique("id", keep="first", maintain_order=True)
        .select(*_FOUND)
    )


def _taken(context: JobContext, side: Side, others: pl.Series) -> pl.DataFrame:
    """`other`, `coupling`, `alive`: which of these records are coupled already, and whether the partner exists."""
    names = ("left_id", "right_id")
    couplings = context.store.coupled(context.name, side.other, others)
    partners = couplings[names[side]]
    alive = context.tables[side].table.fetch(partners, Want(()))[ID]
    return couplings.select(
        pl.col(names[side.other]).alias("other"),
        pl.col(COUPLING),
        pl.col(names[side]).is_in(alive.implode()).alias("alive"),
    )


def _outside(context: JobContext, side: Side, ids: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Which of these records are outside the mapping's filter of their side, and which of those another mapping claims:
    coupled there, or inside its filter. A vendor's account is no customer that hides behind the filter, though both
    have the same number; the account of a customer of another region, or of a shop's client, may well be.
    """
    filter_, shape = context.bound.mapping.options(side).filter, context.bound.shape(side)
    if filter_ is None or not len(ids):
        return pl.Series(dtype=pl.String), pl.Series(dtype=pl.String)
    claims = context.tables.claims[side]
    filters = [claim.filter for claim in claims if claim.filter is not None]
    fields = frozenset(context.bound.filtered(side)).union(*map(fields_of, filters))
    outside = context.tables[side].table.fetch(ids, Want(tuple(sorted(fields)))).filter(~to_polars(filter_, shape))
    inside_theirs = outside.filter(pl.any_horizontal(pl.lit(False), *(to_polars(each, shape) for each in filters)))[ID]
    coupled = [_coupled_in(context, claim, outside[ID]) for claim in claims]
    return outside[ID], pl.concat([inside_theirs, *coupled])


def _coupled_in(context: JobContext, claim: Claim, ids: pl.Series) -> pl.Series:
    """Which of these records the other mapping has coupled."""
    return context.store.coupled(claim.mapping, claim.side, ids)["left_id" if claim.side is Side.LEFT else "right_id"]
