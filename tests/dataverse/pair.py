"""A database and an environment that koppel keeps in step: how they are mapped, and what a test does to both."""

import sqlite3
from pathlib import Path

from koppel.app import Koppel
from tests.dataverse.crm import Crm

CRM = """
[systems.crm]
connector = "dataverse"
url = "https://crm.example"
auth = {tenant = "t", client = "c", secret = "env:KOPPEL_SANDBOX_SECRET"}
"""
REST = """
[systems.erp]
connector = "sql"
url = "sqlite:///erp.db"
[mappings.CURRENCY]
left = "erp.currency"
right = "crm.transactioncurrency"
match = ["code = isocurrencycode"]
fields = ["code -> isocurrencycode"]
[mappings.CUSTOMER]
left = "erp.customer"
right = "crm.account"
only_coupled = false
on_delete = "delete too"
fields = [
  "no <-> accountnumber",
  "name <-> name",
  "credit <-> creditlimit",
  "currency <-> transactioncurrencyid @ CURRENCY",
  "-> customertypecode = '3' (on create)",
]
"""
TABLES = """
CREATE TABLE currency (id UUIDTEXT PRIMARY KEY, code TEXT UNIQUE);
CREATE TABLE customer
  (id UUIDTEXT PRIMARY KEY, no TEXT UNIQUE, name TEXT NOT NULL, credit DECIMAL(15,4), currency TEXT);
"""


def uid(number: int) -> str:
    return f"0190a5f2-0000-7000-8000-{number:012x}"


def sql(folder: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """What the user of the database runs."""
    connection = sqlite3.connect(folder / "erp.db")
    with connection:
        rows = connection.execute(statement, values).fetchall()
    connection.close()
    return rows


def put(folder: Path, *numbers: int) -> None:
    """Customers of the database."""
    for number in numbers:
        sql(folder, "INSERT INTO customer VALUES (?, ?, ?, '7.25', 'USD')", uid(number), f"C{number}", f"Name {number}")


def sync(folder: Path, far: Crm) -> list[str]:
    """One run, an hour later; the state of each job."""
    far.web.clock.advance(3600)
    far.line.asked.clear()
    with Koppel.open(folder / "koppel.toml") as koppel:
        return [str(job.state) for job in koppel.sync().jobs]


def both(folder: Path, far: Crm) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Number and name of all records on both sides."""
    rows = far.web.environment.rows.tables["account"].values()
    theirs = sorted((row["accountnumber"], row["name"]) for row in rows)
    return theirs, sql(folder, "SELECT no, name FROM customer ORDER BY no")
