"""The hooks of the Dataverse environment (wire 5.4)."""

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator

from koppel.sandbox.bodies import Hook, Nothing, changed, known
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.service import Dataverse
from koppel.sandbox.dataverse.tables import TABLES

TableName = Annotated[str, AfterValidator(lambda name: known(name, TABLES, "table"))]


@dataclass(frozen=True)
class _New:
    table: TableName
    values: dict[str, Any]


@dataclass(frozen=True)
class _Row:
    table: TableName
    id: str


@dataclass(frozen=True)
class _Edit(_Row):
    values: dict[str, Any] = field(kw_only=True)


@dataclass(frozen=True)
class _Merge:
    table: TableName
    loser: str
    winner: str


@dataclass(frozen=True)
class _Secure:
    table: TableName
    column: str
    on: bool = True


def hooks(dataverse: Dataverse, others: Others) -> dict[str, Hook]:
    """The hooks by path. `others`: the person as whom rows are edited."""
    environment, limits = dataverse.environment, dataverse.limits

    def switch(body: object) -> dict[str, Any]:
        environment.switches = changed(environment.switches, body)
        return asdict(environment.switches)

    def limit(body: object) -> dict[str, Any]:
        limits.allowance = changed(limits.allowance, body)
        return asdict(limits.allowance)

    def secure(body: _Secure) -> None:
        column = known(body.column, TABLES[body.table].columns, f"column of {body.table}")
        (environment.secured.add if body.on else environment.secured.discard)((body.table, column))

    return {
        "/switches": Hook(None, switch),
        "/limits": Hook(None, limit),
        "/secure": Hook(_Secure, secure),
        "/expire/deltas": Hook(Nothing, lambda _: environment.expire_deltas()),
        "/rows/create": Hook(_New, lambda body: {"id": others.create(body.table, body.values)}),
        "/rows/edit": Hook(_Edit, lambda body: others.edit(body.table, body.id, body.values)),
        "/rows/touch": Hook(_Row, lambda body: others.touch(body.table, body.id)),
        "/rows/delete": Hook(_Row, lambda body: others.delete(body.table, body.id)),
        "/rows/merge": Hook(_Merge, lambda body: others.merge(body.table, body.loser, body.winner)),
    }
