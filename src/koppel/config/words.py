"""Words and small texts of a configuration that mean a model value: sides, tables, match rules, `field = value`,
periods.

A system's name is accepted wherever a side is meant (DESIGN 2), so `erp wins` is read with the mapping's systems.
"""

import re
from enum import StrEnum
from typing import TypeVar

from koppel.config.document import Mistake, did_you_mean
from koppel.config.tokens import Tokens, quote_name, quote_value
from koppel.model.mapping import MatchRule, TableRef
from koppel.model.numbers import Numbers

Word = TypeVar("Word", bound=StrEnum)

_PERIOD = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_OFF = "off"

Systems = tuple[str, str] | None
"""The names of a mapping's left and right system; None where only left and right may be said."""


def parse_word(text: str, words: type[Word], systems: Systems = None) -> Word:
    """The member of `words` that `text` means; `erp wins` is the side of system `erp`.

    Raises `Mistake` for an unknown word, and where both tables belong to one system so that its name says nothing.
    """
    said = " ".join(text.split())
    known = {str(word): word for word in words}
    if said in known:
        return known[said]
    named: list[str] = []
    if systems and "left wins" in known:
        left, right = systems
        named = [f"{left} wins", f"{right} wins"]
        if left == right and said == named[0]:
            remedy = "both tables belong to it: write 'left wins' or 'right wins'"
            raise Mistake(f"{said!r} does not say which side of the mapping is meant", remedy)
        if said in named and left != right:
            return known["left wins" if said == named[0] else "right wins"]
    raise Mistake(f"unknown value {text!r}", did_you_mean(said, [*named, *known] if named else known))


def parse_table(text: str) -> TableRef:
    """`erp.customer`: the system up to the first dot, the table behind it."""
    system, _, table = text.strip().partition(".")
    if not system or not table:
        raise Mistake(f"{text!r} does not name a table", "write system.table, for example erp.customer")
    return TableRef(system, table)


def parse_match(text: str) -> MatchRule:
    """`name = name + post_code = address1_postalcode (ignore case)`: left field = right field."""
    tokens = Tokens(text)
    pairs = []
    while True:
        left = tokens.name("a field of the left table")
        tokens.expect("=")
        pairs.append((left, tokens.name("a field of the right table")))
        if not tokens.accept("+"):
            break
    ignore_case = tokens.accept("(")
    if ignore_case:
        mistake = tokens.mistake("expected 'ignore case'")
        said = []
        while not tokens.accept(")"):
            said.append(tokens.name("'ignore case)'"))
        if said != ["ignore", "case"]:
            raise mistake
    tokens.end(("+", "(ignore case)") if not ignore_case else ())
    return MatchRule(tuple(pairs), ignore_case)


def format_match(rule: MatchRule) -> str:
    """A match rule as it is written."""
    text = " + ".join(f"{quote_name(left)} = {quote_name(right)}" for left, right in rule.pairs)
    return f"{text} (ignore case)" if rule.ignore_case else text


def parse_assignment(text: str) -> tuple[str, str]:
    """`field = value`: the field and the value's canonical text."""
    tokens = Tokens(text)
    name = tokens.name("a field")
    tokens.expect("=")
    value = tokens.value("a value")
    tokens.end(())
    return name, value


def format_assignment(assignment: tuple[str, str]) -> str:
    """`field = value` as it is written."""
    return f"{quote_name(assignment[0])} = {quote_value(assignment[1])}"


def parse_numbers(text: str) -> Numbers:
    """`series`, `client id` or `reserved K000001..K999999`."""
    try:
        return Numbers.parse(text)
    except ValueError as error:
        raise Mistake(str(error), "write series, client id, or reserved FIRST..LAST such as K00001..K99999") from None


def parse_period(text: str) -> float | None:
    """`30s`, `5m`, `2h` or `1d` as seconds; `off` is None."""
    if text == _OFF:
        return None
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise Mistake(f"{text!r} is not a period", "write a whole number and s, m, h or d, such as 30m, or off")
    return float(int(found[1]) * _UNITS[found[2]])


def format_period(seconds: float | None) -> str:
    """A period as it is written, in the largest unit that divides it."""
    if seconds is None:
        return _OFF
    unit = next(unit for unit, size in _UNITS.items() if seconds % size == 0)
    return f"{round(seconds / _UNITS[unit])}{unit}"
