"""What a unit of the base currency is worth, told by both systems (semantics 8.3.2)."""

from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from koppel.app.currencies import converted
from koppel.model.mapping import Mapping, TableRef

MAPPING = Mapping("CUSTOMER", TableRef("bc", "customers"), TableRef("crm", "account"), ())


@dataclass
class Rates:
    """A system that knows one rate."""

    known: Decimal | None

    def rate(self, code: str) -> Decimal | None:
        assert code in ("EUR", "USD")
        return self.known


def told(here: object, there: object) -> Any:
    """What `check` says where bc counts in EUR and crm in USD."""
    connections = SimpleNamespace(system={"bc": here, "crm": there}.__getitem__)
    return converted(SimpleNamespace(connections=connections), MAPPING, "", ("EUR", "USD"))  # type: ignore[arg-type]


def test_rates_that_agree_are_told_and_are_no_warning() -> None:
    """1 EUR is 1.0875 USD, and 1 USD is 0.92 EUR: they are set on different days."""
    line = told(Rates(Decimal("1.0875")), Rates(Decimal("0.92")))
    assert line.well and not line.warning and not line.remedy
    assert line.text.endswith("1 USD is 0.9200 EUR there, and 0.9195 in bc")


@pytest.mark.parametrize(
    ("here", "there", "what"),
    [
        (Rates(Decimal("1.0875")), Rates(Decimal(1)), "1 USD is 1.0000 EUR there, and 0.9195 in bc"),
        (Rates(Decimal("1.0875")), Rates(None), "without a rate of EUR"),
        (Rates(Decimal("1.0875")), Rates(Decimal(0)), "without a rate of EUR"),
        (Rates(None), Rates(Decimal("0.92")), "bc has no rate of USD to compare it with"),
        (object(), Rates(Decimal("0.92")), "bc has no rate of USD to compare it with"),
    ],
    ids=["as if they were one", "no rate", "nought", "none here", "a system without rates"],
)
def test_rates_that_nobody_set_are_warned_of(here: object, there: object, what: str) -> None:
    line = told(here, there)
    assert line.well and line.warning and what in line.text
    assert line.remedy == "set the exchange rate of EUR in crm: rates are not synchronised"
