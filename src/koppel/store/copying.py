"""Frames into PostgreSQL: COPY into a temporary table like the one that is meant, and one statement from there."""

import polars as pl
from sqlalchemy import Connection, FromClause, Table, column, quoted_name, table


def staged(connection: Connection, target: Table, frame: pl.DataFrame) -> FromClause:
    """The frame as rows of a temporary table, whose columns it names as `target` does; emptied at the commit."""
    stage, into = quoted_name(f"stage_{target.name}", quote=True), _named(connection, target)
    make = f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS SELECT * FROM {into} WITH NO DATA"
    connection.exec_driver_sql(f"{make}; DELETE FROM pg_temp.{stage}")
    _copy(connection, f"pg_temp.{stage}", frame)
    return table(stage, *(column(name, target.c[name].type) for name in frame.columns), schema="pg_temp")


def copy_in(connection: Connection, target: Table, frame: pl.DataFrame) -> int:
    """The frame's rows straight into the table; how many."""
    return _copy(connection, _named(connection, target), frame)


def _named(connection: Connection, target: Table) -> str:
    return connection.dialect.identifier_preparer.format_table(target)


def _copy(connection: Connection, into: str, frame: pl.DataFrame) -> int:
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in frame.columns)
    driver = connection.connection.driver_connection
    assert driver is not None, "a transaction has a connection"
    with driver.cursor() as cursor:
        with cursor.copy(f"COPY {into} ({columns}) FROM STDIN (FORMAT csv)") as copy:
            copy.write(csv(frame))
        return int(cursor.rowcount)


def csv(frame: pl.DataFrame) -> bytes:
    """What COPY reads: texts in quotes, nothing at all for null, bytes in hexadecimal."""
    binary = [name for name, kind in frame.schema.items() if kind == pl.Binary]
    ready = frame.with_columns(**{name: "\\x" + pl.col(name).bin.encode("hex") for name in binary})
    written: str = ready.write_csv(
        include_header=False, quote_style="non_numeric", datetime_format="%Y-%m-%d %H:%M:%S%.6f"
    )
    return written.encode()
