"""Change tracking: what changed since a link that the service gave, deletions last (wire 1.4).

A link is only on the last page, and whether it counts from the first page or from the last is nowhere written. So it is
had before the pages that count are read (DESIGN 5): one page is both at once; several are read through for their link,
and then again.
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import polars as pl

from koppel.connectors.dataverse.calls import asked, get
from koppel.connectors.dataverse.source import PAGE_ROWS, Source
from koppel.connectors.odata.address import Trail, followed
from koppel.connectors.odata.decode import ETAG, version_texts
from koppel.connectors.odata.failure import refusal
from koppel.connectors.odata.message import Answer
from koppel.errors import BadAnswer
from koppel.model.values import FAULT, ID

EXPIRED = "0x80044352"
"""The link is too old, or the table has changed its columns since (wire 1.4). The status with it is not settled."""

_TRACK = "odata.track-changes"
_PAGE = f"odata.maxpagesize={PAGE_ROWS}"
_MARGIN = timedelta(days=1)

_GONE = "id"
"""Where the entry of a deleted row has its id."""


class _Links(msgspec.Struct):
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)
    delta_link: str | None = msgspec.field(name="@odata.deltaLink", default=None)


@dataclass(frozen=True)
class Link:
    """Where changes are asked for from a moment of the service's clock on. What a cursor of a tracked table says."""

    link: str
    at: datetime

    @property
    def text(self) -> str:
        """As a cursor."""
        return json.dumps({"delta": self.link, "at": self.at.isoformat()})

    @classmethod
    def read(cls, cursor: str) -> "Link | None":
        """The link of a cursor; None when it is none of a tracked table."""
        try:
            told = json.loads(cursor)
            return cls(told["delta"], datetime.fromisoformat(told["at"]))
        except (ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True)
class Reading:
    """What is to be read: the link for the next time, and where the pages begin. `only`: the first page, when it is
    the last one too.
    """

    link: str
    start: str
    only: Answer | None


class Tracking:
    """The feed of one table."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._system = source.session.system
        self._name = source.definition.name

    def everything(self) -> Reading:
        """All rows, and the link from which on changes are told. Raises BadAnswer when the service does not track."""
        return self._reading(self._source.address((), None), f"{_TRACK},{_PAGE}")

    def since(self, link: Link, now: datetime) -> Reading | None:
        """The changes since then; None when the link has expired, or is so old that deletions may be forgotten: what
        the service would do then nobody knows.
        """
        if now - link.at > timedelta(days=self._source.definition.kept_days) - _MARGIN:
            return None
        address = followed(self._system, self._source.session.root, link.link)
        first = asked(self._source.session, address, {"Prefer": _PAGE})
        if first.error.code == EXPIRED and not first.good:
            return None
        if not first.good:
            raise refusal(self._system, f"reading what changed in {self._name}", first)
        return self._reading(address, _PAGE, first)

    def _reading(self, start: str, prefer: str, first: Answer | None = None) -> Reading:
        first = first or self._get(start, prefer)
        if _TRACK in prefer and _TRACK not in first.headers.get("preference-applied", ""):
            raise self._untracked("it answers without tracking changes")
        last = deque(self._walk(first, prefer), maxlen=1).pop()
        link = self._links(last).delta_link
        if link is None:
            raise self._untracked("the last page does not say where the next changes are found")
        return Reading(link, start, first if last is first else None)

    def pages(self, reading: Reading) -> Iterator[Answer]:
        """The answers with the changes of a reading."""
        yield from self._walk(reading.only or self._get(reading.start, _PAGE), _PAGE)

    def _walk(self, first: Answer, prefer: str) -> Iterator[Answer]:
        answer, trail = first, Trail(self._system, self._name)
        while True:
            yield answer
            link = self._links(answer).next_link
            if link is None:
                return
            answer = self._get(trail.onto(self._source.session.root, link), prefer)

    def _get(self, address: str, prefer: str) -> Answer:
        return get(self._source.session, address, f"reading what changed in {self._name}", {"Prefer": prefer})

    def _links(self, answer: Answer) -> _Links:
        return answer.read(_Links, self._system, self._unclear)

    @property
    def _unclear(self) -> str:
        return f"the changes of {self._name} are not the JSON they should be"

    def _untracked(self, what: str) -> BadAnswer:
        remedy = f"turn change tracking on for {self._name} once more, then let koppel read its columns anew"
        return BadAnswer(self._system, f"reading what changed in {self._name}: {what}", remedy)

    def frame(self, answer: Answer) -> pl.DataFrame:
        """ID, VERSION and FAULT of a page of changes; a deleted row has no version."""
        key, stamp = self._source.definition.key, self._source.stamp
        names = dict.fromkeys(name for name in (ETAG, key, _GONE, stamp) if name)
        members = [(f"m{at}", str | None, msgspec.field(name=name, default=None)) for at, name in enumerate(names)]
        row = msgspec.defstruct("Change", members)
        page: type[Any] = msgspec.defstruct("Changes", [("value", list[row])])  # type: ignore[valid-type]
        rows = answer.read(page, self._system, self._unclear).value
        told = {name: [getattr(each, f"m{at}") for each in rows] for at, name in enumerate(names)}
        columns = {name: pl.Series(name, texts, dtype=pl.String) for name, texts in told.items()}
        ids = pl.select(pl.coalesce(columns[key], columns[_GONE])).to_series().str.to_lowercase().alias(ID)
        if ids.null_count():
            raise BadAnswer(self._system, f"a change of {self._name} has no key that can be read")
        versions = version_texts(_moments(columns[stamp]) if stamp else None, columns[ETAG])
        return pl.DataFrame([ids, versions, pl.Series(FAULT, [None] * len(rows), dtype=pl.String)])


def _moments(texts: pl.Series) -> pl.Series:
    return texts.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC", strict=False)
