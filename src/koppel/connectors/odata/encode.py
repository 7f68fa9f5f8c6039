"""Values as OData takes them: as literals in addresses, as JSON in bodies."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from koppel.connectors.agreed.values import decimal_texts
from koppel.connectors.odata.address import quoted_segment
from koppel.connectors.odata.edm import Property
from koppel.model.values import Kind

_json = msgspec.json.Encoder(decimal_format="number")


def literals(property_: Property, values: pl.Series) -> pl.Series:
    """A column in the dtype of its kind as literals, not yet percent-encoded; null stays null."""
    match property_.shape.kind:
        case Kind.INTEGER | Kind.DATE:
            return values.cast(pl.String)
        case Kind.DECIMAL:
            return decimal_texts(values, None)[0]
        case Kind.BOOLEAN:
            return values.cast(pl.String).str.to_lowercase()
        case Kind.DATETIME:
            return moment_texts(values)
    if property_.edm == "Edm.Guid":
        return values
    if property_.edm.startswith(("Edm.Int", "Edm.Byte", "Edm.SByte")):  # a choice that is stored as a number
        return values
    text = "'" + values.str.replace_all("'", "''", literal=True) + "'"
    return property_.edm + text if property_.is_enumeration else text


def moment_texts(values: pl.Series) -> pl.Series:
    """UTC with `Z`, for a `+` would have to be encoded, and no more of a second than there is."""
    texts = values.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    return texts.str.strip_chars_end("0").str.strip_chars_end(".") + "Z"


def key_segments(key: Sequence[Property], parts: pl.DataFrame) -> pl.Series:
    """What stands behind the entity set to name one record: `(1)`, `('a')`, `(area='a',code='b')`, percent-encoded.

    `parts`: the key columns in the dtype of their kinds. Null where a part is null.
    """
    columns = [literals(each, parts[each.shape.name]).alias(each.shape.name) for each in key]
    encoded = [column.map_elements(quoted_segment, return_dtype=pl.String) for column in columns]
    if len(key) == 1:
        return "(" + encoded[0] + ")"
    named = [f"{column.name}=" + column for column in encoded]
    return pl.select("(" + pl.concat_str(named, separator=",") + ")").to_series()


def json_values(property_: Property, values: pl.Series) -> list[Any]:
    """A column as the values of JSON objects; decimals stay Decimal until `json_body` writes their digits."""
    match property_.shape.kind:
        case Kind.DATE:
            return values.cast(pl.String).to_list()
        case Kind.DATETIME:
            return moment_texts(values).to_list()
        case Kind.DECIMAL:
            return [None if text is None else Decimal(text) for text in decimal_texts(values, None)[0].to_list()]
    if property_.shape.kind is Kind.CHOICE and property_.edm.startswith(("Edm.Int", "Edm.Byte", "Edm.SByte")):
        return values.cast(pl.Int64).to_list()
    return values.to_list()


def json_body(members: Mapping[str, Any]) -> bytes:
    """The members as a JSON object, in the order in which services validate them (wire 2.4). Decimals are numbers."""
    return _json.encode(members)
