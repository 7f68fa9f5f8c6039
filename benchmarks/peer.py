"""dlt beside koppel: its environment, made when it is first needed, and its merge of the same rows."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import postgresql
from benchmarks.folder import ROOT, STATES, fresh
from benchmarks.meter import Figures

VERSION = "1.31.0"
_PACKAGES = (
    f"dlt[sql_database,postgres]=={VERSION}",
    "sqlalchemy==2.1.9",
    "psycopg2-binary==2.9.13",
    "pyarrow==26.0.0",
)
_SETTINGS = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
ENVIRONMENT = ROOT / ".bench" / "dlt"
"""It stays: it takes a minute to make."""
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
    """Let dlt merge what changed in one database of ours into another."""
    urls = _url(source).replace("postgresql:", "postgresql+psycopg2:", 1), _url(target)
    command = [_python(), "-m", "benchmarks.dlt_merge", *urls, state, postgresql.postmaster()]
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=os.environ | _SETTINGS | {"DLT_DATA_DIR": str(state)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"dlt failed:\n{done.stderr[-2000:]}")
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def _python() -> Path:
    """The interpreter of an environment with dlt. Raises `Unavailable` when it cannot be made."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "ready").exists():
        for command in ([sys.executable, "-m", "venv", ENVIRONMENT], [python, "-m", "pip", "install", *_PACKAGES]):
            words = [str(word) for word in command]
            done = subprocess.run(words, check=False, capture_output=True, text=True)
            if done.returncode:
                raise Unavailable(f"dlt {VERSION} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        (ENVIRONMENT / "ready").touch()
    return python


def _url(database: str) -> str:
    """The URL as dlt wants it: with a host and a password, even where libpq takes another host from the options."""
    parts = urlsplit(postgresql.url(database))
    user, host = parts.username or "postgres", parts.hostname or "localhost"
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{user}:{parts.password or 'none'}@{host}{port}").geturl()
