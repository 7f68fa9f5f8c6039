"""What people look at and decide on: errors, conflicts, history, and one coupling at a time."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import and_, func, select, update

from koppel.model.coupling import COUPLING_SCHEMA
from koppel.model.listing import Conflict, ErrorRecord, HistoryEntry
from koppel.model.policy import Side
from koppel.store import schema
from koppel.store.dialect import spread
from koppel.store.jobs import Jobs
from koppel.store.rows import read_frame


class Listings(Jobs):
    """Reading for the interfaces, and lifting skips."""

    def errors(self, mapping: str | None = None) -> list[ErrorRecord]:
        """Every record that could not be carried, of one mapping when given; newest first."""
        table = schema.error
        query = select(table, schema.mapping.c.name).join(schema.mapping, schema.mapping.c.id == table.c.mapping)
        if mapping is not None:
            query = query.where(schema.mapping.c.name == mapping)
        with self.transaction() as connection:
            return [_error(row) for row in connection.execute(query.order_by(table.c.last_at.desc(), table.c.id))]

    def retry(self, mapping: str | None, ids: tuple[int, ...] | None) -> int:
        """Lift the skip of these errors (None: all), so that the next run tries them again; how many it were."""
        table = schema.error
        statement = update(table).where(table.c.skipped).values(skipped=False, times=0)
        if ids is not None:
            statement = statement.where(table.c.id.in_(ids))
        with self.transaction() as connection:
            if mapping is not None:
                statement = statement.where(table.c.mapping == self.mapping_id(connection, mapping))
            return connection.execute(statement).rowcount

    def conflicts(self, mapping: str | None = None) -> list[Conflict]:
        """Every open conflict, of one mapping when given; oldest first."""
        table = schema.conflict
        query = select(table, schema.mapping.c.name).join(schema.mapping, schema.mapping.c.id == table.c.mapping)
        if mapping is not None:
            query = query.where(schema.mapping.c.name == mapping)
        with self.transaction() as connection:
            return [_conflict(row) for row in connection.execute(query.order_by(table.c.id))]

    def history_of(self, mapping: str, side: Side, record: str) -> list[HistoryEntry]:
        """What koppel wrote to one record, newest first: field, before, after."""
        table, index = schema.history, schema.history_record
        query = select(table.c.at, table.c.job, table.c.blob).join(index, index.c.history == table.c.id)
        with self.transaction() as connection:
            here = (
                (table.c.mapping == self.mapping_id(connection, mapping))
                & (table.c.side == int(side))
                & (index.c.record == record)
            )
            rows = connection.execute(query.where(here).order_by(table.c.id.desc())).all()
        return _entries(rows, record)

    def written_often(self, mapping: str, side: Side, ids: pl.Series, since: datetime, times: int) -> pl.DataFrame:
        """`record`, `field`: which cells of these records of one side koppel has written so many times or more."""
        table, entry, cell = schema.history, schema.history_record, ("record", "field")
        moment = since.astimezone(UTC).replace(tzinfo=None)
        with self.transaction() as connection:
            here = and_(table.c.mapping == self.mapping_id(connection, mapping), table.c.side == int(side))
            # Mostly so few writes were made that no cell was written too often: when the n-th last one was tells.
            nth_last = connection.execute(
                select(table.c.at).where(here).order_by(table.c.id.desc()).offset(times - 1)
            ).scalar()
            if nth_last is None or nth_last < moment:
                return pl.DataFrame(schema=dict.fromkeys(cell, pl.String()))
            written = select(entry.c.record, entry.c.history).join(table, entry.c.history == table.c.id)
            written = written.where(here, table.c.at >= moment, entry.c.record.in_(spread(ids)))
            found = read_frame(connection, written, {"record": pl.String(), "history": pl.Int64()})
            found = found.filter(pl.len().over("record") >= times)
            blobs = select(table.c.blob).where(table.c.id.in_(spread(found["history"].unique())))
            frames = [pl.read_ipc(blob).select(cell) for blob in connection.execute(blobs).scalars()]
        cells = pl.concat([pl.DataFrame(schema=dict.fromkeys(cell, pl.String())), *frames])
        counted = cells.filter(pl.col("record").is_in(found["record"].implode())).group_by(cell).len()
        return counted.filter(pl.col("len") >= times).select(cell)

    def forget_history(self, mapping: str, days: int) -> None:
        """Delete what was written longer ago than so many days (0: all of it)."""
        table, entry, before = schema.history, schema.history_record, self.now() - timedelta(days=days)
        with self.transaction() as connection:
            mine = table.c.mapping == self.mapping_id(connection, mapping)
            oldest = connection.execute(select(table.c.at).where(mine).order_by(table.c.id).limit(1)).scalar()
            if oldest is not None and oldest <= before:
                old = select(table.c.id).where(mine, table.c.at <= before)
                connection.execute(entry.delete().where(entry.c.history.in_(old)))
                connection.execute(table.delete().where(mine, table.c.at <= before))

    def count_rows(self, table: str) -> int:
        """How many rows a table of the store has."""
        with self.transaction() as connection:
            return int(connection.execute(select(func.count()).select_from(schema.metadata.tables[table])).scalar_one())

    def coupling(self, number: int) -> pl.DataFrame:
        """One coupling by its number (COUPLING_SCHEMA; empty when there is none)."""
        columns = [schema.coupling.c.id, *(schema.coupling.c[name] for name in list(COUPLING_SCHEMA)[1:])]
        with self.transaction() as connection:
            return read_frame(connection, select(*columns).where(schema.coupling.c.id == number), COUPLING_SCHEMA)


def _entries(rows: Any, record: str) -> list[HistoryEntry]:
    entries = []
    for row in rows:
        frame = pl.read_ipc(row.blob).filter(pl.col("record") == record)
        entries += [
            HistoryEntry(row.at, row.job, *values) for values in frame.select("field", "before", "after").rows()
        ]
    return entries


def _error(row: Any) -> ErrorRecord:
    names = ("id", "record", "other", "code", "field", "message", "times", "skipped", "job", "first_at", "last_at")
    return ErrorRecord(mapping=row.name, side=Side(row.side), **{name: getattr(row, name) for name in names})


def _conflict(row: Any) -> Conflict:
    lists: dict[str, Any] = {
        name: tuple(json.loads(getattr(row, name))) for name in ("fields", "left_values", "right_values")
    }
    names = ("id", "coupling", "left_id", "right_id", "kind", "left_print", "right_print", "job", "opened_at")
    return Conflict(mapping=row.name, **lists, **{name: getattr(row, name) for name in names})
