"""The journal: a write is here, its fate unknown, or it is settled. The only two commits that move a coupling, a
baseline, an error or a history row are `intend` and `settle`.
"""

import io
import json
from collections.abc import Sequence
from typing import Any

import polars as pl
from sqlalchemy import Connection, and_, case, false, func, or_, select

from koppel.model.coupling import ASIDE_SCHEMA, History, Intent, Settlement
from koppel.model.job import Job
from koppel.model.policy import Side
from koppel.model.write import WriteKind
from koppel.ports import OpenIntent
from koppel.store import schema
from koppel.store.dialect import Existing, spread, upsert
from koppel.store.jobs import Jobs
from koppel.store.rows import has_any, insert_frame, insert_one, read_frame, update_frame

_INDEXED = ("left_id", "right_id", "layout")
_AGREED = ("left_version", "right_version", "left_base", "right_base", "recovered")


class Journal(Jobs):
    """Intending, settling, and what a crash left open."""

    def intend(self, job: Job, facts: Settlement, intents: Sequence[Intent], aside: pl.DataFrame) -> list[int]:
        """Commit facts that need no write, what is set aside, and the intents; the journal's numbers of the intents."""
        with self.transaction() as connection:
            self.hold_lease(connection, job)
            self._settle(connection, job, facts)
            insert_frame(connection, schema.aside, aside, existing=Existing.GOES, job=job.id)
            return [self._write_intent(connection, job, intent) for intent in intents]

    def settle(self, job: Job, journal: int, settlement: Settlement, left: Intent | None = None) -> None:
        """Commit what really happened and take the journal row away, but for what is `left` open of it."""
        here = schema.journal.c.id == journal
        with self.transaction() as connection:
            self.hold_lease(connection, job)
            self._settle(connection, job, settlement)
            if left is None:
                connection.execute(schema.journal.delete().where(here))
            else:
                connection.execute(schema.journal.update().where(here).values(_packed(left)))

    def abandon(self, job: Job, journal: int, settlement: Settlement, chosen: pl.DataFrame) -> None:
        """Like settle, for a write that was looked up; `chosen`: ids of creates that did not come to be."""
        with self.transaction() as connection:
            self.hold_lease(connection, job)
            self._settle(connection, job, settlement)
            side = connection.execute(select(schema.journal.c.side).where(schema.journal.c.id == journal)).scalar_one()
            number = self.mapping_id(connection, job.mapping)
            insert_frame(
                connection,
                schema.chosen,
                chosen.rename({"id": "source"}),
                existing=Existing.GOES,
                mapping=number,
                side=side,
            )
            connection.execute(schema.journal.delete().where(schema.journal.c.id == journal))

    def open_intents(self, mapping: str) -> list[OpenIntent]:
        """The writes of this mapping whose fate is open."""
        with self.transaction() as connection:
            here = schema.journal.c.mapping == self.mapping_id(connection, mapping)
            rows = connection.execute(select(schema.journal).where(here).order_by(schema.journal.c.id)).all()
        return [OpenIntent(r.id, r.job, _intent(r)) for r in rows]

    def aside(self, job: Job) -> pl.DataFrame:
        """What the job has set aside (ASIDE_SCHEMA)."""
        with self.transaction() as connection:
            query = select(schema.aside.c.coupling, schema.aside.c.kind).where(schema.aside.c.job == job.id)
            return read_frame(connection, query.order_by(schema.aside.c.coupling), ASIDE_SCHEMA)

    def aside_of(self, job: int) -> list[int]:
        """The couplings that a halted job had set aside."""
        with self.transaction() as connection:
            return [
                row.coupling
                for row in connection.execute(select(schema.aside.c.coupling).where(schema.aside.c.job == job))
            ]

    def clear_aside(self, job: Job, kinds: Sequence[str]) -> None:
        """Forget what was set aside of these kinds: it is decided again now."""
        with self.transaction() as connection:
            connection.execute(
                schema.aside.delete().where(schema.aside.c.job == job.id, schema.aside.c.kind.in_(kinds))
            )

    def retries(self, mapping: str, side: Side, ids: pl.Series) -> pl.DataFrame:
        """`record`, `code`, `field`, `print`, `skipped`, `job`: what the retry set knows of records of one side."""
        table = schema.error
        kind = {
            "record": pl.String(),
            "code": pl.String(),
            "field": pl.String(),
            "print": pl.Binary(),
            "skipped": pl.Boolean(),
        }
        columns = {**kind, "job": pl.Int64()}
        with self.transaction() as connection:
            number = self.mapping_id(connection, mapping)
            if not has_any(connection, table, number):
                return pl.DataFrame(schema=columns)
            here = and_(table.c.mapping == number, table.c.side == int(side), table.c.record.in_(spread(ids)))
            return read_frame(connection, select(*(table.c[name] for name in columns)).where(here), columns)

    def unknown_outcomes(self, mapping: str, side: Side) -> int:
        """How many creates from records of that side may or may not have happened, given up or still in the journal."""
        error, journal = schema.error, schema.journal
        with self.transaction() as connection:
            number = self.mapping_id(connection, mapping)
            unknown = and_(error.c.mapping == number, error.c.side == int(side), error.c.code == "unknown_outcome")
            open_ = and_(
                journal.c.mapping == number, journal.c.side == int(side.other), journal.c.kind == WriteKind.CREATE
            )
            counts = (select(func.count()).where(here) for here in (unknown, open_))
            return sum(int(connection.execute(count).scalar_one()) for count in counts)

    def _write_intent(self, connection: Connection, job: Job, intent: Intent) -> int:
        number = self.mapping_id(connection, job.mapping)
        values = {"job": job.id, "mapping": number, "side": int(intent.side), "kind": intent.kind, **_packed(intent)}
        return insert_one(connection, schema.journal, values)

    def _settle(self, connection: Connection, job: Job, settlement: Settlement) -> None:
        number = self.mapping_id(connection, job.mapping)
        self._move_couplings(connection, job, number, settlement)
        self._uncouple(connection, number, settlement)
        self._close(connection, number, settlement)
        self._open_errors(connection, job, number, settlement.errors)
        self._open_conflicts(connection, job, number, settlement.conflicts)
        if settlement.history is not None:
            self._remember(connection, job, number, settlement.history)
        self.count_into_job(connection, job, settlement.tally)

    def _move_couplings(self, connection: Connection, job: Job, number: int, settlement: Settlement) -> None:
        frame = settlement.couplings
        fresh = frame.filter(pl.col("coupling").is_null())
        if len(fresh):
            taken = insert_frame(
                connection,
                schema.coupling,
                fresh.select(*_INDEXED, *_AGREED, "generation"),
                existing=Existing.STAYS,
                mapping=number,
            )
            if taken < len(fresh):
                self._report_refused(connection, job, number, fresh)
            self._forget_chosen(connection, number, pl.concat([fresh["left_id"], fresh["right_id"]]))
        moved = frame.filter(pl.col("coupling").is_not_null()).rename({"coupling": "id"})
        # A manual verb has bumped the generation of a coupling it touched: what we knew of it is out of date. What is
        # in an index is set only where it differs: setting it writes to the index, whatever it was before.
        for names, differing in ((_AGREED, False), (_INDEXED, True)):
            rows = moved.select("id", "generation", *names)
            update_frame(connection, schema.coupling, rows, "id", "generation", differing=differing)

    def _forget_chosen(self, connection: Connection, number: int, sources: pl.Series) -> None:
        """Ids once chosen for records that have their counterpart now are not needed any more."""
        if has_any(connection, schema.chosen, number):
            these = schema.chosen.c.source.in_(spread(sources))
            connection.execute(schema.chosen.delete().where(schema.chosen.c.mapping == number, these))

    def _report_refused(self, connection: Connection, job: Job, number: int, fresh: pl.DataFrame) -> None:
        """A coupling that the one-to-one constraint refused is an unknown outcome with both ids; the rest settles."""
        table = schema.coupling
        ours = select(table.c.left_id, table.c.right_id).where(table.c.mapping == number)
        ours = ours.where(table.c.left_id.in_(spread(fresh["left_id"])))
        kept = read_frame(connection, ours, {"left_id": pl.String(), "right_id": pl.String()})
        refused = fresh.join(kept, on=["left_id", "right_id"], how="anti")
        if len(refused):
            text = "Another coupling of one of the two was there first; couple or delete the record that is left over."
            self._open_errors(
                connection,
                job,
                number,
                refused.select(
                    side=pl.lit(0),
                    record="left_id",
                    other="right_id",
                    code=pl.lit("unknown_outcome"),
                    field=pl.lit(""),
                    message=pl.lit(text),
                    print=pl.lit(None, pl.Binary),
                    skipped=pl.lit(False),
                ),
            )

    def _uncouple(self, connection: Connection, number: int, settlement: Settlement) -> None:
        if not settlement.uncoupled:
            return
        ids = spread(pl.Series(settlement.uncoupled, dtype=pl.Int64))
        table = schema.coupling
        if settlement.apart:
            apart = spread(pl.Series(settlement.apart, dtype=pl.Int64))
            pairs = select(table.c.mapping, table.c.left_id, table.c.right_id, false()).where(table.c.id.in_(apart))
            columns = ["mapping", "left_id", "right_id", "creates"]
            target = upsert(connection, schema.apart).from_select(columns, pairs)
            connection.execute(target.on_conflict_do_nothing())
        connection.execute(schema.conflict.delete().where(schema.conflict.c.coupling.in_(ids)))
        connection.execute(table.delete().where(table.c.mapping == number, table.c.id.in_(ids)))

    def _close(self, connection: Connection, number: int, settlement: Settlement) -> None:
        """Take away errors and conflicts that are over; looked for only where the mapping has any."""
        errors, conflicts = schema.error, schema.conflict
        if len(settlement.cleared) and has_any(connection, errors, number):
            for side in Side:
                records = spread(settlement.cleared.filter(pl.col("side") == int(side))["record"])
                here = and_(errors.c.mapping == number, errors.c.side == int(side), errors.c.record.in_(records))
                connection.execute(errors.delete().where(here))
        if len(settlement.agreed) and has_any(connection, conflicts, number):
            connection.execute(conflicts.delete().where(conflicts.c.coupling.in_(spread(settlement.agreed))))

    def _open_errors(self, connection: Connection, job: Job, number: int, errors: pl.DataFrame) -> None:
        table, now = schema.error, self.now()
        if not len(errors):
            return
        rows = [
            {**row, "mapping": number, "job": job.id, "times": 1, "first_at": now, "last_at": now}
            for row in errors.to_dicts()
        ]
        statement = upsert(connection, table)
        new = statement.excluded
        same = and_(table.c.code == new.code, table.c.field == new.field)
        statement = statement.on_conflict_do_update(
            index_elements=["mapping", "side", "record"],
            set_={
                "times": case((and_(same, table.c.job != new.job), table.c.times + 1), (same, table.c.times), else_=1),
                "first_at": case((same, table.c.first_at), else_=new.first_at),
                **{
                    name: new[name]
                    for name in ("other", "code", "field", "message", "print", "skipped", "job", "last_at")
                },
            },
        )
        connection.execute(statement, rows)

    def _open_conflicts(self, connection: Connection, job: Job, number: int, conflicts: pl.DataFrame) -> None:
        table = schema.conflict
        if not len(conflicts):
            return
        lists = ("fields", "left_values", "right_values")
        fresh = {"mapping": number, "job": job.id, "opened_at": self.now()}
        rows = [{**row, **{name: json.dumps(row[name]) for name in lists}, **fresh} for row in conflicts.to_dicts()]
        statement = upsert(connection, table)
        keep = ("kind", "left_id", "right_id", "left_print", "right_print", *lists)
        updates = {name: statement.excluded[name] for name in keep}
        changed = or_(
            *(
                table.c[name].is_distinct_from(statement.excluded[name])
                for name in ("kind", "left_print", "right_print", "fields")
            )
        )
        connection.execute(
            statement.on_conflict_do_update(index_elements=["coupling"], set_=updates, where=changed), rows
        )

    def _remember(self, connection: Connection, job: Job, number: int, history: History) -> None:
        values = {"job": job.id, "mapping": number, "side": int(history.side), "at": self.now(), "blob": history.blob}
        key = insert_one(connection, schema.history, values)
        insert_frame(
            connection,
            schema.history_record,
            pl.DataFrame({"record": history.records}),
            existing=Existing.STAYS,
            history=key,
        )


def _packed(intent: Intent) -> dict[str, bytes | None]:
    """The columns of a journal row that hold its rows and what they are going to replace."""
    packed = io.BytesIO()
    intent.rows.write_ipc(packed, compression="zstd")
    return {"rows": packed.getvalue(), "history": None if intent.history is None else intent.history.blob}


def _intent(row: Any) -> Intent:
    side = Side(row.side)
    history = row.history and History(
        side, pl.read_ipc(row.history)["record"].unique(maintain_order=True).to_list(), row.history
    )
    return Intent(side, WriteKind(row.kind), pl.read_ipc(row.rows), history)
