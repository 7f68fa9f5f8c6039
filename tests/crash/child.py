"""One koppel process for the crash test: one full run of one mapping between two SQLite files, through the real store.

`python -m tests.crash.child FOLDER STORE` says `begun` when the job is open, `done` and the job's counts when it is
finished.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from uuid_utils import uuid7

from koppel.connectors.sql import open_system
from koppel.engine.bind import bind
from koppel.engine.context import Asked, JobContext, OpenTable, Tables
from koppel.engine.job import finish, run_job
from koppel.model.job import JobKind
from koppel.model.mapping import FieldMapping, Mapping, TableRef
from koppel.model.policy import Direction
from koppel.ports import TableOptions
from koppel.store import open_store

FIELDS = ("no", "name", "city")
IDLE_SECONDS = 60


def mapping() -> Mapping:
    """Customers on both sides, two-way, created both ways."""
    lines = tuple(FieldMapping(name, name, Direction.BOTH) for name in FIELDS)
    return Mapping("CUSTOMER", TableRef("erp", "customer"), TableRef("crm", "account"), lines, only_coupled=False)


def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


def main(folder: Path, url: str, idle: bool) -> None:
    """One full run; `idle`: only hold the lease."""
    systems = [open_system(name, f"sqlite:///{folder}/{name}.db") for name in ("erp", "crm")]
    opened = [
        system.table(table, TableOptions()) for system, table in zip(systems, ("customer", "account"), strict=True)
    ]
    tables = Tables(
        ("erp", "crm"), (OpenTable(opened[0], opened[0].describe()), OpenTable(opened[1], opened[1].describe()))
    )
    store, wanted = open_store(url), mapping()
    job = store.open_job(store.open_run(JobKind.FULL), wanted.name, JobKind.FULL, wanted.direction, repr(wanted))
    asked = Asked(creates=True, everything=True)
    print("begun", flush=True)
    if idle:
        time.sleep(IDLE_SECONDS)
    context = JobContext(
        job, bind(wanted, tables), tables, store, asked, now, lambda n: [str(uuid7()) for _ in range(n)]
    )
    finish(context, run_job(context))
    total = store.jobs(limit=1)[0].tally.total
    print("done", total.inserted, total.modified, total.unchanged, total.failed, total.conflicts, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], idle="idle" in sys.argv)
