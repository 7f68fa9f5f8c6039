"""Kinds of values and the shape of a table.

A page of records is a Polars frame with one column per field, in the dtype of the field's kind (see `dtype`), and with
three columns of its own whose names no table can have: `ID` (the record's id as canonical text), `VERSION` (which
edition of it, null when the system cannot say or the stamp is too fresh to be trusted; a change stamp comes first, up
to a '#') and `FAULT` (why a record could not be read, else null).
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import polars as pl

ID = "@id"
VERSION = "@version"
FAULT = "@fault"
OP = "@op"

DEFAULT_SCALE = 10
"""Digits after the point of a decimal whose field declares none; Dataverse stores at most ten."""


class Kind(StrEnum):
    """What a field's values mean; decides their canonical form (`transform.canonical`)."""

    TEXT = "text"
    CODE = "code"
    """Text that is stored upper case and trimmed, as Business Central's Code."""
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    UUID = "uuid"
    CHOICE = "choice"
    """One of a finite set of values, kept as the canonical text of the stored value."""


@dataclass(frozen=True)
class FieldShape:
    """One field as its system declares it. `length` in characters; `scale` in digits after the point."""

    name: str
    kind: Kind
    length: int | None = None
    scale: int | None = None
    nullable: bool = True
    choices: tuple[str, ...] = ()
    read_only: bool = False
    unlock: str = ""
    """What a person does so that a read-only field can be written, where rights are all that is missing."""
    unique: bool = False
    references: tuple[str, str] | None = None
    """(table, field) of a foreign key with one column."""


class KeyOrigin(StrEnum):
    """Who gives a new record its key, as far as the table itself can tell."""

    CHOSEN = "chosen"
    """Whoever writes the record: a uuid or text key."""
    RESERVED = "reserved"
    """The system, but numbers can be reserved beforehand."""
    GENERATED = "generated"
    """The system, at the moment of writing."""


@dataclass(frozen=True)
class TableShape:
    """One table as its system declares it."""

    name: str
    fields: tuple[FieldShape, ...]
    key: tuple[str, ...]
    key_origin: KeyOrigin
    modified: str | None = None
    """The field that carries the change stamp."""
    granularity: timedelta = timedelta(microseconds=1)
    """How finely the change stamp ticks."""
    mark: str | None = None
    """A unique field, not of the key, into which koppel writes a value that it has reserved: by it a new record is
    found again when the system gives the key.
    """

    def field(self, name: str) -> FieldShape | None:
        """The field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)


def dtype(field: FieldShape) -> pl.DataType:
    """The Polars dtype in which values of this field travel."""
    match field.kind:
        case Kind.INTEGER:
            return pl.Int64()
        case Kind.DECIMAL:
            return pl.Decimal(38, DEFAULT_SCALE if field.scale is None else field.scale)
        case Kind.BOOLEAN:
            return pl.Boolean()
        case Kind.DATE:
            return pl.Date()
        case Kind.DATETIME:
            return pl.Datetime("us", "UTC")
        case _:
            return pl.String()


def key_text(key: tuple[str, ...]) -> pl.Expr:
    """The id of a record from its key columns: canonical text; several columns are joined by '|' with '\\' escapes
    (reversible).
    """
    parts = [pl.col(name).cast(pl.String) for name in key]
    if len(parts) == 1:
        return parts[0]
    escaped = [
        part.str.replace_all("\\", "\\\\", literal=True).str.replace_all("|", "\\|", literal=True) for part in parts
    ]
    return pl.concat_str(escaped, separator="|")


def key_parts(id_: str, count: int) -> tuple[str, ...]:
    """The `count` key texts of an id made by `key_text`. Raises ValueError when it was not made from so many."""
    if count == 1:
        return (id_,)
    parts = [
        re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL)
        for part in re.findall(r"((?:[^\\|]|\\.)*)\|", id_ + "|", re.DOTALL)
    ]
    if len(parts) != count:
        raise ValueError(f"{id_!r} is not an id of {count} parts")
    return tuple(parts)
