"""What changed by row version, with deletions: pages of an app that show row versions, a log of deletions, and how far
it may be read while transactions are open (wire 2.2, 2.3).

A row version is taken when a record is written, and seen when the transaction is committed. So a reader goes up to the
oldest version of an open transaction, and begins there the next time: nothing is lost and nothing waited for.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
import polars as pl

from koppel.connectors.business_central.facts import ROW_VERSION
from koppel.connectors.business_central.page import Page
from koppel.connectors.business_central.source import PageSource
from koppel.connectors.odata.address import query
from koppel.connectors.odata.csdl import EntitySet
from koppel.connectors.odata.decode import as_page
from koppel.connectors.odata.message import Request
from koppel.errors import BadAnswer
from koppel.model.values import FAULT, ID, VERSION

WATERMARKS, OPEN_FROM = "watermarks", "minimumActiveRowVersion"
DELETIONS, DELETED, TABLE = "deletedRecords", "recordId", "tableNo"


def is_tracked(page: Page, sets: Mapping[str, EntitySet]) -> bool:
    """Whether the API tells what changed in this page."""
    needed = {WATERMARKS: {OPEN_FROM}, DELETIONS: {DELETED, TABLE, ROW_VERSION}}
    told = all(name in sets and sets[name].properties.keys() >= fields for name, fields in needed.items())
    return told and page.has_row_versions and page.facts.table != 0


class _Watermark(msgspec.Struct):
    minimumActiveRowVersion: int


class _Watermarks(msgspec.Struct):
    value: list[_Watermark]


@dataclass(frozen=True)
class Tracking:
    """The feed of one page. `log`: the log of deletions."""

    source: PageSource
    log: PageSource

    def cursor(self) -> str:
        """From where the next reading has to begin; taken before a reading."""
        address = f"{self.source.path}{WATERMARKS}{query(select=OPEN_FROM)}"
        answer = self.source.session.read(Request("GET", address), "asking for the oldest open transaction")
        system, unclear = self.source.session.system, f"{WATERMARKS} is not one row with a number"
        rows = answer.read(_Watermarks, system, unclear).value
        if len(rows) != 1:
            raise BadAnswer(system, unclear)
        return json.dumps({"version": rows[0].minimumActiveRowVersion})

    def changed(self, since: int, fields: tuple[str, ...], pushed: str | None) -> Iterator[pl.DataFrame]:
        """Records written since, then deleted ones, which have neither fields nor a version."""
        condition = f"{ROW_VERSION} ge {since}"
        shape = self.source.decoder(fields).page(as_page(())).frame
        for page in self.source.pages(fields, " and ".join(filter(None, (pushed, condition)))):
            yield page.frame
        table = f"{TABLE} eq {self.source.page.facts.table}"
        for page in self.log.pages((DELETED,), f"{table} and {condition}"):
            gone = page.frame.select(pl.col(DELETED).alias(ID), pl.lit(None, pl.String).alias(VERSION))
            yield pl.concat([shape, gone.with_columns(pl.lit(None, pl.String).alias(FAULT))], how="diagonal")


def version_of(cursor: str) -> int | None:
    """The row version of a cursor; None when it is one of the time when changes were not tracked."""
    try:
        return int(json.loads(cursor)["version"])
    except (ValueError, TypeError, KeyError):
        return None
