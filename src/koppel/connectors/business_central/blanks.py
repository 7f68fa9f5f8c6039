"""Blank is blank: nothing is ever null in Business Central, every type has a value of its own for it (wire 2.4).

A blank text is '' and stays so. A blank id, day or moment means none, so koppel reads null; a blank number is 0 and a
blank flag is false, which are values like any other. What koppel writes as null becomes the blank of the type.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from koppel.connectors.business_central.page import Page, in_words
from koppel.connectors.odata.edm import Property
from koppel.connectors.odata.encode import json_values
from koppel.model.values import Kind, dtype

NO_ID = "00000000-0000-0000-0000-000000000000"
NO_DAY = date(1, 1, 1)
NO_MOMENT = datetime(1, 1, 1, tzinfo=UTC)

_READ_AS_NULL: Mapping[Kind, Any] = {Kind.UUID: NO_ID, Kind.DATE: NO_DAY, Kind.DATETIME: NO_MOMENT}
_WRITTEN: Mapping[Kind, Any] = {
    Kind.TEXT: "",
    Kind.CODE: "",
    Kind.UUID: NO_ID,
    Kind.DATE: "0001-01-01",
    Kind.DATETIME: "0001-01-01T00:00:00Z",
    Kind.INTEGER: 0,
    Kind.DECIMAL: Decimal(0),
    Kind.BOOLEAN: False,
}


def shown(frame: pl.DataFrame, page: Page) -> pl.DataFrame:
    """A page of records as koppel means it: null for the blanks of ids, days and moments, enums in words."""
    columns: list[pl.Series | pl.Expr] = []
    for name in frame.columns:
        property_ = page.entity_set.properties.get(name)
        if property_ is None:
            continue
        blank = _READ_AS_NULL.get(property_.shape.kind)
        if property_.is_enumeration:
            columns.append(_worded(frame[name]))
        elif blank is not None:
            columns.append(pl.when(pl.col(name) != pl.lit(blank, dtype(property_.shape))).then(name).alias(name))
    return frame.with_columns(columns)


def _worded(members: pl.Series) -> pl.Series:
    """The members of an enum in words; each distinct one is looked at once."""
    said = members.drop_nulls().unique().to_list()
    return members.replace({member: in_words(member) for member in said})


def blank_expected(frame: pl.DataFrame, page: Page) -> pl.DataFrame:
    """What records are believed to hold, with '' for a text that is null: here it is the same."""
    texts = [
        name
        for name, property_ in page.entity_set.properties.items()
        if name in frame.columns and frame.schema[name] == pl.String and property_.shape.kind is not Kind.UUID
    ]
    return frame.with_columns(pl.col(texts).fill_null(""))


def json_of(page: Page, property_: Property, values: pl.Series) -> Sequence[Any]:
    """A column as the values of JSON members, blanks as the service spells them."""
    if property_.is_enumeration:
        members = page.members[property_.shape.name]
        return [members.get(word or "", word) for word in values.to_list()]
    blank = _WRITTEN[property_.shape.kind]
    return [blank if value is None else value for value in json_values(property_, values)]
