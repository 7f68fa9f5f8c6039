"""What the security roles of koppel's application user lack of what the mappings write (wire 1.10, 4.2.17).

The metadata of a table names its privileges, for their names cannot be made up: that of a user is `prvReadUser`. A
function of the user tells which he has and how deep, those of his teams included; `RetrieveUserPrivileges` would tell
those of teams as if they counted for his own rows only. Nothing is written to find out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

import msgspec

from koppel.connectors.dataverse.calls import STRONG, all_asked, asked
from koppel.connectors.dataverse.definition import Definition
from koppel.connectors.odata.failure import told
from koppel.connectors.odata.message import Answer
from koppel.connectors.odata.session import Session
from koppel.ports import Finding, Use

_UNCLEAR = "it does not say which privileges koppel has"

DENIED = "0x80040220"
"""The code of the refusal of whoever lacks a privilege."""

NOT_THIS_ROW = "0x80048306"
"""Of whoever has it, but for other rows."""

OWNER = "ownerid"

_WHOLE = "Global"
_LEVELS = ("Basic", "Local", "Deep", _WHOLE)
"""From the shallowest to the deepest."""

_DEPTHS = {"Basic": "User", "Local": "Business Unit", "Deep": "Parent: Child Business Units"}
"""How the levels of a role are called where people set them."""


class _Privilege(msgspec.Struct):
    Name: str
    PrivilegeType: str


class _Table(msgspec.Struct):
    Privileges: list[_Privilege] = []


class _Held(msgspec.Struct):
    PrivilegeName: str
    Depth: str


class _AllHeld(msgspec.Struct):
    RolePrivileges: list[_Held] = []


def lacking(
    session: Session, user: str, definitions: Mapping[str, Definition], uses: Mapping[str, Use]
) -> Iterator[Finding]:
    """What cannot be written, table by table; then what may be written in a part of the rows only."""
    needed = _needed(definitions, uses)
    if not needed:
        return
    names, untold = _names(session, needed)
    for table, answer in untold.items():
        yield _unlooked(table, answer)
    if not names:
        return
    wanted = list(dict.fromkeys(name for kinds in names.values() for name in kinds.values()))
    parameter = quote(json.dumps(wanted))
    function = f"Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p)?@p={parameter}"
    answer = asked(session, f"systemusers({user})/{function}")
    if not answer.good:
        yield _untold(answer)
        return
    held = _deepest(answer.read(_AllHeld, session.system, _UNCLEAR).RolePrivileges)
    for table, kinds in names.items():
        yield from _of_table(table, kinds, held)


def _needed(definitions: Mapping[str, Definition], uses: Mapping[str, Use]) -> dict[str, dict[str, None]]:
    """Table to the kinds of privileges, in the order in which a role shows them."""
    needed: dict[str, dict[str, None]] = {}
    for name, definition in definitions.items():
        use = uses[name]
        wanted = {"Create": use.creates, "Write": bool(use.changed), "Delete": use.deletes}
        wanted["Assign"] = OWNER in use.given | use.changed
        needed.setdefault(name, {}).update((kind, None) for kind, is_wanted in wanted.items() if is_wanted)
        for target in _referred(definition, use, uses):
            needed[name]["Append"] = None
            needed.setdefault(target, {})["AppendTo"] = None
    return {name: kinds for name, kinds in needed.items() if kinds}


def _referred(definition: Definition, use: Use, uses: Mapping[str, Use]) -> Iterator[str]:
    """The tables that lookups are set to; of several that one may name those that are mapped."""
    for field in sorted((use.given | use.changed) - {OWNER}):
        column = definition.columns.get(field)
        targets = list(column.targets) if column is not None else []
        yield from (target for target in targets if len(targets) == 1 or target in uses)


def _names(
    session: Session, needed: Mapping[str, Mapping[str, None]]
) -> tuple[dict[str, dict[str, str]], dict[str, Answer]]:
    """Table to kind to the privilege's name, and the answers of tables that did not say theirs. What a table has no
    privilege for needs none.
    """
    addresses = [f"EntityDefinitions(LogicalName='{table}')?$select=Privileges" for table in needed]
    found: dict[str, dict[str, str]] = {}
    untold: dict[str, Answer] = {}
    for (table, kinds), answer in zip(needed.items(), all_asked(session, addresses, STRONG), strict=True):
        if not answer.good:
            untold[table] = answer
            continue
        told_ = {one.PrivilegeType: one.Name for one in answer.read(_Table, session.system, _UNCLEAR).Privileges}
        found[table] = {kind: told_[kind] for kind in kinds if kind in told_}
    return found, untold


def _deepest(privileges: Sequence[_Held]) -> dict[str, str]:
    """Name to depth. One that comes twice, of his own role and of a team, counts as deep as the deeper one; a depth
    that is not known, as none.
    """
    by_depth = sorted(privileges, key=lambda one: _LEVELS.index(one.Depth) if one.Depth in _LEVELS else -1)
    return {one.PrivilegeName: one.Depth for one in by_depth}


def _of_table(table: str, kinds: Mapping[str, str], held: Mapping[str, str]) -> Iterator[Finding]:
    missing = {kind: name for kind, name in kinds.items() if name not in held}
    if missing:
        text = f"koppel's application user lacks {', '.join(missing.values())}: what the mappings do there is refused"
        yield Finding(table, f"{text} (403 {DENIED})", _remedy(table, list(missing)), True)
    limited = {kind: name for kind, name in kinds.items() if held.get(name, _WHOLE) != _WHOLE}
    if limited:
        said = ", ".join(f"{name} at the level {_DEPTHS.get(held[name], held[name])}" for name in limited.values())
        text = f"koppel's application user has {said}: rows of others are refused (403 {NOT_THIS_ROW})"
        yield Finding(table, text, _remedy(table, list(limited)), False)


def _remedy(table: str, kinds: Sequence[str]) -> str:
    words = ", ".join("Append To" if kind == "AppendTo" else kind for kind in kinds)
    return f"give a security role of the application user {words} on {table} at the level Organization"


def _untold(answer: Answer) -> Finding:
    text = f"what koppel may write cannot be asked: {told(answer)}"
    remedy = (
        "give a security role of the application user Read on User; until then a privilege that is missing shows as"
        f" 403 {DENIED} when the first row is written, with its name"
    )
    return Finding("", text, remedy, False)


def _unlooked(table: str, answer: Answer) -> Finding:
    text = f"which privileges writing needs could not be looked at: {answer.status} {told(answer)}".rstrip()
    remedy = f"check again later; until then one that is missing shows as 403 {DENIED} when the first row is written"
    return Finding(table, text, remedy, False)
