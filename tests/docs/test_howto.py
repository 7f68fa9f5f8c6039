"""The how-tos: their configurations load, and the commands and pages they name exist."""

import re
from pathlib import Path

import pytest

from koppel.config import load
from tests.docs.test_house import ROOT, commands_named, commands_offered

PAGES = sorted((ROOT / "docs" / "howto").glob("*.md"))
MAPPING = """
[systems.other]
connector = "sql"
url = "sqlite:///other.db"
[mappings.M]
left = "{system}.customers"
right = "other.customers"
fields = ["a <-> a"]
"""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_configuration_loads(page: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        (system,) = re.findall(r"\[systems\.(\w+)\]", block)
        (tmp_path / "koppel.toml").write_text(block + MAPPING.format(system=system), "utf-8")
        assert system in load(tmp_path / "koppel.toml").systems


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_links_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    offered = commands_offered()
    for name in commands_named(text):
        assert re.search(rf"^[\s│|]*{name}\b", offered, flags=re.MULTILINE), name
    for link in re.findall(r"\]\((?!https:)([^)#]+)", text):
        assert (page.parent / link).exists(), link
