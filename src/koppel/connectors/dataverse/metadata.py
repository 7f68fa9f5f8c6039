"""What Dataverse says of its tables, as it says it: `EntityDefinitions` and what hangs below (wire 1.6).

What belongs to one type of attribute only is told after a cast to it, so a table takes more than a dozen questions,
which go in one batch. They ask for strong consistency: the service keeps its answers for half a minute (wire 4.2.29).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from koppel.connectors.dataverse.calls import STRONG, all_asked, get
from koppel.connectors.odata.failure import refusal
from koppel.connectors.odata.message import Answer
from koppel.connectors.odata.session import Session
from koppel.errors import BadAnswer

T = TypeVar("T")


class _Value(msgspec.Struct):
    Value: str = ""


class TableFacts(msgspec.Struct, frozen=True):
    """One table."""

    LogicalName: str
    EntitySetName: str | None = None
    PrimaryIdAttribute: str | None = None
    ChangeTrackingEnabled: bool = False
    IsOptimisticConcurrencyEnabled: bool = False
    TableType: str | None = None


class Attribute(msgspec.Struct, frozen=True):
    """What every attribute has."""

    LogicalName: str
    MetadataId: str = ""
    AttributeOf: str | None = None
    AttributeTypeName: _Value | None = None
    IsValidForCreate: bool = False
    IsValidForUpdate: bool = False
    IsValidForRead: bool = True
    IsSecured: bool = False
    RequiredLevel: _Value | None = None


class _Option(msgspec.Struct):
    Value: int
    State: int | None = None


class _OptionSet(msgspec.Struct):
    Options: list[_Option] = []


class _Special(msgspec.Struct):
    """What only some attributes have; each cast tells its own."""

    LogicalName: str
    MaxLength: int | None = None
    Precision: int | None = None
    PrecisionSource: int | None = None
    MinValue: int | None = None
    MaxValue: int | None = None
    DateTimeBehavior: _Value | None = None
    Targets: tuple[str, ...] = ()
    OptionSet: _OptionSet | None = None


class Key(msgspec.Struct, frozen=True):
    """An alternate key."""

    SchemaName: str
    KeyAttributes: tuple[str, ...] = ()
    EntityKeyIndexStatus: str = ""


class Relationship(msgspec.Struct, frozen=True):
    """A lookup, and the navigation property that binds it to one table, in its exact case."""

    ReferencingAttribute: str
    ReferencedEntity: str
    ReferencingEntityNavigationPropertyName: str | None = None


class _Organisation(msgspec.Struct):
    expirechangetrackingindays: int | None = None


@dataclass(frozen=True)
class Details:
    """What only some attributes have. `states`: of a status the state that each option belongs to."""

    length: int | None = None
    precision: int | None = None
    precision_source: int | None = None
    lowest: int | None = None
    highest: int | None = None
    behaviour: str = ""
    targets: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    states: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """All about one table. `kept_days`: how long deleted rows are remembered, None where it cannot be asked."""

    attributes: tuple[Attribute, ...]
    details: dict[str, Details]
    keys: tuple[Key, ...]
    relationships: tuple[Relationship, ...]
    kept_days: int | None

    @property
    def secured(self) -> dict[str, str]:
        """The attributes with column security, and their ids."""
        return {one.LogicalName: one.MetadataId for one in self.attributes if one.IsSecured}


_COMMON = ",".join(Attribute.__struct_fields__)
_CASTS = {
    "String": "MaxLength",
    "Memo": "MaxLength",
    "Integer": "MinValue,MaxValue",
    "Decimal": "Precision",
    "Money": "Precision,PrecisionSource",
    "DateTime": "DateTimeBehavior",
    "Lookup": "Targets",
}
_WITH_OPTIONS = ("Picklist", "State", "Status", "MultiSelectPicklist")


def tables_told(session: Session) -> dict[str, TableFacts]:
    """All tables by their logical names."""
    select = ",".join(TableFacts.__struct_fields__)
    answer = get(session, f"EntityDefinitions?$select={select}", "reading the list of tables", STRONG)
    return {facts.LogicalName: facts for facts in _rows(session, answer, TableFacts) if facts.EntitySetName}


def table_told(session: Session, name: str) -> Told:
    """All about one table, which exists."""
    below = f"EntityDefinitions(LogicalName='{name}')"
    cast = f"{below}/Attributes/Microsoft.Dynamics.CRM."
    addresses = [
        f"{below}/Attributes?$select={_COMMON}",
        f"{below}/Keys?$select=SchemaName,KeyAttributes,EntityKeyIndexStatus",
        f"{below}/ManyToOneRelationships?$select={','.join(Relationship.__struct_fields__)}",
        *(f"{cast}{type_}AttributeMetadata?$select=LogicalName,{names}" for type_, names in _CASTS.items()),
        *(
            f"{cast}{type_}AttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)"
            for type_ in _WITH_OPTIONS
        ),
        "organizations?$select=expirechangetrackingindays",
    ]
    *answers, organisation = all_asked(session, addresses, STRONG)
    for answer in answers:
        if not answer.good:
            raise refusal(session.system, f"reading what {name} looks like", answer)
    attributes, keys, relationships, *special = answers
    return Told(
        tuple(_rows(session, attributes, Attribute)),
        {one.LogicalName: _details(one) for answer in special for one in _rows(session, answer, _Special)},
        tuple(_rows(session, keys, Key)),
        tuple(_rows(session, relationships, Relationship)),
        _days(session, organisation),
    )


def _details(special: _Special) -> Details:
    options = special.OptionSet.Options if special.OptionSet else []
    return Details(
        special.MaxLength,
        special.Precision,
        special.PrecisionSource,
        special.MinValue,
        special.MaxValue,
        special.DateTimeBehavior.Value if special.DateTimeBehavior else "",
        special.Targets,
        tuple(str(option.Value) for option in options),
        {str(option.Value): str(option.State) for option in options if option.State is not None},
    )


def _days(session: Session, answer: Answer) -> int | None:
    """Not every app may read the organisation's settings."""
    found = _rows(session, answer, _Organisation) if answer.good else []
    return found[0].expirechangetrackingindays if found else None


def _rows(session: Session, answer: Answer, type_: type[T]) -> Sequence[T]:
    try:
        envelope: Any = msgspec.defstruct("Envelope", [("value", list[type_])])  # type: ignore[valid-type]
        rows: Sequence[T] = msgspec.json.decode(answer.body, type=envelope).value
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAnswer(session.system, f"its metadata cannot be read: {error}") from error
    return rows
