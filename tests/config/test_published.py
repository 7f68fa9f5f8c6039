"""What is published about the configuration is true: the JSON Schema, the tables, the examples and the defaults."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from koppel.config import load, parse_field
from koppel.config.schema import json_schema, schema_text
from koppel.config.settings import (
    FIELD_SETTINGS,
    KOPPEL_SETTINGS,
    MAPPING_SETTINGS,
    POLICY_SETTINGS,
    SIGN_IN_SETTINGS,
    SYSTEM_SETTINGS,
    Setting,
)
from koppel.config.words import format_period
from koppel.model.mapping import Mapping
from koppel.transform.registry import CONVERSIONS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reference" / "configuration.md"


def test_the_published_schema_is_up_to_date() -> None:
    """Write it again with: python -c "from koppel.config.schema import schema_text as t; print(t(), end='')"."""
    assert (DOCS / "koppel.schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_schema_knows_exactly_the_settings() -> None:
    properties = json_schema()["properties"]
    assert list(properties["mappings"]["additionalProperties"]["properties"]) == [s.name for s in MAPPING_SETTINGS]
    assert properties["mappings"]["additionalProperties"]["required"] == ["left", "right", "fields"]
    assert properties["systems"]["additionalProperties"]["required"] == ["connector", "url"]
    assert json_schema()["$defs"]["field"]["additionalProperties"] is False
    assert json.loads(schema_text()) == json_schema()


def test_the_defaults_said_are_the_defaults_of_the_model() -> None:
    model = {field.name: field.default for field in dataclasses.fields(Mapping)}
    model["every"] = format_period(Mapping.every_seconds)
    assert {setting.name: model[setting.name] for setting in POLICY_SETTINGS} == {
        setting.name: setting.default for setting in POLICY_SETTINGS
    }


@pytest.mark.parametrize(
    ("heading", "settings"),
    [
        ("`[koppel]`", KOPPEL_SETTINGS),
        ("`[systems.NAME]`", SYSTEM_SETTINGS),
        ("`auth`", SIGN_IN_SETTINGS),
        ("`[mappings.NAME]`", [s for s in MAPPING_SETTINGS if s not in POLICY_SETTINGS]),
        ("`[defaults]` and every mapping", POLICY_SETTINGS),
        ("The long form", FIELD_SETTINGS),
    ],
)
def test_the_page_has_a_row_for_every_setting(heading: str, settings: list[Setting]) -> None:
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [_row(setting) for setting in settings]


def _row(setting: Setting) -> str:
    words = ", ".join(f"`{word.value}`" for word in setting.words) if setting.words else setting.form.value
    default = json.dumps(setting.default) if setting.default is not None else ""
    shown = "**required**" if setting.required else f"`{default}`" if default else ""
    return f"| `{setting.name}` | {words} | {shown} | {setting.doc} |"


def test_the_page_lists_every_conversion() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = []
    for conversion in CONVERSIONS.values():
        arguments = ", ".join(argument.name for argument in conversion.arguments) + (
            ", …" if conversion.repeats else ""
        )
        rows.append(f"| `{conversion.name}{f'({arguments})' if arguments else ''}` | {conversion.doc} |")
    assert [row for row in page.splitlines() if row in rows] == rows


def test_the_examples_of_the_page_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every TOML block is a whole file or a fragment of one; every field line in a table is read."""
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert blocks
    path = tmp_path / "koppel.toml"
    path.write_text(blocks[0], encoding="utf-8")
    assert list(load(path).mappings) == ["CURRENCY", "CUSTOMER"]
    (tmp_path / "koppel.test.toml").write_text(blocks[1], encoding="utf-8")
    assert load(path, "test").systems["crm"].url == f"sqlite:///{tmp_path}/crm-test.db"
    lines = re.findall(r"^\| `\"(.*)\"` \|", page, re.MULTILINE)
    assert len(lines) > 10
    for line in lines:
        parse_field(line.replace("\\|", "|").replace('\\"', '"'), ("erp", "crm"))
