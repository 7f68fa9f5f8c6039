"""What COPY sends to canonical columns; what cannot be represented becomes null with a reason.

One expression per kind reads a whole column of a page.
"""

import polars as pl

from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.values import Reasoned, read_dates, read_decimals, read_moments
from koppel.connectors.postgresql.reflect import FLOATS, TEXTS, Column
from koppel.model.values import Kind, dtype


def expression(column: Column) -> str:
    """The SQL that reads the column of the table called `t`. A cast to text takes the padding off a char(n), and what
    is only shown as text (or is such a key) is shown as it is compared.
    """
    name = f"t.{quoted(column.shape.name)}"
    as_text = column.type == "bpchar" or (column.shape.kind is Kind.TEXT and column.type not in TEXTS)
    return f"{name}::text" if as_text else name


def raw_dtype(column: Column) -> pl.DataType:
    """What the column is read as from CSV."""
    return pl.Int64() if column.shape.kind is Kind.INTEGER else pl.String()


def decode(column: Column, values: pl.Series, zone: str) -> Reasoned:
    """The column in the dtype of its kind."""
    match column.shape.kind:
        case Kind.BOOLEAN:
            found: Reasoned = values == "t", None
        case Kind.DECIMAL:
            found = read_decimals(values, column.shape.scale, FLOATS.get(column.type))
        case Kind.DATE:
            found = read_dates(values)
        case Kind.DATETIME:
            naive = column.type == "timestamp"
            found = read_moments(values if naive else values.str.strip_suffix("+00"), zone if naive else "UTC")
        case _:
            found = values, None
    assert found[0].dtype == dtype(column.shape), "a column is decoded to the dtype of its kind"
    return found
