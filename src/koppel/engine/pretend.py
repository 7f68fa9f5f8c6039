"""Pretending: a table that reads the real one and remembers what would be written, instead of writing it.

A plan is the real run over pretended tables and a copy of the store, so it cannot say anything else than what the run
would do: parents that would be created are there for their children, and what would be waiting waits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import polars as pl

from koppel.model.review import PlannedValue
from koppel.model.values import FAULT, ID, OP, VERSION, KeyOrigin, TableShape, dtype
from koppel.model.write import CODE, FIELD, MESSAGE, Outcome, Write, WriteKind
from koppel.ports import Changes, Features, Table, Want


@dataclass
class Pretended:
    """What a plan would do to one table. `read`, `written`: how many records."""

    mapping: str
    system: str
    values: list[pl.DataFrame] = field(default_factory=list)
    read: int = 0
    written: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def planned(self, table: str) -> list[PlannedValue]:
        """Every value that would be written, in order."""
        names = ("kind", "id", "field", "before", "after")
        return [
            PlannedValue(self.mapping, self.system, table, *row)  # the frame's columns are the fields in order
            for frame in self.values
            for row in frame.select(*names).rows()
        ]


class PretendTable:
    """A `ports.Table` that writes into memory. Reads see what would have been written."""

    def __init__(self, table: Table, shape: TableShape, record: Pretended) -> None:
        self._table = table
        self._shape = shape
        self._record = record
        self._overlay = pl.DataFrame(schema={ID: pl.String(), **{f.name: dtype(f) for f in shape.fields}})
        self._deleted: frozenset[str] = frozenset()

    @property
    def features(self) -> Features:
        """As the real table's."""
        return self._table.features

    def describe(self) -> TableShape:
        """As the real table's."""
        return self._shape

    def changes(self, since: str | None, want: Want) -> Changes:
        """The real feed, with what would have been written laid over what it names."""
        changes = self._table.changes(since, want)
        return replace(changes, pages=(self._seen(page) for page in changes.pages))

    def _seen(self, page: pl.DataFrame) -> pl.DataFrame:
        self._record.read += len(page)
        laid = self._laid(page[ID], page.columns)
        real = page.filter(~page[ID].is_in([*laid[ID], *self._deleted]))
        return pl.concat([real, laid])

    def _laid(self, ids: pl.Series, columns: Sequence[str]) -> pl.DataFrame:
        """Those of these records that would have been written; of no version."""
        nothing = [pl.lit(None, pl.String).alias(name) for name in (VERSION, FAULT)]
        return self._overlay.filter(pl.col(ID).is_in(ids.implode())).with_columns(*nothing).select(columns)

    def fetch(self, ids: pl.Series, want: Want) -> pl.DataFrame:
        """The real records, with what would have been written laid over them."""
        wanted = ids.filter(~ids.is_in(list(self._deleted)))
        laid = self._laid(wanted, (ID, VERSION, FAULT, *want.fields))
        real = self._table.fetch(wanted.filter(~wanted.is_in(laid[ID].implode())), want).select(
            ID, VERSION, FAULT, *want.fields
        )
        self._record.read += len(real)
        return pl.concat([real, laid])

    def find(self, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
        """Found among the real records or among those that would have been written."""
        real = self._table.find(keys, ignore_case).select(OP, ID)
        names = [name for name in keys.columns if name != OP]
        real = real.filter(~pl.col(ID).is_in(self._overlay[ID].implode()) & ~pl.col(ID).is_in(list(self._deleted)))
        laid = keys.with_columns(_comparable(names, ignore_case)).join(
            self._overlay.select(ID, *names).with_columns(_comparable(names, ignore_case)), on=names
        )
        return pl.concat([real, laid.select(OP, ID)])

    def reserve(self, how_many: int) -> pl.Series:
        """Numbers below zero: nobody has them."""
        return pl.Series([str(-next(self._record.numbers)) for _ in range(how_many)], dtype=pl.String)

    def write(self, write: Write) -> pl.DataFrame:
        """Remember the write and answer as if it had been carried out; a key that is taken is refused, as anywhere."""
        taken = write.rows[ID].is_in(self.fetch(write.rows[ID].drop_nulls(), Want(()))[ID].implode()).fill_null(False)
        if write.kind is not WriteKind.CREATE or not taken.any():
            return self._written(write)
        key = ", ".join(self._shape.key)
        refused = write.rows.filter(taken).select(
            OP,
            ID,
            pl.lit(str(Outcome.REFUSED)).alias(CODE),
            pl.lit(key).alias(FIELD),
            pl.lit(f"another record has the same {key}").alias(MESSAGE),
        )
        free = replace(write, rows=write.rows.filter(~taken), mask=write.mask[(~taken).to_numpy()])
        return pl.concat([refused, self._written(free)], how="diagonal")

    def _written(self, write: Write) -> pl.DataFrame:
        rows = (
            write.rows.with_columns(pl.col(ID).fill_null(self.reserve(len(write.rows))))
            if write.kind is WriteKind.CREATE
            else write.rows
        )
        self._record.written += len(rows)
        before = self._before(write, rows)
        after = before if write.kind is WriteKind.DELETE else self._laid_over(write, rows, before)
        self._remember(write, rows, before)
        self._overlay = self._overlay.filter(~pl.col(ID).is_in(rows[ID].implode()))
        if write.kind is WriteKind.DELETE:
            self._deleted |= frozenset(rows[ID])
        else:
            self._overlay = pl.concat([self._overlay, after.select(self._overlay.columns)])
        answer = rows.select(OP, ID).with_columns(
            pl.lit(str(Outcome.WRITTEN)).alias(CODE),
            *[pl.lit(None, pl.String).alias(name) for name in (VERSION, FIELD, MESSAGE)],
        )
        return pl.concat([answer, after.select(write.want)], how="horizontal")

    def _before(self, write: Write, rows: pl.DataFrame) -> pl.DataFrame:
        """The records as they stand, in the order of the rows; nulls where one would be created."""
        names = [name for name in self._overlay.columns if name != ID]
        if write.kind is WriteKind.CREATE:
            blank = [pl.lit(None, kind).alias(name) for name, kind in self._overlay.schema.items() if name != ID]
            return rows.select(ID).with_columns(*blank).select(ID, *names)
        return (
            rows.select(ID)
            .join(self.fetch(rows[ID], Want(tuple(names))), on=ID, how="left", maintain_order="left")
            .select(ID, *names)
        )

    def _laid_over(self, write: Write, rows: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
        """The records as they would stand: what is sent replaced, the rest kept; an unset key holds the id."""
        after = before
        for place, name in self._known(write):
            sent = pl.Series(write.mask[:, place])
            value = pl.select(pl.when(sent).then(rows[name]).otherwise(before[name])).to_series()
            after = after.with_columns(value.alias(name))
        if write.kind is WriteKind.CREATE and self._shape.key_origin is not KeyOrigin.CHOSEN:
            key = self._shape.key[0]
            after = after.with_columns(pl.col(ID).cast(after.schema[key]).alias(key))
        return after

    def _known(self, write: Write) -> list[tuple[int, str]]:
        """The fields of a write, each with its place, without the mark: its value is not reserved before the run."""
        return [(place, name) for place, name in enumerate(write.fields) if name != self._shape.mark]

    def _remember(self, write: Write, rows: pl.DataFrame, before: pl.DataFrame) -> None:
        text = pl.String()
        whole = pl.DataFrame(
            {"id": rows[ID], "field": "", "before": None, "after": None},
            schema_overrides={"before": text, "after": text},
        )
        parts = [whole] if write.kind is WriteKind.DELETE else []
        for place, name in self._known(write):
            frame = pl.DataFrame(
                [rows[ID].alias("id"), before[name].cast(text).alias("before"), rows[name].cast(text).alias("after")]
            )
            changed = frame.with_columns(pl.lit(name).alias("field")).filter(pl.Series(write.mask[:, place]))
            parts.append(changed.select("id", "field", "before", "after"))
        self._record.values.append(pl.concat(parts).with_columns(pl.lit(str(write.kind)).alias("kind")))


def _comparable(names: list[str], ignore_case: bool) -> list[pl.Expr]:
    """Surrounding blanks never count, and case only when it should; blanks never match."""
    stripped = [pl.col(name).cast(pl.String).str.strip_chars() for name in names]
    cased = [part.str.to_lowercase() if ignore_case else part for part in stripped]
    return [pl.when(part != "").then(part).alias(name) for name, part in zip(names, cased, strict=True)]
