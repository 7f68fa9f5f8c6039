"""The cursor: a moment before which every edit is either committed or will be named again.

A transaction that began at nine and commits at ten writes rows stamped nine. A reader at half past nine does not see
them, and its successor must not start later than nine. So the cursor is the start of the oldest open transaction, not
only of one that has written already, and of the oldest running statement, whose `now()` stands still while it waits for
a lock (DESIGN 5). A version is believed up to the same moment: who waits for a lock may still stamp a record with a
moment that somebody else's edit has used already.

MariaDB shows both to users with the PROCESS privilege. What it shows of transactions (`innodb_trx`) is a copy that is
not renewed while others look at it more often than every tenth of a second. Our own look is a transaction, too, and its
text holds a word that was never used before: a copy in which that stands was made after we began. The starts are in the
server's own time zone and in whole seconds, rounded down.

To anybody else transactions are hidden. Then the lag says how long one may be open (`HIDDEN_LAG`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from time import monotonic, sleep

import pymysql

from koppel.connectors.mariadb.database import Connection, Database, code_of

Clock = Callable[[], datetime] | None
"""What the time is, for tests; None: what the server says."""

LAG = timedelta(seconds=5)
"""For stamps that an application makes by its own clock."""
HIDDEN_LAG = timedelta(hours=1)
"""Where other sessions are hidden."""
_BLIND = timedelta(hours=1)
"""How long a transaction may have been open where nothing tells: prepared by a session that is gone, or replicated."""
AGE_SECONDS = 1.0
"""For how long one look serves all tables: an earlier moment is always safe."""
_LOOKS = 20
_PAUSE_SECONDS = 0.12
"""How often, and how far apart, to look until the copy is a new one."""
_PROCESS_DENIED = 1227

_WORDS = count()

_UTC = "convert_tz(trx_started, 'SYSTEM', '+00:00')"
_EARLIER = f"{_UTC} - INTERVAL 1 HOUR"
_STARTED = f"if(convert_tz({_EARLIER}, '+00:00', 'SYSTEM') = trx_started, {_EARLIER}, {_UTC})"
"""In the hour that comes twice, the earlier one."""

_LOOK = f"""
SELECT /* {{word}} */ utc_timestamp(6), sum(trx_mysql_thread_id = connection_id() AND trx_query LIKE '%{{word}}%'),
  min(CASE WHEN trx_mysql_thread_id <> connection_id() AND trx_is_read_only = 0 THEN {_STARTED} END),
  (SELECT coalesce(max(time_ms), 0) FROM information_schema.processlist
   WHERE id <> connection_id() AND command IN ('Query', 'Execute', 'Prepare')),
  (SELECT count(*) FROM information_schema.processlist WHERE command LIKE 'Slave%')
FROM information_schema.innodb_trx"""


@dataclass(frozen=True)
class Look:
    """`now`: when we looked; `safe`: what is stamped before it can be seen; `hidden`: as far as this user may know."""

    now: datetime
    safe: datetime
    hidden: bool


class Watch:
    """Looks at what is open in a database. One look serves for a while, unless a test's clock has gone on."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._last: tuple[float, Look] | None = None

    def look(self) -> Look:
        """What is open now, or was `AGE_SECONDS` ago."""
        last, began = self._last, monotonic()
        still = self._clock is None or (last is not None and last[1].now == self._clock())
        if last is not None and still and began - last[0] < AGE_SECONDS:
            return last[1]
        with self._database.connection() as connection:
            look = _look(connection, self._clock)
        self._last = began, look
        return look

    def present(self, connection: Connection) -> datetime:
        """What the time is."""
        return self._clock() if self._clock is not None else _moment(connection.value("SELECT utc_timestamp(6)"))


def _look(connection: Connection, clock: Clock) -> Look:
    try:
        server, oldest, running, replica = _open_work(connection)
    except pymysql.Error as error:
        if code_of(error) != _PROCESS_DENIED:
            raise
        now = clock() if clock is not None else _moment(connection.value("SELECT utc_timestamp(6)"))
        return Look(now, now, True)
    now = server if clock is None else clock()
    safe = now - max(server - oldest, running)
    if replica or connection.execute("XA RECOVER").rows:
        safe -= _BLIND
    return Look(now, safe, False)


def _open_work(connection: Connection) -> tuple[datetime, datetime, timedelta, bool]:
    """The server's time, the start of the oldest transaction, how long the oldest statement runs, whether changes come
    from another server. Blind about transactions when others keep the server from making a new copy of them.
    """
    for _ in range(_LOOKS):
        word = f"koppel look {connection.value('SELECT connection_id()')} {next(_WORDS)} end"
        connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        try:
            now, fresh, oldest, running, slaves = connection.execute(_LOOK.format(word=word)).rows[0]
        finally:
            connection.execute("ROLLBACK")
        server = _moment(now)
        if int(fresh or 0):
            started = server if oldest is None else min(server, _moment(oldest))
            return server, started, timedelta(milliseconds=float(running or 0)), int(slaves or 0) > 0
        sleep(_PAUSE_SECONDS)
    return server, server - _BLIND, timedelta(0), False


def _moment(text: str | None) -> datetime:
    assert text is not None, "the server knows the time"
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
