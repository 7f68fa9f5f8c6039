"""Numbers of new records where a system has number series: who gives them, and the range koppel may use."""

import re
from dataclasses import dataclass
from enum import StrEnum


class NumberPolicy(StrEnum):
    """Who gives a new record its number or id, and by what it is found again when the answer is lost."""

    SERIES = "series"
    """The system's number series: a lost answer leaves a create of unknown fate, unless a unique field is mapped."""
    RESERVED = "reserved"
    """koppel, from a range of its own: the record is found by its number."""
    CLIENT_ID = "client id"
    """koppel chooses the id: the record is found by it."""


_RANGE = re.compile(r"(?P<prefix>.*?)(?P<first>\d+)\.\.(?P=prefix)(?P<last>\d+)")


@dataclass(frozen=True)
class NumberRange:
    """Numbers that differ in their last digits: `K000001..K999999`."""

    prefix: str
    first: int
    last: int
    digits: int

    @staticmethod
    def parse(text: str) -> "NumberRange":
        """The range that a text names. Raises ValueError in words."""
        found = _RANGE.fullmatch(text)
        if found is None or len(found["first"]) != len(found["last"]):
            raise ValueError(f"{text!r} is no range of numbers")
        made = NumberRange(found["prefix"], int(found["first"]), int(found["last"]), len(found["first"]))
        if made.first > made.last:
            raise ValueError(f"the range {text!r} ends before it begins")
        return made

    def text(self, number: int) -> str:
        """A number of the range as it is written."""
        return f"{self.prefix}{number:0{self.digits}}"

    def number(self, text: str) -> int | None:
        """Which number of the range a text is; None when it is none."""
        digits = text.removeprefix(self.prefix)
        well = text.startswith(self.prefix) and len(digits) == self.digits and digits.isdecimal()
        return int(digits) if well and self.first <= int(digits) <= self.last else None

    def __str__(self) -> str:
        """As written in the configuration."""
        return f"{self.text(self.first)}..{self.text(self.last)}"


@dataclass(frozen=True)
class Numbers:
    """A policy; `range` where koppel reserves numbers."""

    policy: NumberPolicy
    range: NumberRange | None = None

    @staticmethod
    def parse(text: str) -> "Numbers":
        """`series`, `client id` or `reserved K000001..K999999`. Raises ValueError in words."""
        words = text.split()
        if words[:1] == [NumberPolicy.RESERVED] and len(words) == 2:
            return Numbers(NumberPolicy.RESERVED, NumberRange.parse(words[1]))
        said = " ".join(words)
        if said == NumberPolicy.RESERVED:
            raise ValueError("the range of the reserved numbers is missing")
        if said not in list(NumberPolicy):
            raise ValueError(f"{text!r} does not say who gives numbers")
        return Numbers(NumberPolicy(said))

    def __str__(self) -> str:
        """As written in the configuration."""
        return str(self.policy) if self.range is None else f"{self.policy} {self.range}"
