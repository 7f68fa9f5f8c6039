"""Change stamps of services: which field is one, and how records are asked for by it."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from koppel.connectors.agreed.names import column_named
from koppel.connectors.odata.encode import moment_texts
from koppel.errors import ConfigurationError, Problem
from koppel.model.values import FieldShape, Kind

_REMEDY = 'name a date-time, or none (modified = ""), then every record may have to be read every time'


def change_stamp(fields: Sequence[FieldShape], usual: str | None, said: str | None, where: str) -> str | None:
    """The field with the moment of the last change: the `usual` one unless another is `said`; '' says that there is
    none. Raises ConfigurationError.
    """
    if not said:
        return usual if said is None else None
    kinds = {field.name: field.kind for field in fields}
    name = column_named(kinds, said, where)
    if kinds[name] is not Kind.DATETIME:
        raise ConfigurationError([Problem(where, f"{name} cannot be a change stamp", _REMEDY)])
    return name


def stamped_from(stamp: str, moment: datetime) -> str:
    """The condition that a record was last changed at this moment or later."""
    (text,) = moment_texts(pl.Series([moment], dtype=pl.Datetime("us", "UTC")))
    return f"{stamp} ge {text}"
