"""Looking up by value: what can be asked of a service so that no equal record is missed.

Every answer is compared again by `agreed.look_up`, so a question may let in more than is equal, never less. A text is
equal also with blanks around it, of any kind: a service that compares texts exactly is asked for the text itself and,
once, for all texts with blanks around them; of any other it is certain only that a text contains itself.
"""

from collections.abc import Mapping

import polars as pl

from koppel.connectors.agreed.names import BLANKS
from koppel.connectors.odata.address import quoted
from koppel.connectors.odata.edm import Property
from koppel.connectors.odata.encode import literals
from koppel.connectors.odata.filter import Manners, number_differs
from koppel.connectors.odata.reading import CONDITION_LENGTH, all_of
from koppel.model.values import Kind

_UNSURE = r"[\x00-\x1f\x7f-\x9f\[\]\\^]"
"""Characters that a service or a server before it may refuse, or take for a pattern."""


def questions(
    properties: Mapping[str, Property], wanted: pl.DataFrame, manners: Manners, ignore_case: bool
) -> list[str] | None:
    """Conditions under which every record is found that may be equal to a row of `wanted` (`look_up.comparable`).

    None: all records have to be read. So it is where only texts are compared and their case does not count, for no
    service is known to fold all of Unicode as koppel does, and for texts that cannot stand in an address.
    """
    fields = [name for name in wanted.columns if name in properties]
    asked = [name for name in fields if _can_be_asked(properties[name], manners, ignore_case)]
    if not asked:
        return None
    if not manners.or_of_fields:  # then records are asked for by the one field that tells them apart best
        asked = [max(asked, key=lambda name: _telling(properties[name]))]
    rows = wanted.select(asked).unique(maintain_order=True)
    for name in asked:
        if properties[name].is_enumeration:  # another word would be no literal at all, and equals nothing
            rows = rows.filter(pl.col(name).is_in(properties[name].shape.choices))
    conditions = all_of([_equal(properties[name], rows[name], manners) for name in asked])
    texts = [name for name in asked if properties[name].shape.kind in (Kind.TEXT, Kind.CODE)]
    unsure = any(rows[name].str.contains(_UNSURE).any() for name in texts)
    if unsure or any(len(quoted(condition)) > CONDITION_LENGTH for condition in conditions):
        return None
    padded = [name for name in texts if not (manners.codes and properties[name].shape.kind is Kind.CODE)]
    return conditions + [edges for name in padded if manners.exact_text for edges in _with_blanks_around(name)]


def _can_be_asked(property_: Property, manners: Manners, ignore_case: bool) -> bool:
    if not property_.filterable:
        return False
    match property_.shape.kind:
        case Kind.TEXT | Kind.CODE:
            return not ignore_case and property_.edm == "Edm.String"
        case Kind.CHOICE:
            return not ignore_case and property_.is_enumeration and manners.choices
        case Kind.DATETIME:  # a service may keep more of a second than it tells
            return False
        case _:
            return not number_differs(property_)


def _telling(property_: Property) -> int:
    """How well a field tells records apart."""
    return 2 if property_.shape.unique else int(property_.edm == "Edm.String")


def _equal(property_: Property, values: pl.Series, manners: Manners) -> pl.Series:
    """A condition for each value."""
    name, texts = property_.shape.name, literals(property_, values)
    if property_.shape.kind in (Kind.TEXT, Kind.CODE) and not manners.exact_text:
        return f"contains({name}," + texts + ")"
    return f"{name} eq " + texts


def _with_blanks_around(name: str) -> list[str]:
    """Conditions for every text of a field that begins or ends with a blank."""
    return [f"{function}({name},'{blank}')" for function in ("startswith", "endswith") for blank in BLANKS]
