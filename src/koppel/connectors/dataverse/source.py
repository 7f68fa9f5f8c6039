"""Reading rows of one table: all, those under a condition, those with certain ids."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import polars as pl

from koppel.connectors.agreed.values import UUID
from koppel.connectors.dataverse.calls import get
from koppel.connectors.dataverse.columns import Column
from koppel.connectors.dataverse.definition import Definition
from koppel.connectors.dataverse.showing import finished
from koppel.connectors.odata.address import Trail, query
from koppel.connectors.odata.decode import Decoder, Page, as_page
from koppel.connectors.odata.edm import Property
from koppel.connectors.odata.parting import Parting
from koppel.connectors.odata.session import Session
from koppel.model.values import ID

PAGE_ROWS = 5000
"""What the service gives at once, at most (wire 1.1)."""

IDS_AT_ONCE = 500
"""How many ids one question names: about 20 KB of address, of the 64 KB that a batch may carry."""

_TABLE_OF_LOOKUP = 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'


@dataclass(frozen=True)
class Source:
    """One table over one session. `stamp`: the change stamp; `zone`: of date-times that carry none. `writing`: headers
    of every request that writes a row; `parting`: which rows go together.
    """

    session: Session
    definition: Definition
    stamp: str | None
    zone: str
    writing: Mapping[str, str] = field(default_factory=dict)
    parting: Parting = field(default_factory=Parting)

    def _seen(self, fields: Sequence[str]) -> list[Column]:
        """The key, the stamp and these fields, without those that column security hides."""
        names = dict.fromkeys((self.definition.key, *([self.stamp] if self.stamp else []), *fields))
        columns = [self.definition.columns[name] for name in names]
        return [column for column in columns if not column.access.hidden]

    def _read(self, fields: Sequence[str]) -> list[Property]:
        return [column.odata for column in self._seen(fields)]

    def _confirm(self, fields: Sequence[str]) -> None:
        """What was just read of secured columns was no mask and no null for want of a right. Raises Denied."""
        if any(column.access.secured for column in self._seen(fields)):
            self.definition.security.confirm(self.session)

    def select(self, fields: Sequence[str]) -> str:
        """The columns of rows, for the service."""
        return ",".join(dict.fromkeys(each.member.partition("@")[0] for each in self._read(fields)))

    def prefer(self, fields: Sequence[str], *more: str) -> str:
        """What is asked for beside the rows; it has to be said again with every link (wire 1.1)."""
        annotated = any(each.is_annotation for each in self._read(fields))
        return ",".join((*more, *([_TABLE_OF_LOOKUP] if annotated else [])))

    def address(self, fields: Sequence[str], condition: str | None) -> str:
        """Of the rows under a condition, absolute."""
        root, set_name = self.session.root, self.definition.set_name
        return f"{root}{set_name}{query(select=self.select(fields), filter=condition)}"

    def decoded(self, body: bytes, fields: Sequence[str]) -> Page:
        """The page that an answer holds, with all fields that were asked for."""
        decoder = Decoder(self.session.system, self._read(fields), (self.definition.key,), self.stamp)
        page = decoder.page(body)
        frame = finished(page.frame, [self.definition.columns[name] for name in dict.fromkeys(fields)], self.zone)
        return Page(frame, page.etags, page.next_link, page.delta_link)

    def pages(self, fields: Sequence[str], condition: str | None) -> Iterator[Page]:
        """The rows under a condition, page by page, read while they are iterated."""
        for page in self._pages(fields, condition):
            self._confirm(fields)
            yield page

    def _pages(self, fields: Sequence[str], condition: str | None, deadline: float | None = None) -> Iterator[Page]:
        address = self.address(fields, condition)
        prefer = {"Prefer": self.prefer(fields, f"odata.maxpagesize={PAGE_ROWS}")}
        trail = Trail(self.session.system, self.definition.name, address)
        while True:
            answer = get(self.session, address, f"reading {self.definition.name}", prefer, deadline)
            page = self.decoded(answer.body, fields)
            yield page
            if page.next_link is None:
                return
            address = trail.onto(self.session.root, page.next_link)

    def fetch(self, ids: pl.Series, fields: Sequence[str]) -> Page:
        """The rows with these ids, once each; what belongs to no row is absent."""
        wanted = ids.filter(ids.str.contains(UUID).fill_null(False)).unique(maintain_order=True)
        conditions = [
            one_of(self.definition.key, wanted[at : at + IDS_AT_ONCE]) for at in range(0, len(wanted), IDS_AT_ONCE)
        ]
        return self.under(conditions, fields)

    def under(self, conditions: Sequence[str], fields: Sequence[str]) -> Page:
        """The rows under any of these conditions, once each."""
        deadline = self.session.deadline()

        def read(condition: str) -> list[Page]:
            return list(self._pages(fields, condition, deadline))

        with ThreadPoolExecutor(self.session.limits.most_lanes) as threads:
            found = [page for pages in threads.map(read, conditions) for page in pages]
        if conditions:
            self._confirm(fields)
        found.insert(0, self.decoded(as_page(()), fields))
        frame = pl.concat([page.frame for page in found]).with_columns(
            pl.concat([page.etags for page in found]).alias("@etag")
        )
        once = frame.unique(ID, keep="first", maintain_order=True)
        return Page(once.drop("@etag"), once["@etag"], None, None)


def one_of(column: str, ids: pl.Series) -> str:
    """The condition that a column holds one of these uuids, which need no quoting (wire 1.2)."""
    values = ",".join(f"'{id_}'" for id_ in ids)
    return f"Microsoft.Dynamics.CRM.In(PropertyName='{column}',PropertyValues=[{values}])"
