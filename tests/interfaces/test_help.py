"""Help: every command has it, it is instant, and docs/reference/commands.md knows every command and option."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from cyclopts import App

from koppel import __version__
from koppel.cli.program import program, run
from tests.interfaces.desk import PROGRAM, ROOT, environment

COMMANDS = [
    "init", "check", "plan", "approve", "sync", "full", "review", "answer", "couple", "uncouple", "match", "explain",
    "jobs", "errors", "conflicts", "resolve", "retry", "apply", "export", "systems", "demo",
    "worker", "pause", "resume", "db", "sandbox", "certify",
]  # fmt: skip
PAGE = ROOT / "docs" / "reference" / "commands.md"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert f"koppel {command}" in told
    for option in ("--config", "--stage", "--json", "--yes", "--quiet"):
        assert option in told


def test_the_first_page_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    for command in COMMANDS:
        assert re.search(rf"^[\s│]*{command}\b", told, flags=re.M), command


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(option: str) -> None:
    """Libraries: our own imports cost more than the CLI's; `koppel --help` must be instant."""
    heavy = "{'polars', 'numpy', 'sqlalchemy', 'koppel.app'} & set(sys.modules)"
    wrapped = f"import atexit, sys\natexit.register(lambda: print(sorted({heavy})))\n{PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-c", wrapped, option], env=environment({}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert option == "--help" or f"koppel {__version__}" in done.stdout


def _commands(app: App, path: str = "") -> Iterator[tuple[str, App]]:
    for name in app:
        if not name.startswith("-"):
            yield f"{path} {name}".strip(), app[name]
            yield from _commands(app[name], f"{path} {name}".strip())


def test_options_are_not_taken_by_position(capsys: pytest.CaptureFixture[str]) -> None:
    """A word too many is a mistake, never silently the configuration or the winner."""
    for words in (["check", "x"], ["explain", "A", "B", "x"], ["couple", "A", "B", "C", "x"], ["jobs", "A", "x"]):
        assert run(words) == 2
        assert "x" in capsys.readouterr().err


def test_the_page_knows_every_command_and_option() -> None:
    """There is a section per command, in which its options stand; those of all commands stand in their own."""
    text = PAGE.read_text("utf-8")
    sections = dict(re.findall(r"^#{2,3} `koppel ([a-z ]+)`\n(.*?)(?=^#{2,3} |\Z)", text, flags=re.M | re.S))
    everywhere = re.search(r"^## With every command\n(.*?)^## ", text, flags=re.M | re.S)
    assert everywhere is not None
    found = dict(_commands(program()))
    assert sections.keys() == found.keys()
    for command, app in found.items():
        for argument in app.assemble_argument_collection():
            for name in argument.names:
                if name.startswith("--"):
                    assert f"`{name}" in sections[command] or f"`{name}" in everywhere[1], f"{command} {name}"
        named = set(re.findall(r"`(--[a-z-]+)", sections[command]))
        known = {name for argument in app.assemble_argument_collection() for name in argument.names}
        assert named <= known, f"{command}: {sorted(named - known)} do not exist"
