"""The records that answers to a write hold: what is stored now, of all rows at once."""

from collections.abc import Callable, Mapping

import polars as pl

from koppel.connectors.odata.decode import Page, as_page
from koppel.errors import BadAnswer

ROW = "@row"

Read = Callable[[bytes], Page]
"""Reads a page with the fields that are wanted."""


def answered(read: Read, answers: Mapping[int, bytes]) -> pl.DataFrame:
    """The record that each row (ROW) was answered with; an answer that cannot be read as one record is left out.

    All are read as one page, which is quick; one that spoils it has each read for itself.
    """
    whole = _records(read, answers)
    if whole is not None:
        return whole
    each = [_records(read, {row: answer}) for row, answer in answers.items()]
    return pl.concat([read(as_page(())).frame.insert_column(0, _rows({})), *(one for one in each if one is not None)])


def _records(read: Read, answers: Mapping[int, bytes]) -> pl.DataFrame | None:
    """A record for each answer; None where that cannot be told."""
    try:
        frame = read(as_page(answers.values())).frame
    except BadAnswer:
        return None
    return frame.insert_column(0, _rows(answers)) if len(frame) == len(answers) else None


def _rows(answers: Mapping[int, bytes]) -> pl.Series:
    return pl.Series(ROW, list(answers), dtype=pl.Int64)
