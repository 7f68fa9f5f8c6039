"""`RetrieveMetadataChanges`: the metadata a query asks for, and what of it is new since a stamp (wire 1.6)."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from json import dumps
from typing import Any, Literal

import msgspec

from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.metadata import attributes_of, definition_of
from koppel.sandbox.dataverse.refusal import EXPIRED_DELTA, INVALID, PAYLOAD, bad
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.refusal import Refusal

_PARAMETERS = {"Query", "ClientVersionStamp", "DeletedMetadataFilters"}
_STAMP = "%m/%d/%Y %H:%M:%S"
_STAMP_DAYS = 90
"""Days a stamp is good for."""

Document = dict[str, Any]


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    """A part of a query; names that it does not have are refused."""


class _Value(_Said):
    Value: Any
    Type: str = ""


class _Condition(_Said):
    PropertyName: str
    ConditionOperator: Literal["Equals", "NotEquals", "In", "NotIn"]
    Value: _Value


class _Criteria(_Said):
    Conditions: list[_Condition] = []
    FilterOperator: Literal["And", "Or"] = "And"


class _Properties(_Said):
    PropertyNames: list[str] = []
    AllProperties: bool = False


class _Query(_Said):
    """What is wanted of each, and which; `LabelQuery` says nothing here, where all labels are in one language."""

    Properties: _Properties = msgspec.field(default_factory=_Properties)
    Criteria: _Criteria = msgspec.field(default_factory=_Criteria)
    LabelQuery: dict[str, Any] = {}


class _TableQuery(_Query):
    AttributeQuery: _Query | None = None


class History:
    """What all tables looked like at each stamp that was given."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, str]] = {}

    def stamp(self, environment: Environment) -> str:
        """A stamp for what there is now."""
        stamp = f"{len(self._seen) + 1}!{environment.now().strftime(_STAMP)}"
        self._seen[stamp] = _prints(environment)
        return stamp

    def changed(self, environment: Environment, stamp: str) -> set[str]:
        """The tables that are not as they were. Raises `Refusal` for a stamp that has expired."""
        before = self._seen.get(stamp)
        moment = datetime.strptime(stamp.partition("!")[2], _STAMP).replace(tzinfo=UTC) if before else None
        if before is None or moment is None or environment.now() - moment > timedelta(days=_STAMP_DAYS):
            text = "Version stamp associated with the client has expired. Please perform a full sync."
            raise Refusal(environment.switches.expired_delta_status, EXPIRED_DELTA, text)
        return {name for name, found in _prints(environment).items() if before[name] != found}


def metadata_changes(
    environment: Environment, history: History, inside: str, query: Mapping[str, str]
) -> dict[str, Any]:
    """The answer. Without a stamp all tables the query finds, with one those that have changed. Raises `Refusal`."""
    parameters = _parameters(inside, query)
    asked = _asked(parameters.get("Query", "{}"))
    stamp = parameters.get("ClientVersionStamp", "").strip("'")
    changed = history.changed(environment, stamp) if stamp else None
    tables = [definition_of(environment, table) for name, table in TABLES.items() if changed is None or name in changed]
    found = [one | {"HasChanged": None if changed is None else True} for one in _filtered(tables, asked)]
    return {
        "EntityMetadata": [_shown(environment, one, asked) for one in found],
        "ServerVersionStamp": history.stamp(environment),
        "DeletedMetadata": None if changed is None else {"Count": 0, "Keys": [], "Values": []},
    }


def _prints(environment: Environment) -> dict[str, str]:
    """The fingerprint of each table's metadata."""
    documents = {name: definition_of(environment, table) for name, table in TABLES.items()}
    return {name: sha256(dumps(one, default=str).encode()).hexdigest() for name, one in documents.items()}


def _parameters(inside: str, query: Mapping[str, str]) -> dict[str, str]:
    """The parameters of the function, aliases resolved. Raises `Refusal`."""
    found = dict(part.strip().partition("=")[::2] for part in inside.split(",") if part)
    if unknown := found.keys() - _PARAMETERS:
        raise bad(f"The parameter '{min(unknown)}' is not a parameter of 'RetrieveMetadataChanges'.")
    if missing := [value for value in found.values() if value.startswith("@") and value not in query]:
        raise bad(f"The parameter alias '{missing[0]}' has no value.", PAYLOAD)
    return {name: query.get(value, value) for name, value in found.items()}


def _asked(text: str) -> _TableQuery:
    """An `EntityQueryExpression`. Raises `Refusal`."""
    try:
        found = msgspec.json.decode(text, type=_TableQuery)
    except msgspec.MsgspecError as error:
        raise bad(f"The parameter 'Query' is not what the sandbox knows: {error}", PAYLOAD) from None
    if found.AttributeQuery is not None and "Attributes" not in found.Properties.PropertyNames:
        raise bad("An AttributeQuery needs the property 'Attributes' to be asked for.", INVALID)
    return found


def _shown(environment: Environment, document: Document, asked: _TableQuery) -> Document:
    """A table as it was asked for."""
    shown = _narrowed(document, asked)
    if "Attributes" in shown:
        attributes = attributes_of(environment, TABLES[document["LogicalName"]])
        of_each = asked.AttributeQuery or _Query(_Properties(AllProperties=True))
        shown["Attributes"] = [_narrowed(one, of_each) for one in _filtered(attributes, of_each)]
    return shown


def _narrowed(document: Document, asked: _Query) -> Document:
    """The properties asked for, and those that always come; what one kind of columns lacks is left out."""
    if asked.Properties.AllProperties:
        return document
    names = ["@odata.type", "LogicalName", "MetadataId", "HasChanged", *asked.Properties.PropertyNames]
    return {name: document[name] for name in names if name in document}


def _filtered(documents: Iterable[Document], asked: _Query) -> list[Document]:
    """Those that meet the criteria."""
    conditions = asked.Criteria.Conditions
    every = any if asked.Criteria.FilterOperator == "Or" and conditions else all
    return [one for one in documents if every(_meets(one, condition) for condition in conditions)]


def _meets(document: Document, condition: _Condition) -> bool:
    """Whether one condition holds; of a property with a value of its own, that value counts. Several values come as a
    text: `['account','contact']`.
    """
    said = str(condition.Value.Value)
    values = re.findall(r"'([^']*)'", said) if condition.ConditionOperator.endswith("In") else [said]
    held = document.get(condition.PropertyName)
    held = held.get("Value") if isinstance(held, dict) else held
    among = str(held).lower() in {value.lower() for value in values}
    return among is (condition.ConditionOperator in ("Equals", "In"))
