"""What a simulated world consists of: its tables and mappings, drawn from one setting.

Two mappings: companies, and contacts that name a company. The contacts' lines cover what a mapping can do: two-way and
one-way fields, a group, a reference, a filter, a match rule, and one of the kinds of identity.
"""

import random
from dataclasses import dataclass, replace

from koppel.model.bound import Identity
from koppel.model.mapping import FieldMapping, Mapping, MatchRule, Reference, SideOptions, TableRef
from koppel.model.policy import ConflictScope, Direction, Drift, FirstContact, OnConflict, OnDelete, Side
from koppel.model.values import FieldShape, KeyOrigin, Kind, TableShape
from koppel.transform.filter import parse

TAG = "tag"
"""The business key: unique for everything a user makes, never edited; how the world itself tells records apart."""

ZONE = "zone"
"""Unmapped, on the left: what is not blank there is outside the filter."""

SERIAL = "serial"
"""Unmapped: where koppel puts a number that it has reserved."""

TWO_WAY = ("name", "phone")
GROUP = ("city", "post_code")
COMPANIES, CONTACTS = "COMPANY", "CONTACT"

KINDS = (Identity.KEY, Identity.CLIENT, Identity.RESERVED, Identity.MARK, Identity.LOOKUP, Identity.NONE)
"""Where ids may come from in a world: wherever they come from at all."""

CHOSEN = frozenset({Identity.KEY, Identity.CLIENT, Identity.RESERVED})
"""Where koppel knows the id of a record before it is created."""

_ORIGINS = {
    Identity.RESERVED: KeyOrigin.RESERVED,
    Identity.MARK: KeyOrigin.GENERATED,
    Identity.LOOKUP: KeyOrigin.GENERATED,
    Identity.NONE: KeyOrigin.GENERATED,
}


@dataclass(frozen=True)
class Setting:
    """Which world: how ids come about, which way the mapping goes, what its policies say.
    `families`: with companies.
    """

    identity: Identity = Identity.CLIENT
    direction: Direction = Direction.BOTH
    on_conflict: OnConflict = OnConflict.ASK
    scope: ConflictScope = ConflictScope.FIELD
    on_delete: OnDelete = OnDelete.ASK
    first_contact: FirstContact = FirstContact.ASK
    drift: Drift = Drift.SHOW
    families: bool = True
    atomic: bool = True
    returns_stored: bool = True
    shouts: bool = False
    """The right system stores names of new records in capitals, whatever it was sent."""
    batch_rows: int = 1000
    losing: float = 0.0
    """How often the answer about a row of a batch that is not atomic is lost."""
    pipelined: bool = True
    """Pages are read ahead and stay open as long as they may; else each is settled before the next is looked at."""

    @staticmethod
    def drawn(draw: random.Random) -> "Setting":
        """Any setting at all."""
        return Setting(
            identity=draw.choice(KINDS),
            direction=draw.choice([Direction.BOTH, Direction.BOTH, Direction.TO_RIGHT, Direction.TO_LEFT]),
            on_conflict=draw.choice(list(OnConflict)),
            scope=draw.choice(list(ConflictScope)),
            on_delete=draw.choice([policy for policy in OnDelete if policy is not OnDelete.DEACTIVATE]),
            first_contact=draw.choice(list(FirstContact)),
            drift=draw.choice(list(Drift)),
            families=draw.random() < 0.7,
            atomic=draw.random() < 0.5,
            returns_stored=draw.random() < 0.8,
            shouts=draw.random() < 0.3,
            batch_rows=draw.choice([1, 2, 1000]),
            pipelined=draw.random() < 0.7,
            losing=draw.choice([0.0, 0.1, 0.3]),
        )


def contact_shape(setting: Setting) -> TableShape:
    """The contacts' table, the same on both sides."""
    texts = [FieldShape(name, Kind.TEXT) for name in (*TWO_WAY, *GROUP, "note", "grade", "company", "email", ZONE)]
    modified = FieldShape("modified", Kind.DATETIME)
    if setting.identity is Identity.KEY:
        key = FieldShape(TAG, Kind.TEXT, nullable=False)
        return TableShape("contact", (key, *texts, modified), (TAG,), KeyOrigin.CHOSEN, modified="modified")
    origin = _ORIGINS.get(setting.identity, KeyOrigin.CHOSEN)
    key = FieldShape("id", Kind.UUID if origin is KeyOrigin.CHOSEN else Kind.INTEGER, nullable=False)
    tag = FieldShape(TAG, Kind.TEXT, unique=setting.identity is Identity.LOOKUP)
    mark = (FieldShape(SERIAL, Kind.TEXT, unique=True),) if setting.identity is Identity.MARK else ()
    shape = TableShape("contact", (key, tag, *texts, *mark, modified), ("id",), origin, modified="modified")
    return replace(shape, mark=SERIAL) if mark else shape


def company_shape(side: Side) -> TableShape:
    """Companies: a code on the left, a uuid on the right."""
    key = (
        FieldShape("code", Kind.TEXT, nullable=False)
        if side is Side.LEFT
        else FieldShape("id", Kind.UUID, nullable=False)
    )
    rest = (FieldShape(TAG, Kind.TEXT), FieldShape("name", Kind.TEXT), FieldShape("modified", Kind.DATETIME))
    return TableShape("company", (key, *rest), (key.name,), KeyOrigin.CHOSEN, modified="modified")


def companies() -> Mapping:
    """Companies are made on the left and known on the right."""
    fields = tuple(FieldMapping(name, name, Direction.TO_RIGHT) for name in (TAG, "name"))
    tables = (TableRef("erp", "company"), TableRef("crm", "company"))
    return Mapping(COMPANIES, *tables, fields, direction=Direction.TO_RIGHT, only_coupled=False)


def contacts(setting: Setting) -> Mapping:
    """The mapping under test."""
    both = tuple(FieldMapping(name, name, Direction.BOTH) for name in (TAG, *TWO_WAY, *GROUP, "email"))
    one_way = (FieldMapping("note", "note", Direction.TO_RIGHT), FieldMapping("grade", "grade", Direction.TO_LEFT))
    reference = Reference((COMPANIES,), left_by="code", right_by="id")
    family = (FieldMapping("company", "company", Direction.BOTH, reference=reference),) if setting.families else ()
    fields = (*both, *(line for line in one_way if setting.direction in (Direction.BOTH, line.direction)), *family)
    inside = f"{ZONE} IS NULL"
    return Mapping(
        CONTACTS, TableRef("erp", "contact"), TableRef("crm", "contact"), fields,
        direction=setting.direction, only_coupled=False, on_conflict=setting.on_conflict, conflict_scope=setting.scope,
        on_delete=setting.on_delete, first_contact=setting.first_contact, drift=setting.drift,
        match=(MatchRule((("email", "email"),)),), together=(GROUP,),
        left_options=SideOptions(filter_text=inside, filter=parse(inside)),
    )  # fmt: skip
