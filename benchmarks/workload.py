"""The workload: a customer table and an account table that differ in names, key and form, as two real systems do.

Every value is a function of the customer's number alone, in SQL that PostgreSQL and SQLite understand alike.
"""

from collections.abc import Iterator
from pathlib import Path

FIELDS = (
    ("number", "account_number"),
    ("name", "account_name"),
    ("address", "street"),
    ("city", "city_name"),
    ("email", "email_address"),
    ("phone", "telephone"),
    ("credit_limit", "credit_amount"),
    ("currency_code", "currency_iso"),
    ("salesperson_id", "owner_id"),
    ("blocked", "block_state"),
)
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN")
SALESPEOPLE = 200
BLOCKED = ("none", "ship", "invoice", "all")
CITIES = ("Antwerpen", "Liège", "Köln", "München", "Łódź", "Malmö", "Zürich", "Århus")
_SYLLABLES = "karomitelodosaluperigoboneta"

LEFT = ", ".join(left for left, _ in FIELDS)
RIGHT = ", ".join(right for _, right in FIELDS)
AS_RIGHT = LEFT.removesuffix("blocked") + (
    "CASE blocked " + " ".join(f"WHEN {code} THEN '{name}'" for code, name in enumerate(BLOCKED)) + " END"
)
"""The fields of a customer as an account has them."""


def customers(numbers: str, stamp: str) -> str:
    """A query for the rows of `customer`. `numbers`: a table `numbers(i)`; `stamp`: the change stamp, from `a`."""
    return f"""
SELECT i, 'C' || CAST(10000000 + i AS text), {_words("a", 4)} || ' ' || {_one_of("c >> 9", ("NV", "BV", "GmbH", "AB"))},
  {_words("b", 3)} || 'straat ' || CAST(1 + (c >> 8) % 400 AS text), {_one_of("b >> 11", CITIES)},
  CASE WHEN (c >> 7) % 40 > 0 THEN {_words("c", 3)} || CAST(i AS text) || '@example.com' END,
  '+32 ' || CAST(100000000 + b % 900000000 AS text), (a % 1000000000) / 100.0,
  {_one_of("c >> 13", CURRENCIES)}, 1 + (b >> 9) % {SALESPEOPLE},
  CASE WHEN (a >> 10) % 20 = 0 THEN (c >> 10) % {len(BLOCKED)} ELSE 0 END, {stamp}
FROM (SELECT i, (i * 2654435761) & 4294967295 AS a, (i * 2246822519) & 4294967295 AS b,
  (i * 3266489917) & 4294967295 AS c FROM {numbers}) AS mixed"""


def _one_of(number: str, texts: tuple[str, ...]) -> str:
    cases = " ".join(f"WHEN {place} THEN '{text}'" for place, text in enumerate(texts))
    return f"CASE ({number}) % {len(texts)} {cases} END"


def _words(number: str, syllables: int) -> str:
    """A name made of syllables, each chosen by other bits of the number."""
    count = len(_SYLLABLES) // 2

    def part(place: int) -> str:
        chosen = f"CAST(1 + 2 * (({number} >> {5 + 6 * place}) % {count}) AS int)"
        letters = f"substr('{_SYLLABLES}', {chosen}, 2)"
        return f"upper({letters})" if place == 0 else letters

    return " || ".join(part(place) for place in range(syllables))


def configure(folder: Path, left: str, right: str) -> Path:
    """A koppel.toml for the two databases at these urls or references."""
    path = folder / "koppel.toml"
    path.write_text(_TOML.format(left=left, right=right, fields="\n".join(f'  "{line}",' for line in _lines())))
    return path


def _lines() -> Iterator[str]:
    """The number belongs to the left; everything else is edited on both sides."""
    choices = ", ".join(f"'{code}', '{name}'" for code, name in enumerate(BLOCKED))
    for left, right in FIELDS:
        arrow = "->" if left == "number" else "<->"
        yield f"{left} {arrow} {right}" + (f" | map({choices})" if left == "blocked" else "")


_TOML = """[koppel]
store = "sqlite:///koppel.db"
environment = "sandbox"
[systems.erp]
connector = "sql"
url = "{left}"
[systems.crm]
connector = "sql"
url = "{right}"
[mappings.CUSTOMER]
left = "erp.customer"
right = "crm.account"
direction = "<->"
fields = [
{fields}
]
"""
