"""A desk to sit at: two small SQLite databases, a koppel.toml, and the real command run as a process.

Every write to a business table is counted by triggers inside the databases, so that "nothing was written" is what the
databases say, not what koppel says.
"""

import json
import os
import pty
import re
import select
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).parents[2]
COMPILED = Path(tempfile.gettempdir()) / "koppel-tests-compiled"
PROGRAM = "from koppel.cli import main; main()"

TOML = """
[koppel]
store = "sqlite:///koppel.db"
[systems.erp]
connector = "sql"
url = "sqlite:///erp.db"
[systems.crm]
connector = "sql"
url = "sqlite:///crm.db"

[mappings.CUSTOMER]
left  = "erp.customer"
right = "crm.account"
match = ["no = accountnumber", "e_mail = emailaddress1 (ignore case)"]
together = [["address", "post_code", "city"]]
right_filter = "statecode = 0"
page = "sales"
fields = [
  "no               <-> accountnumber",
  "address          <-> address1_line1",
  "post_code        <-> address1_postalcode",
  "city             <-> address1_city",
  "name             <-> name",
  "e_mail           <-> emailaddress1          | lower",
]
"""

_ERP = """
CREATE TABLE customer (
  no TEXT PRIMARY KEY, name VARCHAR(100) NOT NULL DEFAULT '', address TEXT NOT NULL DEFAULT '',
  post_code TEXT NOT NULL DEFAULT '', city TEXT NOT NULL DEFAULT '', e_mail TEXT NOT NULL DEFAULT '',
  credit NUMERIC NOT NULL DEFAULT 0, modified_at TEXT NOT NULL DEFAULT '2026-01-01T00:00:00Z');
"""
_CRM = """
CREATE TABLE account (
  accountid TEXT PRIMARY KEY, accountnumber TEXT, name VARCHAR(20), address1_line1 TEXT, address1_postalcode TEXT,
  address1_city TEXT, emailaddress1 TEXT, founded DATE, statecode INTEGER NOT NULL DEFAULT 0,
  modifiedon TEXT NOT NULL DEFAULT '2026-01-01T00:00:00Z');
"""
_COUNTING = """
CREATE TABLE counted (what TEXT);
CREATE TRIGGER counted_insert AFTER INSERT ON {table} BEGIN INSERT INTO counted VALUES ('insert'); END;
CREATE TRIGGER counted_update AFTER UPDATE ON {table} BEGIN INSERT INTO counted VALUES ('update'); END;
CREATE TRIGGER counted_delete AFTER DELETE ON {table} BEGIN INSERT INTO counted VALUES ('delete'); END;
"""


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Desk:
    """A folder with erp.db, crm.db and koppel.toml."""

    folder: Path

    def koppel(self, *words: str, **variables: str) -> Done:
        """Run a command without a terminal."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=self.folder, env=environment(variables), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def talk(self, words: Sequence[str], answers: Sequence[str]) -> Done:
        """Run a command on a terminal and answer its questions one by one. `out` is all that was shown."""
        main, terminal = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=self.folder, env=environment({"COLUMNS": "220", "TERM": "xterm"}),
            stdin=terminal, stdout=terminal, stderr=terminal, close_fds=True,
        )  # fmt: skip
        os.close(terminal)
        shown = _conversation(main, process, list(answers))
        os.close(main)
        assert "Traceback" not in shown, shown
        return Done(process.wait(30), shown, "")

    def change(self, system: str, sql: str, rows: Iterable[Sequence[object]] | None = None) -> None:
        """Change a database as its users do; `rows` for one statement many times."""
        with closing(sqlite3.connect(self.folder / f"{system}.db")) as connection, connection:
            if rows is None:
                connection.execute(sql)
            else:
                connection.executemany(sql, rows)

    def edit(self, system: str, setting: str, where: str = "1 = 1") -> None:
        """Change records so that their stamps move, as a business system does."""
        table, stamp = {"erp": ("customer", "modified_at"), "crm": ("account", "modifiedon")}[system]
        moment = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
        self.change(system, f"UPDATE {table} SET {setting}, {stamp} = {moment} WHERE {where}")

    def rows(self, system: str, sql: str) -> list[tuple[Any, ...]]:
        """Ask a database."""
        with closing(sqlite3.connect(self.folder / f"{system}.db")) as connection:
            return connection.execute(sql).fetchall()

    def writes(self) -> int:
        """How many writes to business tables both databases have counted, users' included."""
        return sum(self.rows(system, "SELECT count(*) FROM counted")[0][0] for system in ("erp", "crm"))

    def couplings(self) -> int:
        """How many couplings the store holds; 0 when there is no store."""
        if not (self.folder / "koppel.db").exists():
            return 0
        return int(self.rows("koppel", "SELECT count(*) FROM coupling")[0][0])

    def configure(self, old: str, new: str, file: str = "koppel.toml") -> None:
        """Replace something in the configuration."""
        text = (self.folder / "koppel.toml").read_text("utf-8")
        assert old in text, old
        (self.folder / file).write_text(text.replace(old, new), "utf-8")


def make_desk(folder: Path) -> Desk:
    """Empty tables and a configuration."""
    for name, tables, table in (("erp", _ERP, "customer"), ("crm", _CRM, "account")):
        with closing(sqlite3.connect(folder / f"{name}.db")) as connection:
            connection.executescript(tables + _COUNTING.format(table=table))
    (folder / "koppel.toml").write_text(TOML, "utf-8")
    return Desk(folder)


def customers(desk: Desk, numbers: Iterable[int]) -> None:
    """Customers in erp: C00001, Name 1, …"""
    rows = [(f"C{n:05}", f"Name {n}", f"Street {n}", f"{1000 + n}", f"City {n}", f"a{n}@x.nl") for n in numbers]
    sql = "INSERT INTO customer (no, name, address, post_code, city, e_mail) VALUES (?, ?, ?, ?, ?, ?)"
    desk.change("erp", sql, rows)


def accounts(desk: Desk, numbers: Iterable[int], name: str = "Name") -> None:
    """Accounts in crm with the same values as the customers of these numbers; only `name` may differ."""
    rows = [
        (str(UUID(int=n)), f"C{n:05}", f"{name} {n}", f"Street {n}", f"{1000 + n}", f"City {n}", f"a{n}@x.nl")
        for n in numbers
    ]
    columns = "accountid, accountnumber, name, address1_line1, address1_postalcode, address1_city, emailaddress1"
    desk.change("crm", f"INSERT INTO account ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def coupled_desk(desk: Desk, number: int) -> Desk:
    """So many customers, carried to crm by a full synchronisation."""
    customers(desk, range(1, number + 1))
    done = desk.koppel("full", "--yes", "--quiet", "--keep-creating", "no")
    assert done.code == 0, done.err
    assert desk.couplings() == number
    return desk


def environment(more: dict[str, str]) -> dict[str, str]:
    """The variables of a command: the source on its path, and nothing of koppel that this machine may have set."""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    own = {key: value for key, value in os.environ.items() if not key.startswith("KOPPEL_")}
    own.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling everything anew for each command takes longer than the command
    return {**own, "PYTHONPATH": path, "PYTHONPYCACHEPREFIX": str(COMPILED), "NO_COLOR": "1", **more}


def _conversation(main: int, process: subprocess.Popen[bytes], answers: list[str]) -> str:
    """Read what is shown, and answer each question once it stands there unanswered."""
    shown, answered, until = "", 0, time.monotonic() + 60
    while time.monotonic() < until:
        ready, _, _ = select.select([main], [], [], 0.2)
        if ready:
            try:
                read = os.read(main, 65_536).decode("utf-8", "replace")
            except OSError:  # the other end is closed: the command has ended
                break
            if not read:
                break
            shown += read
            if len(re.findall(r"\[[^\]\n]+/[^\]\n]+\] ", shown)) > answered and answers:
                os.write(main, (answers.pop(0) + "\n").encode())
                answered += 1
        elif process.poll() is not None:
            break
    return shown.replace("\r\n", "\n")
