"""A real MariaDB for tests: the one of KOPPEL_TEST_MARIADB_URL, else one started from the `mariadbd` of this machine.

One server per test process, in a folder of its own that goes with it; it listens on a socket there and nowhere else. A
test keeps to databases of its own.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

import pymysql
import pytest
import sqlalchemy as sa

_NUMBERS = count()
_START_SECONDS = 60
_QUICK = (
    "--skip-networking",
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--innodb-doublewrite=0",
    "--performance-schema=0",
    "--debug-no-sync",
)

User = pymysql.Connection


def started(*options: str, environment: Mapping[str, str] | None = None) -> str:
    """A new server with these options; the url of its superuser without a database. Stopped when the process ends."""
    install, server = shutil.which("mariadb-install-db"), shutil.which("mariadbd", path=f"{os.defpath}:/usr/sbin")
    if install is None or server is None:
        pytest.skip("no MariaDB: KOPPEL_TEST_MARIADB_URL is not set and there is no mariadbd (Debian: mariadb-server)")
    folder = Path(tempfile.mkdtemp(prefix="koppel-maria-"))
    data, socket = f"--datadir={folder / 'data'}", folder / "socket"
    temporary = {"TMPDIR": str(folder)}  # a starting server removes the temporary tables of others in the same folder
    who = ["--user=root"] if os.geteuid() == 0 else []
    made = [install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db", *who]
    subprocess.run(made, check=True, capture_output=True, timeout=_START_SECONDS, env={**os.environ, **temporary})
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [server, "--no-defaults", data, f"--socket={socket}", *who, *_QUICK, *options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **temporary, **(environment or {})},
        )  # fmt: skip
    atexit.register(_ended, process, folder)
    deadline = monotonic() + _START_SECONDS
    while not socket.exists():
        assert process.poll() is None and monotonic() < deadline, (folder / "log").read_text()[-2000:]
        sleep(0.05)
    return f"mariadb://root@localhost?unix_socket={quote(str(socket), safe='')}"


def _ended(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


@cache
def server_url() -> str:
    """Where a superuser may do as it likes; skips the test when there is none."""
    return os.environ.get("KOPPEL_TEST_MARIADB_URL") or started()


def url_of(database: str, user: str | None = None, password: str | None = None, server: str | None = None) -> str:
    """The url of a database, of another user where one is named."""
    url = sa.engine.make_url(server or server_url()).set(database=database)
    if user is not None:
        url = url.set(username=user, password=password)
    return url.render_as_string(hide_password=False)


def connected(url: str) -> User:
    """A user's connection, every statement a transaction of its own, in UTC."""
    parts = sa.engine.make_url(url)
    connection = pymysql.connect(
        user=parts.username, password=parts.password or "", host=parts.host, port=parts.port or 3306,
        database=parts.database, autocommit=True, charset="utf8mb4", **parts.query,
    )  # fmt: skip
    run(connection, "SET time_zone = '+00:00'")
    return connection


def run(connection: User, statement: str, values: object = None) -> list[tuple[object, ...]]:
    """What a statement answers, once the server no longer shows it as running: it answers a moment earlier, and koppel
    believes no version while a statement runs.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = list(cursor.fetchall())
    connection.ping(reconnect=False)
    return rows


def fresh_database(server: str | None = None) -> str:
    """The name of a new, empty database."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    with connected(server or server_url()) as connection:
        run(connection, f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    return name


def dropped(*databases: str, server: str | None = None) -> None:
    """Take databases away with all that is in them."""
    with connected(server or server_url()) as connection:
        for name in databases:
            run(connection, f"DROP DATABASE IF EXISTS {name}")
