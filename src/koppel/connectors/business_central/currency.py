"""The local currency of a company, and what others are worth in it: standard pages tell both."""

from datetime import date
from decimal import Decimal

import msgspec

from koppel.connectors.agreed.names import literal
from koppel.connectors.odata.address import query
from koppel.connectors.odata.message import Request
from koppel.connectors.odata.session import Session


class _Information(msgspec.Struct):
    currencyCode: str = ""


class _AllInformation(msgspec.Struct):
    value: list[_Information]


class _Rate(msgspec.Struct):
    exchangeRateAmount: Decimal
    relationalExchangeRateAmount: Decimal
    relationalCurrencyCode: str = ""


class _Rates(msgspec.Struct):
    value: list[_Rate]


def local_currency(session: Session, company: str) -> str | None:
    """The code of the local currency, which fields leave blank; None where the app may not ask. `company`: where the
    standard pages of the company begin.
    """
    answer = session.send(Request("GET", f"{company}companyInformation"))
    if not answer.good:
        return None
    found = answer.read(_AllInformation, session.system, "it does not say what its local currency is").value
    return (found[0].currencyCode or None) if found else None


def rate(session: Session, company: str, code: str, today: date) -> Decimal | None:
    """How much of a currency the company counts for one unit of its own; None where it has no rate, or none that can
    be asked. So many units of the currency (Exchange Rate Amount) are worth so many of the local one (Relational
    Exch. Rate Amount), from a day on.
    """
    valid = f"currencyCode eq {literal(code)} and startingDate le {today.isoformat()}"
    address = f"{company}currencyExchangeRates{query(filter=valid, orderby='startingDate desc', top='1')}"
    answer = session.send(Request("GET", address))
    if not answer.good:
        return None
    found = answer.read(_Rates, session.system, "its exchange rates cannot be read").value
    if not found or found[0].relationalCurrencyCode or not found[0].relationalExchangeRateAmount:
        return None
    return found[0].exchangeRateAmount / found[0].relationalExchangeRateAmount
