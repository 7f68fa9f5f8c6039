"""A page of records from what a database sends as CSV; ids to keys and back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import polars as pl

from koppel.connectors.agreed.shapes import SqlRelation
from koppel.connectors.agreed.values import Reasoned
from koppel.errors import BadAnswer
from koppel.model.values import FAULT, ID, VERSION, dtype, key_parts, key_text

PAGE_ROWS = 20_000

ROW, STAMP = "@row", "@stamp"
"""Columns of the CSV beside the fields: a number given to the query, and the change stamp as it is stored."""


@dataclass(frozen=True)
class Query:
    """The part of a SELECT after its columns; the table is called `t` in it. `row`: a number to come with each row."""

    tail: str
    row: str = "0"


@dataclass(frozen=True)
class Page:
    """Records in the canonical form; beside them, as stored: the number given to `Query.row`, and the last row's key
    (and before it its stamp, where there is one).
    """

    frame: pl.DataFrame
    rows: pl.Series
    last: tuple[str, ...]

    def only(self, ids: pl.Series) -> "Page":
        """Without records that a collation takes for others."""
        kept = self.frame[ID].is_in(ids.implode())
        return self if kept.all() else Page(self.frame.filter(kept), self.rows.filter(kept), self.last)


def csv_page(
    relation: SqlRelation,
    fields: Sequence[str],
    answer: bytes,
    schema: Mapping[str, pl.DataType],
    decode: Callable[[str, pl.Series], Reasoned],
    versions: Callable[[pl.DataFrame], pl.Series],
) -> Page:
    """The page that the answer holds: ROW, the key, the `fields` and what `versions` needs, as `schema` says.

    Null is nothing, an empty text is `""`. `decode`: a column as it is sent to the dtype of its kind.
    """
    if not answer:
        return _empty(relation, fields)
    try:
        raw = pl.read_csv(BytesIO(answer), has_header=False, schema=schema)
    except pl.exceptions.PolarsError as error:
        raise BadAnswer(relation.system, f"a page of {relation.name} cannot be read: {error}") from error
    decoded = {name: decode(name, raw[name]) for name in dict.fromkeys((*relation.key, *fields))}
    columns = [
        _ids(relation, decoded, raw),
        versions(raw).alias(VERSION),
        _faults(decoded, len(raw)),
        *(decoded[name][0].alias(name) for name in fields),
    ]
    place = raw.select(name for name in (STAMP, *relation.key) if name in schema).tail(1).cast(pl.String)
    return Page(pl.DataFrame(columns), raw[ROW], place.row(0))


def _empty(relation: SqlRelation, fields: Sequence[str]) -> Page:
    """What most looks at a feed find; made without going through the whole of decoding."""
    kinds = {field.name: dtype(field) for field in relation.shape.fields}
    own: dict[str, pl.DataType] = {ID: pl.String(), VERSION: pl.String(), FAULT: pl.String()}
    frame = pl.DataFrame(schema=own | {name: kinds[name] for name in fields})
    return Page(frame, pl.Series(ROW, dtype=pl.Int64), ())


def _ids(relation: SqlRelation, decoded: Mapping[str, Reasoned], raw: pl.DataFrame) -> pl.Series:
    """An unreadable key still has a name to show."""
    ids = pl.DataFrame([decoded[name][0].alias(name) for name in relation.key]).select(key_text(relation.key))
    if all(decoded[name][1] is None for name in relation.key):
        return ids.to_series().alias(ID)
    shown = raw.select(key_text(relation.key)).to_series()
    return pl.select(pl.coalesce(ids.to_series(), shown)).to_series().alias(ID)


def _faults(decoded: Mapping[str, Reasoned], rows: int) -> pl.Series:
    reasons = [f"{name}: " + reason for name, (_, reason) in decoded.items() if reason is not None]
    nothing = pl.Series(FAULT, [None], dtype=pl.String).new_from_index(0, rows)
    return pl.select(pl.coalesce(*reasons, nothing).alias(FAULT)).to_series() if reasons else nothing


def moments_until(stamps: pl.Series, limit: str) -> pl.Series:
    """Stamps (ISO-8601 texts with a blank) as versions: null after `limit`, when a later edit could share them."""
    usual = stamps.str.contains(r"^\d{4}-.*\d$").fill_null(False)
    return stamps.set(~(usual & (stamps <= limit)), None)


def key_frame(relation: SqlRelation, ids: pl.Series, fits: Callable[[str], pl.Expr]) -> pl.DataFrame:
    """The key texts in the ids; null where there is no id or it cannot be one of this table's. `fits`: whether a text
    is what a value of the key column reads as.
    """
    count = len(relation.key)
    if count == 1:
        frame = pl.DataFrame([ids.alias(relation.key[0])])
    else:
        nothing = (None,) * count
        rows = [nothing if id_ is None else parts_of(id_, count) or nothing for id_ in ids.to_list()]
        frame = pl.DataFrame(rows, schema=dict.fromkeys(relation.key, pl.String), orient="row")
    fitting = pl.all_horizontal(fits(name) for name in relation.key)
    return frame.select(pl.when(fitting).then(pl.col(name)).alias(name) for name in relation.key)


def parts_of(id_: str, count: int) -> tuple[str, ...] | None:
    """The key texts of an id; None when it was not made from so many."""
    try:
        return key_parts(id_, count)
    except ValueError:
        return None


def is_whole(text: pl.Expr) -> pl.Expr:
    """Whether a text is what a 64-bit whole number reads as."""
    return text.str.contains(r"^(0|-?[1-9]\d{0,18})$") & text.cast(pl.Int64, strict=False).is_not_null()
