"""The cursor: a moment before which every edit is either committed or will be named again.

A transaction that began at nine and commits at ten writes rows stamped nine (`now()` is the start of a transaction). A
reader at half past nine does not see them, and its successor must not start later than nine. So the cursor is the start
of the oldest open transaction of the database, not only of one that has written already: one that has not may still
write (DESIGN 5, 14).

PostgreSQL shows those starts to superusers and members of `pg_read_all_stats`, and of a user's own sessions. To anybody
else other sessions look idle, so their hidden transactions are bounded by what everybody may see: the numbers that are
given to transactions at their first write. A cursor takes such a number itself (a snapshot alone does not tell numbers
that nobody after them has completed) and remembers when. If every transaction open at the next cursor has a later
number, none of them wrote before that moment, which is therefore safe; else the cursor stays where it is. Between its
start and its first write a hidden transaction is covered by the lag (`HIDDEN_LAG`). On a standby nobody is seen at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from koppel.connectors.postgresql.database import Connection, Database

Clock = Callable[[], datetime] | None
"""What the time is, for tests; None: what the server says."""

LAG = timedelta(seconds=5)
"""For stamps that an application makes by its own clock."""
HIDDEN_LAG = timedelta(seconds=60)
"""Where other sessions are hidden: also how long a transaction may be open before it writes for the first time."""
_BLIND = timedelta(hours=1)
"""How long a transaction may have been open where nothing tells: hidden at the first cursor of all, prepared, or seen
from a standby."""

_SEES_ALL = "pg_has_role('pg_read_all_stats', 'USAGE')"
_OTHERS = "datname = current_database() AND pid <> pg_backend_pid()"
_AT_WORK = f"{_OTHERS} AND backend_type IN ('client backend', 'background worker')"

_STATE = f"""
SELECT clock_timestamp(),
  (SELECT min(xact_start) FROM pg_stat_activity WHERE {_AT_WORK}),
  (SELECT min(prepared) FROM pg_prepared_xacts WHERE database = current_database()),
  NOT {_SEES_ALL} AND EXISTS (SELECT FROM pg_stat_activity WHERE {_OTHERS} AND NOT pg_has_role(usesysid, 'USAGE')),
  CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_xact_replay_timestamp(), clock_timestamp()) END"""


@dataclass(frozen=True)
class Cursor:
    """`safe`: nothing before it is still to come. `taken`, `number`: every transaction with a later number began to
    write after that moment (0: not known).
    """

    safe: datetime
    taken: datetime
    number: int

    def __str__(self) -> str:
        """As it is kept in the watermark."""
        return f"{self.safe.isoformat()} {self.taken.isoformat()} {self.number}"

    @classmethod
    def of(cls, text: str) -> "Cursor":
        """The opposite of `str`."""
        safe, taken, number = text.split(" ")
        return cls(datetime.fromisoformat(safe), datetime.fromisoformat(taken), int(number))


def default_lag(connection: Connection) -> timedelta:
    """How far behind the cursor a change may still appear, by what this user may see of others."""
    answer = connection.execute(f"SELECT {_SEES_ALL}").fetchone()
    return LAG if answer is not None and answer[0] else HIDDEN_LAG


def present(connection: Connection, clock: Clock) -> datetime:
    """What the time is."""
    if clock is not None:
        return clock()
    answer = connection.execute("SELECT clock_timestamp()").fetchone()
    assert answer is not None and isinstance(answer[0], datetime), "the server knows the time"
    return answer[0].astimezone(UTC)


def take_cursor(database: Database, clock: Clock, since: str | None) -> Cursor:
    """The new cursor. `since`: the one before."""
    with database.connection() as connection:
        row = connection.execute(_STATE).fetchone()
        assert row is not None, "the question has one answer"
        server, oldest, prepared, hidden, replayed = row
        assert isinstance(server, datetime), "the server knows the time"
        now = server.astimezone(UTC) if clock is None else clock()
        safe = now
        for moment, margin in ((oldest, timedelta(0)), (prepared, _BLIND), (replayed, _BLIND)):
            if isinstance(moment, datetime):
                safe = min(safe, now - (server - moment) - margin)
        if not hidden or replayed is not None:
            return Cursor(safe, now, 0)
        own, first = _numbers(connection)
    if first >= own:  # nobody else has written anything that is not committed
        return Cursor(safe, now, own)
    before = None if since is None else Cursor.of(since)
    if before is None or before.number == 0:
        return Cursor(min(safe, now - _BLIND, *([] if before is None else [before.safe])), now, own)
    if first > before.number:
        return Cursor(min(safe, before.taken), now, own)
    return Cursor(min(safe, before.safe), before.taken, before.number)


def _numbers(connection: Connection) -> tuple[int, int]:
    """A number of our own, and the first one whose transaction is open, ours included."""
    with connection.transaction():
        own = connection.execute("SELECT pg_current_xact_id()::text::int8").fetchone()
        first = connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::int8").fetchone()
    assert own is not None and first is not None, "numbers are told"
    return int(str(own[0])), int(str(first[0]))
