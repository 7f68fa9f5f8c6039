"""The hooks of the Dataverse environment (wire 5.4)."""

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator

from koppel.sandbox.bodies import Hook, Nothing, changed, known
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.push import MESSAGES, Push, Step
from koppel.sandbox.dataverse.rights import Depth, Grant, privileges_of
from koppel.sandbox.dataverse.service import Dataverse
from koppel.sandbox.dataverse.tables import TABLES

_PRIVILEGES = [each["Name"] for table in TABLES.values() for each in privileges_of(table)]
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
    read: bool = False
    create: bool = False
    update: bool = False
    masked: bool = False


@dataclass(frozen=True)
class _Privilege:
    privilege: Annotated[str, AfterValidator(lambda name: known(name, _PRIVILEGES, "privilege"))]
    depth: Depth = Depth.NONE


@dataclass(frozen=True)
class _Organisation:
    type: str


@dataclass(frozen=True)
class _Webhook:
    message: Annotated[str, AfterValidator(lambda name: known(name, MESSAGES, "message"))]
    table: TableName
    url: str
    headers: dict[str, str] = field(default_factory=dict)
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
        place = body.table, known(body.column, TABLES[body.table].columns, f"column of {body.table}")
        (environment.secured.add if body.on else environment.secured.discard)(place)
        (environment.masked.add if body.masked else environment.masked.discard)(place)
        environment.granted[place] = Grant(body.read, body.create, body.update)

    def withhold(body: _Privilege) -> None:
        environment.withheld[body.privilege] = body.depth

    def organisation(body: _Organisation) -> None:
        environment.type = body.type

    return {
        "/webhooks": Hook(_Webhook, lambda body: _register(environment.push, body)),
        "/organisation": Hook(_Organisation, organisation),
        "/switches": Hook(None, switch),
        "/limits": Hook(None, limit),
        "/secure": Hook(_Secure, secure),
        "/privilege": Hook(_Privilege, withhold),
        "/expire/deltas": Hook(Nothing, lambda _: environment.expire_deltas()),
        "/rows/create": Hook(_New, lambda body: {"id": others.create(body.table, body.values)}),
        "/rows/edit": Hook(_Edit, lambda body: others.edit(body.table, body.id, body.values)),
        "/rows/touch": Hook(_Row, lambda body: others.touch(body.table, body.id)),
        "/rows/delete": Hook(_Row, lambda body: others.delete(body.table, body.id)),
        "/rows/merge": Hook(_Merge, lambda body: others.merge(body.table, body.loser, body.winner)),
    }


def _register(push: Push, body: _Webhook) -> None:
    """An address that is told of what is written, or is not any more."""
    place = (body.message, body.table, body.url)
    rest = [one for one in push.steps if (one.message, one.table, one.url) != place]
    push.steps = [*rest, Step(*place, body.headers)] if body.on else rest
