"""What is told of a refusal: never what the record holds, however the service repeats it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from koppel.connectors.business_central.refusals import without_values
from koppel.connectors.odata.failure import told
from koppel.connectors.odata.message import Answer

Told = Callable[[Answer, Mapping[str, Any]], str]
TELLING: tuple[Told, ...] = (lambda answer, body: told(answer, body.values()), without_values)


def refused(text: str) -> Answer:
    body = json.dumps({"error": {"code": "0x1", "message": text}}).encode()
    return Answer("https://crm.example/api/accounts", 400, {}, body)


@pytest.mark.parametrize("tell", TELLING)
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Jan de Vries", "JAN DE VRIES"),  # codes come back in upper case
        ("Kade 1\nUtrecht", "Kade 1\nUtrecht"),  # blanks of texts are collapsed
        ("Jan  de Vries ", "Jan  de Vries"),
        ("a.b(c", "a.b(c"),
        ("Jan", "Jan"),
    ],
)
def test_a_value_is_not_told_however_it_is_spelled(tell: Told, value: str, said: str) -> None:
    assert tell(refused(f"'{said}' is too long."), {"name": value}) == "0x1 '…' is too long."


@pytest.mark.parametrize("tell", TELLING)
@pytest.mark.parametrize("before", range(360, 401, 10))
def test_a_value_that_stands_across_the_cut_is_not_told(tell: Told, before: int) -> None:
    """Found by a review: it was cut first and looked for afterwards, so its beginning stayed readable."""
    secret = "Jan de Vries, Kade 1, Utrecht, born 1970"
    text = tell(refused("x" * before + secret), {"name": secret})
    assert "Jan" not in text and "…" in text


def test_short_values_are_parts_of_words() -> None:
    assert told(refused("A value is missing."), ["is", 1, None]) == "0x1 A value is missing."
