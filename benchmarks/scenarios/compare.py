"""P11: everything compared and swept for deletions, and nothing is different."""

from dataclasses import replace

from benchmarks import postgresql, sides, states
from benchmarks.meter import Figures, Meter
from benchmarks.postgresql import connected, sql
from koppel.app import Koppel


def koppel(rows: int) -> Figures:
    """Every pair is read and compared, every id looked for; what is written is counted."""
    configuration = states.pair(rows)
    before = sides.mark(states.LEFT), sides.mark(states.RIGHT)
    postgresql.checkpoint()
    with Meter(postgresql.postmaster()) as meter, Koppel.open(configuration) as koppel:
        report = koppel.sync(everything=True, sweep=True)
    total = report.jobs[0].tally.total
    assert (total.unchanged, total.modified) == (rows, 0), "every pair was looked at, and is equal"
    written = sides.written_since(states.LEFT, "customer", before[0])
    written += sides.written_since(states.RIGHT, "account", before[1])
    left = sides.customers_digest(states.LEFT)
    assert left == sides.accounts_digest(states.RIGHT) and left.rows == rows, "every pair is there and equal"
    return replace(meter.figures, more={"written": written})


def plain(rows: int) -> Figures:
    """The limit: both tables are read by COPY and thrown away undecoded."""
    states.pair(rows)
    postgresql.checkpoint()
    with Meter(postgresql.postmaster()) as meter:
        read = [_read(states.LEFT, "customer"), _read(states.RIGHT, "account")]
    assert read == [rows, rows], "both tables were read to the end"
    return meter.figures


def _read(database: str, table: str) -> int:
    with connected(database) as connection, connection.cursor() as cursor:
        with cursor.copy(sql(f"COPY {table} TO STDOUT (FORMAT binary)")) as copy:
            for _ in copy:
                pass
        return cursor.rowcount
