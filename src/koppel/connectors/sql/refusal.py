"""Why the database does not take a row, in plain words and without the row's values."""

import re
import sqlite3

from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.progress import Refusal
from koppel.connectors.sql.reflect import Relation

ROW_ERRORS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)
"""What is one row's trouble; every other error of the database is everybody's."""

_COLUMN_RULE = re.compile(r"(UNIQUE|NOT NULL) constraint failed: (.+)")
_CHECK_RULE = re.compile(r"CHECK constraint failed: (.+)", re.DOTALL)
_TYPE_RULE = re.compile(r"cannot store \w+ value in (\w+) column (.+)")


def refusal_of(error: Exception, relation: Relation) -> Refusal:
    """What SQLite's message means."""
    said = str(error)
    if match := _COLUMN_RULE.search(said):
        fields = _fields(match[2], relation)
        if not fields:
            return Refusal(None, f"a rule of another table does not allow it: {said}")
        if match[1] == "NOT NULL":
            return Refusal(fields[0], f"{fields[0]} must have a value")
        return Refusal(fields[0], f"another record has the same {' and '.join(fields)}")
    if match := _CHECK_RULE.search(said):
        words = {word.lower() for word in re.findall(r"\w+", match[1])}
        named = next((name for name in relation.columns if name.lower() in words), None)
        return Refusal(named, f"a rule of the table does not allow it: {match[1]}")
    if match := _TYPE_RULE.search(said):
        fields = _fields(match[2], relation)
        return Refusal(fields[0] if fields else None, f"the column only takes {match[1]} values")
    if "FOREIGN KEY" in said:
        return Refusal(None, "a record it refers to does not exist, or other records refer to it")
    return Refusal(None, f"the database does not take it: {said}")


def _fields(text: str, relation: Relation) -> list[str]:
    """The columns of this table in `table.column, table.column`."""
    start = f"{relation.name.lower()}."
    names = [part.strip()[len(start) :] for part in text.split(",") if part.strip().lower().startswith(start)]
    return [name for name in names if name in relation.columns]


def missing_parent(connection: sqlite3.Connection, relation: Relation, bound: dict[str, object]) -> Refusal | None:
    """Which of the values to be stored refers to a record that does not exist."""
    for name, value in bound.items():
        references = relation.columns[name].shape.references
        if references is None or value is None:
            continue
        table, column = references
        sql = f"SELECT 1 FROM {quoted(table)} WHERE {quoted(column)} = ?"
        if connection.execute(sql, (value,)).fetchone() is None:
            return Refusal(name, f"the record of {table} that {name} refers to does not exist")
    return None
