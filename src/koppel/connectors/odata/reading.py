"""Reading records of one entity set: all of them, those under a condition, those with certain keys."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from koppel.connectors.agreed.page import parts_of
from koppel.connectors.odata.address import followed, query, quoted
from koppel.connectors.odata.csdl import EntitySet
from koppel.connectors.odata.decode import Decoder, Page
from koppel.connectors.odata.edm import Property
from koppel.connectors.odata.encode import literals
from koppel.connectors.odata.message import Request
from koppel.connectors.odata.session import Session
from koppel.errors import BadAnswer
from koppel.model.values import ID, Kind, dtype

PAGE_ROWS = 5000
_PREFER = {"Prefer": f"odata.maxpagesize={PAGE_ROWS}"}

CONDITION_LENGTH = 4000
"""How long a condition may be in an address, percent-encoded. Servers in between refuse addresses of 8 KB."""


@dataclass(frozen=True)
class Source:
    """One entity set, opened with this key and change stamp."""

    session: Session
    entity_set: EntitySet
    key: tuple[str, ...]
    stamp: str | None

    @property
    def name(self) -> str:
        """The name of the entity set."""
        return self.entity_set.name

    @property
    def key_properties(self) -> list[Property]:
        """Those that make the id."""
        return [self.entity_set.properties[name] for name in self.key]

    def decoder(self, fields: Sequence[str]) -> Decoder:
        """Reads the key, the stamp and these fields."""
        return Decoder(self.session.system, self._properties(fields), self.key, self.stamp)

    def select(self, fields: Sequence[str]) -> str:
        """The same for the service."""
        return ",".join(each.shape.name for each in self._properties(fields))

    def _properties(self, fields: Sequence[str]) -> list[Property]:
        names = dict.fromkeys((*self.key, *([self.stamp] if self.stamp else []), *fields))
        return [self.entity_set.properties[name] for name in names]

    def pages(self, fields: Sequence[str], condition: str | None, deadline: float | None = None) -> Iterator[Page]:
        """The records under a condition, page by page, read while they are iterated. `deadline`: of all of them; None:
        each page is a call of its own.
        """
        decoder = self.decoder(fields)
        address = f"{self.session.root}{self.name}{query(select=self.select(fields), filter=condition)}"
        visited = set()
        while True:
            visited.add(address)
            answer = self.session.read(Request("GET", address, _PREFER), f"reading {self.name}", deadline)
            page = decoder.page(answer.body)
            yield page
            if page.next_link is None:
                return
            address = followed(self.session.system, answer.address, page.next_link)
            if address in visited:
                raise BadAnswer(self.session.system, f"the pages of {self.name} lead round in a circle")

    def fetch(self, ids: pl.Series, fields: Sequence[str]) -> Page:
        """The records with these ids, once each; what belongs to no record is absent."""
        deadline = self.session.deadline()
        conditions = bounded(key_conditions(self.key_properties, ids))

        def read(condition: str) -> list[Page]:
            return list(self.pages(fields, condition, deadline))

        with ThreadPoolExecutor(self.session.limits.most_lanes) as threads:
            found = [page for pages in threads.map(read, conditions) for page in pages]
        empty = self.decoder(fields).page(b'{"value":[]}')
        frame = pl.concat([empty.frame, *(page.frame for page in found)])
        etags = pl.concat([empty.etags, *(page.etags for page in found)])
        with_etags = frame.with_columns(etags.alias("@etag"))
        # A service that compares texts its own way may answer with records that nobody asked for.
        kept = with_etags.filter(pl.col(ID).is_in(ids.implode())).unique(ID, keep="first", maintain_order=True)
        return Page(kept.drop("@etag"), kept["@etag"], None, None)


def key_parts_frame(key: Sequence[Property], ids: pl.Series) -> pl.DataFrame:
    """The key columns in the ids, in the dtypes of their kinds; null where an id cannot be one of this table's."""
    if len(key) == 1:
        texts = pl.DataFrame([ids.alias(key[0].shape.name)])
    else:
        nothing = (None,) * len(key)
        rows = [nothing if id_ is None else parts_of(id_, len(key)) or nothing for id_ in ids.to_list()]
        texts = pl.DataFrame(rows, schema=dict.fromkeys([each.shape.name for each in key], pl.String), orient="row")
    return texts.select(_typed(each).alias(each.shape.name) for each in key)


def _typed(property_: Property) -> pl.Expr:
    """A key text in the dtype of its kind."""
    text = pl.col(property_.shape.name)
    match property_.shape.kind:
        case Kind.DATE:
            return text.str.to_date("%Y-%m-%d", strict=False)
        case Kind.UUID:
            return pl.when(text.str.contains(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")).then(text)
        case _:
            return text.cast(dtype(property_.shape), strict=False)


def key_conditions(key: Sequence[Property], ids: pl.Series) -> list[str]:
    """A condition for each id that can be one of this table's."""
    parts = key_parts_frame(key, ids.drop_nulls().unique(maintain_order=True)).drop_nulls()
    return equal(key, parts)


def equal(properties: Sequence[Property], rows: pl.DataFrame) -> list[str]:
    """A condition for each row: that all properties have these values."""
    each = [f"{one.member} eq " + literals(one, rows[one.shape.name]) for one in properties]
    if len(each) == 1:
        return each[0].to_list()
    return pl.select("(" + pl.concat_str(each, separator=" and ") + ")").to_series().to_list()


def bounded(conditions: Sequence[str]) -> list[str]:
    """The conditions joined by `or`, as few as fit into addresses of a length that every server takes."""
    joined: list[str] = []
    length = CONDITION_LENGTH
    for condition in conditions:
        added = len(quoted(condition)) + len("%20or%20")
        if length + added > CONDITION_LENGTH:
            joined.append(condition)
            length = added
        else:
            joined[-1] += f" or {condition}"
            length += added
    return joined
