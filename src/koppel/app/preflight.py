"""Before a run: all its mappings fit their tables, and what it writes to can be written. Otherwise nothing is begun."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from koppel.app.connections import Connections, now
from koppel.engine.context import Tables
from koppel.errors import ConfigurationError, Problem, SystemFailure
from koppel.model.bound import BoundMapping
from koppel.model.mapping import Mapping
from koppel.model.policy import Side
from koppel.model.values import ID, OP
from koppel.model.write import Write, WriteKind
from koppel.ports import Table

Ready = dict[str, tuple[BoundMapping, Tables]]
"""Mappings by name, bound a moment ago to tables that were looked at for it."""


def preflight(connections: Connections, mappings: Sequence[Mapping], writes: bool) -> Ready:
    """The mappings, bound. Raise `ConfigurationError` with all problems of them, or a `SystemFailure` that names all
    systems.

    `writes`: the tables that the mappings write to have to be writable, too.
    """
    ready: Ready = {}
    problems: list[Problem] = []
    failures: list[SystemFailure] = []

    def reach(system: str) -> None:
        connections.system(system)

    def bind(mapping: Mapping) -> None:
        bound, tables = connections.bind(mapping)
        for side in Side:
            if writes and mapping.direction.reaches(side):
                _try_to_write(tables[side].table)
        ready[mapping.name] = bound, tables

    names = dict.fromkeys(mapping.table(side).system for mapping in mappings for side in Side)
    attempts = [*(partial(reach, name) for name in names), *(partial(bind, mapping) for mapping in mappings)]
    for attempt in attempts:
        try:
            attempt()
        except ConfigurationError as error:
            problems += error.problems
        except SystemFailure as error:
            failures.append(error)
    told = list(dict.fromkeys(str(failure) for failure in failures))
    if problems:
        raise ConfigurationError([*dict.fromkeys(problems), *(Problem("", text) for text in told)])
    if failures:
        failures[0].args = ("\n".join(told),)
        raise failures[0]
    return ready


def _try_to_write(table: Table) -> None:
    """Write no record at all: a table that is read-only says so now instead of half-way through a run."""
    none = pl.DataFrame(schema={OP: pl.Int64, ID: pl.String})
    table.write(Write(WriteKind.CREATE, none, (), np.zeros((0, 0), dtype=np.bool_), None, (), now()))
