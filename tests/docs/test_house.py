"""The rules of the house, as tests: size budgets, docstrings, names, layers the linter cannot see, pins, wheel, README.

Each test lists every offender with file and line, so one run shows all there is to mend. An exception to a budget
stands in the two tables below with its reason, and goes when it is no longer needed.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "koppel"
PYTHON_FOLDERS = ("src", "tests", "benchmarks")

FUNCTION_LINES = 40
FILE_LINES = 400
LONG_FUNCTIONS: dict[str, str] = {}  # "koppel.package.module.function" -> why it is better in one piece
LONG_FILES: dict[str, str] = {}  # "src/koppel/..." -> why it is better in one file

BANNED_MODULES = {"utils", "helpers", "common", "manager", "handler", "base"}
PURE = ("errors", "model", "ports", "reconcile", "transform")
# A clock or a die behind an import the linter has to allow (datetime, numpy), and I/O that needs no import.
IMPURE_ATTRIBUTES = {"now", "utcnow", "today", "random"}
IMPURE_CALLS = {"open", "input", "print"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """Every Python file below the folders of the repository that exist, sorted."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    """Dotted name of a file below src: src/koppel/model/__init__.py is koppel.model."""
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def line_count(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def shown(path: Path, line: int = 1) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def none_of(offenders: Iterable[str], advice: str = "") -> None:
    """Fail with all of them, a line each; an assert would cut a long list short."""
    if lines := [*offenders]:
        pytest.fail("\n".join([*lines, advice]).rstrip(), pytrace=False)


TREES = {path: ast.parse(path.read_text("utf-8")) for path in python_files("src")}


def definitions(tree: ast.Module, prefix: str) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    """Every class and function of a module at any depth, with its dotted name."""
    waiting: list[tuple[str, ast.AST]] = [(prefix, tree)]
    for name, node in waiting:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | Function):
                waiting.append((f"{name}.{child.name}", child))
                yield f"{name}.{child.name}", child
            else:
                waiting.append((name, child))


def body_lines(function: Function) -> int:
    """Lines from `def` to the end, without the docstring: explaining more must never cost."""
    length = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return length
    docstring = function.body[0]
    return length - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def test_there_is_source_to_judge() -> None:
    assert SOURCE / "__init__.py" in TREES


def test_functions_fit_on_a_screen() -> None:
    long = {
        name: f"{shown(path, node.lineno)} {name} has {body_lines(node)} lines, {FUNCTION_LINES} are allowed"
        for path, tree in TREES.items()
        for name, node in definitions(tree, module_name(path))
        if isinstance(node, Function) and body_lines(node) > FUNCTION_LINES
    }
    none_of(message for name, message in long.items() if name not in LONG_FUNCTIONS)
    none_of(LONG_FUNCTIONS.keys() - long.keys(), "are not too long any more: take them off the list")


def test_files_fit_in_a_head() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): line_count(path) for path in python_files(*PYTHON_FOLDERS)}
    long = {name: f"{name} has {n} lines, {FILE_LINES} are allowed" for name, n in lengths.items() if n > FILE_LINES}
    none_of(message for name, message in long.items() if name not in LONG_FILES)
    none_of(LONG_FILES.keys() - long.keys(), "are not too long any more: take them off the list")


def port_methods() -> set[str]:
    """Methods that ports.py explains once for every system, table and store."""
    tree = TREES.get(SOURCE / "ports.py", ast.Module(body=[], type_ignores=[]))
    return {
        method.name
        for port in tree.body
        if isinstance(port, ast.ClassDef)
        for method in port.body
        if isinstance(method, Function) and ast.get_docstring(method) is not None
    }


def public_without_docstring(body: list[ast.stmt], explained: set[str]) -> Iterator[ast.ClassDef | Function]:
    """Public classes and functions of a body that say nothing, and the methods of its public classes."""
    for node in body:
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
            continue
        decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
        excused = node.name in explained or decorators & {"overload", "override", "setter", "deleter"}
        if ast.get_docstring(node) is None and not excused:
            yield node
        if isinstance(node, ast.ClassDef):
            is_port = any(ast.unparse(base).partition("[")[0].endswith("Protocol") for base in node.bases)
            yield from public_without_docstring(node.body, set() if is_port else port_methods())


def test_everything_public_says_what_it_is_for() -> None:
    silent = [shown(path) for path, tree in TREES.items() if ast.get_docstring(tree) is None]
    for path, tree in TREES.items():
        if not path.stem.startswith("_") or path.stem.startswith("__"):
            silent += [f"{shown(path, node.lineno)} {node.name}" for node in public_without_docstring(tree.body, set())]
    none_of(silent, "have no docstring")


def test_modules_have_names_that_say_something() -> None:
    none_of(shown(path) for path in TREES if BANNED_MODULES & {*path.relative_to(SOURCE).with_suffix("").parts})


def test_only_the_command_line_and_the_demo_print() -> None:
    none_of(
        shown(path, node.lineno)
        for path, tree in TREES.items()
        if path.relative_to(SOURCE).parts[0] not in {"cli", "cli.py", "demo"}
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    )


def test_pure_packages_take_no_clock_no_die_and_no_file() -> None:
    """DESIGN 6: "the pure packages import no I/O, clock, randomness, logging", where an import does not show it."""
    none_of(
        f"{shown(path, node.lineno)} {ast.unparse(node)}"
        for path, tree in TREES.items()
        if path.relative_to(SOURCE).with_suffix("").parts[0] in PURE
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in IMPURE_ATTRIBUTES)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS)
    )


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    texts = [*python_files(*PYTHON_FOLDERS), *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    texts += [ROOT / "Makefile", ROOT / "pyproject.toml", *sorted((ROOT / "scripts").iterdir())]
    none_of(
        shown(path, number)
        for path in texts
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if marks.search(line)
    )


# Packaging


def project() -> dict[str, Any]:
    """The [project] table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return table


def wanted(extra: str | None = None) -> list[Requirement]:
    """What pyproject.toml asks for, of the project itself or of one of its extras."""
    lines = project()["dependencies"] if extra is None else project()["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def pins(file: str) -> dict[str, Requirement]:
    """Package -> pinned requirement; every one must be exact and carry hashes."""
    text = (ROOT / "requirements" / file).read_text("utf-8")
    entries = re.sub(r"^\s*#.*\n?", "", text, flags=re.M).replace("\\\n", " ")
    found: dict[str, Requirement] = {}
    for entry in filter(None, map(str.strip, entries.splitlines())):
        requirement, *hashes = re.split(r"\s+--hash=sha256:", entry)
        pin = Requirement(requirement)
        assert hashes and all(re.fullmatch(r"[0-9a-f]{64}", value.strip()) for value in hashes), entry
        assert [part.operator for part in pin.specifier] == ["=="], entry
        assert canonicalize_name(pin.name) not in found, f"{pin.name} is pinned twice"
        found[canonicalize_name(pin.name)] = pin
    return found


@pytest.mark.parametrize("file", ["run.txt", "dev.txt"])
def test_pins_name_no_address(file: str) -> None:
    """A host in the pins would decide for every user where packages come from (libraries.md, machine notes)."""
    address = re.compile(r"https?:|file:|git\+|--(extra-)?index|--find-links|--trusted-host|\bpypi\.", re.I)
    lines = (ROOT / "requirements" / file).read_text("utf-8").splitlines()
    none_of(line for line in lines if address.search(line))


def test_pins_fit_what_the_project_asks_for() -> None:
    run, dev = pins("run.txt"), pins("dev.txt")
    asked = [(wanted(), run), (wanted(), dev), (wanted("dev"), dev)]
    none_of(
        (
            f"{requirement} is pinned as {pin}"
            for requirements, pinned in asked
            for requirement in requirements
            if (pin := pinned.get(canonicalize_name(requirement.name))) is None
            or not requirement.specifier.contains(next(iter(pin.specifier)).version)
        ),
        "run: make pins",
    )
    # Versions only: what more is asked for may widen where a package is needed.
    assert {name: dev[name].specifier for name in run} == {name: pin.specifier for name, pin in run.items()}


def test_dependencies_are_bounded_and_fingerprints_are_exact() -> None:
    """Libraries: "pin polars-hash with polars", "pin the major" of sqlglot; the rest has a lower and an upper bound."""
    operators = {requirement.name: {part.operator for part in requirement.specifier} for requirement in wanted()}
    exact = {name for name, found in operators.items() if found == {"=="}}
    assert exact == {"polars", "polars-hash"}
    assert {name for name, found in operators.items() if name not in exact and found != {">=", "<"}} == set()
    sqlglot = next(requirement.specifier for requirement in wanted() if requirement.name == "sqlglot")
    assert sqlglot.contains("30.99.0") and not sqlglot.contains("31.0.0")


def test_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    """Data files too (presets, SQL, py.typed): what is ignored by git would silently be left out of the wheel."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith("koppel/")}
    files = {path.relative_to(SOURCE.parent).as_posix() for path in SOURCE.rglob("*") if path.is_file()}
    assert packed == {name for name in files if "__pycache__" not in name}


def test_make_explains_what_it_promises() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    explained = set(re.findall(r"^([a-z]+):.*  ## \S", makefile, flags=re.M))
    assert {"help", "demo", "test", "check", "simulate", "bench"} <= explained
    phony = re.search(r"^\.PHONY: (.+)$", makefile, flags=re.M)
    assert phony is not None and explained == set(phony[1].split())


# README


def commands_named(text: str) -> set[str]:
    """First words after `koppel` in the inline code and the fenced blocks of a Markdown text."""
    fences = re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.M | re.S)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    lines = [line for fence in fences for line in fence.splitlines()] + re.findall(r"`([^`\n]+)`", prose)
    called = (re.match(r"\s*(?:[$>]\s+)?(?:\S*/)?koppel\s+([a-z][a-z-]*)(?=\s|$)", line) for line in lines)
    return {match[1] for match in called if match is not None}


def commands_offered() -> str:
    """What `koppel --help` prints, without colour and wide enough not to break a name."""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
    program = "from koppel.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "--help"], env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_commands_in_a_text_are_found() -> None:
    text = "koppel keeps `koppel sync X`, `koppel --help`\n```sh\n$ .venv/bin/koppel full --yes\nkoppel.toml x\n```\n"
    assert commands_named(text) == {"sync", "full"}


@pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="there is no README.md yet")
def test_readme_is_shipped_and_names_only_commands_that_exist() -> None:
    assert project().get("readme") == "README.md", "the wheel should carry the README"
    named = commands_named((ROOT / "README.md").read_text("utf-8"))
    assert named, "a README that shows no command helps nobody to start"
    offered = commands_offered()
    unknown = (name for name in sorted(named) if not re.search(rf"^[\s│|]*{name}\b", offered, flags=re.M))
    none_of(unknown, "are in the README, but `koppel --help` does not offer them")
