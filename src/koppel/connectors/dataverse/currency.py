"""The base currency of an organisation, and what others are worth in it."""

from decimal import Decimal

import msgspec

from koppel.connectors.agreed.names import literal
from koppel.connectors.dataverse.calls import asked, get
from koppel.connectors.odata.address import query
from koppel.connectors.odata.session import Session


class _Organisation(msgspec.Struct):
    currency: str | None = msgspec.field(default=None, name="_basecurrencyid_value")


class _Currency(msgspec.Struct):
    isocurrencycode: str | None = None


class _Organisations(msgspec.Struct):
    value: list[_Organisation]


class _Rate(msgspec.Struct):
    exchangerate: Decimal | None = None


class _Rates(msgspec.Struct):
    value: list[_Rate]


def base_currency(session: Session) -> str | None:
    """The ISO code of the organisation's currency; None where the app may not ask."""
    answer = asked(session, "organizations?$select=_basecurrencyid_value")
    if not answer.good:
        return None
    unclear = "it does not say what its currency is"
    found = answer.read(_Organisations, session.system, unclear).value
    if not found or found[0].currency is None:
        return None
    address = f"transactioncurrencies({found[0].currency})?$select=isocurrencycode"
    told = get(session, address, "asking for the organisation's currency")
    return told.read(_Currency, session.system, unclear).isocurrencycode


def rate(session: Session, code: str) -> Decimal | None:
    """How much of a currency the organisation counts for one unit of its own: amounts are divided by it (wire 4.2.11).
    None where the currency is not there, or the app may not ask.
    """
    wanted = query(select="exchangerate", filter=f"isocurrencycode eq {literal(code)}")
    answer = asked(session, f"transactioncurrencies{wanted}")
    if not answer.good:
        return None
    found = answer.read(_Rates, session.system, "its exchange rates cannot be read").value
    return found[0].exchangerate if found else None
