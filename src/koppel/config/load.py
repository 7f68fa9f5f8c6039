"""Reads koppel.toml: everything that is wrong is told at once, each with its place and what to do.

No system is touched, no secret is resolved. Only a text that is not TOML at all ends the reading at its first mistake.
"""

import re
import tomllib
from pathlib import Path

from koppel.config.check_order import order_problems
from koppel.config.configuration import Configuration
from koppel.config.document import Document, Node, check_keys, plain_path, show_path
from koppel.config.mapping_table import ReadMapping, read_mapping
from koppel.config.positions import given_twice, lines_of
from koppel.config.reading import parsed, read_table, wrong_type
from koppel.config.secret import absolute_url, check_reference
from koppel.config.settings import KOPPEL_SETTINGS, POLICY_SETTINGS, Environment
from koppel.config.systems_table import read_systems
from koppel.errors import ConfigurationError, Problem
from koppel.model.mapping import Mapping
from koppel.model.policy import FirstContact, OnConflict

_TOP = ("koppel", "systems", "defaults", "mappings")
_DEFAULT_STORE = "sqlite:///koppel.db"
_TWICE = ("Cannot overwrite", "Cannot declare", "Duplicate inline table key", "Cannot mutate")
_REMEDIES = {
    "Unclosed array": "put a comma between the elements and close the list with ]",
    "Unterminated string": "close the text with the quote that opened it",
    "Invalid value": "put texts in quotes; only numbers, true and false stand bare",
    "Expected newline": "one setting per line; quotes inside a text need the other kind of quotes around it",
    "Expected '='": "write key = value",
    "Unescaped": "write \\\\ for a backslash, or put the text in single quotes",
}


def load(path: Path, stage: str | None = None) -> Configuration:
    """Read the configuration at `path`, with the systems of `koppel.<stage>.toml` beside it in place of its own.

    Raises ConfigurationError with all problems, in the order of the file.
    """
    problems: list[Problem] = []
    root = _read_file(path, problems)
    other = _read_file(path.with_name(f"{path.stem}.{stage}{path.suffix}"), problems) if stage else None
    if root is None or (stage and other is None):
        raise ConfigurationError(problems)
    check_keys(root, _TOP)
    if other is not None:
        _check_stage(other)
    folder = path.absolute().parent
    values = _koppel(root)
    systems = read_systems(root, other, folder)
    mappings = _mappings(root)
    if problems:
        raise ConfigurationError(sorted(dict.fromkeys(problems), key=lambda problem: _place(problem, path.name)))
    return Configuration(
        path=path,
        store=absolute_url(values.get("store", _DEFAULT_STORE), folder),
        environment=Environment(values.get("environment", Environment.PRODUCTION)),
        systems=systems,
        mappings=mappings,
        places=_places(root) | (_places(other) if other is not None else {}),
    )


def _places(root: Node) -> dict[str, str]:
    """File and line of everything in a file, by path."""
    document = root.document
    return {plain_path(path): f"{document.file}:{line}" for path, line in document.lines.items()}


def _place(problem: Problem, file: str) -> tuple[bool, int]:
    """Where a problem comes in the list: the file before its stage, then by line."""
    name, line = re.match(r"(.*?):(\d+) |", problem.where).groups(default="0")  # type: ignore[union-attr]
    return name not in ("0", file), int(line)


def _read_file(path: Path, problems: list[Problem]) -> Node | None:
    """The whole file as a node; None, and a problem, when it cannot be read as TOML."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        values = tomllib.loads(text)
    except FileNotFoundError:
        problems.append(Problem(str(path), "there is no such file", "write one with `koppel init`"))
    except UnicodeDecodeError as error:
        remedy = "save the file as UTF-8"
        problems.append(Problem(path.name, f"byte {error.start + 1} is not UTF-8 text", remedy))
    except OSError as error:
        problems.append(Problem(str(path), f"cannot be read: {error.strerror}", "check the path and its rights"))
    except tomllib.TOMLDecodeError as error:
        problems.extend(_broken(path.name, text.replace("\r\n", "\n"), str(error)))
    else:
        return Node(values, (), Document(path.name, lines_of(text), problems))
    return None


def _broken(file: str, text: str, message: str) -> list[Problem]:
    """Why a text is not TOML: what is given twice, or the parser's line and sentence."""
    twice = given_twice(text)
    if twice and message.startswith(_TWICE):
        remedy = "keep one of the two"
        return [
            Problem(f"{file}:{line} {show_path(path)}", f"this is given a second time, first in line {first}", remedy)
            for path, first, line in twice
        ]
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    sentence = message[: found.start()] if found else message
    line = found[1] if found and found[1] else str(text.count("\n", 0, len(text.rstrip())) + 1)
    column = f", column {found[2]}" if found and found[2] else ""
    what = f"this is not TOML: {sentence[:1].lower()}{sentence[1:]} (noticed in line {line}{column})"
    remedy = "mend it or the line before" if column else "a list, a table or a text is opened and not closed"
    if column:
        remedy = next((said for start, said in _REMEDIES.items() if sentence.startswith(start)), remedy)
    return [Problem(f"{file}:{line}", what, remedy)]


def _check_stage(root: Node) -> None:
    """A stage says how to reach other systems; what is synchronised stays the same in every stage."""
    for key, node in root.tables():
        if key != "systems":
            node.problem(f"{key!r} cannot be changed by a stage", "a stage file holds [systems.NAME] tables only")


def _koppel(root: Node) -> dict[str, str]:
    node = root.get("koppel")
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        wrong_type(node, "a table")
    check_keys(node, (setting.name for setting in KOPPEL_SETTINGS))
    values = read_table(KOPPEL_SETTINGS, node.get)
    if store := node.get("store"):
        parsed(store, lambda text: check_reference(text, "store"))
    return values


def _mappings(root: Node) -> dict[str, Mapping]:
    mappings, defaults, systems = root.get("mappings"), root.get("defaults"), root.get("systems")
    if defaults is not None:
        _check_defaults(defaults)
    if mappings is None:
        return {}
    if not isinstance(mappings.value, dict):
        wrong_type(mappings, "a table of mappings")
    names = [name for name, _ in systems.tables()] if systems else []
    read: list[ReadMapping] = []
    for name, node in mappings.tables():
        if not name.strip() or not name.isprintable():
            node.problem("this cannot be the name of a mapping", "use letters, digits and blanks")
        if found := read_mapping(name, node, defaults, names):
            read.append(found)
    order_problems(read, [name for name, _ in mappings.tables()], names)
    return {found.mapping.name: found.mapping for found in read}


def _check_defaults(node: Node) -> None:
    """What a mapping would not notice: keys that no mapping has, and values that every mapping overrides."""
    if not isinstance(node.value, dict):
        wrong_type(node, "a table")
    check_keys(node, (setting.name for setting in POLICY_SETTINGS))
    # `erp wins` can only be read where the two systems are known, by the mapping.
    plain = tuple(setting for setting in POLICY_SETTINGS if setting.words not in (OnConflict, FirstContact))
    read_table(plain, node.get)
