"""Stored values to columns in the dtype of their kind; what cannot be represented becomes null with a reason.

SQLite stores any type anywhere. A column is fetched as text or as whole numbers; the fast path takes a chunk that holds
only those, the slow path looks at each value of a chunk that does not. Then one expression per kind reads the column.
Reasons: not_text, not_a_number, not_a_boolean, not_a_date, not_a_uuid, digits_lost, time_lost, ambiguous_time,
out_of_range. An empty text in a column that is not text is a null: blank is blank.
"""

import re
from decimal import Decimal, InvalidOperation

import polars as pl

from koppel.connectors.sql.reflect import Column
from koppel.model.values import DEFAULT_SCALE, Kind, dtype

Decoded = tuple[pl.Series, pl.Series | None]
"""Values, and their reasons (null = fine) or None when all are fine."""

_LOST, _BLOB = "#digits_lost", "#not_a_number"
"""What SQL puts in the place of a decimal that cannot be read: '#' and the reason."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_PLAIN_UTC = r"^\d{4}-(0\d|1[0-2])-([01]\d|2[0-8])[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z$"
_WORDS = {"true": 1, "false": 0, "1": 1, "0": 0}


class Undecodable(bytes):
    """Stored text that is not UTF-8."""


def lenient_text(stored: bytes) -> str | Undecodable:
    """SQLite text to str; what is not UTF-8 (lone surrogates, Latin-1 bytes) is kept as it is: the page survives."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return Undecodable(stored)


def expression(column: Column, name: str) -> str:
    """The SQL that reads the column called `name`.

    A decimal is read as text. SQLite writes 15 digits of a REAL; if these do not lead back to the same number it holds
    more, and the text is not what is stored (DESIGN 14).
    """
    if column.shape.kind is Kind.DECIMAL:
        text = f"CAST({name} AS TEXT)"
        lost = f"CASE WHEN CAST({text} AS REAL) = {name} THEN {text} ELSE '{_LOST}' END"
        return f"CASE typeof({name}) WHEN 'real' THEN {lost} WHEN 'blob' THEN '{_BLOB}' ELSE {text} END"
    return name


def raw_dtype(column: Column) -> pl.DataType:
    """What the column is fetched as."""
    return pl.Int64() if column.shape.kind in (Kind.INTEGER, Kind.BOOLEAN) else pl.String()


def raw(column: Column, values: tuple[object, ...]) -> Decoded:
    """One chunk of fetched values. What is not text is shown somehow beside its reason, so that an id has a name."""
    wanted = raw_dtype(column)
    try:
        return pl.Series(values, dtype=wanted, strict=True), None
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        read = _whole_number if wanted == pl.Int64() else _text
        read = _word if column.shape.kind is Kind.BOOLEAN else read
        pairs = [read(value) for value in values]
        found = pl.Series([value for value, _ in pairs], dtype=wanted)
        return found, pl.Series([reason for _, reason in pairs], dtype=pl.String)


def _text(value: object) -> tuple[str | None, str | None]:
    if isinstance(value, float):
        shown = repr(value)
        digits = len(shown.split("e")[0].replace("-", "").replace(".", "").strip("0"))
        return (shown.removesuffix(".0"), None) if digits <= 15 else (None, "digits_lost")
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace"), "not_text"
    return None if value is None else str(value), None


def _whole_number(value: object) -> tuple[int | None, str | None]:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value), None
    if isinstance(value, str):
        value = value.strip() or None
        if value is not None and re.fullmatch(r"[+-]?\d{1,18}", value):
            return int(value), None
    return (value, None) if value is None or isinstance(value, int) else (None, "not_a_number")


def _word(value: object) -> tuple[int | None, str | None]:
    if isinstance(value, str):
        word = value.strip().lower()
        return (_WORDS.get(word), None) if word in _WORDS or word == "" else (None, "not_a_boolean")
    number, reason = _whole_number(value)
    return number, "not_a_boolean" if reason else None


def decode(column: Column, stored: Decoded) -> Decoded:
    """The fetched column in the dtype of its kind."""
    values, reasons = stored
    match column.shape.kind:
        case Kind.BOOLEAN:
            found = _booleans(values)
        case Kind.DECIMAL:
            found = _decimals(values, column.shape.scale if column.shape.scale is not None else DEFAULT_SCALE)
        case Kind.DATE:
            found = _dates(values)
        case Kind.DATETIME:
            found = moments(values, column.time.zone)
        case Kind.UUID:
            found = _uuids(values)
        case _:
            found = values, None
    assert found[0].dtype == dtype(column.shape), "a column is decoded to the dtype of its kind"
    if reasons is None:
        return found
    read = found[0].set(reasons.is_not_null(), None)
    return read, reasons if found[1] is None else pl.select(pl.coalesce(reasons, found[1])).to_series()


def _reasoned(values: pl.Series, filled: pl.Series, reason: pl.Expr) -> Decoded:
    """Values with `reason` wherever something stored (`filled`) came out as null."""
    lost = values.is_null() & filled
    if not lost.any():
        return values, None
    return values, pl.select(pl.when(lost).then(reason)).to_series()


def _booleans(values: pl.Series) -> Decoded:
    known = values.is_null() | (values == 0) | (values == 1)
    read = (values == 1).set(~known, None) if not known.all() else values == 1
    return _reasoned(read, values.is_not_null(), pl.lit("not_a_boolean"))


def _decimals(values: pl.Series, scale: int) -> Decoded:
    text = values.str.strip_chars()
    if text.str.contains("[eE]").any():
        text = text.map_elements(_plain, return_dtype=pl.String)
    text = _blank_to_null(text)
    good = text.str.contains(r"^[+-]?(\d+\.?\d*|\.\d+)$")
    short = text.set(text.str.contains(".", literal=True).fill_null(False), None)
    trimmed = pl.select(pl.coalesce(short, text.str.strip_chars_end("0").str.strip_chars_end("."))).to_series()
    fits = (trimmed.str.extract(r"\.(\d+)$").str.len_bytes().fill_null(0) <= scale) & good
    read = trimmed.set(~fits.fill_null(False), None).cast(pl.Decimal(38, scale), strict=False)
    marked = text.is_in([_LOST, _BLOB])
    other = pl.when(~pl.lit(good)).then(pl.lit("not_a_number")).when(~pl.lit(fits)).then(pl.lit("digits_lost"))
    reason = pl.when(marked).then(pl.lit(text.str.slice(1))).otherwise(other.otherwise(pl.lit("out_of_range")))
    return _reasoned(read, text.is_not_null(), reason)


def _plain(text: str) -> str:
    """A number with an exponent in plain digits; anything else as it is."""
    if not _NUMBER.fullmatch(text):
        return text
    try:
        return format(Decimal(text), "f")
    except InvalidOperation:
        return text


def _blank_to_null(text: pl.Series) -> pl.Series:
    blank = text == ""
    return text.set(blank, None) if blank.any() else text


def _dates(values: pl.Series) -> Decoded:
    text = _blank_to_null(values.str.strip_chars())
    read = text.str.to_date("%Y-%m-%d", strict=False)
    missed = read.is_null() & text.is_not_null()
    if not missed.any():
        return read, None
    midnight = text.str.replace(r"[T ]00:00(:00(\.0+)?)?Z?$", "").str.to_date("%Y-%m-%d", strict=False)
    read = pl.select(pl.coalesce(read, midnight)).to_series()
    timed = text.str.contains(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
    return _reasoned(read, text.is_not_null(), pl.when(timed).then(pl.lit("time_lost")).otherwise(pl.lit("not_a_date")))


def moments(values: pl.Series, zone: str) -> Decoded:
    """ISO date-time texts as UTC; text without offset is the time of day in `zone`."""
    if values.str.contains(_PLAIN_UTC).all():
        return values.str.replace(" ", "T", literal=True).str.to_datetime(
            "%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC", strict=False
        ), None
    return _any_moments(values, zone)


def _any_moments(values: pl.Series, zone: str) -> Decoded:
    text = _blank_to_null(values.str.strip_chars())
    text = text.str.replace(r"^(\d{4}-\d\d-\d\d) ", "${1}T").str.replace(r"^(\d{4}-\d\d-\d\d)$", "${1}T00:00:00")
    text = text.str.replace(r"^(.{10}T\d\d:\d\d)(Z|[+-]\d\d:?\d\d)?$", "${1}:00${2}").str.replace(r"Z$", "+00:00")
    shaped = text.str.contains(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:?\d\d)?$")
    finer = text.str.contains(r"\.\d{6}\d*[1-9]")
    text_ = text.set(~(shaped & ~finer).fill_null(False), None)
    offset = text_.str.contains(r"[+-]\d\d:?\d\d$").fill_null(False)
    read = text_.set(~offset, None).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", strict=False)
    twice = pl.Series([False]).new_from_index(0, len(text))
    if not offset.all():
        naive = text_.set(offset, None).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
        local = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
        earliest = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        twice = local.is_null() & earliest.is_not_null()
        read = pl.select(pl.coalesce(read, local.dt.convert_time_zone("UTC"))).to_series()
    reason = pl.when(finer).then(pl.lit("time_lost")).when(twice).then(pl.lit("ambiguous_time"))
    return _reasoned(read, text.is_not_null(), reason.otherwise(pl.lit("not_a_date")))


def _uuids(values: pl.Series) -> Decoded:
    if values.str.contains(_UUID).all():
        return values, None
    hexed = _blank_to_null(values.str.strip_chars().str.strip_chars("{}").str.replace_all("-", "", literal=True))
    hexed = hexed.str.to_lowercase()
    good = hexed.str.contains(r"^[0-9a-f]{32}$").fill_null(False)
    parts = [hexed.str.slice(start, length) for start, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    read = pl.select(pl.concat_str(parts, separator="-")).to_series().set(~good, None)
    return _reasoned(read, hexed.is_not_null(), pl.lit("not_a_uuid"))
