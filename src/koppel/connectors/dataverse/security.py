"""Column security: what of a secured column koppel may see and write (wire 4.2.6).

The service shows null for what it hides and stars for what it masks, without a word. So nothing that was read of a
secured column counts unless koppel may see it, before the reading and after.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from koppel.connectors.dataverse.calls import STRONG, all_asked
from koppel.connectors.odata.address import query
from koppel.connectors.odata.failure import refusal
from koppel.connectors.odata.message import Answer
from koppel.connectors.odata.session import Session
from koppel.errors import Denied

_UNCLEAR = "it does not say which secured columns koppel may see"

GRANT = (
    "add koppel's application user, with Read, Create and Update, to a column security profile (Power Platform admin"
    " center → the environment → Settings → Users + permissions → Column security profiles)"
)
UNMASK = (
    "take the masking rule off the column, or the column out of the mapping: a mask must not be carried as a value (if"
    " there is no rule, let koppel read the table Secured Masking Column, which says so)"
)

_ALLOWED = 4


class _Privilege(msgspec.Struct):
    AttributeId: str
    CanRead: int = 0
    CanCreate: int = 0
    CanUpdate: int = 0


class _Privileges(msgspec.Struct):
    AttributePrivileges: list[_Privilege] = []


class _Rule(msgspec.Struct):
    attributelogicalname: str | None = None


class _Rules(msgspec.Struct):
    value: list[_Rule]


@dataclass(frozen=True)
class Access:
    """What koppel may do with a column. `masked`: it may read it, and sees a mask in place of the value."""

    read: bool = True
    create: bool = True
    update: bool = True
    masked: bool = False
    secured: bool = False

    @property
    def hidden(self) -> bool:
        """Whether what the column holds cannot be known."""
        return self.masked or not self.read

    @property
    def remedy(self) -> str:
        """What a person does so that it can be mapped."""
        return UNMASK if self.masked and self.read else GRANT


OPEN = Access()
"""Of a column without column security."""
_CLOSED = Access(False, False, False, False, True)


@dataclass(frozen=True)
class Security:
    """Column security of one table, as it was when its metadata was read. `user`: the systemuser id of koppel's;
    `secured`: column to the id of its attribute.
    """

    table: str
    user: str
    secured: Mapping[str, str]
    accesses: Mapping[str, Access]

    def access(self, column: str) -> Access:
        """What koppel may do with a column."""
        return self.accesses.get(column, OPEN)

    def confirm(self, session: Session) -> None:
        """Ask once more, after something was read: what was hidden meanwhile was read as null. Raises Denied."""
        now = _accesses(session, self.user, self.table, self.secured)
        lost = [name for name, access in now.items() if access.hidden and not self.accesses[name].hidden]
        if lost:
            what = f"reading {self.table}: column security has begun to hide {', '.join(lost)}"
            raise Denied(session.system, f"{what}; what was read is not used", now[lost[0]].remedy)


def security_told(session: Session, user: str, table: str, secured: Mapping[str, str]) -> Security:
    """What a user may do with the secured columns of a table."""
    return Security(table, user, secured, _accesses(session, user, table, secured) if secured else {})


def _accesses(session: Session, user: str, table: str, secured: Mapping[str, str]) -> dict[str, Access]:
    """Where koppel may not ask, nothing is granted and all is masked. Raises SystemFailure when the service is busy."""
    privileges, rules = all_asked(session, [_granted_to(user), _masking(table)], STRONG)
    for answer in (privileges, rules):
        if answer.status >= 500 or answer.status == 429:
            raise refusal(session.system, f"asking what koppel may see of {table}", answer)
    told = privileges.read(_Privileges, session.system, _UNCLEAR).AttributePrivileges if privileges.good else []
    granted = {one.AttributeId.lower(): one for one in told}
    masked = _masked(session, rules, secured)
    return {name: _access(granted.get(id_.lower()), name in masked) for name, id_ in secured.items()}


def _granted_to(user: str) -> str:
    """By profiles of the user's own and of his teams."""
    return f"systemusers({user})/Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivileges()"


def _masking(table: str) -> str:
    condition = f"entityname eq '{table}'"
    return f"attributemaskingrules{query(select='attributelogicalname', filter=condition)}"


def _access(privilege: _Privilege | None, masked: bool) -> Access:
    if privilege is None:
        return _CLOSED
    rights = (privilege.CanRead, privilege.CanCreate, privilege.CanUpdate)
    read, create, update = (right == _ALLOWED for right in rights)
    return Access(read, create, update, masked, True)


def _masked(session: Session, answer: Answer, secured: Mapping[str, str]) -> set[str]:
    """The columns with a masking rule; none where the environment does not know such rules."""
    if answer.status == 404:
        return set()
    if not answer.good:
        return set(secured)
    rules = answer.read(_Rules, session.system, _UNCLEAR).value
    return {rule.attributelogicalname for rule in rules if rule.attributelogicalname}
