"""Columns of a write to the text PostgreSQL reads; the mirror of `decode`, and the bytes that COPY takes.

What the column would not keep exactly is refused with a reason, never rounded or cut.
"""

import polars as pl

from koppel.connectors.agreed.values import Reasoned, decimal_texts, moment_texts, reasons_where
from koppel.connectors.postgresql.reflect import FLOATS, Column
from koppel.model.values import Kind


def encode(column: Column, values: pl.Series, zone: str) -> Reasoned:
    """The values as text; nulls stay nulls."""
    match column.shape.kind:
        case Kind.DECIMAL:
            return decimal_texts(values, FLOATS.get(column.type))
        case Kind.DATETIME:
            return _moments(column, values, zone)
        case Kind.BOOLEAN | Kind.DATE | Kind.INTEGER:
            return values.cast(pl.String), None
        case _:
            return values, reasons_where(values.str.contains("\0", literal=True), "zero_byte")


def _moments(column: Column, values: pl.Series, zone: str) -> Reasoned:
    zone = "UTC" if column.type == "timestamptz" else zone
    texts, reasons = moment_texts(values, zone, column.digits)
    return texts + "+00" if zone == "UTC" else texts, reasons


def copy_bytes(frame: pl.DataFrame) -> bytes:
    """Texts (and whole numbers) as COPY's text format takes them: one line per row, whatever the texts hold."""
    escaped = []
    for column in frame.iter_columns():
        marked = column
        if column.dtype == pl.String and column.str.contains(r"[\\\n\r\t]").any():
            for sign, mark in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
                marked = marked.str.replace_all(sign, mark, literal=True)
        escaped.append(marked)
    ready = pl.DataFrame(escaped)
    return ready.write_csv(
        include_header=False, separator="\t", quote_style="never", null_value="\\N", line_terminator="\n"
    ).encode()


def array(texts: pl.Series) -> str:
    """An array of texts as PostgreSQL reads it; the values must not hold zero bytes."""
    escaped = texts.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return "{" + ",".join(('"' + escaped + '"').to_list()) + "}"
