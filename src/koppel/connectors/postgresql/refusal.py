"""Why the database does not take a row, in plain words and without the row's values.

PostgreSQL's own messages show values and come in the server's language, so they are never passed on, except what a
trigger says with RAISE: that text was written for people.
"""

import re

import psycopg

from koppel.connectors.agreed.progress import Refusal
from koppel.connectors.agreed.stage import STAGE
from koppel.connectors.postgresql.reflect import Relation

_UNFIT = {
    "22001": "the text is too long for the column",
    "22003": "the number is too large for the column",
    "22007": "the database does not take this date or time",
    "22008": "the database does not take this date or time",
    "22021": "the database cannot store one of the characters",
    "22P05": "the database cannot store one of the characters",
    "22P02": "the column does not take this value",
}


def is_of_a_row(error: psycopg.Error, relation: Relation) -> bool:
    """Whether this is one row's trouble; every other error is everybody's."""
    state = error.sqlstate or ""
    return state[:2] in ("22", "23", "44", "P0") or (state == "42501" and relation.row_security)


def refusal_of(error: psycopg.Error, relation: Relation) -> Refusal:
    """What the error means."""
    state, said = error.sqlstate or "", error.diag
    ours = said.table_name in (None, relation.relation) and said.schema_name in (None, relation.schema)
    fields = relation.blame.get(said.constraint_name or "", ()) if ours else ()
    named = said.column_name if said.column_name in relation.columns else _copied_column(error, relation)
    field = fields[0] if fields else named if ours else None
    match state:
        case "23502":
            return Refusal(field, f"{field} must have a value" if field else "a value is missing")
        case "23505":
            same = " and ".join(fields) or f"values of the rule {said.constraint_name}"
            return Refusal(field, f"another record has the same {same}")
        case "23503":
            return _foreign(relation, field, said.constraint_name)
        case "23514" | "23P01" | "44000":
            return Refusal(field, f"a rule of the table does not allow it: {said.constraint_name}")
        case "42501":
            return Refusal(None, "a policy of the table does not allow it")
        case "P0001":
            return Refusal(field, f"the database does not take it: {said.message_primary}")
    return Refusal(field, _UNFIT.get(state, f"the database does not take it (SQLSTATE {state})"))


def _foreign(relation: Relation, field: str | None, constraint: str | None) -> Refusal:
    rule = next((rule for rule in relation.rules if rule.name == constraint and rule.kind == "f"), None)
    if rule is None or field is None:
        return Refusal(None, "other records refer to it, or a record it refers to does not exist")
    table = rule.references[0] if rule.references else "another table"
    return Refusal(field, f"the record of {table} that {field} refers to does not exist")


def copied_line(error: psycopg.Error, table: str) -> tuple[int, str] | None:
    """The line (from 0) of a COPY that was refused and what is said of its column, in whatever language."""
    match = re.search(rf"^COPY {re.escape(table)}, \D+(\d+)(?:, \S+ (.*))?", error.diag.context or "", re.MULTILINE)
    return (int(match[1]) - 1, match[2] or "") if match else None


def _copied_column(error: psycopg.Error, relation: Relation) -> str | None:
    for table in (relation.relation, STAGE):
        found = copied_line(error, table)
        if found is not None:
            names = [name for name in relation.columns if found[1].startswith(f"{name}:")]
            return max(names, key=len, default=None)
    return None
