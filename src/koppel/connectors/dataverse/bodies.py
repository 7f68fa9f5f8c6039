"""What each row of a write sends: only what was asked for, as the service takes it; what would not fit is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from koppel.connectors.agreed.progress import Progress, Refusal
from koppel.connectors.agreed.values import moment_texts
from koppel.connectors.dataverse.columns import Column
from koppel.connectors.dataverse.fitting import SENTENCES, misfits
from koppel.connectors.dataverse.source import Source
from koppel.connectors.dataverse.targets import Targets
from koppel.connectors.odata.encode import json_values
from koppel.model.values import ID
from koppel.model.write import Write, WriteKind

STATE, STATUS = "statecode", "statuscode"
_ACTIVE = "0"

Body = dict[str, Any]


def bodies_of(
    source: Source, targets: Targets, write: Write, progress: Progress, current: pl.DataFrame | None
) -> list[Body]:
    """The JSON members of each row, in the order of `write.fields`. `current`: the records as they are, row by row,
    with state and status where `needs_state` says so; None for creates.
    """
    bodies: list[Body] = [{} for _ in range(len(write.rows))]
    if write.kind is WriteKind.DELETE:
        return bodies
    if write.kind is WriteKind.CREATE:
        for body, id_ in zip(bodies, write.rows[ID], strict=True):
            body[source.definition.key] = id_
    filling = _Filling(source, targets, write.kind, progress, bodies)
    for at, name in enumerate(write.fields):
        sent = np.flatnonzero(write.mask[:, at]).tolist()
        if sent:
            filling.fill(source.definition.columns[name], write.rows[name].gather(sent), sent)
    if STATE in source.definition.columns and STATUS in source.definition.columns:
        _pair_state(source.definition.columns[STATUS], bodies, current)
    return bodies


def needs_state(write: Write) -> bool:
    """Whether some row sends a state without a status."""
    if STATE not in write.fields or write.kind is not WriteKind.UPDATE:
        return False
    return STATUS not in write.fields or not write.mask[:, write.fields.index(STATUS)].all()


@dataclass(frozen=True)
class _Filling:
    """Puts values of columns into the bodies of the rows that send them; what cannot be sent is refused."""

    source: Source
    targets: Targets
    kind: WriteKind
    progress: Progress
    bodies: Sequence[Body]

    def fill(self, column: Column, values: pl.Series, rows: Sequence[int]) -> None:
        """The values of one column, those of these rows."""
        if not self._may_be_sent(column, values, rows):
            return
        reasons = misfits(column, values)
        if reasons is not None:
            for at in reasons.is_not_null().arg_true().to_list():
                self._refuse(rows[at], column, f"{column.name}: {SENTENCES[reasons[at]]}")
            fitting = reasons.is_null().arg_true()
            values, rows = values.gather(fitting), [rows[at] for at in fitting]
        if column.targets:
            self._bind(column, values, rows)
            return
        if column.several:  # '' is none at all, and no list of choices to the service
            values = values.set((values == "").fill_null(False), None)
        if column.zoneless:
            values = self._on_clocks(column, values, rows)
        for row, value in zip(rows, json_values(column.odata, values), strict=True):
            self.bodies[row][column.odata.member] = value

    def _may_be_sent(self, column: Column, values: pl.Series, sent: Sequence[int]) -> bool:
        """Refuse rows that send what the service would drop without a word; that a new record is active, or has no
        value, need not be sent.
        """
        rows, creating = sent, self.kind is WriteKind.CREATE
        if column.access.hidden or not (column.access.create if creating else column.access.update):
            why = f"{column.name} cannot be written: column security does not let koppel do that"
        elif column.create if creating else column.update:
            return True
        elif column.create:
            why = f"{column.name} can be set only when the record is created"
        elif column.update:
            why = f"{column.name} cannot be set when the record is created, only afterwards"
            usual = _ACTIVE if column.name == STATE else None
            rows = [row for row, value in zip(sent, values, strict=True) if value not in (None, usual)]
        else:
            why = f"{column.name} cannot be written"
        for row in rows:
            self._refuse(row, column, why)
        return False

    def _on_clocks(self, column: Column, values: pl.Series, rows: Sequence[int]) -> pl.Series:
        """Moments as times of day in the system's zone, which the service takes as they are (wire 1.5)."""
        texts, reasons = moment_texts(values, self.source.zone, 0)
        for at in [] if reasons is None else (reasons == "ambiguous_time").fill_null(False).arg_true().to_list():
            self._refuse(rows[at], column, f"{column.name}: {SENTENCES['ambiguous_time']}")
        return texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", time_zone="UTC")

    def _bind(self, column: Column, values: pl.Series, rows: Sequence[int]) -> None:
        """Lookups name the record they lead to by the navigation property of its table (wire 1.5)."""
        tables = self.targets.tables(column, values)
        first = next(iter(column.targets.values()))
        for row, id_, table in zip(rows, values, tables, strict=True):
            if id_ is None:
                self.bodies[row][f"{first}@odata.bind"] = None
            elif table is None:
                among = " or ".join(column.targets)
                self._refuse(row, column, f"{column.name}: there is no {among} with this id")
            else:
                address = f"/{self.source.definition.sets[table]}({id_})"
                self.bodies[row][f"{column.targets[table]}@odata.bind"] = address

    def _refuse(self, row: int, column: Column, why: str) -> None:
        self.progress.refuse(row, Refusal(column.name, why))


def _pair_state(status: Column, bodies: Sequence[Body], current: pl.DataFrame | None) -> None:
    """State and status go together: a state alone sets the status back to its first one, a status alone does not fit
    another state (wire 1.5, 4.2.8).
    """
    for row, body in enumerate(bodies):
        if STATUS in body and STATE not in body and body[STATUS] is not None:
            state = status.details.states.get(str(body[STATUS]))
            if state is not None:
                body[STATE] = int(state)
        elif STATE in body and STATUS not in body and current is not None:
            now = current[STATUS][row]
            if now is not None and status.details.states.get(now) == str(body[STATE]):
                body[STATUS] = int(now)
