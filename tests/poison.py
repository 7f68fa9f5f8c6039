"""Rows over which a sandbox breaks down, or that it lets nobody write: as a plug-in, or a role, does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from koppel.sandbox.refusal import Refusal
from koppel.sandbox.rows import Row, Rows


@contextmanager
def refused(rows: Rows, refusal: Refusal, fits: Callable[[Row], object]) -> Iterator[None]:
    """Meanwhile rows that fit are not stored: whatever wanted to is undone, and answered with this refusal."""
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, rows, refusal, fits)
        yield


def refuse(patch: pytest.MonkeyPatch, rows: Rows, refusal: Refusal, fits: Callable[[Row], object]) -> None:
    """The same, until the patch is undone."""
    store = rows.put

    def guarded(table: Any, row_id: str, row: Row, version: int | None = None) -> None:
        if fits(row):
            raise refusal
        store(table, row_id, row, version)

    patch.setattr(rows, "put", guarded)
