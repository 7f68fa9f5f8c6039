"""Writes a configuration as koppel.toml: what differs from the defaults, with the fields as short lines."""

from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Array, String, Table

from koppel.config.configuration import Configuration, SystemConfig
from koppel.config.mapping_table import mapping_values
from koppel.config.secret import relative_url
from koppel.config.settings import MAPPING_SETTINGS
from koppel.model.mapping import Mapping

# Said even when it is the default: what a reader of the file looks for first.
_ALWAYS = ("direction",)
_ONE_LINE = ("after", "left_key", "right_key")


def dump(configuration: Configuration) -> str:
    """The text of a koppel.toml that `load` reads back to an equal configuration. References stay references."""
    document = tomlkit.document()
    koppel = tomlkit.table()
    koppel.add("store", relative_url(configuration.store, configuration.folder))
    koppel.add("environment", configuration.environment.value)
    document.add("koppel", koppel)
    systems, mappings = tomlkit.table(is_super_table=True), tomlkit.table(is_super_table=True)
    for system in configuration.systems.values():
        systems.add(system.name, _system(system, configuration.folder))
    document.add("systems", systems)
    for mapping in configuration.mappings.values():
        mappings.add(mapping.name, _mapping(mapping))
    if configuration.mappings:
        document.add("mappings", mappings)
    return tomlkit.dumps(document)


def _system(system: SystemConfig, folder: Path) -> Table:
    table = tomlkit.table()
    table.add("connector", system.connector.value)
    table.add("url", relative_url(system.url, folder))
    if system.timezone != "UTC":
        table.add("timezone", system.timezone)
    for name, value in system.options.items():
        table.add(name, value)
    return table


def _mapping(mapping: Mapping) -> Table:
    defaults = {setting.name: setting.default for setting in MAPPING_SETTINGS if setting.name not in _ALWAYS}
    table = tomlkit.table()
    for name, value in mapping_values(mapping).items():
        if isinstance(value, list):
            table.add(name, _array(value, one_line=name in _ONE_LINE))
        elif value != defaults.get(name):
            table.add(name, _text(value) if isinstance(value, str) else value)
    return table


def _array(values: list[Any], one_line: bool) -> Array:
    array = tomlkit.array()
    for value in values:
        array.append(_array(value, one_line=True) if isinstance(value, list) else _text(value))
    return array.multiline(not one_line)


def _text(value: str) -> String:
    """In single quotes where that saves escaping names in double quotes."""
    return tomlkit.string(value, literal='"' in value and "'" not in value and value.isprintable())
