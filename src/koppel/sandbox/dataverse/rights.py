"""Rights: privileges of security roles, and what profiles grant of secured columns (wire 1.10, 4.2.6).

Their names and shapes are those of Microsoft's reference of the Web API; no report of a live environment has them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from koppel.sandbox.dataverse.shape import Table

Place = tuple[str, str]
"""A column: its table and its name."""

ALLOWED = 4
"""What a profile says of a right that it grants."""


class Depth(StrEnum):
    """For how many rows a privilege counts."""

    NONE = ""
    USER = "Basic"
    UNIT = "Local"
    ORGANISATION = "Global"


@dataclass(frozen=True)
class Grant:
    """What a profile lets its members do with a secured column."""

    read: bool = True
    create: bool = True
    update: bool = True


NOTHING = Grant(False, False, False)


def masked(text: str) -> str:
    """What a masking rule leaves of a text."""
    return "*" * max(len(text) - 2, 1) + text[-2:]


def privilege(kind: str, table: Table) -> str:
    """The name of a privilege on a table; that of a user is not called by the table."""
    return f"prv{kind}{_NAMES.get(table.name, table.name.capitalize())}"


_NAMES = {"systemuser": "User", "transactioncurrency": "TransactionCurrency"}
_KINDS = ("Create", "Read", "Write", "Delete", "Append", "AppendTo")


def privileges_of(table: Table) -> tuple[dict[str, Any], ...]:
    """What the metadata of a table tells of its privileges; only rows with an owner can be assigned."""
    kinds = (*_KINDS, "Assign") if table.owned else _KINDS
    return tuple(
        {
            "Name": privilege(kind, table),
            "PrivilegeId": _id(privilege(kind, table)),
            "PrivilegeType": kind,
            "CanBeBasic": table.owned,
            "CanBeLocal": table.owned,
            "CanBeGlobal": True,
        }
        for kind in kinds
    )


def held(names: Iterable[str], withheld: Mapping[str, Depth]) -> dict[str, Any]:
    """The answer of `RetrieveUserSetOfPrivilegesByNames`: those of the names that the user has, and how deep."""
    depths = {name: withheld.get(name, Depth.ORGANISATION) for name in names}
    rows = [
        {"PrivilegeName": name, "PrivilegeId": _id(name), "Depth": depth.value}
        for name, depth in depths.items()
        if depth is not Depth.NONE
    ]
    return {"RolePrivileges": rows}


def attribute_id(table: str, column: str) -> str:
    """The id of an attribute's metadata."""
    return _id(f"{table}.{column}")


def attribute_privileges(
    secured: Iterable[tuple[str, str]], granted: Mapping[tuple[str, str], Grant]
) -> dict[str, Any]:
    """The answer of `RetrievePrincipalAttributePrivileges`: the secured columns a profile of the user's names."""
    rows = []
    for place in sorted(set(secured) & granted.keys()):
        grant = granted[place]
        rights = {"CanRead": grant.read, "CanCreate": grant.create, "CanUpdate": grant.update}
        numbers = {name: ALLOWED if right else 0 for name, right in rights.items()}
        rows.append({"AttributeId": attribute_id(*place), **numbers, "CanReadUnMasked": 0})
    return {"AttributePrivileges": rows}


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_OID, name))
