"""Short ways to say a write to a page, and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from koppel.connectors.business_central.table import PageTable
from koppel.model.values import ID, OP, dtype
from koppel.model.write import CODE, MESSAGE, Write, WriteKind
from koppel.ports import Want
from tests.business_central.erp import Erp

CREATE, UPDATE, DELETE = WriteKind.CREATE, WriteKind.UPDATE, WriteKind.DELETE


def written(
    erp: Erp,
    table: PageTable,
    kind: WriteKind,
    rows: Sequence[Mapping[str, object]],
    want: Sequence[str] = (),
    seen: Sequence[Mapping[str, object]] | None = None,
) -> list[dict[str, Any]]:
    """Write rows: `id` (may be missing) and the fields to send. `seen`: what the records are believed to hold."""
    names = tuple(dict.fromkeys(name for row in rows for name in row if name != "id"))
    ops = pl.Series(OP, range(len(rows)), dtype=pl.Int64)
    ids = pl.Series(ID, [row.get("id") for row in rows], dtype=pl.String)
    mask = np.array([[name in row for name in names] for row in rows], dtype=np.bool_).reshape(len(rows), len(names))
    expected = None if seen is None else pl.DataFrame([ops, *_columns(table, tuple(seen[0]), seen)])
    frame = pl.DataFrame([ops, ids, *_columns(table, names, rows)])
    answer = table.write(Write(kind, frame, names, mask, expected, tuple(want), erp.central.clock.now()))
    return answer.sort(OP).to_dicts()


def new(erp: Erp, table: PageTable, **values: object) -> str:
    """A record made through the connector; its id."""
    (answer,) = written(erp, table, CREATE, [{"displayName": "Bakker", **values}])
    assert answer[CODE] == "written", answer[MESSAGE]
    return str(answer[ID])


def _columns(table: PageTable, names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> list[pl.Series]:
    shape = table.describe()
    made = []
    for name in names:
        field = shape.field(name)
        assert field is not None, name
        made.append(pl.Series(name, [row.get(name) for row in rows], dtype=dtype(field)))
    return made


def row_of(table: PageTable, id_: str, *fields: str) -> dict[str, Any]:
    """One record."""
    (row,) = table.fetch(pl.Series([id_]), Want(fields)).to_dicts()
    return row


def told(table: PageTable, since: str | None) -> list[str]:
    """The ids a feed names."""
    return [id_ for page in table.changes(since, Want(())).pages for id_ in page[ID]]
