"""What only Dataverse can tell before a run: rights, hidden columns, alternate keys, Microsoft's own connector."""

from collections.abc import Iterator, Mapping

from koppel.connectors.dataverse.calls import asked
from koppel.connectors.dataverse.definition import Definition
from koppel.connectors.dataverse.privileges import DENIED, lacking
from koppel.connectors.odata.failure import told
from koppel.connectors.odata.session import Session
from koppel.ports import Finding, Use

MICROSOFTS = "cdm_company"
"""The table of companies that Business Central's own connector brings along (semantics 8.4)."""


def findings(
    session: Session, user: str, definitions: Mapping[str, Definition], uses: Mapping[str, Use]
) -> Iterator[Finding]:
    """Rights first: to read, to write, to see columns; then what makes a run slower or less safe. `user`: the
    systemuser id of koppel's application user.
    """
    for definition in definitions.values():
        yield from _unreadable(session, definition)
    yield from lacking(session, user, definitions, uses)
    for name, definition in definitions.items():
        yield from _hidden(definition, uses[name])
        yield from _unfinished_keys(definition, uses[name])


def _unreadable(session: Session, definition: Definition) -> Iterator[Finding]:
    """Whether rows may be read; with change tracking those of everybody must be (wire 4.2.4)."""
    address = f"{definition.set_name}?$select={definition.key}"
    if definition.tracked:
        answer = asked(session, address, {"Prefer": "odata.track-changes,odata.maxpagesize=1"})
    else:
        answer = asked(session, f"{address}&$top=1")
    if answer.good:
        return
    remedy = "look at the security roles of the application user"
    if answer.error.code == DENIED:
        remedy = (
            f"give a security role of the application user the privilege Read on {definition.name} for the whole"
            " organisation; Create and Write too where koppel writes"
        )
    yield Finding(definition.name, f"its rows cannot be read: {told(answer)}", remedy, True)


def _hidden(definition: Definition, use: Use) -> Iterator[Finding]:
    """Columns in use that column security keeps from koppel, with what would let it have them (wire 4.2.6)."""
    by_remedy: dict[str, list[str]] = {}
    for name, column in definition.columns.items():
        access = column.access
        closed = {
            "shown to koppel": name in use.fields and access.hidden,
            "set by koppel": name in use.given and not access.create,
            "changed by koppel": name in use.changed and not access.update,
        }
        if said := [word for word, is_closed in closed.items() if is_closed]:
            by_remedy.setdefault(access.remedy, []).append(f"{name} is not {', '.join(said)}")
    for remedy, texts in by_remedy.items():
        yield Finding(definition.name, f"by column security {'; '.join(texts)}", remedy, True)


def _unfinished_keys(definition: Definition, use: Use) -> Iterator[Finding]:
    """Alternate keys whose index is not there are no keys (wire 1.3)."""
    for name, (columns, status) in definition.unfinished.items():
        if use.fields.issuperset(columns):
            text = f"the alternate key {name} ({', '.join(columns)}) is {status}, not Active: it is not used"
            remedy = "Power Apps → Tables → the table → Keys: wait for it, or remove the doubles and reactivate it"
            yield Finding(definition.name, text, remedy, False)


def microsofts_solution() -> Finding:
    """Two that synchronise the same tables would undo one another's work."""
    text = f"Microsoft's connector for Business Central is installed here (table {MICROSOFTS})"
    remedy = (
        "set its jobs for the tables of these mappings on hold in Business Central; where several companies share the"
        " environment, add the company to the filters, such as cdm_companyid = '…'"
    )
    return Finding("", text, remedy, False)
