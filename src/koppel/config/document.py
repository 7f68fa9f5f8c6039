"""A value of a configuration file together with its place, and the list in which all mistakes of one reading gather.

`Node` is how the rest of the package looks at TOML (or at a stored mapping document): a value that knows where it
stands, so that every check can say `koppel.toml:17 mappings.CUSTOMER.fields[3]` without carrying file and line around.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from koppel.config.positions import Path
from koppel.errors import Problem

_SHOWN_NAMES = 12


@dataclass(frozen=True)
class Document:
    """One file that is being read. `problems` is shared by all files of one reading."""

    file: str
    lines: Mapping[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def where(self, path: Path) -> str:
        """The place of `path`: file, line (of the nearest thing around it that has one) and path."""
        line = next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), None)
        file = self.file if line is None else f"{self.file}:{line}"
        return " ".join(part for part in (file, show_path(path)) if part)


@dataclass(frozen=True)
class Node:
    """A value and its place."""

    value: object
    path: Path
    document: Document

    def problem(self, what: str, remedy: str = "") -> None:
        """Note a mistake at this place."""
        self.document.problems.append(Problem(self.document.where(self.path), what, remedy))

    def at(self, *keys: str | int) -> "Node":
        """The same value under a narrower place, for a mistake in a part that was not read as a node."""
        return replace(self, path=(*self.path, *keys))

    def get(self, key: str) -> "Node | None":
        """What stands under `key`, when this is a table that has it."""
        if isinstance(self.value, dict) and key in self.value:
            return Node(self.value[key], (*self.path, key), self.document)
        return None

    def tables(self) -> "Iterator[tuple[str, Node]]":
        """The entries of this table in the order of the file; nothing when it is no table."""
        if isinstance(self.value, dict):
            for key in self.value:
                yield key, Node(self.value[key], (*self.path, key), self.document)

    def elements(self) -> "Iterator[Node]":
        """The elements of this array; nothing when it is none."""
        if isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield Node(value, (*self.path, index), self.document)


class Mistake(ValueError):
    """A mistake in a text whose place the parser of that text does not know; the reader of the file adds it."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def show_path(path: Path) -> str:
    """A path as in TOML: `mappings."SHIPPING AGENT".fields[3]`; arrays count from 0."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            shown = key if re.fullmatch(r"[\w-]+", key) else json.dumps(key, ensure_ascii=False)
            text += f".{shown}" if text else shown
    return text


def plain_path(path: Path) -> str:
    """A path without the quotes of TOML, as the rest of koppel names what is in the file."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the nearest known one, or all of them when they are few."""
    names = list(dict.fromkeys(known))
    lowered = {candidate.lower(): candidate for candidate in reversed(names)}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    if near:
        return f"did you mean {lowered[near[0]]!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:_SHOWN_NAMES])
    return f"known here: {shown}" + (", …" if len(names) > _SHOWN_NAMES else "")


def check_keys(table: Node, known: Iterable[str]) -> None:
    """Every key of `table` that is not among `known` is a problem."""
    names = list(known)
    for key, node in table.tables():
        if key not in names:
            node.problem(f"unknown setting {key!r}", did_you_mean(key, names))
