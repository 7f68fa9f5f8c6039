"""What a field would not keep exactly, found before anything is sent: the service would refuse it without naming the
property, round it, or take it for a blank.
"""

import polars as pl

from koppel.connectors.agreed.values import either, reasons_where
from koppel.connectors.business_central.blanks import NO_DAY, NO_MOMENT
from koppel.connectors.business_central.page import Page
from koppel.connectors.odata.edm import Property
from koppel.connectors.odata.fitting import text_misfits
from koppel.model.values import Kind

SENTENCES = {
    "no_value": "it must have a value",
    "too_long": "the text is too long for the field, which counts in UTF-16 units",
    "not_xml": "the text holds a character that the service does not take",
    "not_a_choice": "the field does not have this choice",
    "out_of_range": "the value is out of the field's range",
    "digits_lost": "the service keeps three-hundredths of a second, and this moment would be another one",
    "is_blank": "the service takes this value for none",
}
"""What a reason means, for the message of a refusal."""

_INT32 = 2**31
_TICKS = (0, 3, 7)
"""On what digits the milliseconds of a moment end that is kept as it is (wire 2.3)."""


def misfits(page: Page, property_: Property, values: pl.Series) -> pl.Series | None:
    """A reason for every value that does not fit; None when all do."""
    reasons = None
    if not property_.shape.nullable:
        empty = values.is_null() if values.dtype != pl.String else values.fill_null("").str.strip_chars() == ""
        reasons = reasons_where(empty, "no_value")
    return either(reasons, _of_kind(page, property_, values))


def _of_kind(page: Page, property_: Property, values: pl.Series) -> pl.Series | None:
    match property_.shape.kind:
        case Kind.TEXT:
            return text_misfits(values, property_.shape.length)
        case Kind.CODE:
            return text_misfits(values.str.strip_chars().str.to_uppercase(), property_.shape.length)
        case Kind.CHOICE:
            strange = ~values.fill_null("").is_in(list(page.members[property_.shape.name]))
            return reasons_where(strange | (values == ""), "not_a_choice")
        case Kind.INTEGER if property_.edm == "Edm.Int32":
            return reasons_where((values < -_INT32) | (values >= _INT32), "out_of_range")
        case Kind.DATE:
            return reasons_where(values == NO_DAY, "is_blank")
        case Kind.DATETIME:
            thousandths = values.dt.microsecond() // 1000
            kept = (values.dt.microsecond() % 1000 == 0) & (thousandths % 10).is_in(_TICKS)
            return either(reasons_where(values == NO_MOMENT, "is_blank"), reasons_where(~kept, "digits_lost"))
        case _:
            return None
