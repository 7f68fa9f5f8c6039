"""The tokens of the small languages in a configuration: field lines, match rules, `field = value`.

Names stand bare, or in double quotes when they hold blanks or marks. Texts stand in single quotes, or in double quotes
where only a text can stand. Inside quotes the quote itself is doubled. A condition in square brackets is one token, for
it is written in another language, that of filters. Every token knows its column, from 1.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from koppel.config.document import Mistake

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<mark><->|->|<-|[|@=(),/+])
      | (?P<name>"(?:[^"]|"")*")
      | (?P<text>'(?:[^']|'')*')
      | (?P<condition>\[(?:[^\]'"]|'[^']*'|"[^"]*")*\])
      | (?P<word>-?[\w$\#.](?:[\w$\#.]|-(?!>))*)""",
    re.VERBOSE,
)
_BARE_NAME = re.compile(r"[^\W\d](?:[\w$#.]|-(?!>))*")
_BARE_VALUE = re.compile(r"-?\w(?:[\w.]|-(?!>))*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)")

_QUOTE_NAMES = "names with such characters stand in double quotes"
_OPEN_QUOTE = ("a quote that is never closed", "a quote inside quotes is written twice")
_NO_ARROW = ("this is not an arrow", "the arrows are -> <- and <->")
_OPEN_BRACKET = ("a bracket that is never closed", "a condition ends with ]; a ] of a text stands in quotes")
_REMEDIES = {"[": _OPEN_BRACKET, "'": _OPEN_QUOTE, '"': _OPEN_QUOTE, "<": _NO_ARROW, ">": _NO_ARROW, "-": _NO_ARROW}


class Sort(StrEnum):
    """What kind of token it is."""

    MARK = "mark"
    WORD = "word"
    """Bare characters: a name, a number, a date."""
    NAME = "name"
    """In double quotes."""
    TEXT = "text"
    """In single quotes."""
    CONDITION = "condition"
    """In square brackets, which belong to its value."""
    END = "end"


@dataclass(frozen=True)
class Token:
    """One token; `value` without quotes."""

    sort: Sort
    value: str
    column: int
    end: int
    """The column behind its last character."""

    def __str__(self) -> str:
        """As messages show it."""
        return "the end of the line" if self.sort is Sort.END else repr(self.value)


def quote_name(name: str) -> str:
    """A name as it is written: in double quotes where it needs them."""
    return name if _BARE_NAME.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as it is written, always in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def quote_value(text: str) -> str:
    """A constant as it is written: bare when it is a number, a date or true and false, else quoted."""
    bare = _BARE_VALUE.fullmatch(text) and (text in ("true", "false") or not text[0].isalpha())
    return text if bare else quote_text(text)


class Tokens:
    """The tokens of one text and how far they were read."""

    def __init__(self, text: str) -> None:
        """Cut `text` into tokens. Raises `Mistake` at a character that cannot begin one."""
        self._tokens = list(_cut(text))
        self._next = 0

    @property
    def peek(self) -> Token:
        """The next token; it stays the next one."""
        return self._tokens[self._next]

    def take(self) -> Token:
        """The next token, which is thereby read."""
        token = self.peek
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def sees(self, *marks: str) -> bool:
        """Whether one of these marks comes next."""
        return self.peek.sort is Sort.MARK and self.peek.value in marks

    def sees_word(self, word: str) -> bool:
        """Whether this bare word comes next."""
        return self.peek.sort is Sort.WORD and self.peek.value == word

    def accept(self, mark: str) -> bool:
        """Read this mark if it comes next."""
        if self.sees(mark):
            self.take()
            return True
        return False

    def expect(self, mark: str) -> None:
        """Read this mark; anything else is a mistake."""
        if not self.accept(mark):
            raise self.mistake(f"expected {mark!r}")

    def name(self, what: str) -> str:
        """Read the name of `what`."""
        if self.peek.sort is Sort.TEXT:
            raise self.mistake(f"expected {what}", "names are quoted with double quotes; a constant stands behind '='")
        if self.peek.sort not in (Sort.WORD, Sort.NAME) or not self.peek.value:
            raise self.mistake(f"expected {what}")
        return self.take().value

    def value(self, what: str) -> str:
        """Read a value: bare or in either kind of quotes."""
        if self.peek.sort not in (Sort.WORD, Sort.NAME, Sort.TEXT):
            raise self.mistake(f"expected {what}")
        return self.take().value

    def argument(self) -> str | int:
        """Read an argument of a conversion: a whole number, or a text in quotes."""
        token = self.peek
        if token.sort is Sort.WORD and _NUMBER.fullmatch(token.value):
            return int(self.take().value)
        if token.sort in (Sort.TEXT, Sort.NAME):
            return self.take().value
        raise self.mistake("expected an argument", "arguments are whole numbers, or texts in single quotes")

    def opens_arguments(self, name: Token) -> bool:
        """Whether the arguments of the conversion `name` come next, and not the line's options.

        A bracket that touches the name opens arguments; behind a blank it does when an argument follows: `cut (1, 3)`.
        """
        if not self.sees("("):
            return False
        inner = self._tokens[self._next + 1]
        argument = inner.sort in (Sort.TEXT, Sort.NAME) or _NUMBER.fullmatch(inner.value) is not None
        return self.peek.column == name.end or argument

    def end(self, expected: Sequence[str]) -> None:
        """Anything but the end is a mistake; `expected` names what could have stood here."""
        if self.peek.sort is not Sort.END:
            wanted = ", ".join(repr(mark) for mark in expected)
            raise self.mistake(f"expected {wanted} or the end of the line")

    def mistake(self, expected: str, remedy: str = "") -> Mistake:
        """The mistake that something else than `expected` comes next."""
        return Mistake(f"column {self.peek.column}: {expected}, found {self.peek}", remedy)


def _cut(text: str) -> list[Token]:
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            what, remedy = _REMEDIES.get(text[at], (f"cannot read {text[at]!r} here", _QUOTE_NAMES))
            raise Mistake(f"column {at + 1}: {what}", remedy)
        value = found.group()
        match found.lastgroup:
            case "blank":
                pass
            case "name" | "text" as group:
                tokens.append(Token(Sort(group), value[1:-1].replace(value[0] * 2, value[0]), at + 1, found.end() + 1))
            case group:
                tokens.append(Token(Sort(group or ""), value, at + 1, found.end() + 1))
        at = found.end()
    return [*tokens, Token(Sort.END, "", at + 1, at + 1)]
