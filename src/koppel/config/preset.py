"""Ready-made configurations that `koppel init` writes: files under `presets`, with comments that explain each block.

A file may hold lines for one API of Business Central only. `#!` at the end of such a line says which: `standard` (the
standard pages), `app` (the pages of an app) or `never`; a reason behind a colon makes a field line that is left out a
comment that says so.
"""

import re
from dataclasses import dataclass
from importlib.resources import files

import tomlkit
from tomlkit.items import Table

from koppel.config.document import Mistake, did_you_mean
from koppel.config.systems_table import api_named
from koppel.errors import ConfigurationError, Problem
from koppel.model.api import STANDARD_API

PRESETS = ("business-central-dataverse", "demo-sql")

_LOCAL_CURRENCY = "blank = 'EUR'"
_MAPPING = re.compile(r"\[mappings\.(\w+)\]")
_MARKED = re.compile(r"(?P<line>.*?)\s+#! (?P<where>standard|app|never)(: (?P<reason>.*))?")


@dataclass(frozen=True)
class DroppedField:
    """A field line of Business Central's own connector that the preset leaves out."""

    mapping: str
    line: str
    reason: str


@dataclass(frozen=True)
class Preset:
    """The text of a koppel.toml. `dropped`: the default fields that are missing from it, in their order."""

    text: str
    dropped: tuple[DroppedField, ...] = ()


def preset(name: str, **replacements: str) -> Preset:
    """A preset, with some of its values replaced.

    `replacements`: `store`, `environment`, `local_currency` (the ISO code that a blank currency stands for), each
    system's name for its URL, such as `bc = "sqlite:///bc.db"`, and where Business Central is reached through an API,
    `api`: v2.0 or publisher/group/version. Raises ConfigurationError for an unknown name.
    """
    if name not in PRESETS:
        near = did_you_mean(name.replace("_", "-"), PRESETS)
        raise ConfigurationError([Problem("", f"there is no preset {name!r}", near)])
    written = files("koppel.config").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
    chosen = _for_api(written, "standard" if replacements.get("api", STANDARD_API) == STANDARD_API else "app")
    return Preset(_replaced(chosen.text, dict(replacements)), chosen.dropped)


def _for_api(text: str, pages: str) -> Preset:
    """Without the lines that are for other pages."""
    mapping, lines, dropped = "", [], []
    for line in text.splitlines():
        if found := _MAPPING.fullmatch(line):
            mapping = found[1]
        marked = _MARKED.fullmatch(line)
        if marked is None:
            lines.append(line)
        elif marked["where"] == pages:
            lines.append(marked["line"])
        elif marked["reason"]:
            field = re.sub(r"\s+", " ", marked["line"].strip().strip('",')).strip()
            dropped.append(DroppedField(mapping, field, marked["reason"]))
            lines.append(f"  # {marked['line'].strip().rstrip(',')}  left out: {marked['reason']}")
    return Preset("\n".join(lines) + "\n", tuple(dropped))


def _replaced(text: str, replacements: dict[str, str]) -> str:
    document = tomlkit.parse(text)
    koppel, systems = document["koppel"], document["systems"]
    assert isinstance(koppel, Table) and isinstance(systems, Table), "a preset has these tables"
    with_api = [system for system in systems.values() if "api" in system]
    known = (*koppel, *systems, "local_currency", *(["api"] if with_api else []))
    unknown = [key for key in replacements if key not in known]
    if unknown:
        problems = [Problem("", f"the preset has no {key!r} to replace", did_you_mean(key, known)) for key in unknown]
        raise ConfigurationError(problems)
    currency, api = replacements.pop("local_currency", None), replacements.pop("api", None)
    for key, value in replacements.items():
        if key in koppel:
            koppel[key] = value
        else:
            system = systems[key]
            assert isinstance(system, Table), "a system is a table"
            system["url"] = value
    if api is not None:
        for system in with_api:
            system["api"] = _checked(api)
    replaced = tomlkit.dumps(document)
    return replaced if currency is None else replaced.replace(_LOCAL_CURRENCY, f"blank = '{currency}'")


def _checked(api: str) -> str:
    try:
        return api_named(api)
    except Mistake as mistake:
        raise ConfigurationError([Problem("api", mistake.what, mistake.remedy)]) from None
