"""Numbers that koppel reserves for records it creates: from a range of its own, in which no number series gives any."""

import polars as pl

from koppel.connectors.agreed.names import literal
from koppel.connectors.business_central.facts import KEY
from koppel.connectors.business_central.source import PageSource
from koppel.connectors.odata.address import query
from koppel.connectors.odata.message import Request
from koppel.errors import ConfigurationError, Problem
from koppel.model.numbers import NumberRange
from koppel.ports import NumberKeeper

_LOOKED_AT = 20
"""How many of the highest numbers are read: what a person has put into the range by hand may look otherwise."""


def reserve(source: PageSource, field: str, range_: NumberRange, keeper: NumberKeeper, count: int) -> pl.Series:
    """`count` numbers that nobody has, and that `keeper` gives to nobody else. Raises ConfigurationError when the range
    is used up.
    """
    least = _highest(source, field, range_) + 1
    first = keeper(f"{source.session.root}{source.address} {range_}", count, max(least, range_.first))
    if first + count - 1 > range_.last:
        where = f"{source.session.system}.{source.name}"
        what = f"the range {range_} of reserved numbers is used up"
        raise ConfigurationError([Problem(where, what, "give the mapping another range")])
    return pl.Series([range_.text(number) for number in range(first, first + count)], dtype=pl.String)


def _highest(source: PageSource, field: str, range_: NumberRange) -> int:
    """The highest number of the range that a record has; one below the range when none has any. A store that is older
    than the system may not remember what it gave.
    """
    first, last = (literal(range_.text(number)) for number in (range_.first, range_.last))
    condition = f"{field} ge {first} and {field} le {last}"
    asked = query(select=f"{KEY},{field}", filter=condition, orderby=f"{field} desc", top=str(_LOOKED_AT))
    answer = source.session.read(Request("GET", f"{source.address}{asked}"), f"looking for numbers of {source.name}")
    texts = source.decoder((field,)).page(answer.body).frame[field].drop_nulls()
    return max((number for text in texts if (number := range_.number(text)) is not None), default=range_.first - 1)
