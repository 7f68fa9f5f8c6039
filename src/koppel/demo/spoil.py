"""How the same value looks in the other system: typed again, in another case, abbreviated, decomposed, or missing.

Values that the pair's own match rule compares are never passed through here, except where the rule ignores case.
"""

import unicodedata

from koppel.demo.draw import Draw, phone_retyped
from koppel.demo.names import ABBREVIATIONS, Country

_LEGAL_FORMS = (("B.V.", "BV"), ("N.V.", "NV"), ("Ltd", "LTD"), ("GmbH", "Gmbh"))


def text(draw: Draw, value: str) -> str:
    """A text typed again: usually the same, sometimes shouting, with stray spaces, or with decomposed accents (NFD)."""
    chance = draw.rng.random()
    if chance < 0.05:
        return value.upper()
    if chance < 0.08:
        return value + " "
    if chance < 0.11:
        return value.replace(" ", "  ", 1)
    if chance < 0.41 and not value.isascii():
        return unicodedata.normalize("NFD", value)
    return value


def name(draw: Draw, value: str) -> str:
    """A company name typed again, one in eight with another spelling of the legal form."""
    if draw.rng.random() < 0.125:
        for long, short in _LEGAL_FORMS:
            if long in value:
                return value.replace(long, short)
    return text(draw, value)


def address(draw: Draw, value: str) -> str:
    """A street typed again, one in six abbreviated (`Kerkstraat 12`, `Kerkstr. 12`)."""
    if draw.rng.random() < 0.17:
        for long, short in ABBREVIATIONS:
            if long in value:
                return value.replace(long, short, 1)
    return text(draw, value)


def post_code(draw: Draw, value: str) -> str:
    """A post code typed again: `1234 AB` also as `1234AB` and `1234ab`."""
    chance = draw.rng.random()
    if chance < 0.35:
        return value.replace(" ", "")
    return value.replace(" ", "").lower() if chance < 0.38 else value


def country_code(draw: Draw, country: Country) -> str:
    """A country code, now and then in lower case."""
    return country.code.lower() if draw.rng.random() < 0.03 else country.code


def phone(draw: Draw, country: Country, value: str) -> str:
    """A telephone number, one in three in another format."""
    return phone_retyped(country.dial, value) if draw.rng.random() < 0.33 else value


def other_case(draw: Draw, value: str) -> str:
    """The same text for a rule that ignores case. Accented values stay as they are: SQLite folds only ASCII."""
    chance = draw.rng.random()
    if chance < 0.5 or not value.isascii():
        return value
    return value.upper() if chance < 0.75 else value.lower() if chance < 0.9 else value.title()


def maybe(draw: Draw, chance: float, value: str) -> str | None:
    """The value with this chance, otherwise nothing."""
    return value if value and draw.rng.random() < chance else None
