"""P6: the first full synchronisation from SQLite to SQLite, couplings and baselines in a store of SQLite, too."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.folder import STATES, fresh
from benchmarks.meter import Figures, Meter
from benchmarks.workload import AS_RIGHT, RIGHT, configure, customers
from koppel.app import FullOptions, Koppel

_CUSTOMER = """CREATE TABLE customer (
  id INTEGER PRIMARY KEY AUTOINCREMENT, number VARCHAR(20) NOT NULL UNIQUE, name VARCHAR(100) NOT NULL,
  address VARCHAR(100), city VARCHAR(50), email VARCHAR(80), phone VARCHAR(30), credit_limit DECIMAL(18,2),
  currency_code VARCHAR(3), salesperson_id INTEGER, blocked INTEGER NOT NULL, modified_at DATETIME NOT NULL)"""
_ACCOUNT = """CREATE TABLE account (
  account_id UUID PRIMARY KEY, account_number VARCHAR(20) NOT NULL, account_name VARCHAR(100) NOT NULL,
  street VARCHAR(100), city_name VARCHAR(50), email_address VARCHAR(80), telephone VARCHAR(30),
  credit_amount DECIMAL(18,2), currency_iso VARCHAR(3), owner_id INTEGER, block_state VARCHAR(10) NOT NULL,
  modified_on DATETIME NOT NULL) WITHOUT ROWID"""
_STAMP = "strftime('%Y-%m-%dT%H:%M:%fZ', 1735689600 + a % 26000000, 'unixepoch')"
_KEY = "printf('00000000-0000-7000-8000-%012x', id)"
"""A uuid that grows with the customer, as koppel's do."""


def koppel(rows: int) -> Figures:
    """Every customer becomes an account, and the two are coupled."""
    folder = _ready(rows)
    configuration = configure(folder, "sqlite:///source.db", "sqlite:///target.db")
    with Meter() as meter, Koppel.open(configuration) as koppel:
        koppel.full([], FullOptions())
    with Koppel.open(configuration) as koppel:
        assert koppel.couplings("CUSTOMER") == rows, "every customer is coupled"
    _verify(folder, rows)
    return meter.figures


def plain(rows: int) -> Figures:
    """The limit: one INSERT … SELECT of the same rows into the same table. Nothing is remembered of them."""
    folder = _ready(rows)
    with Meter() as meter, closing(_opened(folder)) as target:
        target.execute(
            f"INSERT INTO account (account_id, {RIGHT}, modified_on)"
            f" SELECT {_KEY}, {AS_RIGHT}, modified_at FROM source.customer"
        )
        target.commit()
    _verify(folder, rows)
    return meter.figures


def _ready(rows: int) -> Path:
    """A folder with a source and an empty target."""
    source = STATES / f"source_{rows}.db"
    if not source.exists():
        _make_source(source, rows)
    folder = fresh("sqlite")
    shutil.copy(source, folder / "source.db")
    with closing(sqlite3.connect(folder / "target.db")) as target:
        target.execute("PRAGMA journal_mode=WAL")
        target.execute(_ACCOUNT)
        target.execute("CREATE INDEX account_modified ON account (modified_on)")
    return folder


def _make_source(path: Path, rows: int) -> None:
    numbers = (
        f"(WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {rows})"
        " SELECT i FROM numbers) AS numbers"
    )
    making = fresh("making") / "source.db"
    with closing(sqlite3.connect(making)) as source:
        source.execute("PRAGMA journal_mode=WAL")
        source.execute(_CUSTOMER)
        source.execute(f"INSERT INTO customer {customers(numbers, _STAMP)}")
        source.execute("CREATE INDEX customer_modified ON customer (modified_at)")
        source.commit()
    making.rename(path)


def _opened(folder: Path) -> sqlite3.Connection:
    """The target, with the source attached."""
    target = sqlite3.connect(folder / "target.db")
    target.execute("ATTACH ? AS source", (str(folder / "source.db"),))
    return target


def _verify(folder: Path, rows: int) -> None:
    missing = f"SELECT {AS_RIGHT} FROM source.customer EXCEPT SELECT {RIGHT} FROM account"
    with closing(_opened(folder)) as target:
        (found,) = target.execute(f"SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM ({missing}))")
    assert found == (rows, 0), f"both sides are equal: {found[0]} accounts, {found[1]} customers without one"
