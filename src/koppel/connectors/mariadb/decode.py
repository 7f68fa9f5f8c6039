"""What a page sends to canonical columns; what cannot be represented becomes null with a reason.

A row comes as one text, a line of CSV that the server writes: the driver, which is pure Python, then takes apart rows
and not cells, and Polars reads the page at once. One expression per kind reads a whole column.
"""

from collections.abc import Iterable

import polars as pl

from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.values import Reasoned, read_dates, read_decimals, read_moments, reasoned
from koppel.connectors.mariadb.reflect import BINARY, FLOATS, TIMES, WHOLE, Column
from koppel.model.values import Kind, dtype

PLAIN = frozenset({*WHOLE, *TIMES, "date", "decimal"})
"""Types whose texts hold no sign that means something in CSV, and beside which '' may stand."""


def line(items: Iterable[str]) -> str:
    """The SQL of one line of CSV: null is nothing, an empty text is `""`."""
    cells = ", ".join(f"ifnull({item}, '')" for item in items)
    return f"CAST(concat_ws(',', {cells}) AS BINARY)"


def cell(column: Column, table: str = "t") -> str:
    """The SQL of the column as one cell of CSV."""
    name = f"{table}.{quoted(column.shape.name)}"
    if column.type in PLAIN:
        return name
    if column.is_bit:
        return f"{name} + 0"
    if column.type in FLOATS:  # a float is shown with six digits, whatever it holds
        return f"CAST({name} AS DOUBLE)"
    text = f"hex({name})" if column.type in BINARY else as_utf8(column, name)
    return f"""concat('"', replace({text}, '"', '""'), '"')"""


def as_utf8(column: Column, name: str) -> str:
    """The column as text in the encoding of the session."""
    return name if column.attribute.charset == "utf8mb4" else f"CONVERT({name} USING utf8mb4)"


def raw_dtype(column: Column) -> pl.DataType:
    """What the column is read as from CSV."""
    small = column.shape.kind is Kind.INTEGER and "bigint" not in column.stored
    return pl.Int64() if small and not column.is_bit else pl.String()


def decode(column: Column, values: pl.Series, zone: str) -> Reasoned:
    """The column in the dtype of its kind."""
    match column.shape.kind:
        case Kind.BOOLEAN:
            known = values.is_in(["0", "1"])
            found: Reasoned = reasoned((values == "1").set(~known, None), values, pl.lit("not_a_boolean"))
        case Kind.INTEGER:
            found = reasoned(values.cast(pl.Int64, strict=False), values, pl.lit("out_of_range"))
        case Kind.DECIMAL:
            text = _shortest(values) if column.type == "float" else values
            found = read_decimals(text, column.shape.scale, FLOATS.get(column.type))
        case Kind.DATE:
            found = read_dates(values)
        case Kind.DATETIME:
            found = read_moments(values, column.zone(zone))
        case _:
            found = values, None
    assert found[0].dtype == dtype(column.shape), "a column is decoded to the dtype of its kind"
    return found


def _shortest(text: pl.Series) -> pl.Series:
    """A single-precision number read as a double, in the fewest digits that lead back to it."""
    return text.cast(pl.Float64, strict=False).cast(pl.Float32).cast(pl.String).str.strip_suffix(".0")
