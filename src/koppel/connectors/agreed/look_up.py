"""How `Table.find` compares, whatever a database's collation would say."""

from collections.abc import Iterable

import polars as pl

from koppel.model.values import FAULT, ID, OP


def comparable(frame: pl.DataFrame, fields: tuple[str, ...], ignore_case: bool) -> pl.DataFrame:
    """The fields as `Table.find` compares them, without rows in which one of them is blank."""
    texts = [name for name in fields if frame.schema[name] == pl.String]
    stripped = [pl.col(name).str.strip_chars() for name in texts]
    frame = frame.with_columns([text.str.to_lowercase() for text in stripped] if ignore_case else stripped)
    filled = [pl.col(name).is_not_null() for name in fields] + [pl.col(name) != "" for name in texts]
    return frame.filter(*filled)


def nothing_found() -> pl.DataFrame:
    """The answer of a look-up without a hit."""
    return pl.DataFrame(schema={OP: pl.Int64, ID: pl.String})


def hits(
    candidates: Iterable[pl.DataFrame], wanted: pl.DataFrame, fields: tuple[str, ...], ignore_case: bool
) -> pl.DataFrame:
    """OP and ID of the candidates (pages) that are equal to a row of `wanted`, which is comparable already."""
    found = [
        comparable(page.filter(pl.col(FAULT).is_null()), fields, ignore_case).join(wanted, on=fields).select(OP, ID)
        for page in candidates
    ]
    return pl.concat([nothing_found(), *found]).unique()
