"""Where benchmarks keep what they make: a folder that git ignores, or the one of KOPPEL_BENCH_FOLDER."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = Path(os.environ.get("KOPPEL_BENCH_FOLDER", ROOT / ".bench")).resolve()
STATES = FOLDER / "states"
"""Prepared states; they go at the end of a run, unless KOPPEL_BENCH_KEEP is set."""
KEEP = bool(os.environ.get("KOPPEL_BENCH_KEEP"))


def fresh(name: str) -> Path:
    """An empty folder among the states."""
    path = STATES / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
