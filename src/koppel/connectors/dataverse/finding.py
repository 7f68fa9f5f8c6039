"""Looking rows up by value: asked of the service, compared by koppel.

The service takes 'a' for 'A' and, below, perhaps more; so it answers with at least the rows that are equal (wire
4.2.15), and which are, koppel decides. What it would not find are texts with blanks before or behind, which koppel
does not count: there are few of those, so all of them are looked at.
"""

from collections.abc import Sequence

import polars as pl

from koppel.connectors.agreed.look_up import comparable, hits, nothing_found
from koppel.connectors.agreed.names import BLANKS
from koppel.connectors.dataverse.source import Source
from koppel.connectors.odata.address import quoted
from koppel.connectors.odata.edm import FLOATS, Property
from koppel.connectors.odata.reading import bounded, equal
from koppel.errors import Denied
from koppel.model.values import OP, Kind

CONDITIONS_AT_ONCE = 200
"""How many comparisons one question holds; the service takes no more than 500."""

LONGEST_CONDITION = 30_000
"""Characters, percent-encoded: a letter beyond ASCII takes six or more. A batch, in which long questions go, takes
addresses of 64 KB (wire 1.2).
"""


def find(source: Source, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
    """OP and ID of every row equal in all key fields. Raises Denied when column security hides one of them."""
    fields = tuple(name for name in keys.columns if name != OP)
    wanted = comparable(keys, fields, ignore_case)
    if wanted.is_empty():
        return nothing_found()
    columns = [source.definition.columns[name] for name in fields]
    for column in columns:
        if column.access.hidden:
            what = f"looking rows up by {column.name}: column security hides it, so what is there would be made again"
            raise Denied(source.session.system, what, column.access.remedy)
    conditions = _conditions([column.odata for column in columns], wanted.select(fields).unique())
    if conditions is None:
        return hits((page.frame for page in source.pages(fields, None)), wanted, fields, ignore_case)
    return hits([source.under(conditions, fields).frame], wanted, fields, ignore_case)


def _conditions(properties: Sequence[Property], rows: pl.DataFrame) -> list[str] | None:
    """Conditions that together let in every row with these values. None: all rows have to be read."""
    if not all(_can_be_asked(each) for each in properties):
        return None
    each = equal(properties, rows)  # the texts in them are stripped already
    if any(_too_long(condition) for condition in each):
        return None
    together = max(1, CONDITIONS_AT_ONCE // len(properties))
    return [*bounded(each, LONGEST_CONDITION, together), *_padded(properties)]


def _can_be_asked(property_: Property) -> bool:
    """A float may be equal to no decimal, and sets of choices come in any order."""
    return property_.filterable and property_.edm not in FLOATS


def _too_long(condition: str) -> bool:
    """Whether it fits into no question. Most are so short that nothing has to be encoded to know."""
    return 3 * len(condition.encode()) > LONGEST_CONDITION and len(quoted(condition)) > LONGEST_CONDITION


def _padded(properties: Sequence[Property]) -> list[str]:
    """The condition for each text that it begins or ends with a blank of any kind."""
    texts = [each for each in properties if each.edm == "Edm.String" and each.shape.kind is Kind.TEXT]
    # Of control characters a row holds no others than these (wire 4.1.14).
    signs = [f"'{sign}'" for sign in BLANKS if sign >= " " or sign in "\t\n\r"]
    functions = ("startswith", "endswith")
    return [
        " or ".join(f"{function}({each.member},{sign})" for function in functions for sign in signs) for each in texts
    ]
