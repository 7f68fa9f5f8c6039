"""The JSON Schema of koppel.toml, for editors; published as `docs/koppel.schema.json`.

It describes names and forms. What needs more than one value to judge (a cycle, two lines writing one field, an unknown
system) only `load` can tell.
"""

import json
from typing import Any

from koppel.config.settings import (
    FIELD_SETTINGS,
    KOPPEL_SETTINGS,
    MAPPING_SETTINGS,
    POLICY_SETTINGS,
    SIGN_IN_SETTINGS,
    SYSTEM_SETTINGS,
    Form,
    Setting,
)
from koppel.model.values import Kind

Schema = dict[str, Any]

_NUMBER_FROM_0: Schema = {"type": "number", "minimum": 0}
_NAMES: Schema = {"type": "array", "items": {"type": "string"}}
_FORMS: dict[Form, Schema] = {
    Form.TEXT: {"type": "string"},
    Form.BOOLEAN: {"type": "boolean"},
    Form.COUNT: {"type": "integer", "minimum": 0},
    Form.NUMBER: _NUMBER_FROM_0,
    Form.PERCENT: {"type": "integer", "minimum": 0, "maximum": 100},
    Form.PERIOD: {"type": "string", "pattern": r"^(off|[1-9][0-9]{0,4}[smhd])$"},
    Form.NAMES: _NAMES,
    Form.KEY: {"anyOf": [{"type": "string"}, _NAMES | {"minItems": 1}]},
    Form.GROUPS: {"type": "array", "items": _NAMES},
    Form.TABLE: {"type": "string", "pattern": r"^[^.]+\..+$"},
    Form.FILTER: {"type": "string"},
    Form.NUMBERS: {"type": "string", "pattern": r"^(series|client id|reserved \S*\d\.\.\S*\d)$"},
    Form.ASSIGNMENT: {"type": "string", "pattern": "="},
    Form.RULES: {"type": "array", "items": {"type": "string", "pattern": "="}},
    Form.FIELDS: {
        "type": "array",
        "items": {"anyOf": [{"type": "string", "pattern": "->|<-"}, {"$ref": "#/$defs/field"}]},
    },
    Form.CALLS: _NAMES,
    Form.CONSTANT: {"type": ["string", "integer", "boolean"]},
    Form.KINDS: {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "additionalProperties": {"enum": [kind.value for kind in Kind]},
        },
    },
    Form.SIGN_IN: {"$ref": "#/$defs/auth"},
}


def json_schema() -> Schema:
    """The schema as values that JSON knows."""
    mapping = _table(MAPPING_SETTINGS)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "koppel.toml",
        "type": "object",
        "additionalProperties": False,
        "required": ["systems"],
        "properties": {
            "koppel": _table(KOPPEL_SETTINGS),
            "systems": {"type": "object", "minProperties": 1, "additionalProperties": _table(SYSTEM_SETTINGS)},
            "defaults": _table(POLICY_SETTINGS),
            "mappings": {"type": "object", "additionalProperties": mapping},
        },
        "$defs": {"field": _table(FIELD_SETTINGS), "auth": _table(SIGN_IN_SETTINGS)},
    }


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _table(settings: tuple[Setting, ...]) -> Schema:
    schema: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {setting.name: _setting(setting) for setting in settings},
    }
    required = [setting.name for setting in settings if setting.required]
    return schema | ({"required": required} if required else {})


def _setting(setting: Setting) -> Schema:
    if setting.words is None:
        schema = dict(_FORMS[setting.form])
    elif "left wins" in (words := [word.value for word in setting.words]):
        # A system's name may stand for its side: `erp wins`.
        schema = {"anyOf": [{"enum": words}, {"type": "string", "pattern": "^.+ wins$"}]}
    else:
        schema = {"enum": words}
    schema["description"] = setting.doc
    return schema | ({"default": setting.default} if setting.default is not None else {})
