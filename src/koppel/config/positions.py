"""On which line of a TOML text each value stands, so that a mistake can be shown at its place.

The parsers at hand give values or lines, never both. This scanner reads a text that `tomllib` has already accepted; it
therefore only has to find where things begin and end, not to judge them.
"""

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""Keys and array positions from the top of the document: ("mappings", "CUSTOMER", "fields", 3)."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})' + r"|'''.*?'''(?:'{0,2})" + r'|"(?:\\.|[^"\\])*"' + r"|'[^']*'", re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}\r\n#]+")


def lines_of(text: str) -> dict[Path, int]:
    """The line (from 1) of every table, key and array element of a valid TOML text."""
    return _scan(text).lines


def given_twice(text: str) -> list[tuple[Path, int, int]]:
    """Every key or table that a text gives a second time, with both lines; empty when it is broken in another way."""
    try:
        return _scan(text).twice
    except (AssertionError, IndexError, KeyError, tomllib.TOMLDecodeError):
        return []


def _scan(text: str) -> "_Scanner":
    scanner = _Scanner(text, [0, *(found.end() for found in re.finditer("\n", text))])
    scanner.document()
    return scanner


@dataclass
class _Scanner:
    text: str
    starts: list[int]
    """Where each line begins."""
    at: int = 0
    lines: dict[Path, int] = field(default_factory=dict)
    last: dict[Path, int] = field(default_factory=dict)
    """The position of the latest [[table]] of every array of tables."""
    given: dict[Path, int] = field(default_factory=dict)
    """The line of every key with a value and of every [table]."""
    twice: list[tuple[Path, int, int]] = field(default_factory=list)

    def document(self) -> None:
        base: Path = ()
        while self.skip_blank():
            if self.text[self.at] == "[":
                base = self.header()
            else:
                self.pair(base)

    def skip_blank(self) -> bool:
        """Go to the next thing that means something; False at the end of the text."""
        found = _BLANK.match(self.text, self.at)
        assert found is not None, "the pattern matches nothing as well"
        self.at = found.end()
        return self.at < len(self.text)

    def note(self, path: Path) -> None:
        self.lines.setdefault(path, bisect_right(self.starts, self.at))

    def give(self, path: Path) -> None:
        line = bisect_right(self.starts, self.at)
        if path in self.given:
            self.twice.append((path, self.given[path], line))
        self.given.setdefault(path, line)

    def header(self) -> Path:
        array = self.text.startswith("[[", self.at)
        start = self.at
        self.at += 2 if array else 1
        keys = self.keys()
        self.at += 2 if array else 1
        end, self.at = self.at, start
        path = self.resolve(keys[:-1]) + keys[-1:]
        if array:
            self.note(path)
            self.last[path] = self.last.get(path, -1) + 1
            path = (*path, self.last[path])
        self.note(path)
        self.give(path)
        self.at = end
        return path

    def resolve(self, keys: Path) -> Path:
        """The path that header keys mean: behind the name of an array of tables stands its latest table."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            self.note(path)
            if path in self.last:
                path = (*path, self.last[path])
        return path

    def keys(self) -> Path:
        """A dotted key; leaves `at` behind it and the blanks that follow."""
        keys: list[str | int] = []
        while True:
            self.skip_blank()
            if bare := _BARE_KEY.match(self.text, self.at):
                keys.append(bare.group())
                self.at = bare.end()
            else:
                start = self.at
                self.skip_string()
                keys.append(tomllib.loads(f"key = {self.text[start : self.at]}")["key"])
            self.skip_blank()
            if self.text[self.at] != ".":
                return tuple(keys)
            self.at += 1

    def pair(self, base: Path) -> None:
        start = self.at
        keys = self.keys()
        end, self.at = self.at + 1, start
        for count in range(1, len(keys) + 1):
            self.note(base + keys[:count])
        self.give(base + keys)
        self.at = end
        self.skip_blank()
        self.value(base + keys)

    def value(self, path: Path) -> None:
        self.note(path)
        match self.text[self.at]:
            case "[":
                self.array(path)
            case "{":
                self.inline_table(path)
            case '"' | "'":
                self.skip_string()
            case _:
                plain = _PLAIN.match(self.text, self.at)
                assert plain is not None, "a valid value has at least one character"
                self.at = plain.end()

    def array(self, path: Path) -> None:
        self.at += 1
        count = 0
        while self.skip_blank() and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self.value((*path, count))
                count += 1
        self.at += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        while self.skip_blank() and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self.pair(path)
        self.at += 1

    def skip_string(self) -> None:
        found = _STRING.match(self.text, self.at)
        assert found is not None, "a valid text has a string here"
        self.at = found.end()
