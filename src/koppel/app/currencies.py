"""What `koppel check` says of currencies: what a blank code stands for, and what it is worth on the other side."""

from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from koppel.app.levels import Workplace
from koppel.app.report import CheckLine
from koppel.engine.context import JobContext, OpenTable
from koppel.model.mapping import Mapping
from koppel.model.policy import Side
from koppel.model.values import OP, Kind
from koppel.ports import Exchange

_TOLERATED = Decimal("0.02")
"""By which part two rates may differ: they are set on different days."""


def currencies(workplace: Workplace, context: JobContext) -> Iterator[CheckLine]:
    """What a blank stands for: the local currency of the system, which exists, and is worth as much on the other side
    where amounts are converted.
    """
    for line in context.bound.lines:
        reference = line.mapping.reference
        if reference is None or reference.blank is None:
            continue
        mapping, subject = context.bound.mapping, f"{context.name} {line.mapping.left}"
        local, base = (workplace.connections.system(mapping.table(side).system).currency() for side in Side)
        if local is not None and local != reference.blank:
            what = f"a blank stands for {reference.blank}, but the local currency of {mapping.left.system} is {local}"
            yield CheckLine(subject, False, what, f"write (blank = '{local}')")
            continue
        first = reference.mappings[0]
        if not _exists(context.tables.referenced[first][Side.LEFT], reference.left_by, reference.blank):
            table = workplace.mappings[first].left
            what = f"a blank stands for {reference.blank}, but {table} has no such record"
            yield CheckLine(subject, False, what, f"create {reference.blank} there, or correct (blank = …)")
        elif local is not None and base is not None and local != base:
            yield converted(workplace, mapping, subject, (local, base))


def converted(workplace: Workplace, mapping: Mapping, subject: str, codes: tuple[str, str]) -> CheckLine:
    """What one unit of the right system's currency is worth in the left one's, there and here (semantics 8.3.2)."""
    left, right = mapping.left.system, mapping.right.system
    local, base = codes
    what = f"amounts are in {local} in {left}, and {right} counts in {base}"
    remedy = f"set the exchange rate of {local} in {right}: rates are not synchronised"
    there, here = _rate(workplace, right, local), _rate(workplace, left, base)
    if there is None:
        return CheckLine(subject, True, f"{what}, without a rate of {local}", remedy, True)
    what = f"{what}: 1 {base} is {there:.4f} {local} there"
    if here is None:
        return CheckLine(subject, True, f"{what}, and {left} has no rate of {base} to compare it with", remedy, True)
    what = f"{what}, and {1 / here:.4f} in {left}"
    if abs(there * here - 1) <= _TOLERATED:
        return CheckLine(subject, True, what)
    return CheckLine(subject, True, what, remedy, True)


def _rate(workplace: Workplace, name: str, code: str) -> Decimal | None:
    """None where the system does not know, and where it says nothing or less, which is no rate."""
    system = workplace.connections.system(name)
    found = system.rate(code) if isinstance(system, Exchange) else None
    return found if found is not None and found > 0 else None


def _exists(opened: OpenTable, by: str | None, value: str) -> bool:
    """Whether a record of a table has this value in a text field; not asked of other fields."""
    shape = opened.shape.field(by or opened.shape.key[0])
    if shape is None or shape.kind not in (Kind.TEXT, Kind.CODE):
        return True
    return len(opened.table.find(pl.DataFrame({OP: [0], shape.name: [value]}), False)) > 0
