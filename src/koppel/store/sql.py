"""The store as one object: the parts put together."""

from collections.abc import Callable
from datetime import datetime

from koppel.store.connection import Owner
from koppel.store.couplings import Couplings
from koppel.store.journal import Journal
from koppel.store.lineup import LineUp
from koppel.store.listings import Listings


class SqlStore(Journal, Listings, Couplings, LineUp):
    """koppel's memory in an SQL database. Implements `ports.Store`, and what the interfaces list and change besides."""


def open_store(url: str, clock: Callable[[], datetime] | None = None, owner: Owner | None = None) -> SqlStore:
    """Open the store at an SQLAlchemy URL, making it when it is not there. Raises `StoreFailure` or
    `ConfigurationError`.
    """
    return SqlStore(url, clock, owner or Owner.this_process())
