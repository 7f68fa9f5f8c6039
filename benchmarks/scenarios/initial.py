"""P1: the first full synchronisation from PostgreSQL to PostgreSQL, couplings and baselines in an SQLite store."""

from benchmarks import postgresql, sides, states
from benchmarks.folder import fresh
from benchmarks.meter import Figures, Meter
from benchmarks.postgresql import connected, sql
from benchmarks.workload import AS_RIGHT, RIGHT
from koppel.app import FullOptions, Koppel


def koppel(rows: int) -> Figures:
    """Every customer becomes an account, and the two are coupled."""
    source = _ready(rows)
    configuration = states.configured(fresh("work"), source, states.RIGHT)
    with Meter(postgresql.postmaster()) as meter, Koppel.open(configuration) as koppel:
        koppel.full([], FullOptions())
    with Koppel.open(configuration) as koppel:
        assert koppel.couplings("CUSTOMER") == rows, "every customer is coupled"
    _verify(source)
    return meter.figures


def plain(rows: int) -> Figures:
    """The limit: a COPY pipe of the same rows into the same table. Rows only, nothing is remembered of them."""
    source = _ready(rows)
    read = f"COPY (SELECT gen_random_uuid(), {AS_RIGHT}, modified_at FROM customer) TO STDOUT (FORMAT binary)"
    write = f"COPY account (account_id, {RIGHT}, modified_on) FROM STDIN (FORMAT binary)"
    with (
        Meter(postgresql.postmaster()) as meter,
        connected(source) as left,
        connected(states.RIGHT) as right,
        left.cursor().copy(sql(read)) as out,
        right.cursor().copy(sql(write)) as into,
    ):
        for block in out:
            into.write(block)
    _verify(source)
    return meter.figures


def _ready(rows: int) -> str:
    source = states.source(rows)
    sides.make_target(states.RIGHT)
    postgresql.checkpoint()
    return source


def _verify(source: str) -> None:
    assert sides.customers_digest(source) == sides.accounts_digest(states.RIGHT), "both sides are equal"
