"""Runs and jobs, and the leases that fence them: one worker per mapping, and a late one changes nothing."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from koppel.errors import LeaseLost
from koppel.model.job import Counts, Job, JobKind, JobRecord, JobState, RunRecord, Tally
from koppel.ports import Watermark
from koppel.store import schema
from koppel.store.dialect import upsert
from koppel.store.mappings import Mappings
from koppel.store.revision import require_newest
from koppel.store.rows import insert_one

LEASE = timedelta(minutes=15)
"""How long a lease outlives its last sign of life; longer than any single call to a system may take."""


class Jobs(Mappings):
    """Opening, closing and listing runs and jobs."""

    def open_run(self, kind: JobKind) -> int:
        """Open a run; its number."""
        with self.transaction() as connection:
            return insert_one(connection, schema.run, {"kind": kind, "started": self.now()})

    def finish_run(self, run: int, question: Sequence[str] = ()) -> None:
        """Close a run. `question`: the mappings that its final question is about; none means there is no question."""
        values = {"finished": self.now(), "question": json.dumps(list(question))}
        with self.transaction() as connection:
            connection.execute(update(schema.run).where(schema.run.c.id == run).values(**values))

    def answer_run(self, run: int, answer: bool) -> None:
        """Remember the answer to the final question."""
        with self.transaction() as connection:
            connection.execute(update(schema.run).where(schema.run.c.id == run).values(answer=answer))

    def runs(self) -> list[RunRecord]:
        """All runs, newest first."""
        with self.transaction() as connection:
            rows = connection.execute(select(schema.run).order_by(schema.run.c.id.desc())).all()
        return [
            RunRecord(
                r.id,
                JobKind(r.kind),
                _utc(r.started),
                r.finished and _utc(r.finished),
                tuple(json.loads(r.question)),
                r.answer,
            )
            for r in rows
        ]

    def open_job(self, run: int, mapping: str, kind: JobKind, direction: str, document: str) -> Job:
        """Take the mapping's lease and open a job; a dead one is closed as interrupted in the same transaction."""
        with self.transaction() as connection:
            require_newest(connection)  # a process that has been waiting may have missed a move or an upgrade
            number = self._known(connection, mapping)
            epoch = self._take_lease(connection, number, mapping)
            version = self._apply(connection, mapping, document)
            open_jobs = (schema.job.c.mapping == number) & (schema.job.c.state == JobState.RUNNING)
            closed = {
                "state": JobState.INTERRUPTED,
                "finished": self.now(),
                "message": "its process ended before it did",
            }
            dead = select(schema.job.c.id).where(open_jobs)  # what they had set aside is decided again
            connection.execute(schema.aside.delete().where(schema.aside.c.job.in_(dead)))
            connection.execute(update(schema.job).where(open_jobs).values(**closed))
            values: dict[str, Any] = {
                "run": run,
                "mapping": number,
                "mapping_version": version,
                "kind": kind,
                "direction": direction,
            }
            values |= {"state": JobState.RUNNING, "started": self.now(), "epoch": epoch}
            values |= {"to_right": json.dumps(Counts().as_dict()), "to_left": json.dumps(Counts().as_dict())}
            return Job(insert_one(connection, schema.job, values), run, mapping, kind, epoch)

    def _take_lease(self, connection: Connection, number: int, mapping: str) -> int:
        table, now = schema.lease, self.now()
        first = upsert(connection, table).values(mapping=number, epoch=0, expires=now)
        connection.execute(first.on_conflict_do_nothing())
        # Locked: of two workers that take it at the same moment, the second one sees that the first has it.
        row = connection.execute(select(table).where(table.c.mapping == number).with_for_update()).one()
        if row.owner is not None and row.expires > now and row.owner != self.owner.name and self.owner.alive(row.owner):
            raise LeaseLost(
                f"{mapping} is being synchronised by {row.owner}\n    → wait until it is done (koppel jobs shows it)"
            )
        values = {"owner": self.owner.name, "epoch": row.epoch + 1, "expires": now + LEASE}
        connection.execute(update(table).where(table.c.mapping == number).values(**values))
        return int(row.epoch) + 1

    def hold_lease(self, connection: Connection, job: Job) -> None:
        """Prolong the job's lease inside a transaction. Raises `LeaseLost`, whereby the transaction changes nothing."""
        table = schema.lease
        mine = (table.c.mapping == self.mapping_id(connection, job.mapping)) & (table.c.epoch == job.epoch)
        if connection.execute(update(table).where(mine).values(expires=self.now() + LEASE)).rowcount != 1:
            raise LeaseLost(f"another worker has taken over {job.mapping}; job {job.id} changes nothing any more")

    def finish_job(
        self, job: Job, state: JobState, message: str, watermarks: Sequence[Watermark | None], swept: bool
    ) -> None:
        """Close the job, move the watermarks of both sides (None: leave it) and give the lease back."""
        with self.transaction() as connection:
            self.hold_lease(connection, job)
            number = self.mapping_id(connection, job.mapping)
            for side, mark in enumerate(watermarks):
                if mark is not None:
                    here = (schema.watermark.c.mapping == number) & (schema.watermark.c.side == side)
                    connection.execute(schema.watermark.delete().where(here))
                    newest = dict(zip(("newest_id", "newest_version"), mark.newest or (None, None), strict=True))
                    values = {
                        "mapping": number,
                        "side": side,
                        "cursor": mark.cursor,
                        "identity": mark.identity,
                        **newest,
                    }
                    connection.execute(schema.watermark.insert().values(**values))
            if swept:
                connection.execute(
                    update(schema.mapping).where(schema.mapping.c.id == number).values(swept_at=self.now())
                )
            if state is not JobState.HALTED:
                connection.execute(schema.aside.delete().where(schema.aside.c.job == job.id))
            closed = {"state": state, "message": message, "finished": self.now()}
            connection.execute(update(schema.job).where(schema.job.c.id == job.id).values(**closed))
            connection.execute(update(schema.lease).where(schema.lease.c.mapping == number).values(owner=None))

    def close_job(self, job: int, state: JobState) -> None:
        """Give a halted job its final state: what it had set aside was approved or dropped."""
        with self.transaction() as connection:
            connection.execute(schema.aside.delete().where(schema.aside.c.job == job))
            connection.execute(update(schema.job).where(schema.job.c.id == job).values(state=state))

    def count_into_job(self, connection: Connection, job: Job, tally: Tally) -> None:
        """Add to the job's counters inside a transaction, so that they always tell what is settled."""
        row = connection.execute(
            select(schema.job.c.to_right, schema.job.c.to_left).where(schema.job.c.id == job.id)
        ).one()
        total = Tally(Counts(**json.loads(row.to_right)), Counts(**json.loads(row.to_left)))
        total.add(tally)
        values = {"to_right": json.dumps(total.to_right.as_dict()), "to_left": json.dumps(total.to_left.as_dict())}
        connection.execute(update(schema.job).where(schema.job.c.id == job.id).values(**values))

    def count_coupled(self, job: Job, number: int) -> None:
        """Count couplings that a manual verb made."""
        with self.transaction() as connection:
            self.count_into_job(connection, job, Tally(to_right=Counts(coupled=number)))

    def count_uncoupled(self, job: Job, number: int) -> None:
        """Count couplings that a manual verb took away."""
        with self.transaction() as connection:
            self.count_into_job(connection, job, Tally(to_right=Counts(uncoupled=number)))

    def jobs(self, run: int | None = None, mapping: str | None = None, limit: int | None = None) -> list[JobRecord]:
        """The job log, newest first; of one run or one mapping when given."""
        query = select(schema.job, schema.mapping.c.name).join(
            schema.mapping, schema.job.c.mapping == schema.mapping.c.id
        )
        query = query.order_by(schema.job.c.id.desc()).limit(limit)
        if run is not None:
            query = query.where(schema.job.c.run == run)
        if mapping is not None:
            query = query.where(schema.mapping.c.name == mapping)
        with self.transaction() as connection:
            return [_record(row) for row in connection.execute(query)]

    def held(self, names: Sequence[str]) -> list[str]:
        """Which of these mappings another living worker holds right now."""
        query = select(schema.mapping.c.name, schema.lease).join(
            schema.lease, schema.lease.c.mapping == schema.mapping.c.id
        )
        with self.transaction() as connection:
            rows = connection.execute(
                query.where(schema.mapping.c.name.in_(names), schema.lease.c.owner.is_not(None))
            ).all()
        return [
            r.name for r in rows if r.expires > self.now() and r.owner != self.owner.name and self.owner.alive(r.owner)
        ]

    def more_couplings_than(self, mapping: str, number: int) -> bool:
        """Whether the mapping has more couplings than that."""
        table = schema.coupling
        with self.transaction() as connection:
            mine = select(table.c.id).where(table.c.mapping == self.mapping_id(connection, mapping))
            return connection.execute(mine.offset(number).limit(1)).scalar() is not None

    def count_couplings(self, mapping: str) -> int:
        """How many couplings the mapping has."""
        with self.transaction() as connection:
            query = select(func.count()).where(schema.coupling.c.mapping == self.mapping_id(connection, mapping))
            return int(connection.execute(query).scalar_one())


def _record(row: Any) -> JobRecord:
    tally = Tally(Counts(**json.loads(row.to_right)), Counts(**json.loads(row.to_left)))
    finished = row.finished and _utc(row.finished)
    kind, state = JobKind(row.kind), JobState(row.state)
    return JobRecord(
        row.id, row.run, row.name, kind, row.direction, state, _utc(row.started), finished, tally, row.message
    )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
