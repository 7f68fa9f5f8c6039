"""dlt beside koppel: its environment, made when it is first needed, and its merge of the same rows."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import postgresql
from benchmarks.folder import ROOT, STATES, fresh
from benchmarks.meter import Figures, measure_process

VERSION = "1.31.0"
_PACKAGES = (
    f"dlt[sql_database,postgres]=={VERSION}",
    "sqlalchemy==2.1.9",
    "psycopg2-binary==2.9.13",
    "pyarrow==26.0.0",
)
_SETTINGS = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
ENVIRONMENT = ROOT / ".bench" / f"dlt-{VERSION}"
"""It stays: it takes a minute to make."""
READY = ENVIRONMENT / "ready"
TABLE = "erp.customer"
"""Where the merged rows are in the target."""


class Unavailable(Exception):
    """What a measurement needs is not to be had here. The message says why."""


def prepared(rows: int, source: str, target: str) -> Path:
    """A copy in `target` of what dlt makes of the source at the first time, and dlt's own state beside it."""
    kept, database = STATES / f"dlt_{rows}", f"dlt_{rows}"
    if not kept.exists():
        making = fresh("making")
        postgresql.create(database)
        merge(source, database, making)
        making.rename(kept)
    state = STATES / "dlt"
    shutil.rmtree(state, ignore_errors=True)
    shutil.copytree(kept, state)
    postgresql.create(target, database)
    return state


def merge(source: str, target: str, state: Path) -> Figures:
    """Let dlt merge what changed in one database of ours into another; what its process costs."""
    urls = _url(source).replace("postgresql:", "postgresql+psycopg2:", 1), _url(target)
    command = [_python(), "-m", "benchmarks.dlt_merge", *urls, state]
    settings = _SETTINGS | {"DLT_DATA_DIR": str(state)}
    figures, told = measure_process(command, ROOT, settings, postgresql.postmaster())
    return replace(figures, more=json.loads(told.splitlines()[-1]))


def _python() -> str:
    """The interpreter of an environment with dlt. Raises `Unavailable` when it cannot be made."""
    python = str(ENVIRONMENT / "bin" / "python")
    if not READY.exists():
        make, fill = [sys.executable, "-m", "venv", str(ENVIRONMENT)], [python, "-m", "pip", "install", *_PACKAGES]
        for command in (make, fill):
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                print(done.stderr, file=sys.stderr)
                raise Unavailable(f"dlt {VERSION} could not be installed")
        READY.touch()
    return python


def _url(database: str) -> str:
    """The URL as dlt wants it: with a host and a password, even where libpq takes another host from the options."""
    parts = urlsplit(postgresql.url(database))
    user, host = parts.username or "postgres", parts.hostname or "localhost"
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{user}:{parts.password or 'none'}@{host}{port}").geturl()
