"""What is written is read back the same: koppel.toml, and the mapping documents that the store keeps (DESIGN 9)."""

# ruff: noqa: E501 (files as they are written)

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from koppel.config import (
    Configuration,
    Connector,
    Environment,
    SystemConfig,
    dump,
    load,
    mapping_document,
    mapping_from_document,
)
from koppel.errors import ConfigurationError
from koppel.model.mapping import Mapping
from tests.config.strategies import mappings


@given(mappings())
def test_a_mapping_document_round_trips_through_json(mapping: Mapping) -> None:
    document = mapping_document(mapping)
    assert mapping_from_document(json.loads(json.dumps(document))) == mapping


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mappings())
def test_a_configuration_round_trips_through_toml(tmp_path: Path, mapping: Mapping) -> None:
    path = tmp_path / "koppel.toml"
    # Alone in the file: other mappings it names would have to exist.
    lines = tuple(replace(line, reference=None, clear_on_failed=False) for line in mapping.fields)
    mapping = replace(mapping, after=(), fields=lines)
    configuration = Configuration(
        path=path,
        store=f"sqlite:///{tmp_path}/koppel.db",
        environment=Environment.SANDBOX,
        systems={
            "erp": SystemConfig("erp", Connector.SQL, "env:ERP_URL", "Europe/Amsterdam"),
            "crm": SystemConfig(
                "crm",
                Connector.SQL,
                f"sqlite:///{tmp_path}/crm.db",
                "UTC",
                {"fields": {"account table": {"a b": "code"}}},
            ),
        },
        mappings={"CUSTOMER": mapping, "SHIPPING AGENT": replace(mapping, name="SHIPPING AGENT")},
    )
    path.write_text(dump(configuration), encoding="utf-8", newline="")
    assert load(path) == configuration


def test_what_is_written_holds_the_references_and_relative_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configuration never holds, shows or writes the value behind a reference."""
    monkeypatch.setenv("CRM_URL", "geheim")
    path = tmp_path / "koppel.toml"
    path.write_text(
        "[systems.erp]\nconnector = 'sql'\nurl = 'sqlite:///erp.db'\n[systems.crm]\nconnector = 'sql'\nurl = 'env:CRM_URL'\n"
        "[mappings.A]\nleft = 'erp.a'\nright = 'crm.b'\nfields = ['a <-> b']\n"
    )
    configuration = load(path)
    assert configuration.system_url("crm") == "geheim"
    assert "geheim" not in repr(configuration) + dump(configuration)
    assert dump(configuration) == (
        '[koppel]\nstore = "sqlite:///koppel.db"\nenvironment = "production"\n\n'
        '[systems.erp]\nconnector = "sql"\nurl = "sqlite:///erp.db"\n\n'
        '[systems.crm]\nconnector = "sql"\nurl = "env:CRM_URL"\n\n'
        '[mappings.A]\nleft = "erp.a"\nright = "crm.b"\ndirection = "<->"\nfields = [\n    "a <-> b",\n]\n'
    )


def test_a_document_says_every_setting() -> None:
    """A default that changes later must not change a stored version."""
    document = mapping_document(mapping_from_document(SMALL))
    assert document["fields"] == [{"left": "a", "right": "b", "direction": "<->", "convert_left": []}]
    assert (document["name"], document["on_conflict"], document["guard_rows"]) == ("A", "ask", 50)


SMALL = {"name": "A", "left": "erp.a", "right": "crm.b", "fields": ["a <-> b"]}


def test_a_broken_document_is_told_like_a_broken_file() -> None:
    broken = {**SMALL, "fields": [{"left": "a", "right": "b", "direction": "<>"}], "drift": "x", "later": 1}
    with pytest.raises(ConfigurationError) as caught:
        mapping_from_document(broken)
    assert [(problem.where, problem.what) for problem in caught.value.problems] == [
        ("A.later", "unknown setting 'later'"),
        ("A.drift", "unknown value 'x'"),
        ("A.fields[0].direction", "unknown value '<>'"),
    ]
