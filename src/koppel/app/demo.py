"""The demo world for whoever shows it: two databases shaped like Business Central and Dataverse, a configuration, and a
day of edits.
"""

from dataclasses import dataclass
from pathlib import Path

from koppel.config import preset
from koppel.demo.databases import build, edit
from koppel.demo.edits import Edit
from koppel.demo.files import World


@dataclass(frozen=True)
class Demo:
    """A demo in a folder. `config`: its koppel.toml."""

    config: Path
    world: World


def make_demo(folder: Path) -> Demo:
    """Build the two databases and write koppel.toml beside them. Raises `FileExistsError` rather than overwrite."""
    world = build(folder)
    config = folder / "koppel.toml"
    config.write_text(preset("demo-sql").text, encoding="utf-8")
    return Demo(config, world)


def edit_demo(demo: Demo) -> list[Edit]:
    """What people do in both systems before the next run."""
    return edit(demo.world)
