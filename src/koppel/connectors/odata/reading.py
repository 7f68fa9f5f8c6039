"""Reading records of one entity set: all of them, those under a condition, those with certain keys."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from koppel.connectors.agreed.page import parts_of
from koppel.connectors.odata.address import Trail, query, quoted
from koppel.connectors.odata.batch import Batches, Told, one_by_one
from koppel.connectors.odata.csdl import EntitySet
from koppel.connectors.odata.decode import Decoder, Page, as_page
from koppel.connectors.odata.edm import Property
from koppel.connectors.odata.encode import literals
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.session import Session
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
    batches: Batches | None = None
    """Where the service takes many requests in one."""
    path: str = ""
    """What stands before the name of the entity set in addresses, ending in a slash."""

    @property
    def address(self) -> str:
        """Where the records are, relative to the root of the service."""
        return f"{self.path}{self.name}"

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
        return Decoder(self.session.system, self.properties(fields), self.key, self.stamp)

    def select(self, fields: Sequence[str]) -> str:
        """The same for the service."""
        return ",".join(each.shape.name for each in self.properties(fields))

    def properties(self, fields: Sequence[str]) -> list[Property]:
        """The key, the stamp and these fields."""
        names = dict.fromkeys((*self.key, *([self.stamp] if self.stamp else []), *fields))
        return [self.entity_set.properties[name] for name in names]

    @property
    def together(self) -> int:
        """How many requests are sent in one."""
        return 1 if self.batches is None else self.batches.most

    def exchange(self, requests: Sequence[Request], deadline: float) -> list[Told]:
        """What became of at most `together` requests, in their order."""
        if self.batches is None:
            return one_by_one(self.session, requests, deadline)
        return self.batches.exchange(requests, deadline)

    def pages(self, fields: Sequence[str], condition: str | None, deadline: float | None = None) -> Iterator[Page]:
        """The records under a condition, page by page, read while they are iterated. `deadline`: of all of them; None:
        each page is a call of its own.
        """
        answer = self.session.read(self._question(fields, condition), f"reading {self.name}", deadline)
        yield from self._pages(fields, answer, deadline)

    def _question(self, fields: Sequence[str], condition: str | None) -> Request:
        """What asks for the records under a condition."""
        address = f"{self.session.root}{self.address}{query(select=self.select(fields), filter=condition)}"
        return Request("GET", address, _PREFER)

    def _pages(self, fields: Sequence[str], answer: Answer, deadline: float | None) -> Iterator[Page]:
        """The page that an answer holds, and those it leads to."""
        decoder, trail = self.decoder(fields), Trail(self.session.system, self.name, answer.address)
        while True:
            page = decoder.page(answer.body)
            yield page
            if page.next_link is None:
                return
            address = trail.onto(answer.address, page.next_link)
            answer = self.session.read(Request("GET", address, _PREFER), f"reading {self.name}", deadline)

    def fetch(self, ids: pl.Series, fields: Sequence[str]) -> Page:
        """The records with these ids, once each; what belongs to no record is absent."""
        found = self.under_each(fields, bounded(key_conditions(self.key_properties, ids)))
        empty = self.decoder(fields).page(as_page(()))
        frame = pl.concat([empty.frame, *(page.frame for page in found)])
        etags = pl.concat([empty.etags, *(page.etags for page in found)])
        with_etags = frame.with_columns(etags.alias("@etag"))
        # A service that compares texts its own way may answer with records that nobody asked for.
        kept = with_etags.filter(pl.col(ID).is_in(ids.implode())).unique(ID, keep="first", maintain_order=True)
        return Page(kept.drop("@etag"), kept["@etag"], None, None)

    def under_each(self, fields: Sequence[str], conditions: Sequence[str]) -> list[Page]:
        """The records under each of these conditions, as many asked at once as the service bears."""
        deadline, lanes = self.session.deadline(), self.session.limits.most_lanes
        # Every lane is used before requests are put together: a service works through a batch one by one.
        together = max(1, min(self.together, -(-len(conditions) // lanes)))
        parts = [conditions[at : at + together] for at in range(0, len(conditions), together)]

        def read(part: Sequence[str]) -> list[Page]:
            if len(part) == 1:
                return list(self.pages(fields, part[0], deadline))
            told = self.exchange([self._question(fields, condition) for condition in part], deadline)
            pages = []
            for condition, answer in zip(part, told, strict=True):
                if isinstance(answer, Answer) and answer.good:
                    pages += list(self._pages(fields, answer, deadline))
                else:  # asked alone it is tried again, and fails with the reason
                    pages += list(self.pages(fields, condition, deadline))
            return pages

        with ThreadPoolExecutor(lanes) as threads:
            return [page for pages in threads.map(read, parts) for page in pages]


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
    return all_of([f"{one.member} eq " + literals(one, rows[one.shape.name]) for one in properties])


def all_of(each: Sequence[pl.Series]) -> list[str]:
    """Row by row: that all of these conditions hold."""
    if len(each) == 1:
        return each[0].to_list()
    return pl.select("(" + pl.concat_str(list(each), separator=" and ") + ")").to_series().to_list()


def bounded(conditions: Sequence[str], longest: int = CONDITION_LENGTH, most: int | None = None) -> list[str]:
    """The conditions joined by `or`, as few as fit into addresses of a length that every server takes. `longest`: how
    long a joined one may be, percent-encoded; `most`: of how many.
    """
    joined: list[str] = []
    length, number = longest, 0
    for condition in conditions:
        added = len(quoted(condition)) + len("%20or%20")
        if length + added > longest or number == most:
            joined.append(condition)
            length, number = added, 1
        else:
            joined[-1] += f" or {condition}"
            length, number = length + added, number + 1
    return joined
