"""What is known of each row of a write while it is carried out, and what is answered in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from koppel.model.values import FAULT, ID, OP, VERSION, TableShape, dtype
from koppel.model.write import ALTERED, CODE, FIELD, MESSAGE, Outcome, Write


@dataclass(frozen=True)
class Refusal:
    """The field that is to blame, where one is, and a sentence."""

    field: str | None
    message: str | None


NOT_STORED = Refusal(None, "the database did not store it: a trigger or a rule of the table left it out")
READ_ONLY = Refusal(None, "this is a view: its records can be read, not written")
_NO_REFUSAL = Refusal(None, None)
_MOVED = Refusal(None, "it is not there after writing: a trigger moved or removed it")


@dataclass
class Progress:
    """What is known of each row so far. `ids`: the id the row has after the write; `altered`: of what was sent in a
    written row, the fields that hold something else.
    """

    ids: list[str | None]
    codes: list[Outcome]
    refusals: dict[int, Refusal] = field(default_factory=dict)
    altered: dict[int, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, write: Write) -> "Progress":
        """Nothing is known yet."""
        return cls(write.rows[ID].to_list(), [Outcome.WRITTEN] * len(write.rows))

    def refuse(self, row: int, refusal: Refusal) -> None:
        """This row does not go in, unless something else has been found to keep it out."""
        if self.codes[row] is Outcome.WRITTEN:
            self.codes[row] = Outcome.REFUSED
            self.refusals[row] = refusal

    def refuse_all(self, refusal: Refusal) -> None:
        """No row goes in."""
        for row in range(len(self.codes)):
            self.refuse(row, refusal)

    def open(self) -> list[int]:
        """The rows nothing speaks against."""
        return [row for row, code in enumerate(self.codes) if code is Outcome.WRITTEN]

    def gone_meanwhile(self, rows: Sequence[int], found: pl.Series) -> None:
        """These rows were written, and these ids found afterwards: the fate of the others cannot be told."""
        ids = pl.Series([self.ids[row] for row in rows], dtype=pl.String)
        for at in (~ids.is_in(found.implode())).fill_null(True).arg_true().to_list():
            self.codes[rows[at]] = Outcome.UNKNOWN
            self.refusals[rows[at]] = _MOVED


def expected_fields(write: Write) -> list[str]:
    """The fields that a record must still hold as they were read."""
    return [] if write.expected is None else [name for name in write.expected.columns if name != OP]


def differs(write: Write, seen: pl.DataFrame) -> pl.Series:
    """Which rows are not as expected, null-safe and case by case. `seen`: the records as they are, row by row, null
    where there is none; one that cannot be read is not what it was.
    """
    stale = seen[FAULT].is_not_null()
    if write.expected is not None:
        hoped = write.rows.select(OP).join(write.expected, on=OP, how="left", maintain_order="left")
        for name in expected_fields(write):
            stale |= seen[name].ne_missing(hoped[name])
    return stale


def judge(write: Write, progress: Progress, records: pl.DataFrame, rows: pl.Series) -> None:
    """Mark rows whose record is gone or not as expected. `records`: those that were found and locked; `rows`: for which
    row of the write each was looked up. One with another id was found only because a collation takes it for equal.
    """
    found = records.with_columns(rows.alias("@at")).unique("@at", keep="first")
    numbered = write.rows.select(OP, ID).with_row_index("@at").cast({"@at": pl.Int64})
    seen = numbered.join(found, on=["@at", ID], how="left", maintain_order="left")
    missing = ~seen["@at"].is_in(numbered.join(found, on=["@at", ID])["@at"].implode())
    for row, (is_missing, is_stale) in enumerate(zip(missing, differs(write, seen), strict=True)):
        if progress.codes[row] is Outcome.WRITTEN and (is_missing or is_stale):
            progress.codes[row] = Outcome.MISSING if is_missing else Outcome.STALE


def outcomes(write: Write, progress: Progress, stored: pl.DataFrame) -> pl.DataFrame:
    """The answer of `Table.write`. `stored`: written records as they are now (ID, VERSION, `write.want`)."""
    ids = pl.Series(ID, progress.ids, dtype=pl.String)
    told = [_nothing(write, name) for name in (FIELD, MESSAGE)]
    code = _nothing(write, CODE).fill_null(str(Outcome.WRITTEN))
    other = [row for row, known in enumerate(progress.codes) if known is not Outcome.WRITTEN or row in progress.altered]
    if other:  # only these are looked at one by one
        code = code.scatter(other, [str(progress.codes[row]) for row in other])
        said = [progress.refusals.get(row, _NO_REFUSAL) for row in other]
        told[0] = told[0].scatter(other, pl.Series([refusal.field for refusal in said], dtype=pl.String))
        told[1] = told[1].scatter(other, pl.Series([refusal.message for refusal in said], dtype=pl.String))
        untouched = [row for row in other if progress.codes[row] not in (Outcome.WRITTEN, Outcome.UNKNOWN)]
        ids = ids.scatter(untouched, write.rows[ID].gather(untouched))
    own = pl.DataFrame([write.rows[OP], ids, code, *told, *_altered(progress)])
    found = own.filter(pl.col(CODE) == Outcome.WRITTEN).select(OP, ID).join(stored, on=ID, how="left").drop(ID)
    return own.join(found, on=OP, how="left", maintain_order="left")


def nothing_stored(write: Write, shape: TableShape) -> pl.DataFrame:
    """What is stored of a write of which no row went in."""
    wanted = {field.name: dtype(field) for field in shape.fields if field.name in write.want}
    return pl.DataFrame(schema={ID: pl.String(), VERSION: pl.String(), **{name: wanted[name] for name in write.want}})


def _altered(progress: Progress) -> list[pl.Series]:
    """The column of altered fields, where there are any."""
    if not progress.altered:
        return []
    written = [known is Outcome.WRITTEN for known in progress.codes]
    names = [progress.altered.get(row) if there else None for row, there in enumerate(written)]
    return [pl.Series(ALTERED, names, dtype=pl.List(pl.String))]


def _nothing(write: Write, name: str) -> pl.Series:
    return pl.Series(name, [None], dtype=pl.String).new_from_index(0, len(write.rows))
