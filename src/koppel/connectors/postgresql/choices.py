"""The finite choices in a CHECK rule, as PostgreSQL writes the rule back: `CHECK ((rank = ANY (ARRAY['a'::text, …])))`.

A tokenizer, not a parser: what is not recognised as a list of literals for one column is no choice.
"""

import re

_TOKEN = re.compile(
    r"""(?P<skip>\s+)
      | (?P<text>E?'(?:[^'\\]|''|\\.)*')
      | (?P<name>"(?:[^"]|"")*")
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<cast>::)
      | (?P<word>[^\W\d]\w*)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


def choices_of(rule: str, column: str) -> tuple[str, ...]:
    """The values that the rule allows for `column` (beside null), as text; none when it says something else."""
    words = _words(rule.removeprefix("CHECK"))
    mine = [("name", column)]
    if words[:5] == [*mine, *(("word", word) for word in ("IS", "NULL", "OR")), *mine]:
        words = words[4:]
    if words[:1] != mine or words[1:2] != [("sign", "=")]:
        return ()
    values = words[2:]
    if values[:3] == [("word", "ANY"), ("word", "ARRAY"), ("sign", "[")] and values[-1] == ("sign", "]"):
        values = values[3:-1]
    if values[1::2] != [("sign", ",")] * (len(values) // 2) or len(values) % 2 == 0:
        return ()
    if any(kind not in ("text", "number") for kind, _ in values[::2]):
        return ()
    return tuple(value for _, value in values[::2])


def _words(rule: str) -> list[tuple[str, str]]:
    """The tokens without parentheses and casts: `::character varying[]` goes up to what no name of a type holds."""
    found: list[tuple[str, str]] = []
    brackets: int | None = None
    for match in _TOKEN.finditer(rule):
        kind, raw = match.lastgroup or "", match.group()
        if kind == "cast":
            brackets = 0
        elif brackets is not None and (kind in ("word", "name", "skip") or raw in ".[" or (raw == "]" and brackets)):
            brackets += {"[": 1, "]": -1}.get(raw, 0)
        else:
            brackets = None
            if kind != "skip" and raw not in "()":
                found.append(_word(kind, raw))
    return found


def _word(kind: str, raw: str) -> tuple[str, str]:
    if kind == "text":
        escaped = raw.startswith("E")
        value = raw[2 if escaped else 1 : -1].replace("''", "'")
        return "text", value.replace("\\\\", "\\") if escaped else value
    if kind == "name":
        return "name", raw[1:-1].replace('""', '"')
    if kind == "word" and raw not in ("IS", "NULL", "OR", "ANY", "ARRAY"):
        return "name", raw
    return kind, raw
