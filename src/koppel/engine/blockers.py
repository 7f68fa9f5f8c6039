"""Records that others wait for and that no run will ever couple: a person has to (semantics 8.4.5)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.references import referenced_field, translated
from koppel.model.bound import Line
from koppel.model.policy import Side
from koppel.model.values import ID
from koppel.ports import Want
from koppel.transform.filter import to_polars
from koppel.transform.translate import WAITING, reference_text


@dataclass(frozen=True)
class Blocker:
    """A value of a reference whose record is not coupled, as people know it, and how many `records` cannot be carried.
    `field`: where it stands; `mapping`: the one it would have to be coupled in.
    """

    field: str
    value: str
    mapping: str
    records: int


Telling = Callable[[str, Side], str | None]
"""The field by which people tell records of a mapping apart, on one of its sides."""


def blockers(context: JobContext, telling: Telling = lambda name, side: None) -> list[Blocker]:
    """What blocks records of this mapping, the worst first. Reads one field of all records inside the filter; only of
    references to records that the synchronisation does not create on the side where they are missing. Records that are
    referred to by their ids are named as `telling` says.
    """
    found: list[Blocker] = []
    for side in Side:
        for line in context.bound.lines:
            if line.mapping.reference is not None and line.reaches(side.other) and _never_created(context, line, side):
                found += _blocking(context, line, side, telling)
    return sorted(found, key=lambda blocker: -blocker.records)


def _never_created(context: JobContext, line: Line, side: Side) -> bool:
    """Whether no mapping of the reference carries new records away from `side`."""
    reference = line.mapping.reference
    assert reference is not None
    directions = [context.tables.directions[name] for name in reference.mappings]
    return not line.mapping.clear_on_failed and not any(each.reaches(side.other) for each in directions)


def _blocking(context: JobContext, line: Line, side: Side, telling: Telling) -> Iterator[Blocker]:
    name, reference = line.mapping.name(side), line.mapping.reference
    assert name is not None and reference is not None
    counted = _counted(context, line, side, name)
    answers = translated(context, line, side, counted["value"]).filter(pl.col("reason") == WAITING)
    named = _names(context, line, side, answers["value"], telling)
    for value, records in answers.join(counted, on="value").select("value", "records").rows():
        yield Blocker(name, named.get(value, value), reference.mappings[0], records)


def _names(context: JobContext, line: Line, side: Side, values: pl.Series, telling: Telling) -> dict[str, str]:
    """What people call the records with these ids; nothing where the reference goes by a field, or where the field that
    tells them apart does not exist (which is told with their own mapping).
    """
    reference = line.mapping.reference
    assert reference is not None
    name = reference.mappings[0]
    here, by = context.tables.referenced[name][side], telling(name, side)
    if by is None or here.shape.field(by) is None or reference.hop:
        return {}
    if referenced_field(line.shape(side), reference, side, here.shape):
        return {}
    found = here.table.fetch(values, Want((by,))).select(ID, pl.col(by).cast(pl.String)).drop_nulls()
    return dict(found.rows())


def _counted(context: JobContext, line: Line, side: Side, name: str) -> pl.DataFrame:
    """`value`, `records`: how many records inside the filter name each value by a reference; a blank counts as what it
    stands for.
    """
    filter_, shape = context.bound.mapping.options(side).filter, context.bound.shape(side)
    want = Want(tuple(dict.fromkeys((name, *context.bound.filtered(side)))), filter_)
    empty = pl.DataFrame(schema={"value": pl.String, "records": pl.UInt32})
    counts = [empty]
    for page in context.tables[side].table.changes(None, want).pages:
        inside = page if filter_ is None else page.filter(to_polars(filter_, shape).fill_null(False))
        values = reference_text(line, side, inside[name]).drop_nulls().alias("value").to_frame()
        counts.append(values.group_by("value").agg(pl.len().cast(pl.UInt32).alias("records")))
    return pl.concat(counts).group_by("value", maintain_order=True).agg(pl.col("records").sum())
