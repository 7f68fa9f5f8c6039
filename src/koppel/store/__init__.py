"""koppel's own memory: couplings and baselines, journal, jobs, errors, conflicts, history, leases. One schema, kept in
SQLite or PostgreSQL.
"""

from koppel.store.content import snapshot
from koppel.store.inspection import Finding, inspect_store
from koppel.store.move import Moved, move_store
from koppel.store.sql import SqlStore, open_store

__all__ = ["Finding", "Moved", "SqlStore", "inspect_store", "move_store", "open_store", "snapshot"]
