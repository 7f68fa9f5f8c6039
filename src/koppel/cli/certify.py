"""`koppel certify`: how a real environment behaves where nobody has settled it, shown point by point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

from cyclopts import Parameter

from koppel.cli.asking import confirmed
from koppel.cli.options import EVERYWHERE, Common, opened
from koppel.cli.screen import emit, out, tell
from koppel.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from koppel.app import Certificate
    from koppel.model.point import Point

_SIGNS = {True: "✓", False: "✗", None: "·"}


def certify(
    system: Annotated[str, Parameter(name="SYSTEM", help="A Dataverse or Business Central system.")],
    /,
    *,
    transcript: Annotated[
        Path | None, Parameter(name="--transcript", help="Where the transcript is written; else certify-SYSTEM.json.")
    ] = None,
    common: Common = EVERYWHERE,
) -> int:
    """Find out how a test environment behaves, with a few records that are made and removed. Never in production."""
    path = transcript or Path(f"certify-{system}.json")
    with opened(common) as session:
        session.koppel.refuse_certifying(system)
        question = f"Make a few records in {system} and remove them again?"
        if not confirmed(question, common, needed=True):
            return 0
        _open(path).close()  # before anything is made
        found = session.koppel.certify(system, _nothing if common.json else _show)
    _write(found, path)
    if common.json:
        emit({"system": found.system, "findings": found.points, "left": found.left, "transcript": str(path)})
    for what in found.left:
        tell(f"not removed: {what}")
    tell(f"Transcript: {path}. Nothing in it tells who or what the records are about; read it before you share it.")
    return found.exit_code


def _nothing(point: Point) -> None:
    """The one document on stdout comes at the end."""


def _show(point: Point) -> None:
    out(f"{_SIGNS[point.well]} {point.code:<3} {point.question}: {point.found}")


def _write(found: Certificate, path: Path) -> None:
    from koppel.app import as_json

    document = as_json({"findings": found.points, "left": found.left, "transcript": found.transcript})
    with _open(path, "w") as file:
        json.dump(document, file, ensure_ascii=False, indent=1)


def _open(path: Path, mode: str = "a") -> IO[str]:
    try:
        return path.open(mode, encoding="utf-8")
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise ConfigurationError([Problem(str(path), what, "choose another file with --transcript")]) from None
