"""The rows of a write as the database takes them: values as text, keys, the change stamp; unfit values refused."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from koppel.connectors.agreed.patterns import Mask
from koppel.connectors.agreed.progress import Progress, Refusal
from koppel.connectors.agreed.shapes import SqlRelation
from koppel.connectors.agreed.values import REASONS, Reasoned
from koppel.model.values import ID, KeyOrigin, key_text
from koppel.model.write import Write, WriteKind

Encode = Callable[[str, pl.Series], Reasoned]
"""The values of a column as the texts to be stored."""


@dataclass
class Rows:
    """Columns of text, which of them each row sends, and the key that each record has now (not for creates)."""

    columns: dict[str, pl.Series]
    sent: dict[str, Mask]
    keys: pl.DataFrame

    def always(self, name: str, rows: list[int]) -> bool:
        """Whether all these rows send the column."""
        return bool(self.sent[name][rows].all())


def prepare(
    relation: SqlRelation, write: Write, progress: Progress, now: datetime, keys: pl.DataFrame, encode: Encode
) -> Rows:
    """Encode what is sent. Refuses rows with values the columns cannot store, or without a key. Sets the ids that rows
    will have; those of rows whose key the database gives stay null. `keys`: the key texts in the ids.
    """
    rows = Rows({}, {}, keys)
    mask = write.mask.reshape(len(write.rows), len(write.fields))
    for at, name in enumerate(write.fields if write.kind is not WriteKind.DELETE else ()):
        if not mask[:, at].any():
            continue
        if relation.columns[name].shape.read_only:
            for row in np.flatnonzero(mask[:, at]).tolist():
                progress.refuse(row, Refusal(name, f"{name} cannot be written"))
            continue
        texts, reasons = encode(name, write.rows[name])
        rows.columns[name], rows.sent[name] = texts, mask[:, at].copy()
        if reasons is not None:
            for row in np.flatnonzero(mask[:, at] & reasons.is_not_null().to_numpy()).tolist():
                progress.refuse(row, Refusal(name, f"{name}: {REASONS[reasons[row]]}"))
    _set_ids(relation, rows, progress)
    if write.kind is WriteKind.CREATE:
        _with_keys(relation, write, rows, progress)
    if rows.columns or write.kind is WriteKind.CREATE:
        _with_stamp(relation, rows, len(write.rows), max(write.stamp, now), encode)
    return rows


def _set_ids(relation: SqlRelation, rows: Rows, progress: Progress) -> None:
    """A row that sends a key field has another id afterwards."""
    sent = [name for name in relation.key if name in rows.columns]
    if not sent:
        return
    parts = rows.keys
    for name in sent:
        new = rows.columns[name].zip_with(pl.Series(rows.sent[name]), parts[name])
        parts = parts.with_columns(new.alias(name))
    progress.ids[:] = parts.select(key_text(relation.key)).to_series().to_list()


def _with_keys(relation: SqlRelation, write: Write, rows: Rows, progress: Progress) -> None:
    """The keys of new records: from the ids, where the fields do not bring them."""
    complete = np.ones(len(write.rows), np.bool_)
    for name in relation.key:
        own, sent = rows.columns.get(name), rows.sent.get(name, np.zeros(len(write.rows), np.bool_))
        given = rows.keys[name].is_not_null().to_numpy() & ~sent
        complete &= given | sent
        texts = rows.keys[name]
        rows.columns[name] = texts if own is None else texts.zip_with(pl.Series(given), own)
        rows.sent[name] = sent | given
    system_gives = relation.shape.key_origin is not KeyOrigin.CHOSEN
    for row in np.flatnonzero(~complete).tolist():
        if not system_gives or write.rows[ID][row] is not None:
            progress.refuse(row, Refusal(relation.key[0], "a new record of this table needs a key that fits it"))


def _with_stamp(relation: SqlRelation, rows: Rows, count: int, moment: datetime, encode: Encode) -> None:
    """The change stamp of koppel's own edits, unless the row sends one. Not finer than the application's ticks, and
    never before the system's own present, which another mapping's cursor may have reached.
    """
    stamp = relation.stamp
    if stamp is None or relation.columns[stamp.field].shape.read_only:
        return
    ticked = moment - (moment - datetime(1970, 1, 1, tzinfo=UTC)) % stamp.granularity
    value = pl.Series([ticked], dtype=pl.Datetime("us", "UTC"))
    text = encode(stamp.field, value)[0].new_from_index(0, count)
    if stamp.field in rows.columns:
        text = rows.columns[stamp.field].zip_with(pl.Series(rows.sent[stamp.field]), text)
    rows.columns[stamp.field] = text
    rows.sent[stamp.field] = np.ones(count, np.bool_)
