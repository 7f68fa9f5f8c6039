"""What SQLite's PRAGMAs do not tell and the text of CREATE TABLE does: CHECK (column IN (…)), AUTOINCREMENT,
ON CONFLICT.

A tokenizer, not a parser: comments, quoted names and texts are recognised, so that what they hold is never taken for
SQL.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<text>'(?:[^']|'')*')
      | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
      | (?P<number>\d+(?:\.\d*)?|\.\d+)
      | (?P<word>[^\W\d]\w*)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """One token; `value` is a name without quotes, a text without quotes, a word in upper case, or a number or sign."""

    kind: str
    value: str
    raw: str


@dataclass(frozen=True)
class Definition:
    """What the text of a CREATE TABLE says. `choices`: column in lower case -> the values its CHECK allows, as text.

    `conflict`: some rule of the table says ON CONFLICT.
    """

    autoincrement: bool
    conflict: bool
    choices: dict[str, tuple[str, ...]]


def read_definition(sql: str) -> Definition:
    """Read a CREATE TABLE statement."""
    tokens = _tokens(sql)
    words = {token.value for token in tokens if token.kind == "word"}
    choices: dict[str, tuple[str, ...]] = {}
    for at, token in enumerate(tokens):
        if token.kind == "word" and token.value == "CHECK" and at + 1 < len(tokens) and tokens[at + 1].value == "(":
            found = _choices(_inside(tokens, at + 1))
            if found:
                choices[found[0]] = found[1]
    return Definition("AUTOINCREMENT" in words, "CONFLICT" in words, choices)


def _tokens(sql: str) -> list[Token]:
    found = []
    for match in _TOKEN.finditer(sql):
        kind, raw = match.lastgroup or "", match.group()
        if kind == "text":
            found.append(Token(kind, raw[1:-1].replace("''", "'"), raw))
        elif kind == "name":
            quote = raw[0]
            found.append(Token(kind, raw[1:-1].replace(quote * 2, quote) if quote != "[" else raw[1:-1], raw))
        elif kind != "skip":
            found.append(Token(kind, raw.upper() if kind == "word" else raw, raw))
    return found


def _inside(tokens: list[Token], opening: int) -> list[Token]:
    """The tokens between a parenthesis and its partner."""
    depth = 0
    for at in range(opening, len(tokens)):
        if tokens[at].kind == "sign":
            depth += {"(": 1, ")": -1}.get(tokens[at].value, 0)
        if depth == 0:
            return tokens[opening + 1 : at]
    return []


def _choices(check: list[Token]) -> tuple[str, tuple[str, ...]] | None:
    """Column and values of `column IN (literal, …)`, also after `column IS NULL OR`; None for any other expression."""
    if len(check) > 4 and [token.value for token in check[1:4]] == ["IS", "NULL", "OR"]:
        if check[0].value.lower() != check[4].value.lower():
            return None
        check = check[4:]
    if len(check) < 5 or check[0].kind not in ("word", "name") or [t.value for t in check[1:3]] != ["IN", "("]:
        return None
    if check[-1].value != ")":
        return None
    values: list[str] = []
    sign, expected = "", True
    for token in check[3:-1]:
        if expected and token.kind == "sign" and token.value == "-" and not sign:
            sign = "-"
        elif expected and (token.kind == "number" or (token.kind == "text" and not sign)):
            values.append(sign + token.value)
            sign, expected = "", False
        elif expected and token.kind == "word" and token.value == "NULL":
            expected = False
        elif not expected and token.value == ",":
            expected = True
        else:
            return None
    return check[0].raw.strip('"`[]').lower(), tuple(values)
