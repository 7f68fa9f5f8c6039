"""One value made of two that were both changed: the resolvers max, min, longest and union (DESIGN 3).

A blank never wins over a value.
"""

import polars as pl

from koppel.model.policy import OnConflict
from koppel.transform.meet import without_blanks


def resolve(kind: OnConflict, left: pl.Series, right: pl.Series) -> pl.Series:
    """The value both sides get, in the order and dtype of `left`; null where both are blank.

    `left` and `right` hold values of one dtype. max, min: by order (text by code points). longest: more characters, the
    left one of two as long. union: both lists of values joined, sorted, each once; text only. Symmetric but for longest
    and the separator a union is written with.
    """
    assert kind.resolves, f"{kind} picks a side"
    assert left.dtype == right.dtype, "the two values are compared in the terms of one side"
    if left.dtype == pl.String:
        left, right = without_blanks(left), without_blanks(right)
    if kind is OnConflict.UNION:
        return _union(left, right).alias(left.name)
    return pl.select(_CHOICES[kind](left.alias("left"), right.alias("right"))).to_series().alias(left.name)


def _pick(takes_left: pl.Expr, left: pl.Series, right: pl.Series) -> pl.Expr:
    chosen = pl.when(takes_left).then(pl.lit(left)).otherwise(pl.lit(right))
    return pl.coalesce(chosen, pl.lit(left), pl.lit(right))


_CHOICES = {
    OnConflict.MAX: lambda left, right: _pick(pl.lit(left) >= pl.lit(right), left, right),
    OnConflict.MIN: lambda left, right: _pick(pl.lit(left) <= pl.lit(right), left, right),
    OnConflict.LONGEST: lambda left, right: _pick(_length(left) >= _length(right), left, right),
}


def _length(values: pl.Series) -> pl.Expr:
    return pl.lit(values.cast(pl.String)).str.len_chars()


def _union(left: pl.Series, right: pl.Series) -> pl.Series:
    """Row by row, but each pair of texts once; only fields changed on both sides come here."""
    pairs = pl.DataFrame({"left": left, "right": right})
    distinct = pairs.unique(maintain_order=True)
    joined = pl.Series("union", [_joined(*pair) for pair in distinct.rows()], dtype=pl.String)
    answer = pairs.join(
        distinct.with_columns(joined), ["left", "right"], "left", nulls_equal=True, maintain_order="left"
    )
    return answer["union"]


def _joined(left: str | None, right: str | None) -> str | None:
    """A list is separated by ';' if it has one, else by ','; the union is written as the left list is."""
    items = {item.strip() for text in (left, right) if text for item in text.split(_separator(text)) if item.strip()}
    written = next((text for text in (left, right) if text and _separator(text) in text), ";")
    separator = _separator(written)
    return (f"{separator} " if f"{separator} " in written else separator).join(sorted(items)) or None


def _separator(text: str) -> str:
    return ";" if ";" in text else ","
