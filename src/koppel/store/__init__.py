"""koppel's own memory: couplings and baselines, journal, jobs, errors, conflicts, history, leases. One schema, kept in
SQLite or PostgreSQL.
"""

from koppel.store.content import snapshot
from koppel.store.inspection import Flaw, inspect_store
from koppel.store.move import Moved, move_store
from koppel.store.sql import SqlStore, open_store

__all__ = ["Flaw", "Moved", "SqlStore", "inspect_store", "move_store", "open_store", "snapshot"]
