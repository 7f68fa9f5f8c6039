"""The workload: a customer table and an account table that differ in names, key and form, as two real systems do."""

import sqlite3
from pathlib import Path

FIELDS = (
    ("no", "account_number"),
    ("name", "account_name"),
    ("address", "street"),
    ("city", "city_name"),
    ("email", "email_address"),
    ("phone", "telephone"),
    ("credit_limit", "credit_amount"),
    ("currency_code", "currency_iso"),
    ("salesperson", "owner_id"),
    ("blocked", "block_state"),
)

_CUSTOMER = """CREATE TABLE customer(
    no VARCHAR(20) PRIMARY KEY, name VARCHAR(100) NOT NULL, address VARCHAR(100), city VARCHAR(50),
    email VARCHAR(80), phone VARCHAR(30), credit_limit DECIMAL(18,2), currency_code VARCHAR(10), salesperson INTEGER,
    blocked INTEGER NOT NULL, modified_at DATETIME NOT NULL
)"""
_ACCOUNT = """CREATE TABLE account(
    account_id UUID PRIMARY KEY, account_number VARCHAR(20), account_name VARCHAR(100) NOT NULL, street VARCHAR(100),
    city_name VARCHAR(50), email_address VARCHAR(80), telephone VARCHAR(30), credit_amount DECIMAL(18,2),
    currency_iso VARCHAR(10), owner_id INTEGER, block_state INTEGER NOT NULL, modified_on DATETIME NOT NULL
) WITHOUT ROWID"""


def make(folder: Path, rows: int) -> None:
    """A source with so many customers, an empty target with the same constraints and index as a real one, and a
    koppel.toml.
    """
    source = sqlite3.connect(folder / "source.db")
    source.execute("PRAGMA journal_mode=WAL")
    source.execute(_CUSTOMER)
    source.executemany(f"INSERT INTO customer VALUES ({', '.join('?' * 11)})", (_customer(i) for i in range(rows)))
    source.execute("CREATE INDEX customer_modified ON customer(modified_at)")
    source.commit()
    source.close()
    target = sqlite3.connect(folder / "target.db")
    target.execute("PRAGMA journal_mode=WAL")
    target.execute(_ACCOUNT)
    target.execute("CREATE INDEX account_modified ON account(modified_on)")
    target.commit()
    target.close()
    (folder / "koppel.toml").write_text(_configuration())


def change(folder: Path, rows: int, every: int) -> None:
    """One customer in so many gets another telephone number."""
    source = sqlite3.connect(folder / "source.db")
    stamp = "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"
    source.execute(f"UPDATE customer SET phone = phone || '9', modified_at = {stamp} WHERE rowid % ? = 0", (every,))
    source.commit()
    source.close()


def copied_plainly(folder: Path) -> None:
    """The limit: the same rows into the same target by one statement, with no coupling, no journal, no comparison."""
    target = sqlite3.connect(folder / "target.db")
    target.execute("ATTACH ? AS source", (str(folder / "source.db"),))
    names = ", ".join(right for _, right in FIELDS)
    values = ", ".join(left for left, _ in FIELDS)
    key = "printf('00000000-0000-7000-8000-%012x', rowid)"
    rows = f"SELECT {key}, {values}, modified_at FROM source.customer"
    target.execute(f"INSERT INTO account (account_id, {names}, modified_on) {rows}")
    target.commit()
    target.close()


def _customer(i: int) -> tuple[object, ...]:
    texts = (f"C{i:08d}", f"Customer {i} BV", f"Street {i % 977}", f"City {i % 100}", f"c{i}@example.com", f"+31 {i}")
    return (*texts, f"{i % 10_000}.50", "EUR", i % 50, i % 4, "2026-01-01T00:00:00.000000Z")


def _configuration() -> str:
    fields = ",\n".join(
        f'  "{left} <-> {right}"' if left != "no" else f'  "{left} -> {right}"' for left, right in FIELDS
    )
    return f"""[koppel]
store = "sqlite:///koppel.db"
environment = "sandbox"
[systems.erp]
connector = "sql"
url = "sqlite:///source.db"
[systems.crm]
connector = "sql"
url = "sqlite:///target.db"
[mappings.CUSTOMER]
left = "erp.customer"
right = "crm.account"
direction = "->"
fields = [
{fields}
]
"""
