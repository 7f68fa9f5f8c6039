"""What all SQL connectors must do alike: the names of change stamps they take for one, and how a look-up compares."""

import polars as pl

MODIFIED_NAMES = (
    "systemmodifiedat",
    "modifiedon",
    "modified_on",
    "modifiedat",
    "modified_at",
    "last_modified_date_time",
    "lastmodifieddatetime",
    "last_modified",
    "lastmodified",
    "updated_at",
    "updatedat",
    "modified",
)
"""Columns of text or date-times taken for the change stamp when none is named, in order of preference (any case)."""


def comparable(frame: pl.DataFrame, fields: tuple[str, ...], ignore_case: bool) -> pl.DataFrame:
    """The fields as `Table.find` compares them, without rows in which one of them is blank."""
    texts = [name for name in fields if frame.schema[name] == pl.String]
    stripped = [pl.col(name).str.strip_chars() for name in texts]
    frame = frame.with_columns([text.str.to_lowercase() for text in stripped] if ignore_case else stripped)
    filled = [pl.col(name).is_not_null() for name in fields] + [pl.col(name) != "" for name in texts]
    return frame.filter(*filled)
