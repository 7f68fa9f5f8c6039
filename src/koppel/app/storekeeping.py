"""The store as a whole: brought up to date, looked through, moved elsewhere. None of this opens it for use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from koppel.config import load
from koppel.store import Flaw, Moved, inspect_store, move_store

if TYPE_CHECKING:
    from koppel.store.upgrade import Upgraded


def upgrade_store_of(path: Path, stage: str | None, backup: bool) -> Upgraded:
    """Bring the store of this koppel.toml to the revision that this koppel works with; a copy is made first.

    Raises `ConfigurationError` for no store or a newer one, `Halted` while a worker is at work, `StoreFailure`.
    """
    from koppel.store.upgrade import upgrade_store  # with it comes Alembic

    return upgrade_store(load(path, stage).store_url(), backup)


def check_store_of(path: Path, stage: str | None) -> list[Flaw]:
    """Everything that is wrong with the store of this koppel.toml. Raises `ConfigurationError` or `StoreFailure`."""
    return inspect_store(load(path, stage).store_url())


def move_store_of(path: Path, stage: str | None, target: str) -> Moved:
    """Move the store of this koppel.toml to another place, said as `store` is.

    Raises `ConfigurationError`, `Halted` while a worker is at work, `StoreFailure`; then nothing has changed.
    """
    configuration = load(path, stage)
    return move_store(configuration.store_url(), configuration.url_of_store(target))
