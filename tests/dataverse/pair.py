"""A database and an environment that koppel keeps in step: how they are mapped, and what a test does to both."""

from pathlib import Path

from tests.beside import Database, Rows, synced, uid
from tests.dataverse.crm import Crm

CRM = """
[systems.crm]
connector = "dataverse"
url = "https://crm.example"
auth = {tenant = "t", client = "c", secret = "env:KOPPEL_SANDBOX_SECRET"}
"""
ERP = Database("erp")
sql = ERP.sql
REST = (
    ERP.toml
    + """
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
)
TABLES = """
CREATE TABLE currency (id UUIDTEXT PRIMARY KEY, code TEXT UNIQUE);
CREATE TABLE customer
  (id UUIDTEXT PRIMARY KEY, no TEXT UNIQUE, name TEXT NOT NULL, credit DECIMAL(15,4), currency TEXT);
"""


def put(folder: Path, *numbers: int) -> None:
    """Customers of the database."""
    for number in numbers:
        sql(folder, "INSERT INTO customer VALUES (?, ?, ?, '7.25', 'USD')", uid(number), f"C{number}", f"Name {number}")


def sync(folder: Path, far: Crm) -> list[str]:
    """One run, an hour later; the state of each job."""
    far.web.clock.advance(3600)
    far.line.asked.clear()
    return synced(folder)


def both(folder: Path, far: Crm) -> tuple[Rows, Rows]:
    """Number and name of all records on both sides."""
    rows = far.web.environment.rows.tables["account"].values()
    theirs = sorted((row["accountnumber"], row["name"]) for row in rows)
    return theirs, sql(folder, "SELECT no, name FROM customer ORDER BY no")
