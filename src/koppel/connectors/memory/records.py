"""What a memory record is: its key, its change stamp, its blanks, the rules it must keep. Pure functions."""

from dataclasses import dataclass
from datetime import UTC, datetime

from koppel.model.values import FieldShape, Kind, TableShape, key_parts

Record = dict[str, object]
"""One record: per field a str, int, Decimal, bool, date, datetime (UTC), None or Unreadable."""

KEY_KINDS = frozenset({Kind.TEXT, Kind.CODE, Kind.UUID, Kind.INTEGER, Kind.CHOICE})
"""What a key of a memory table can consist of."""


@dataclass(frozen=True)
class Unreadable:
    """A stored value that cannot be represented in its field's kind: a page shows null and FAULT `field: reason`."""

    reason: str


class Refused(Exception):
    """Why one row of a write is not taken."""

    def __init__(self, field: str | None, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def field_of(shape: TableShape, name: str) -> FieldShape:
    """The field of that name, which must be there."""
    field = shape.field(name)
    assert field is not None, f"{shape.name} has no {name}"
    return field


def id_of(shape: TableShape, record: Record) -> str:
    """The id of a record, as `model.values.key_text` makes it."""
    parts = [str(record[name]) for name in shape.key]
    if len(parts) == 1:
        return parts[0]
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def key_values(shape: TableShape, id_: str) -> Record:
    """The key fields of the record with this id. Raises ValueError when no record can have it."""
    texts = zip(shape.key, key_parts(id_, len(shape.key)), strict=True)
    return {name: int(text) if field_of(shape, name).kind is Kind.INTEGER else text for name, text in texts}


def stamped(shape: TableShape, moment: datetime) -> Record:
    """The change stamp of an edit at this moment, as finely as the table's clock ticks."""
    if shape.modified is None:
        return {}
    return {shape.modified: moment - (moment - datetime(1970, 1, 1, tzinfo=UTC)) % shape.granularity}


def blank(shape: TableShape) -> Record:
    """A record of which nothing is known yet: null, or '' for text that cannot be null."""
    texts = {field.name for field in shape.fields if field.kind in (Kind.TEXT, Kind.CODE) and not field.nullable}
    return {field.name: "" if field.name in texts else None for field in shape.fields}


def version_of(shape: TableShape, record: Record, now: datetime) -> str | None:
    """The change stamp as text; null while a later edit could still get the same stamp (DESIGN 14)."""
    stamp = None if shape.modified is None else record[shape.modified]
    if not isinstance(stamp, datetime) or stamp + shape.granularity > now:
        return None
    return stamp.isoformat(timespec="microseconds")


def fault_of(record: Record, names: tuple[str, ...]) -> str | None:
    """Why the record cannot be read, looking at these fields."""
    return next((f"{name}: {v.reason}" for name in names if isinstance(v := record[name], Unreadable)), None)


def comparable(value: object, ignore_case: bool) -> object:
    """What a value is compared as in a look-up; None for what never equals anything."""
    if isinstance(value, str):
        stripped = value.strip()
        return (stripped.lower() if ignore_case else stripped) or None
    return None if isinstance(value, Unreadable) else value


def check(shape: TableShape, record: Record, sent: Record) -> None:
    """Raises Refused when the table's own rules do not allow the record."""
    for field in shape.fields:
        value = record[field.name]
        if field.name in sent and field.read_only:
            raise Refused(field.name, f"{field.name} cannot be written")
        if value is None and not field.nullable:
            raise Refused(field.name, f"{field.name} must have a value")
        if isinstance(value, str) and field.length is not None and len(value) > field.length:
            raise Refused(field.name, f"{field.name} is longer than {field.length} characters")
        if field.choices and value is not None and value not in field.choices:
            raise Refused(field.name, f"{field.name} is not one of the values the table allows")
