"""The hooks of the Dataverse environment (wire 5.4)."""

from dataclasses import asdict, replace
from typing import Any

from koppel.sandbox.admin import Hook, Words, known, worded
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.push import MESSAGES, Step
from koppel.sandbox.dataverse.rights import Depth, Grant
from koppel.sandbox.dataverse.service import Dataverse
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.switches import ExpiredDelta

_WORDS: Words = {"expired_delta": ExpiredDelta}


def hooks(dataverse: Dataverse, others: Others) -> dict[str, Hook]:
    """The hooks by path. `others`: the person as whom rows are edited."""
    environment, limits = dataverse.environment, dataverse.limits

    def switch(body: dict[str, Any]) -> dict[str, Any]:
        environment.switches = replace(environment.switches, **worded(body, _WORDS))
        return asdict(environment.switches)

    def limit(body: dict[str, Any]) -> dict[str, Any]:
        limits.allowance = replace(limits.allowance, **body)
        return asdict(limits.allowance)

    def secure(body: dict[str, Any]) -> None:
        place = (_table(body), body["column"])
        (environment.secured.add if body.get("on", True) else environment.secured.discard)(place)
        (environment.masked.add if body.get("masked", False) else environment.masked.discard)(place)
        environment.granted[place] = Grant(*(body.get(right, False) for right in ("read", "create", "update")))

    def withhold(body: dict[str, Any]) -> None:
        environment.withheld[body["privilege"]] = Depth(body.get("depth", ""))

    def webhook(body: dict[str, Any]) -> None:
        name = known(body["message"], dict.fromkeys(MESSAGES), "message")
        step = Step(name, _table(body), body["url"], body.get("headers", {}))
        place = (step.message, step.table, step.url)
        rest = [one for one in environment.push.steps if (one.message, one.table, one.url) != place]
        environment.push.steps = [*rest, step] if body.get("on", True) else rest

    return {
        "/webhooks": webhook,
        "/switches": switch,
        "/limits": limit,
        "/secure": secure,
        "/privilege": withhold,
        "/expire/deltas": lambda body: environment.expire_deltas(),
        "/rows/create": lambda body: {"id": others.create(_table(body), body["values"])},
        "/rows/edit": lambda body: others.edit(_table(body), body["id"], body["values"]),
        "/rows/touch": lambda body: others.touch(_table(body), body["id"]),
        "/rows/delete": lambda body: others.delete(_table(body), body["id"]),
        "/rows/merge": lambda body: others.merge(_table(body), body["loser"], body["winner"]),
    }


def _table(body: dict[str, Any]) -> str:
    return known(body["table"], TABLES, "table")
