"""A copy of a store as it is, whatever its revision, made before it is changed."""

import itertools
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from koppel.store.database import shown
from koppel.store.opened import file_of, tables_of


def back_up(connection: Connection, found: str) -> tuple[str, str]:
    """Copy the store, of the revision `found`: where to, and how to go back to it.

    SQLite: a file beside it. PostgreSQL: a schema beside it, which is a whole store.
    """
    name = f"{found}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    path = file_of(connection.engine.url)
    if path is not None:
        target = path.with_name(f"{path.stem}-{name}{path.suffix}")
        copy_file(path, target)
        way = f"stop every koppel, take {path}-wal and {path}-shm away, put {target} in the place of {path}"
        return str(target), way
    target_schema = _free_schema(connection, f"koppel_{name}".replace("-", "_"))
    _copy_tables(connection, target_schema)
    url = f"{shown(connection.engine.url)}?options=-csearch_path%3D{target_schema}"
    return f"schema {target_schema}", f"stop every koppel and make it the search path of the store ({url})"


def _free_schema(connection: Connection, name: str) -> str:
    """This name, or one like it: another store of the database may have been copied within the same second."""
    taken = set(connection.execute(text("SELECT nspname FROM pg_namespace")).scalars())
    names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    return next(one for one in names if one not in taken)


def copy_file(path: Path, target: Path) -> None:
    """A SQLite file as it stands, copied while it may be in use."""
    with closing(sqlite3.connect(path)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


_PARTS = text(
    "SELECT conrelid::regclass::text AS of, 'ALTER TABLE ' || :target || '.' || conrelid::regclass"
    " || ' ADD CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid) AS said, contype = 'f'"
    " FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND connamespace = current_schema()::regnamespace"
    " UNION ALL SELECT quote_ident(tablename), replace(indexdef, ' ON ' || quote_ident(schemaname) || '.',"
    " ' ON ' || :target || '.'), false FROM pg_indexes WHERE schemaname = current_schema()"
    " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname"
    " AND connamespace = current_schema()::regnamespace) ORDER BY 3"
)
"""The statements that give the tables of another schema the constraints and indexes of this one, references last."""


def _copy_tables(connection: Connection, target: str) -> None:
    """Tables with rows, numbers, indexes and references."""
    quote = connection.dialect.identifier_preparer.quote
    connection.exec_driver_sql(f"CREATE SCHEMA {target}")
    tables = [quote(table) for table in tables_of(connection)]
    for table in tables:
        like = f"(LIKE {table} INCLUDING ALL EXCLUDING INDEXES)"
        connection.exec_driver_sql(f"CREATE TABLE {target}.{table} {like}")
        connection.exec_driver_sql(f"INSERT INTO {target}.{table} SELECT * FROM {table}")
        restart_numbers(connection, f"{target}.{table}")
    parts = [part.said for part in connection.execute(_PARTS, {"target": target}) if part.of in tables]
    before = connection.exec_driver_sql("SHOW search_path").scalar_one()
    connection.exec_driver_sql(f"SET LOCAL search_path = {target}")  # a reference names its table without a schema
    for said in parts:
        connection.exec_driver_sql(said)
    connection.execute(text("SELECT set_config('search_path', :before, true)"), {"before": before})


def restart_numbers(connection: Connection, table: str) -> None:
    """Let the numbers that PostgreSQL gives go on behind the rows of a table that were put there with theirs."""
    names = text("SELECT attname FROM pg_attribute WHERE attrelid = CAST(:table AS regclass) AND attidentity <> ''")
    for column in connection.execute(names, {"table": table}).scalars():
        last = f"(SELECT coalesce(max({column}), 0) + 1 FROM {table})"
        sequence = f"pg_get_serial_sequence('{table}', '{column}')"
        connection.exec_driver_sql(f"SELECT setval({sequence}, {last}, false)")
