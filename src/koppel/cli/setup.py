"""Commands around the configuration and the systems: init, check, apply, export, systems, demo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from koppel.cli.options import EVERYWHERE, Common, flag, opened, usage
from koppel.cli.screen import emit, out, tell
from koppel.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from koppel.app import CheckLine, DroppedField


def init(
    path: Annotated[
        Path | None, Parameter(name="PATH", help="The file, or the folder it is put in; else as --config says.")
    ] = None,
    /,
    *,
    preset: Annotated[
        str | None,
        Parameter(name="--preset", help="A ready-made configuration: business-central-dataverse, or demo-sql."),
    ] = None,
    left_url: Annotated[str | None, Parameter(name="--left-url", help="The URL of the first system.")] = None,
    right_url: Annotated[str | None, Parameter(name="--right-url", help="The URL of the second system.")] = None,
    api: Annotated[
        str | None,
        Parameter(
            name="--api", help="The API of Business Central: v2.0, or publisher/group/version of an app's pages."
        ),
    ] = None,
    common: Common = EVERYWHERE,
) -> int:
    """Write a new configuration: a preset, or a small example with comments. Never overwrites one."""
    from koppel.app import starter

    target = path or common.config
    if target.is_dir():
        target = target / "koppel.toml"
    made = starter(preset, left_url, right_url, api)
    _write_new(target, made.text)
    if common.json:
        emit({"path": str(target), "preset": preset, "dropped": made.dropped})
    else:
        out(f"{target} written.")
        if made.dropped:
            out(_dropped_fields(made.dropped))
        tell("→ koppel check, then koppel review", common.quiet)
    return 0


def _write_new(target: Path, text: str) -> None:
    """Write a file that is not there yet. Raises `ConfigurationError`."""
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigurationError(
            [Problem(str(target), "there is one already", "koppel check reads it; init never overwrites")]
        ) from None
    except OSError as error:
        raise ConfigurationError(
            [Problem(str(target), f"cannot be written: {error.strerror}", "check the folder and its rights")]
        ) from None


def _dropped_fields(dropped: Sequence[DroppedField]) -> str:
    """The default fields that are left out, those of several mappings once for all."""
    mappings: dict[tuple[str, str], list[str]] = {}
    for field in dropped:
        mappings.setdefault((field.line, field.reason), []).append(field.mapping)
    lines = [f"  {', '.join(names)}: {line}\n      {reason}" for (line, reason), names in mappings.items()]
    return "\n".join(["Of Business Central's default fields these are left out:", *lines])


def check(*, common: Common = EVERYWHERE) -> int:
    """Check the configuration against both systems: tables, fields, types, keys. Writes nothing."""
    with opened(common) as session:
        with session.bars.busy("Checking"):
            lines = session.koppel.check()
        _show_lines(lines, common)
    return 3 if any(line.unreachable for line in lines) else 2 if any(not line.well for line in lines) else 0


def _show_lines(lines: Sequence[CheckLine], common: Common) -> None:
    """One line per thing; what is wrong is told on stderr too when stdout holds the document."""
    if common.json:
        emit(lines)
    for line in lines:
        text = f"{'✗' if not line.well else '!' if line.warning else '✓'} {line.subject}: {line.text}" + (
            f"\n    → {line.remedy}" if line.remedy else ""
        )
        if not common.json:
            out(text)
        elif not line.well:
            tell(text)


def apply(
    *,
    plan: Annotated[bool, flag("--plan", "Only say what would change.")] = False,
    common: Common = EVERYWHERE,
) -> int:
    """Put the configuration in force, and say how it differs from before."""
    with opened(common) as session:
        lines = session.koppel.apply(plan)
        if common.json:
            emit(lines)
        elif lines:
            from koppel.cli.tables import table

            rows = [[line.mapping, line.change, line.couplings] for line in lines]
            out(table("Integration Table Mappings", ["Mapping", "Change", "Couplings"], rows, numbers=["Couplings"]))
            out("Nothing was written." if plan else "In force from now on.")
        else:
            out("Nothing has changed.")
    return 0


def export(
    *,
    al: Annotated[
        Path | None,
        Parameter(name="--al", help="Write the app for Business Central that the mappings need into this folder."),
    ] = None,
    system: Annotated[str | None, Parameter(name="--system", help="Which system the app is for, if several.")] = None,
    common: Common = EVERYWHERE,
) -> int:
    """Print the configuration as TOML, with all settings that differ from their defaults; or write the app for Business
    Central that it needs.
    """
    with opened(common) as session:
        if al is not None:
            files = session.koppel.export_al(al, system)
            if common.json:
                emit({"folder": str(al), "files": files})
            else:
                out(f"{len(files)} files written to {al}. Its README says how to install it; nobody has compiled it.")
            return 0
        text = session.koppel.export()
        if common.json:
            emit({"toml": text})
        else:
            print(text, end="" if text.endswith("\n") else "\n")
    return 0


def systems(*, common: Common = EVERYWHERE) -> int:
    """Show the systems: reached or not, and whether they are the installations they were."""
    with opened(common) as session:
        lines = session.koppel.systems()
        _show_lines(lines, common)
    if all(line.well for line in lines):
        return 0
    return 4 if any("adopt" in line.remedy for line in lines if not line.well) else 3


def adopt(
    name: Annotated[str, Parameter(name="NAME", help="The system.")],
    /,
    *,
    reason: Annotated[
        Literal["copy", "restored", "moved"], Parameter(name="--as", help="Why it is another installation.")
    ],
    common: Common = EVERYWHERE,
) -> int:
    """Accept another installation behind a system's name. A copy or a restored one is read from the start."""
    with opened(common) as session:
        session.koppel.adopt(name, reason)
        if common.json:
            emit({"system": name, "as": reason})
        else:
            out(f"{name} stands for the installation it reaches today ({reason}).")
    return 0


def demo(
    *,
    sql: Annotated[
        bool, flag("--sql", "On two databases instead of services; nothing more needs to be installed.")
    ] = False,
    folder: Annotated[
        Path | None,
        Parameter(name="--folder", help="Where the databases of --sql are put; else a folder that is deleted."),
    ] = None,
    keep: Annotated[bool, flag("--keep", "Keep the databases of --sql, in koppel-demo if no folder is named.")] = False,
    common: Common = EVERYWHERE,
) -> int:
    """Show it all on two made-up systems: review, coupling, full synchronisation, edits, conflicts, errors."""
    from koppel.cli.demo import run_demo

    if common.json:
        raise usage("the demo is a story, not a document", "leave out --json")
    if (folder or keep) and not sql:
        raise usage("the services of the demo end with it, so there is nothing to keep", "write --sql too")
    return run_demo(folder or (Path("koppel-demo") if keep else None), sql, common.quiet)
