"""From the values of one side to values that can be compared with, and written to, the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from koppel.model.bound import BoundMapping, Line
from koppel.model.policy import Side
from koppel.model.values import dtype
from koppel.transform.canonical import blank
from koppel.transform.convert import convert, fit, literal
from koppel.transform.fingerprint import BLANK, fingerprints

Lookups = Mapping[tuple[int, Side], pl.DataFrame]
"""Per (line, side of the value): `value` (canonical text), `translated` (canonical text of the other side), `reason`
(null: found).
"""

WAITING = "waiting"
"""The reason of a reference whose record exists and is not coupled yet."""

_Mask = npt.NDArray[np.bool_]
_Prints = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Translation:
    """`values[side][line]`: what the other side says, in the terms of `side`; `reasons`: why a value cannot be had
    (null: fine).

    `prints`: the fingerprints of `values`, pairs × cells. `blank_sent`: pairs × lines, the translated value is blank (a
    value that cannot be had is not). `agree`: pairs × cells, the two sides mean the same.
    """

    values: tuple[list[pl.Series], list[pl.Series]]
    reasons: tuple[list[pl.Series], list[pl.Series]]
    prints: tuple[_Prints, _Prints]
    blank_sent: tuple[_Mask, _Mask]
    agree: _Mask


def raw(lines: Sequence[Line], side: Side, records: pl.DataFrame) -> list[pl.Series]:
    """The values of these lines on `side` as they were read; a constant's own end holds the constant."""
    return [_raw(line, side, records) for line in lines]


def _raw(line: Line, side: Side, records: pl.DataFrame) -> pl.Series:
    name, shape = line.mapping.name(side), line.shape(side)
    if name is not None:
        return records[name]
    assert line.mapping.constant is not None, "a line without a field on one side is a constant"
    return pl.repeat(literal(line.mapping.constant, shape), len(records), dtype=dtype(shape), eager=True)


def prints(bound: BoundMapping, side: Side, values: Sequence[pl.Series]) -> _Prints:
    """The fingerprints (records × cells) of values in the terms of `side`."""
    shapes = bound.cell_shapes(side)
    return fingerprints(_numbered(values[: bound.cells]), shapes)


def blanks(bound: BoundMapping, side: Side, values: Sequence[pl.Series], found: _Prints) -> _Mask:
    """Which values (records × lines) are blank. `found`: their fingerprints, which say so of the cells."""
    frame = _numbered(values)
    shapes = [replace(line.shape(side), name=str(i)) for i, line in enumerate(bound.lines)][bound.cells :]
    rest = [frame.select(blank(shape)).to_series().to_numpy() for shape in shapes]
    return np.column_stack([found == BLANK, *rest])


def translate(
    bound: BoundMapping,
    values: tuple[list[pl.Series], list[pl.Series]],
    found: tuple[_Prints, _Prints],
    lookups: Lookups,
    towards: Sequence[Side],
) -> Translation:
    """Translate a page's raw values towards the sides asked for; on the others nothing can be sent and only equal
    prints agree. `found`: the fingerprints of the raw values.
    """
    rows = len(values[0][0])
    translated: list[list[pl.Series]] = [[], []]
    reasons: list[list[pl.Series]] = [[], []]
    made: list[_Prints] = []
    agree = np.zeros((rows, bound.cells), dtype=np.bool_)
    for side in Side:
        for number, line in enumerate(bound.lines):
            if side in towards:
                value, reason = _translate_line(line, number, side, values[side.other][number], lookups)
            else:
                value, reason = (
                    pl.Series(values=[None], dtype=dtype(line.shape(side))).new_from_index(0, rows),
                    _no_reason(rows),
                )
            translated[side].append(value)
            reasons[side].append(reason)
        if side in towards:
            made.append(prints(bound, side, translated[side]))
            agree |= (made[side] == found[side]) & fine(reasons[side][: bound.cells])
        else:
            made.append(np.full((rows, bound.cells), BLANK, dtype=np.uint64))
    for number, line in enumerate(bound.lines[: bound.cells]):
        if line.mapping.not_null and not line.reaches(Side.LEFT):  # a blank source has nothing to say (semantics 4.8.9)
            agree[:, number] |= (
                translated[Side.RIGHT][number].is_null().to_numpy() & fine([reasons[Side.RIGHT][number]])[:, 0]
            )
    sent = [blanks(bound, side, translated[side], made[side]) & fine(reasons[side]) for side in Side]
    return Translation(
        (translated[0], translated[1]), (reasons[0], reasons[1]), (made[0], made[1]), (sent[0], sent[1]), agree
    )


def _translate_line(
    line: Line, number: int, side: Side, source: pl.Series, lookups: Lookups
) -> tuple[pl.Series, pl.Series]:
    """One line towards `side`."""
    shape, target = line.shape(side.other), line.shape(side)
    if line.mapping.constant is not None:
        return source, _no_reason(len(source))
    if line.mapping.reference is not None:
        return _through(line, side, source, lookups[number, side.other])
    calls = line.mapping.convert_right if side is Side.RIGHT else line.mapping.convert_left
    return convert(source, shape, calls, target)


def _through(line: Line, side: Side, source: pl.Series, lookup: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """A reference, through what was looked up; a blank stays blank."""
    assert line.mapping.reference is not None
    text = reference_text(line, side.other, source)
    joined = text.alias("value").to_frame().join(lookup, on="value", how="left", maintain_order="left")
    target = line.shape(side)
    values, codes = fit(joined["translated"], target)
    reason = joined.select(pl.coalesce("reason", pl.lit(codes))).to_series() if codes.len() else codes
    if line.mapping.clear_on_failed:
        return values, pl.select(pl.when(reason == WAITING).then(None).otherwise(reason)).to_series()
    return values, reason


def reference_text(line: Line, side: Side, source: pl.Series) -> pl.Series:
    """The value of a reference as text to be looked up; on the left a blank may stand for a value (blank = 'EUR')."""
    reference = line.mapping.reference
    assert reference is not None
    text = source.cast(pl.String)
    text = text.set(text == "", None)
    return text.fill_null(reference.blank) if side is Side.LEFT and reference.blank is not None else text


def _numbered(values: Sequence[pl.Series]) -> pl.DataFrame:
    return pl.DataFrame([series.alias(str(i)) for i, series in enumerate(values)])


def fine(reasons: Sequence[pl.Series]) -> _Mask:
    """Which values (records × lines) have no reason against them: nearly always all."""
    rows = len(reasons[0]) if reasons else 0
    mask = np.ones((rows, len(reasons)), dtype=np.bool_)
    for line, reason in enumerate(reasons):
        if reason.null_count() < rows:
            mask[:, line] = reason.is_null().to_numpy()
    return mask


def _no_reason(rows: int) -> pl.Series:
    return pl.Series(values=[None], dtype=pl.String).new_from_index(0, rows)
