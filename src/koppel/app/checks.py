"""Applying a configuration, and knowing which installation a name stands for."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from koppel.app.checking import check_system
from koppel.app.levels import Workplace
from koppel.app.report import ApplyLine, CheckLine
from koppel.config import Configuration, mapping_document
from koppel.errors import ConfigurationError, Problem
from koppel.model.mapping import Mapping as TableMapping
from koppel.model.policy import Side
from koppel.store import SqlStore

ADOPT_REASONS = ("copy", "restored", "moved")


def select(mappings: Mapping[str, TableMapping], names: Sequence[str], page: str | None) -> list[str]:
    """The mappings meant, in file order; all when nothing is named. Raises `ConfigurationError` for what does not
    exist.
    """
    if not mappings:
        remedy = "line two tables up under [mappings.NAME]; koppel init --help tells of an example"
        raise ConfigurationError([Problem("", "no mapping is configured", remedy)])
    unknown = [name for name in names if name not in mappings]
    if unknown:
        raise ConfigurationError([_unknown(name, mappings) for name in unknown])
    chosen = [name for name in mappings if not names or name in names]
    if page is None:
        return chosen
    of_page = [name for name in chosen if mappings[name].page == page]
    if not of_page:
        pages = dict.fromkeys(mapping.page for mapping in mappings.values() if mapping.page)
        raise ConfigurationError(
            [Problem("", f"no mapping is on page {page!r}", f"there are {', '.join(pages) or 'no pages'}")]
        )
    return of_page


def _unknown(name: str, mappings: Mapping[str, TableMapping]) -> Problem:
    near = get_close_matches(name.upper(), mappings, n=1)
    return Problem(
        "", f"there is no mapping {name!r}", f"did you mean {near[0]}?" if near else f"there are {', '.join(mappings)}"
    )


def side_of(mapping: TableMapping, word: str) -> Side:
    """The side that 'left', 'right' or a system's name means."""
    words = {"left": Side.LEFT, "right": Side.RIGHT}
    if mapping.left.system != mapping.right.system:
        words |= {mapping.left.system: Side.LEFT, mapping.right.system: Side.RIGHT}
    if word not in words:
        raise ConfigurationError(
            [Problem(mapping.name, f"{word!r} is neither of its systems", f"say one of {', '.join(words)}")]
        )
    return words[word]


def same_environment(configuration: Configuration, store: SqlStore) -> None:
    """A store belongs to production or to a sandbox for good. Raises `ConfigurationError`."""
    known = store.environment(str(configuration.environment))
    if known != configuration.environment:
        remedy = "use another store for another environment"
        raise ConfigurationError(
            [Problem("[koppel] environment", f"the store belongs to {known}, not {configuration.environment}", remedy)]
        )


def apply(workplace: Workplace, plan: bool) -> list[ApplyLine]:
    """How the configuration differs from what is in force; unless `plan`, it is in force from now on."""
    if not plan:
        problems = [problem for name in workplace.mappings for problem in _problems(workplace, name)]
        if problems:
            raise ConfigurationError(problems)
    lines = []
    for name, mapping in workplace.mappings.items():
        applied = workplace.store.applied_document(name)
        change = _change(None if applied is None else json.loads(applied), mapping_document(mapping))
        if change:
            lines.append(ApplyLine(name, change, workplace.store.count_couplings(name)))
        if change and not plan:
            workplace.store.apply_mapping(name, workplace.document(name))
    return lines


def _problems(workplace: Workplace, name: str) -> list[Problem]:
    try:
        workplace.connections.bind(workplace.mappings[name])
    except ConfigurationError as error:
        return error.problems
    return []


def _change(before: dict[str, object] | None, today: dict[str, object]) -> str:
    if before is None:
        return "new"
    keys = [key for key in dict.fromkeys((*before, *today)) if before.get(key) != today.get(key)]
    return f"changed: {', '.join(keys)}" if keys else ""


def systems(workplace: Workplace) -> list[CheckLine]:
    """Every system: reached or not, and whether it is the installation it was."""
    lines = []
    for name in workplace.connections.configuration.systems:
        line = check_system(workplace, name)
        known = workplace.store.system_identity(name)
        if line.well:
            identity = workplace.connections.identity(name)
            if known is not None and known != identity:
                text = f"not the installation it was: it was {known}, it is {identity}"
                line = CheckLine(name, False, text, f"koppel systems adopt {name} --as copy|restored|moved")
            else:
                line = CheckLine(name, True, f"{line.text}, {identity}")
        lines.append(line)
    return lines


def adopt(workplace: Workplace, name: str, reason: str) -> None:
    """Accept another installation behind a name.

    A copy or a restored one is read from the start: its stamps prove nothing any more. What a restored one holds is
    older than what was agreed, so every pair is a first contact again, and a person says whose values stand.
    """
    if reason not in ADOPT_REASONS:
        raise ConfigurationError(
            [Problem("--as", f"{reason!r} is not a reason", f"say one of {', '.join(ADOPT_REASONS)}")]
        )
    workplace.store.remember_system(name, workplace.connections.identity(name))
    if reason != "moved":
        for mapping in workplace.mappings.values():
            if name in (mapping.left.system, mapping.right.system):
                workplace.store.clear_watermarks(mapping.name)
                if reason == "restored":
                    workplace.store.forget_baselines(mapping.name)
