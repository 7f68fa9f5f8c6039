"""Which table a lookup leads to: asked of the service only for what is not known (wire 1.5)."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from koppel.connectors.dataverse import targets
from koppel.connectors.dataverse.targets import Targets

ACCOUNTS, CONTACTS = ("a1", "a2", "a3"), ("c1", "c2")


class ParentCustomer:
    """A lookup to either."""

    targets = dict.fromkeys(("account", "contact"), "parentcustomerid")


COLUMN: Any = ParentCustomer()


@pytest.fixture
def asked() -> list[tuple[str, list[str]]]:
    return []


@pytest.fixture
def tables(asked: list[tuple[str, list[str]]]) -> Callable[..., list[str | None]]:
    """The tables of these ids, through one `Targets`."""

    def existing(table: str, ids: pl.Series) -> pl.Series:
        asked.append((table, sorted(ids)))
        return ids.filter(ids.is_in(ACCOUNTS if table == "account" else CONTACTS))

    known = Targets(existing)
    return lambda *ids: known.tables(COLUMN, pl.Series(ids, dtype=pl.String)).to_list()


def test_only_what_is_not_known_is_asked_for(
    tables: Callable[..., list[str | None]], asked: list[tuple[str, list[str]]]
) -> None:
    assert tables("a1", None, "c1", "a1") == ["account", None, "contact", "account"]
    assert asked == [("account", ["a1", "c1"]), ("contact", ["c1"])]
    asked.clear()
    assert tables("a1", "a2", "c1") == ["account", "account", "contact"]
    assert asked == [("account", ["a2"])]
    asked.clear()
    assert tables("c1", "a2", "a1") == ["contact", "account", "account"] and not asked
    assert tables("nobody") == [None] and tables("nobody") == [None]
    assert asked == [("account", ["nobody"]), ("contact", ["nobody"])] * 2, "it may come to be"


def test_what_is_forgotten_is_asked_for_again(
    tables: Callable[..., list[str | None]], asked: list[tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "KEPT", 2)
    assert tables("a1", "c1") == ["account", "contact"]
    asked.clear()
    assert tables("a1", "a2") == ["account", "account"]
    assert asked == [("account", ["a1", "a2"])]
