"""A page of JSON to a page of records: typed by what was asked for, then column by column; never rounded or guessed.

The structs into which msgspec reads are made from the wanted properties, so an unexpected one costs nothing and numbers
become Decimal without passing a float. A page that does not decode is decoded record by record, and the bad ones get a
FAULT (DESIGN 10). A property that was asked for and is not there is a fault too, not a null: it must not blank the
other side.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl
from msgspec import UNSET, UnsetType

from koppel.connectors.agreed.values import UUID, Reasoned, either, read_dates, read_decimals, reasoned, reasons_where
from koppel.connectors.odata.edm import FLOATS, Property
from koppel.connectors.odata.encode import json_body
from koppel.errors import BadAnswer
from koppel.model.values import FAULT, ID, VERSION, Kind, dtype, key_text

ETAG = "@odata.etag"

_TYPES: dict[Kind, Any] = {Kind.INTEGER: int | str, Kind.DECIMAL: Decimal, Kind.BOOLEAN: bool}
"""What a property is in JSON, where it is not a string; large whole numbers may be one (wire 1.5)."""


@dataclass(frozen=True)
class Page:
    """Records, and where the service says the next ones are (`next_link`) or the next changes (`delta_link`).

    `etags`: beside each record, null where there is none.
    """

    frame: pl.DataFrame
    etags: pl.Series
    next_link: str | None
    delta_link: str | None


class Decoder:
    """Reads pages of one table. `properties`: those wanted and the key; `key`: their names; `stamp`: the one that says
    when the record changed, where there is one.
    """

    def __init__(self, system: str, properties: Sequence[Property], key: tuple[str, ...], stamp: str | None) -> None:
        self._system = system
        self._properties = {each.shape.name: each for each in properties}
        assert self._properties.keys() >= {*key, *([stamp] if stamp else [])}, "key and stamp are read too"
        self._key = key
        self._stamp = stamp
        self._attributes = {name: f"f{at}" for at, name in enumerate(self._properties)}
        row = msgspec.defstruct(
            "Row",
            [
                ("etag", str | None | UnsetType, msgspec.field(name=ETAG, default=UNSET)),
                *(self._member(name) for name in self._properties),
            ],
        )
        self._row = msgspec.json.Decoder(row)
        self._page = msgspec.json.Decoder(_envelope(list[row]))  # type: ignore[valid-type]

    def _member(self, name: str) -> tuple[str, Any, Any]:
        type_ = _TYPES.get(self._properties[name].shape.kind, str)
        if self._properties[name].edm.startswith(("Edm.Int", "Edm.Byte", "Edm.SByte")):
            type_ = int | str
        return (
            self._attributes[name],
            type_ | None | UnsetType,
            msgspec.field(name=self._properties[name].member, default=UNSET),
        )

    def page(self, body: bytes) -> Page:
        """The page that an answer holds. Raises BadAnswer when it holds none."""
        faults: dict[int, str] = {}
        try:
            read = self._page.decode(body)
            rows = read.value
        except (msgspec.DecodeError, UnicodeDecodeError):
            read, rows, faults = self._one_by_one(body)
        frame, etags = self._columns(rows, faults)
        if frame[ID].null_count():
            raise BadAnswer(self._system, "a record has no key that can be read")
        return Page(frame, etags, *(link if link is not UNSET else None for link in (read.next_link, read.delta_link)))

    def _one_by_one(self, body: bytes) -> tuple[Any, list[Any], dict[int, str]]:
        """The envelope, the records, and by position what is wrong with those that cannot be read. The slower reader
        takes what msgspec refuses a whole page for, half of a surrogate pair.
        """
        try:
            told = json.loads(body, parse_float=Decimal)
            read = msgspec.convert(told | {"value": []}, self._page.type)
            records = [*told["value"]]
        except (ValueError, TypeError, KeyError, RecursionError, msgspec.MsgspecError) as error:
            remedy = "if it happens again, look whether a proxy or gateway answers in its place"
            raise BadAnswer(self._system, "a page is not the JSON it should be", remedy) from error
        rows, faults = [], {}
        for at, record in enumerate(records):
            try:
                rows.append(self._row.decode(json_body(record)))
            except (msgspec.MsgspecError, ValueError, OverflowError) as error:
                faults[at] = _fault(error)
                rows.append(self._shell(record))
        return read, rows, faults

    def _shell(self, record: Any) -> Any:
        """Of a record that cannot be read its key alone; without a key nobody could be told about it."""
        try:
            keys = {name: record[name] for name in self._key}
            nothing = dict.fromkeys(each.member for each in self._properties.values())
            return self._row.decode(json_body(nothing | keys))
        except (ValueError, TypeError, KeyError, OverflowError, msgspec.MsgspecError):
            raise BadAnswer(self._system, "a record can be read as little as its key") from None

    def _columns(self, rows: Sequence[Any], faults: Mapping[int, str]) -> tuple[pl.DataFrame, pl.Series]:
        decoded = {name: self._column(name, rows) for name in self._properties}
        told = [f"{name}: " + reason for name, (_, reason) in decoded.items() if reason is not None]
        fault = pl.Series(
            FAULT, [faults.get(at) for at in range(len(rows))] if faults else [None] * len(rows), pl.String
        )
        if told:
            fault = pl.select(pl.coalesce(fault, *told).alias(FAULT)).to_series()
        etags = pl.Series("etag", [row.etag or None for row in rows], pl.String)
        columns = [values.alias(name) for name, (values, _) in decoded.items()]
        frame = pl.DataFrame([fault, *columns])
        ids = frame.select(key_text(self._key)).to_series().alias(ID)
        stamps = None if self._stamp is None else frame[self._stamp]
        return frame.insert_column(0, ids).insert_column(1, version_texts(stamps, etags)), etags

    def _column(self, name: str, rows: Sequence[Any]) -> Reasoned:
        """The values of one property in the dtype of its kind."""
        attribute = self._attributes[name]
        values = [getattr(row, attribute) for row in rows]
        unsent = [at for at, value in enumerate(values) if value is UNSET]
        for at in unsent:
            values[at] = None
        read, reasons = _read(self._properties[name], values)
        if not unsent or self._properties[name].is_annotation:
            return read, reasons
        missing = pl.Series([None], dtype=pl.String).new_from_index(0, len(rows)).scatter(unsent, "not_sent")
        return read, either(reasons, missing)


def as_page(records: Iterable[bytes]) -> bytes:
    """Records that came each for itself, as a page; of none a page has the columns all the same."""
    return b'{"value":[' + b",".join(records) + b"]}"


def version_texts(stamps: pl.Series | None, etags: pl.Series) -> pl.Series:
    """The stamp up to a '#', then the etag, which alone says which edition this is; null without one."""
    told = pl.lit("") if stamps is None else pl.lit(stamps).dt.strftime("%Y-%m-%d %H:%M:%S%.6f")
    return pl.select((told.fill_null("") + "#" + etags).alias(VERSION)).to_series()


def _envelope(rows: Any) -> Any:
    """What stands around the records of a page."""
    link = str | None | UnsetType
    return msgspec.defstruct(
        "Envelope",
        [
            ("value", rows),
            ("next_link", link, msgspec.field(name="@odata.nextLink", default=UNSET)),
            ("delta_link", link, msgspec.field(name="@odata.deltaLink", default=UNSET)),
        ],
    )


def _fault(error: Exception) -> str:
    """msgspec names the place, never the value."""
    place = re.search(r"at `\$\.([^`]+)`", str(error))
    return f"{place[1]}: not_of_its_type" if place else "it holds something that is no text or number"


def _read(property_: Property, values: list[Any]) -> Reasoned:
    """A column of JSON values to the dtype of its kind."""
    kind = property_.shape.kind
    match kind:
        case Kind.BOOLEAN:
            return pl.Series(values, dtype=pl.Boolean), None
        case Kind.INTEGER:
            texts = _texts(values)
            return reasoned(texts.cast(pl.Int64, strict=False), texts, pl.lit("out_of_range"))
        case Kind.DECIMAL:
            return _decimals(property_, pl.Series([_plain(value) for value in values], dtype=pl.String))
        case Kind.DATE:
            return read_dates(_texts(values))
        case Kind.DATETIME:
            return _moments(_texts(values))
        case Kind.UUID:
            return _uuids(_texts(values))
        case _:
            return _texts(values), None


def _texts(values: list[Any]) -> pl.Series:
    return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)


_FARTHEST = 60
"""Numbers with a longer exponent are far out of range: their digits are not written out."""


def _plain(value: Decimal | None) -> str | None:
    """Plain digits. 1E+999999999 would be a text of a gigabyte."""
    if value is None or not value.is_finite():
        return value if value is None else str(value)
    if value and abs(value.adjusted()) > _FARTHEST:
        value = Decimal(1).scaleb(_FARTHEST if value.adjusted() > 0 else -_FARTHEST)
    return format(value, "f")


def _decimals(property_: Property, texts: pl.Series) -> Reasoned:
    """Values with more digits than the type declares are not what it declares: never rounded."""
    scale, digits = property_.shape.scale, FLOATS.get(property_.edm)
    if scale is None:
        return read_decimals(texts, None, digits)
    fraction = texts.str.extract(r"\.(\d*?)0*$").str.len_bytes().fill_null(0)
    lost = (fraction > scale) & texts.is_not_null()
    read, reasons = read_decimals(texts.set(lost, None), scale, None)
    assert read.dtype == dtype(property_.shape)
    return read, either(reasons_where(lost, "digits_lost"), reasons)


def _moments(texts: pl.Series) -> Reasoned:
    """ISO-8601 with an offset; seconds may be left out, and a fraction have more digits than can be kept."""
    full = texts.str.replace(r"^([^T]*T\d\d:\d\d)(Z|[+-])", "${1}:00${2}").str.replace(r"[Zz]$", "+00:00")
    lost = full.str.contains(r"\.\d{6}\d*[1-9]")
    read = full.set(lost.fill_null(False), None).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False
    )
    reason = pl.when(lost).then(pl.lit("digits_lost")).otherwise(pl.lit("not_a_moment"))
    return reasoned(read, texts, reason)


def _uuids(texts: pl.Series) -> Reasoned:
    lower = texts.str.to_lowercase()
    return reasoned(lower.set(~lower.str.contains(UUID).fill_null(True), None), texts, pl.lit("not_a_uuid"))
