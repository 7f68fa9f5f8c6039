"""One memory table: what its user does, what koppel asks, and how a write works."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import polars as pl

from koppel.connectors.memory.records import (
    KEY_KINDS,
    Record,
    Refused,
    Unreadable,
    blank,
    check,
    comparable,
    fault_of,
    field_of,
    id_of,
    key_values,
    stamped,
    version_of,
)
from koppel.connectors.memory.stage import Effect, Loss, Stage
from koppel.errors import ConfigurationError, Problem
from koppel.model.values import FAULT, ID, OP, VERSION, KeyOrigin, Kind, TableShape, dtype
from koppel.model.write import CODE, FIELD, MESSAGE, Outcome, Write, WriteKind
from koppel.ports import Changes, Features, Feed, TableOptions, Want


@dataclass(frozen=True)
class Knobs:
    """What a memory table can do.

    `feed`: FULL or MODIFIED_ON; None = by change stamp where the shape has one. `conditional` off: `expected` is
    compared before the call, not at the moment of writing. `returns_stored` off: answers are null where VERSION and the
    wanted fields would be. `fill(record)`: fields the system fills in itself when a record is created, by koppel or by
    a user (a number series).
    """

    feed: Feed | None = None
    lag: timedelta = timedelta(seconds=5)
    conditional: bool = True
    returns_stored: bool = True
    atomic_batch: bool = True
    batch_rows: int = 1000
    page_rows: int = 50_000
    fill: Callable[[Record], Mapping[str, object]] | None = None


@dataclass(frozen=True)
class _Answer:
    outcome: Outcome
    id: str | None
    field: str | None = None
    message: str | None = None


_UNANSWERED = _Answer(Outcome.UNKNOWN, None)


class MemoryTable:
    """One table; made by `MemorySystem.create_table`."""

    def __init__(self, shape: TableShape, knobs: Knobs, stage: Stage) -> None:
        assert all(field_of(shape, name).kind in KEY_KINDS for name in shape.key), "keys are text or whole numbers"
        assert knobs.feed is not Feed.MODIFIED_ON or shape.modified, "a feed by change stamp needs a change stamp"
        self._shape = shape
        self._knobs = knobs
        self._stage = stage
        self._rows: dict[str, Record] = {}
        self._counter = [0]

    def with_options(self, options: TableOptions) -> "MemoryTable":
        """A second view of the same records. Raises ConfigurationError when an option does not fit."""
        shape = self._shape
        if options.key not in (None, shape.key):
            raise ConfigurationError([Problem(shape.name, f"its key is {', '.join(shape.key)}", "leave the key out")])
        field = None if options.modified is None else shape.field(options.modified)
        if options.modified is not None and (field is None or field.kind is not Kind.DATETIME):
            raise ConfigurationError([Problem(shape.name, f"{options.modified} is not one of its date-times")])
        view = copy(self)
        view._shape = replace(shape, modified=options.modified or shape.modified)
        view._knobs = replace(self._knobs, lag=self._knobs.lag if options.lag is None else options.lag)
        return view

    # ---- what its user does

    def put(self, id_: str, values: Mapping[str, object]) -> None:
        """A user creates the record, or replaces it. Fields left out are null ('' for text that cannot be)."""
        with self._stage.lock:
            self._rows[id_] = self._complete({**key_values(self._shape, id_), **values}, self._stage.clock())

    def edit(self, id_: str, values: Mapping[str, object]) -> None:
        """A user changes some fields; the change stamp moves unless it is among them."""
        with self._stage.lock:
            assert id_ in self._rows, f"there is no record {id_}"
            self._rows[id_] = {**self._rows[id_], **stamped(self._shape, self._stage.clock()), **values}

    def remove(self, id_: str) -> None:
        """A user deletes the record."""
        with self._stage.lock:
            del self._rows[id_]

    def records(self) -> dict[str, Record]:
        """All records as they are now, by id (a copy)."""
        with self._stage.lock:
            return {id_: dict(record) for id_, record in self._rows.items()}

    def copy_into(self, other: "MemoryTable") -> None:
        """Put all records into another table of the same shape as they are, with the numbers given out so far."""
        other._rows.clear()
        other._rows.update({id_: dict(record) for id_, record in self._rows.items()})
        other._counter[0] = self._counter[0]

    # ---- what koppel asks

    @property
    def features(self) -> Features:
        """What this table can do."""
        feed = self._knobs.feed or (Feed.MODIFIED_ON if self._shape.modified else Feed.FULL)
        return Features(
            feed=feed,
            reports_deletions=False,
            conditional_writes=self._knobs.conditional,
            returns_stored=self._knobs.returns_stored,
            atomic_batch=self._knobs.atomic_batch,
            batch_rows=self._knobs.batch_rows,
            lag=self._knobs.lag,
            elsewhere=False,
        )

    def describe(self) -> TableShape:
        """Its fields, key and change stamp."""
        return self._shape

    def changes(self, since: str | None, want: Want) -> Changes:
        """The records that changed after the cursor, read page by page while iterated; a filter is not looked at."""
        cursor = self._stage.clock().isoformat()
        if since is None or self.features.feed is Feed.FULL:
            return Changes(cursor, True, self._pages(None, want))
        return Changes(cursor, False, self._pages(datetime.fromisoformat(since) - self._knobs.lag, want))

    def _pages(self, after: datetime | None, want: Want) -> Iterator[pl.DataFrame]:
        with self._stage.lock:
            ids = [id_ for id_, record in self._rows.items() if after is None or self._changed(record, after)]
        for start in range(0, len(ids), self._knobs.page_rows):
            yield self._page(ids[start : start + self._knobs.page_rows], want)

    def _changed(self, record: Record, after: datetime) -> bool:
        stamp = record[self._shape.modified or ""]
        return not isinstance(stamp, datetime) or stamp >= after

    def fetch(self, ids: pl.Series, want: Want) -> pl.DataFrame:
        """The records with these ids."""
        return self._page(list(dict.fromkeys(ids.to_list())), want)

    def _page(self, ids: Sequence[str], want: Want) -> pl.DataFrame:
        with self._stage.lock:
            found = [self._rows[id_] for id_ in ids if id_ in self._rows]
            now = self._stage.clock()
        shown = tuple(dict.fromkeys((*self._shape.key, *want.fields)))
        own: dict[str, list[str | None]] = {
            ID: [id_of(self._shape, record) for record in found],
            VERSION: [version_of(self._shape, record, now) for record in found],
            FAULT: [fault_of(record, shown) for record in found],
        }
        columns = [pl.Series(name, values, dtype=pl.String) for name, values in own.items()]
        return pl.DataFrame([*columns, *(self._column(name, found) for name in want.fields)])

    def _column(self, name: str, records: Sequence[Record]) -> pl.Series:
        values = [None if isinstance(record[name], Unreadable) else record[name] for record in records]
        return pl.Series(name, values, dtype=dtype(field_of(self._shape, name)))

    def find(self, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
        """OP and ID of every record equal in all key fields."""
        names = [name for name in keys.columns if name != OP]
        wanted: dict[tuple[object, ...], list[int]] = {}
        for op, *values in keys.select(OP, *names).rows():
            wanted.setdefault(tuple(comparable(value, ignore_case) for value in values), []).append(op)
        hits: list[tuple[int, str]] = []
        with self._stage.lock:
            for id_, record in self._rows.items():
                key = tuple(comparable(record[name], ignore_case) for name in names)
                if None not in key:
                    hits.extend((op, id_) for op in wanted.get(key, ()))
        return pl.DataFrame(hits, schema={OP: pl.Int64, ID: pl.String}, orient="row")

    def reserve(self, count: int) -> pl.Series:
        """`count` new ids, or values of the mark, that nobody else will be given."""
        may = self._shape.key_origin is KeyOrigin.RESERVED or self._shape.mark is not None
        assert may, "only a table with reserved keys or a mark can reserve"
        self._stage.around("before", f"reserve {self._shape.name}")
        with self._stage.lock:
            ids = [self._next_id() for _ in range(count)]
        self._stage.around("after", f"reserve {self._shape.name}")
        return pl.Series(ID, ids, dtype=pl.String)

    def write(self, write: Write) -> pl.DataFrame:
        """Carry out one write; see `MemorySystem` for the moments at which `on_effect` is called."""
        name = f"{write.kind} {self._shape.name}"
        self._stage.catch_up()
        early = None if self._knobs.conditional else self._judge(write)
        self._stage.around("before", name)
        with self._stage.lock:
            answers = self._carry_out(write, self._judge(write) if early is None else early, name)
            told = self._outcomes(write, answers)  # a later edit by a user is no part of this answer
        self._stage.around("after", name)
        return told

    # ---- how a write works

    def _judge(self, write: Write) -> dict[int, _Answer]:
        """The rows to be left alone because their record is gone or not as expected."""
        if write.kind is WriteKind.CREATE:
            return {}
        expected = {} if write.expected is None else {row[OP]: row for row in write.expected.to_dicts()}
        answers: dict[int, _Answer] = {}
        for op, id_ in write.rows.select(OP, ID).rows():
            record = self._rows.get(id_)
            if record is None:
                answers[op] = _Answer(Outcome.MISSING, id_)
            elif any(record[name] != value for name, value in expected.get(op, {}).items() if name != OP):
                answers[op] = _Answer(Outcome.STALE, id_)
        return answers

    def _carry_out(self, write: Write, answers: dict[int, _Answer], name: str) -> dict[int, _Answer]:
        rows_before, effects_before, taken = dict(self._rows), len(self._stage.effects), self._taken()
        todo = [
            (row, {field: row[field] for field, sent in zip(write.fields, mask, strict=True) if sent})
            for row, mask in zip(write.rows.to_dicts(), write.mask, strict=True)
            if row[OP] not in answers
        ]
        try:
            for count, (row, sent) in enumerate(todo):
                if count == len(todo) // 2:
                    self._stage.around("inside", name)
                loss = None if self._knobs.atomic_batch else self._stage.loses(name)
                answers[row[OP]] = self._lost(loss, write, row, sent, taken)
        except BaseException:
            if self._knobs.atomic_batch:
                self._rows.clear()
                self._rows.update(rows_before)
                del self._stage.effects[effects_before:]
            raise
        return answers

    def _lost(
        self, loss: Loss | None, write: Write, row: Record, sent: Record, taken: dict[str, dict[object, str]]
    ) -> _Answer:
        """The answer about one row, if it is not lost."""
        op, id_ = row[OP], cast(str | None, row[ID])
        if loss in (None, Loss.ANSWER):
            answer = self._answer(write, id_, sent, taken)
            return answer if loss is None else _UNANSWERED
        if loss is Loss.LATE:

            def arrive() -> None:
                if op not in self._judge(write):
                    self._answer(write, id_, sent, self._taken())

            self._stage.late.append(arrive)
        return _UNANSWERED

    def _answer(self, write: Write, id_: str | None, sent: Record, taken: dict[str, dict[object, str]]) -> _Answer:
        old = None if write.kind is WriteKind.CREATE else id_
        if old is not None and old not in self._rows:
            return _Answer(Outcome.MISSING, old)
        try:
            record = self._made(write, id_, sent, taken)
        except Refused as refusal:
            return _Answer(Outcome.REFUSED, id_, refusal.field, refusal.message)
        if old is not None:
            gone = self._rows.pop(old)
            for name, owners in taken.items():
                owners.pop(gone[name], None)
        new = id_of(self._shape, record)
        if write.kind is WriteKind.DELETE:
            record = {}
        else:
            self._rows[new] = record
            for name, owners in taken.items():
                owners[record[name]] = new
        self._stage.effects.append(Effect(self._shape.name, write.kind, new, record))
        return _Answer(Outcome.WRITTEN, new)

    def _made(self, write: Write, id_: str | None, sent: Record, taken: dict[str, dict[object, str]]) -> Record:
        """The record as it will be stored (as it was, for a deletion). Raises Refused."""
        if write.kind is WriteKind.CREATE:
            record, old = self._complete({**self._new_key(id_, sent), **sent}, write.stamp), None
        else:
            assert id_ is not None
            record, old = {**self._rows[id_], **stamped(self._shape, write.stamp), **sent}, id_
        if write.kind is WriteKind.DELETE:
            return self._rows[id_ or ""]
        check(self._shape, record, sent)
        for name, owners in taken.items():
            if record[name] is not None and owners.get(record[name], old) != old:
                raise Refused(name, f"another record has the same {name}")
        new = id_of(self._shape, record)
        if new != old and new in self._rows:
            raise Refused(self._shape.key[0], f"another record has the same {self._shape.key[0]}")
        return record

    def _taken(self) -> dict[str, dict[object, str]]:
        """Per unique field: which record holds a value."""
        names = [field.name for field in self._shape.fields if field.unique]
        return {name: {record[name]: id_ for id_, record in self._rows.items()} for name in names}

    def _outcomes(self, write: Write, answers: dict[int, _Answer]) -> pl.DataFrame:
        ordered = [answers[op] for op in write.rows[OP]]
        own: dict[str, list[str | None]] = {
            CODE: [answer.outcome.value for answer in ordered],
            ID: [answer.id for answer in ordered],
            FIELD: [answer.field for answer in ordered],
            MESSAGE: [answer.message for answer in ordered],
        }
        columns = [pl.Series(name, values, dtype=pl.String) for name, values in own.items()]
        told = self._knobs.returns_stored and write.kind is not WriteKind.DELETE
        written = [answer.id for answer in ordered if told and answer.id and answer.outcome is Outcome.WRITTEN]
        stored = self._page(written, Want(write.want)).drop(FAULT)
        return pl.DataFrame([write.rows[OP], *columns]).join(stored, on=ID, how="left", maintain_order="left")

    # ---- new records

    def _new_key(self, id_: str | None, sent: Record) -> Record:
        shape = self._shape
        if id_ is None and all(sent.get(name) is not None for name in shape.key):
            return {}
        if id_ is None and shape.key_origin is KeyOrigin.CHOSEN:
            raise Refused(shape.key[0], "a new record needs a key")
        if id_ is not None and shape.key_origin is KeyOrigin.GENERATED:
            raise Refused(shape.key[0], "this table gives its records their keys itself")
        try:
            return key_values(shape, self._next_id() if id_ is None else id_)
        except ValueError:
            raise Refused(shape.key[0], "this is not a key of this table") from None

    def _next_id(self) -> str:
        uuid = field_of(self._shape, self._shape.key[0]).kind is Kind.UUID
        while True:
            self._counter[0] += 1
            id_ = str(UUID(int=self._counter[0])) if uuid else str(self._counter[0])
            if id_ not in self._rows:
                return id_

    def _complete(self, values: Record, moment: datetime) -> Record:
        """A whole record out of some of its fields: blanks, the change stamp, and what the system fills in itself."""
        unknown = [name for name in values if self._shape.field(name) is None]
        assert not unknown, f"{self._shape.name} has no {', '.join(unknown)}"
        record = {**blank(self._shape), **stamped(self._shape, moment), **values}
        return {**record, **(self._knobs.fill(record) if self._knobs.fill else {})}
