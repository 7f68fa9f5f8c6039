"""Writing: compare, send under the version that was compared, answer with what is stored now."""

import polars as pl

from koppel.connectors.agreed.progress import Progress, Refusal, expected_fields, judge, outcomes
from koppel.connectors.dataverse.bodies import STATE, STATUS, bodies_of, needs_state
from koppel.connectors.dataverse.sending import Sending
from koppel.connectors.dataverse.source import Source
from koppel.connectors.dataverse.targets import Targets
from koppel.connectors.odata.answered import ROW, answered
from koppel.connectors.odata.decode import as_page
from koppel.model.values import FAULT, ID, VERSION
from koppel.model.write import Outcome, Write, WriteKind

MERGED, WINNER = "merged", "masterid"

_ETAG = "@etag"
_LOST_REFERENCE = "a record that it refers to is not there"


def write_rows(source: Source, targets: Targets, write: Write) -> pl.DataFrame:
    """Carry out one write. Raises SystemFailure where it is all there is to say: nothing was carried out, no fate is
    open, and nothing is wrong with a record.
    """
    progress, deadline = Progress.of(write), source.session.deadline()
    current = None if write.kind is WriteKind.CREATE else _compared(source, write, progress)
    bodies = bodies_of(source, targets, write, progress, current)
    # A table without optimistic concurrency refuses every version that is demanded.
    demanded = None if current is None or not source.definition.etags else current[_ETAG].to_list()
    sending = Sending(source, write, progress, bodies, demanded or [None] * len(write.rows), deadline)
    rows = progress.open()
    sending.send(rows)
    if sending.failure is not None and all(progress.codes[row] is Outcome.STALE for row in rows):
        sending.failure.undone = True
        raise sending.failure
    _blame_references(source, write, sending)
    return outcomes(write, progress, _stored(source, write, progress, sending))


def _compared(source: Source, write: Write, progress: Progress) -> pl.DataFrame:
    """The records as they are, row by row; marks rows whose record is gone, not as expected, or merged into another."""
    columns = source.definition.columns
    more = [name for name in (MERGED, WINNER) if name in columns]
    more += [STATE, STATUS] if needs_state(write) and STATUS in columns else []
    page = source.fetch(write.rows[ID], list(dict.fromkeys((*expected_fields(write), *more))))
    numbered = page.frame.with_columns(page.etags.alias(_ETAG))
    at = write.rows.select(ID).with_row_index(ROW).cast({ROW: pl.Int64})
    found = at.join(numbered, on=ID, maintain_order="left")
    judge(write, progress, found.drop(ROW, _ETAG), found[ROW])
    current = at.join(numbered.unique(ID), on=ID, how="left", maintain_order="left")
    if write.kind is WriteKind.UPDATE and MERGED in columns and WINNER in columns:
        for row in current[MERGED].fill_null(False).arg_true().to_list():
            why = f"it was merged into the record {current[WINNER][row]}: uncouple it, or couple that one"
            progress.refuse(row, Refusal(None, why))
    return current


def _blame_references(source: Source, write: Write, sending: Sending) -> None:
    """'Does not exist' may be said of the record or of one that it refers to; the codes are the same (wire 1.10)."""
    progress = sending.progress
    missing = [
        row
        for row, code in enumerate(progress.codes)
        if code is Outcome.MISSING and any(name.endswith("@odata.bind") for name in sending.bodies[row])
    ]
    if not missing:
        return
    there = set(source.fetch(write.rows[ID].gather(missing), ()).frame[ID])
    for row in missing:
        if write.kind is WriteKind.CREATE or progress.ids[row] in there:
            progress.codes[row] = Outcome.REFUSED
            progress.refusals[row] = Refusal(_bound_field(source, sending, row), _LOST_REFERENCE)


def _bound_field(source: Source, sending: Sending, row: int) -> str | None:
    """The lookup that the row sends, where it sends one only."""
    bound = {name.removesuffix("@odata.bind") for name in sending.bodies[row] if name.endswith("@odata.bind")}
    names = [column.name for column in source.definition.columns.values() if bound & set(column.targets.values())]
    return names[0] if len(names) == 1 else None


def _stored(source: Source, write: Write, progress: Progress, sending: Sending) -> pl.DataFrame:
    """The written records as they are now: as answered, else read again."""
    columns = [ID, VERSION, *write.want]
    if write.kind is WriteKind.DELETE:
        return source.decoded(as_page(()), write.want).frame.select(columns)
    told = answered(lambda body: source.decoded(body, write.want), sending.answered).filter(pl.col(FAULT).is_null())
    rows = set(told[ROW])
    silent = [row for row in progress.open() if row not in rows]
    again = source.fetch(pl.Series(ID, [progress.ids[row] for row in silent], dtype=pl.String), write.want).frame
    if silent:
        progress.gone_meanwhile(silent, again[ID])
    return pl.concat([told.select(columns), again.select(columns)]).unique(ID, keep="first")
