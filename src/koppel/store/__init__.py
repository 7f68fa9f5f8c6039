"""koppel's own memory: couplings and baselines, journal, jobs, errors, conflicts, history, leases. One schema, SQLite
first.
"""

from koppel.store.sql import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
