"""Which table a record is in that a lookup is to name, where the lookup may name several (wire 1.5, 4.2.10)."""

from collections.abc import Callable, Sequence
from threading import Lock

import polars as pl

from koppel.connectors.dataverse.columns import Column
from koppel.model.values import ID

KEPT = 100_000
"""How many ids are remembered; a table does not change once a record is in it."""

Existing = Callable[[str, pl.Series], pl.Series]
"""Those of these ids that are records of a table."""


class Targets:
    """Finds tables by ids. Used by many threads."""

    def __init__(self, existing: Existing) -> None:
        self._existing = existing
        self._tables: dict[str, str] = {}
        self._lock = Lock()

    def tables(self, column: Column, ids: pl.Series) -> pl.Series:
        """The table that each id is in, of those the lookup may name; null for one that is in none."""
        if len(column.targets) == 1:
            (table,) = column.targets
            return pl.select(pl.when(ids.is_not_null()).then(pl.lit(table))).to_series()
        distinct = ids.drop_nulls().unique().to_list()
        with self._lock:
            self._look(column, distinct)
            known = {id_: self._tables.get(id_) for id_ in distinct}
        fitting = {id_: table for id_, table in known.items() if table in column.targets}
        return ids.replace_strict(fitting, default=None, return_dtype=pl.String)

    def _look(self, column: Column, ids: Sequence[str]) -> None:
        """Ask the tables in turn for what is not known yet."""
        if len(self._tables) + len(ids) > KEPT:
            self._tables.clear()
        for table in column.targets:
            unknown = [id_ for id_ in ids if id_ not in self._tables]
            if unknown:
                found = self._existing(table, pl.Series(ID, unknown, dtype=pl.String))
                self._tables |= dict.fromkeys(found, table)
