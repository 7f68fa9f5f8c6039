"""`BulkDelete`: what queries find is deleted by a job, some time after it was accepted (wire 1.8)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

import msgspec

from koppel.sandbox.dataverse.body import Author
from koppel.sandbox.dataverse.effects import delete_with_children
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.refusal import PAYLOAD, bad
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import Table
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.exchange import Reply, json_reply
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.rows import Row


class _Said(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of the body; names that it does not have are refused."""

    type_: str = msgspec.field(default="", name="@odata.type")


class _Value(_Said):
    Value: Any
    Type: str = ""


class _Condition(_Said):
    AttributeName: str
    Operator: Literal["Equal", "In", "Null", "NotNull"]
    Values: list[_Value] = []


class _Criteria(_Said):
    Conditions: list[_Condition] = []
    FilterOperator: Literal["And", "Or"] = "And"


class _Query(_Said):
    EntityName: str
    Criteria: _Criteria = msgspec.field(default_factory=_Criteria)


class _Asked(_Said):
    QuerySet: list[_Query]
    JobName: str
    SendEmailNotification: bool = False
    ToRecipients: list[Any] = []
    CCRecipients: list[Any] = []
    RecurrencePattern: Literal[""] = ""
    StartDateTime: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


Wanted = Callable[[Row], bool]


@dataclass(frozen=True)
class Job:
    """Deletes rows of tables on behalf of a user. `due`: not before."""

    due: datetime
    user: str
    queries: tuple[tuple[Table, Wanted], ...]


def bulk_delete(environment: Environment, jobs: list[Job], body: bytes, author: Author) -> Reply:
    """Accept a job, whose id is all the answer tells. Nothing is deleted yet. Raises `Refusal`."""
    try:
        asked = msgspec.json.decode(body, type=_Asked)
    except msgspec.MsgspecError as error:
        raise bad(f"Error identified in Payload provided by the user: {error}", PAYLOAD) from None
    queries = tuple(_query(query) for query in asked.QuerySet)
    if not queries:
        raise bad("The parameter 'QuerySet' is empty.", PAYLOAD)
    for table, _ in queries:
        environment.demand("Delete", table)
    jobs.append(Job(asked.StartDateTime or environment.now(), author.user, queries))
    return json_reply(200, {"JobId": str(uuid4())})


def run_due(environment: Environment, jobs: list[Job]) -> None:
    """Carry out the jobs whose time has come. What cannot be deleted stays, and the job goes on."""
    due = [job for job in jobs if job.due <= environment.now()]
    for job in due:
        jobs.remove(job)
        for table, wanted in job.queries:
            for row_id in [row_id for row_id, row in environment.rows.tables[table.name].items() if wanted(row)]:
                _delete(environment, table, row_id, job.user)


def _delete(environment: Environment, table: Table, row_id: str, user: str) -> None:
    try:
        with environment.rows.transaction():
            if environment.rows.get(table.name, row_id) is not None:  # it may have gone with its parent
                delete_with_children(environment, table, row_id, user)
    except Refusal:
        return


def _query(said: _Query) -> tuple[Table, Wanted]:
    """The table and the rows that a query means. Raises `Refusal`."""
    if (table := TABLES.get(said.EntityName)) is None:
        raise bad(f"The entity '{said.EntityName}' does not exist.")
    terms = [_condition(table, condition) for condition in said.Criteria.Conditions]
    every = any if said.Criteria.FilterOperator == "Or" and terms else all
    return table, lambda row: every(term(row) for term in terms)


def _condition(table: Table, said: _Condition) -> Wanted:
    """One term. Raises `Refusal`."""
    name = said.AttributeName
    if name not in table.columns:
        raise bad(f"'{table.name}' entity doesn't contain attribute with Name = '{name}'.")
    values = {_text(value.Value) for value in said.Values}
    match said.Operator:
        case "Null":
            return lambda row: row.get(name) is None
        case "NotNull":
            return lambda row: row.get(name) is not None
        case _:
            return lambda row: row.get(name) is not None and _text(row[name]) in values


def _text(value: Any) -> str:
    """A value as conditions compare it (wire 1.2)."""
    return str(value.id if isinstance(value, Ref) else value).casefold()
