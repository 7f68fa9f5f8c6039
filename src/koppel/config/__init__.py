"""koppel.toml and the values it means: read with all mistakes at once, written back, kept as documents, preset."""

from koppel.config.configuration import Configuration, SystemConfig
from koppel.config.dump import dump
from koppel.config.field_line import parse_field
from koppel.config.field_text import format_field
from koppel.config.load import load
from koppel.config.mapping_table import mapping_document, mapping_from_document
from koppel.config.preset import PRESETS, DroppedField, Preset, preset
from koppel.config.schema import json_schema
from koppel.config.secret import resolve_secret
from koppel.config.settings import Connector, Environment

__all__ = [
    "PRESETS",
    "Configuration",
    "Connector",
    "DroppedField",
    "Environment",
    "Preset",
    "SystemConfig",
    "dump",
    "format_field",
    "json_schema",
    "load",
    "mapping_document",
    "mapping_from_document",
    "parse_field",
    "preset",
    "resolve_secret",
]
