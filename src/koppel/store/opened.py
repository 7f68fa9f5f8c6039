"""A store's database opened past its parts: for what is done to a store as a whole, whatever its revision."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, make_url, select

from koppel.errors import Halted
from koppel.store import schema
from koppel.store.connection import Owner
from koppel.store.database import READS, measured_clock, open_engine, told
from koppel.store.revision import no_store, stamp, tables_in


@contextmanager
def whole(url: str, reads: bool = False, references: bool = True) -> Iterator[Connection]:
    """A connection in one transaction, committed when all goes well. The database is as it is; nothing is made.

    `reads`: it only reads, and hinders no writer. `references` False: SQLite does not watch over them meanwhile, so
    that a table may be made anew.
    """
    engine = open_engine(url)
    try:
        with told(engine), engine.connect() as connection:
            if reads:
                connection.execution_options(**READS[engine.dialect.name])
            if engine.dialect.name == "sqlite" and not references:
                driver = connection.connection.driver_connection
                assert driver is not None, "a connection has one"
                driver.execute("PRAGMA foreign_keys=OFF")  # not heard inside a transaction
            with connection.begin() as transaction:
                yield connection
                if reads:  # a damaged file may be read in parts, but there is nothing to commit
                    transaction.rollback()
    finally:
        engine.dispose()


def require_file(url: str) -> None:
    """Raise `ConfigurationError` for a SQLite file that is not there: to open it would make it."""
    path = file_of(url)
    if path is not None and not path.exists():
        raise no_store(str(path))


def file_of(said: str | URL) -> Path | None:
    """The file of a SQLite store; None for another one, or one in memory."""
    url = make_url(said)
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def tables_of(connection: Connection) -> list[str]:
    """The names of the store's tables that are there, those first that others refer to."""
    there = tables_in(connection)
    return [name for name in (*(table.name for table in schema.metadata.sorted_tables), stamp.name) if name in there]


def require_idle(connection: Connection, owner: Owner, next_command: str) -> None:
    """Keep everybody else from writing until the end of the transaction. Raises `Halted` when a worker is at work."""
    if connection.dialect.name == "postgresql":  # in SQLite a writer is alone anyhow
        connection.exec_driver_sql(f"LOCK TABLE {', '.join(tables_of(connection))} IN EXCLUSIVE MODE")
    lease, now = schema.lease, now_of(connection)
    query = select(schema.mapping.c.name, lease.c.owner).join(schema.mapping, schema.mapping.c.id == lease.c.mapping)
    held = connection.execute(query.where(lease.c.owner.is_not(None), lease.c.expires > now)).all()
    busy = [row for row in held if row.owner != owner.name and owner.alive(row.owner)]
    if busy:
        raise Halted([f"{row.name} is being synchronised by {row.owner}" for row in busy], next_command)


def now_of(connection: Connection) -> datetime:
    """The present moment by the database's clock, as the store keeps it: UTC without a zone."""
    return (datetime.now(UTC) + measured_clock(connection)).replace(tzinfo=None)
