"""Prepared states, each made once and copied for every measurement: a source with customers, and a synchronised pair.

`python -m benchmarks.states ROWS` makes the pair, in a process of its own so that its memory counts for nobody.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import postgresql, sides
from benchmarks.folder import ROOT, STATES, fresh
from benchmarks.meter import Figures, measure_process
from benchmarks.workload import configure
from koppel.app import FullOptions, Koppel

LEFT, RIGHT = "work_erp", "work_crm"
"""The databases of the pair that is worked with."""
PAST_THE_LAG = 6
"""Seconds after which what was just written is not named again."""
_MADE = 1800
"""Seconds in which a pair has to be made."""


def source(rows: int) -> str:
    """The name of a database with so many customers, which nobody changes."""
    name = f"source_{rows}"
    if not postgresql.exists(name):
        sides.make_source("making", rows)
        postgresql.rename("making", name)
    return name


def configured(folder: Path, left: str, right: str) -> Path:
    """A koppel.toml in `folder` for two databases of ours."""
    os.environ["BENCH_ERP_URL"], os.environ["BENCH_CRM_URL"] = postgresql.url(left), postgresql.url(right)
    return configure(folder, "env:BENCH_ERP_URL", "env:BENCH_CRM_URL")


def pair(rows: int) -> Path:
    """The koppel.toml of a fresh copy of a pair of so many records: synchronised, at rest, in `LEFT` and `RIGHT`."""
    kept = STATES / f"pair_{rows}"
    if not kept.exists():
        command = [sys.executable, "-m", "benchmarks.states", str(rows)]
        subprocess.run(command, cwd=ROOT, env=postgresql.environment(), check=True, timeout=_MADE)
    folder = fresh("work")
    shutil.copy(kept / "koppel.db", folder)
    postgresql.create(LEFT, f"pair_{rows}_erp")
    postgresql.create(RIGHT, f"pair_{rows}_crm")
    configuration = configured(folder, LEFT, RIGHT)
    with Koppel.open(configuration) as koppel:  # a copied database is another one, and of the same age
        for system in ("erp", "crm"):
            koppel.adopt(system, "moved")
    return configuration


def sync_command(configuration: Path) -> Figures:
    """What the command `koppel sync` costs from the start of its process to the end."""
    words = [Path(sys.executable).with_name("koppel"), "sync", "--yes", "--quiet"]
    return measure_process(words, configuration.parent, {}, postgresql.postmaster())[0]


def make_pair(rows: int) -> None:
    """Synchronise a source with an empty target, and come to rest."""
    left, right, folder = f"pair_{rows}_erp", f"pair_{rows}_crm", fresh("making")
    postgresql.create(left, source(rows))
    sides.make_target(right)
    with Koppel.open(configured(folder, left, right)) as koppel:
        koppel.full([], FullOptions())
        time.sleep(PAST_THE_LAG)
        koppel.sync()
        assert koppel.couplings("CUSTOMER") == rows, "every customer is coupled"
    assert sides.customers_digest(left) == sides.accounts_digest(right), "the pair is equal"
    for database, table in ((left, "customer"), (right, "account")):
        with postgresql.connected(database) as connection:
            connection.execute(postgresql.sql(f"VACUUM (ANALYZE) {table}"))
    folder.rename(STATES / f"pair_{rows}")


if __name__ == "__main__":
    make_pair(int(sys.argv[1]))
