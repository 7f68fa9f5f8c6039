"""Columns of a write to the text MariaDB reads; the mirror of `decode`, and rows of them as SQL.

What the column would not keep exactly is refused with a reason, never rounded or cut: MariaDB itself, however strict,
rounds decimals and fractions of seconds, cuts blanks at the end, takes '1' for the first label of an enum, and in an
UPDATE with a join makes '' or 0 of a null where there must be a value.
"""

import polars as pl

from koppel.connectors.agreed.values import Reasoned, decimal_texts, either, moment_texts, reasons_where
from koppel.connectors.mariadb.reflect import FLOATS, Column
from koppel.model.values import Kind


def encode(column: Column, values: pl.Series, zone: str) -> Reasoned:
    """The values as text; nulls stay nulls."""
    texts, reasons = _encoded(column, values, zone)
    return texts, either(reasons, reasons_where(texts.is_null(), "no_value")) if column.attribute.not_null else reasons


def _encoded(column: Column, values: pl.Series, zone: str) -> Reasoned:
    match column.shape.kind:
        case Kind.DECIMAL:
            return decimal_texts(values, FLOATS.get(column.type))
        case Kind.DATETIME:
            return moment_texts(values, column.zone(zone), column.attribute.digits)
        case Kind.BOOLEAN:
            return values.cast(pl.Int8).cast(pl.String), None
        case Kind.DATE | Kind.INTEGER:
            return values.cast(pl.String), None
    if column.type == "enum":
        return values, reasons_where(~values.is_in(list(column.shape.choices)), "not_a_choice")
    if column.shape.length is not None:
        return values, reasons_where(values.str.len_chars() > column.shape.length, "too_long")
    return values, None


def sql_texts(values: pl.Series) -> pl.Series:
    """Texts as SQL takes them; null as NULL."""
    return ("'" + values.str.replace_all("'", "''", literal=True) + "'").fill_null("NULL")


def sql_values(column: Column | None, values: pl.Series) -> pl.Series:
    """Encoded values of a column (None: whole numbers) as SQL takes them."""
    if column is None or column.is_bit:
        return values.cast(pl.String).fill_null("NULL")
    return sql_texts(values)


def sql_rows(columns: list[pl.Series]) -> pl.Series:
    """Columns of SQL values as `(…,…)` per row."""
    named = [column.alias(str(at)) for at, column in enumerate(columns)]
    joined = pl.DataFrame(named).select(pl.concat_str(pl.all(), separator=",")).to_series()
    return "(" + joined + ")"
