"""The statements of a write: rows with the same fields share one, and every value is in the form its column stores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.page import parts_of
from koppel.connectors.agreed.patterns import Mask, patterns
from koppel.connectors.agreed.progress import Progress, Refusal
from koppel.connectors.sql.decode import decode
from koppel.connectors.sql.encode import REASONS, Encoded, encode
from koppel.connectors.sql.reflect import Column, Relation
from koppel.model.values import ID, KeyOrigin, Kind, dtype, key_text
from koppel.model.write import Write, WriteKind


@dataclass(frozen=True)
class Batch:
    """Rows (positions in the write) of one statement, the columns it binds first, and the values of each row."""

    sql: str
    names: tuple[str, ...]
    rows: list[int]
    values: list[tuple[object, ...]]
    returns_key: bool = False


def batches(relation: Relation, write: Write, progress: Progress, keys: Sequence[tuple[object, ...]]) -> list[Batch]:
    """The statements that carry out the open rows. `keys`: per row the stored key of the record (not for creates).

    Refuses rows with values the columns cannot store. Sets the ids that rows will have.
    """
    table = quoted(relation.name)
    if write.kind is WriteKind.DELETE:
        where = " AND ".join(f"{quoted(name)} = ?" for name in relation.key)
        rows = progress.open()
        return [Batch(f"DELETE FROM {table} WHERE {where}", (), rows, [keys[row] for row in rows])] if rows else []
    bound = {name: encode(relation.columns[name], write.rows[name]) for name in write.fields}
    mask = _refuse_unfit(relation, write, progress, bound)
    _set_ids(relation, write, progress)
    if write.kind is WriteKind.CREATE:
        bound, mask = _with_keys(relation, write, progress, bound, mask)
    names = list(bound)
    if relation.stamp is not None and not relation.columns[relation.stamp.field].shape.read_only:
        bound, mask = _with_stamp(relation, write, bound, mask)
    made = []
    for pattern, rows in patterns(mask, progress.open()):
        sent = tuple(name for name, is_sent in zip(bound, pattern, strict=True) if is_sent)
        values = list(zip(*(_picked(bound[name][0], rows) for name in sent), strict=True)) or [()] * len(rows)
        if write.kind is WriteKind.CREATE:
            made.append(_insert(relation, sent, rows, values, names))
        elif sent:
            made.append(_update(relation, sent, rows, [(*v, *keys[row]) for v, row in zip(values, rows, strict=True)]))
    return made


def _picked(values: list[object], rows: list[int]) -> list[object]:
    return values if len(rows) == len(values) else [values[row] for row in rows]


def _insert(
    relation: Relation, sent: tuple[str, ...], rows: list[int], values: list[tuple[object, ...]], names: list[str]
) -> Batch:
    columns, marks = ", ".join(map(quoted, sent)), ", ".join("?" * len(sent))
    body = f"({columns}) VALUES ({marks})" if sent else "DEFAULT VALUES"
    sql = f"INSERT{relation.conflict} INTO {quoted(relation.name)} {body}"
    if set(relation.key) <= set(sent):
        return Batch(sql, sent, rows, values)
    returned = ", ".join(f"CAST({quoted(name)} AS TEXT)" for name in relation.key)
    return Batch(f"{sql} RETURNING {returned}", sent, rows, values, returns_key=True)


def _update(relation: Relation, sent: tuple[str, ...], rows: list[int], values: list[tuple[object, ...]]) -> Batch:
    changes = ", ".join(f"{quoted(name)} = ?" for name in sent)
    where = " AND ".join(f"{quoted(name)} = ?" for name in relation.key)
    sql = f"UPDATE{relation.conflict} {quoted(relation.name)} SET {changes} WHERE {where}"
    return Batch(sql, sent, rows, values)


def _refuse_unfit(relation: Relation, write: Write, progress: Progress, bound: dict[str, Encoded]) -> Mask:
    mask = write.mask.reshape(len(write.rows), len(write.fields))
    for at, name in enumerate(write.fields):
        if relation.columns[name].shape.read_only:
            for row in np.flatnonzero(mask[:, at]).tolist():
                progress.refuse(row, Refusal(name, f"{name} cannot be written"))
        reasons = bound[name][1]
        if reasons is not None:
            for row in np.flatnonzero(mask[:, at] & reasons.is_not_null().to_numpy()).tolist():
                progress.refuse(row, Refusal(name, f"{name}: {REASONS[reasons[row]]}"))
    return mask


def _with_stamp(
    relation: Relation, write: Write, bound: dict[str, Encoded], mask: Mask
) -> tuple[dict[str, Encoded], Mask]:
    """The change stamp of koppel's own edits, unless the write sends one."""
    stamp = relation.stamp
    assert stamp is not None
    text = stamp.form.text_of(stamp.floor(write.stamp))
    if stamp.field not in bound:
        values: list[object] = [text] * len(write.rows)
        return {**bound, stamp.field: (values, None)}, np.column_stack([mask, np.ones(len(mask), np.bool_)])
    at = list(bound).index(stamp.field)
    values = [value if sent else text for value, sent in zip(bound[stamp.field][0], mask[:, at], strict=True)]
    mask = mask.copy()
    mask[:, at] = True
    return {**bound, stamp.field: (values, None)}, mask


# ---- keys


def _set_ids(relation: Relation, write: Write, progress: Progress) -> None:
    """A row that sends a key field has another id afterwards."""
    sent = [name for name in relation.key if name in write.fields]
    if not sent:
        return
    parts = _key_frame(relation, write.rows[ID])
    for name in sent:
        new = write.rows[name].cast(pl.String)
        parts = parts.with_columns(new.zip_with(_sent(write, name), parts[name]).alias(name))
    progress.ids[:] = parts.select(key_text(relation.key)).to_series().to_list()


def _sent(write: Write, name: str) -> pl.Series:
    return pl.Series(write.mask[:, write.fields.index(name)], dtype=pl.Boolean)


def _key_frame(relation: Relation, ids: pl.Series) -> pl.DataFrame:
    """The key texts in the ids; null where there is no id or it is not one of this table's."""
    if len(relation.key) == 1:
        return pl.DataFrame([ids.alias(relation.key[0])])
    nothing = (None,) * len(relation.key)
    rows = [nothing if id_ is None else parts_of(id_, len(relation.key)) or nothing for id_ in ids.to_list()]
    return pl.DataFrame(rows, schema=dict.fromkeys(relation.key, pl.String), orient="row")


def _with_keys(
    relation: Relation,
    write: Write,
    progress: Progress,
    bound: dict[str, Encoded],
    mask: Mask,
) -> tuple[dict[str, Encoded], Mask]:
    """The keys of new records: from the ids, where the fields do not bring them."""
    parts = _key_frame(relation, write.rows[ID])
    complete = np.ones(len(write.rows), np.bool_)
    for name in relation.key:
        column = relation.columns[name]
        values, good = _key_values(column, parts[name])
        at = list(bound).index(name) if name in bound else None
        sent = np.zeros(len(mask), np.bool_) if at is None else mask[:, at].copy()
        given = good & ~sent
        complete &= given | sent
        own = bound[name][0] if at is not None else values
        bound = {**bound, name: ([values[i] if given[i] else own[i] for i in range(len(own))], None)}
        if at is None:
            mask = np.column_stack([mask, given])
        else:
            mask = mask.copy()
            mask[:, at] |= given
    system_gives = relation.shape.key_origin is not KeyOrigin.CHOSEN
    for row in np.flatnonzero(~complete).tolist():
        if not system_gives or write.rows[ID][row] is not None:
            progress.refuse(row, Refusal(relation.key[0], "a new record of this table needs a key that fits it"))
    return bound, mask


def _key_values(column: Column, texts: pl.Series) -> tuple[list[object], Mask]:
    """The values of a key column, and which of the texts are ids of it: those that come back the same."""
    typed = decode(column, (texts, None))[0] if column.shape.kind is Kind.UUID else texts
    typed = typed.cast(dtype(column.shape), strict=False)
    return encode(column, typed)[0], (typed.cast(pl.String) == texts).fill_null(False).to_numpy()
