"""The job table: what a job has to look at, joined to the couplings and paged by pair (DESIGN 5).

Feeds, the retry set and unsettled couplings are gathered in temporary tables and joined once, so that a run costs what
changed and not what there is, memory is bounded by the page, and a pair comes up once however many feeds name it. Where
all couplings are to be looked at none is gathered: they are paged as they lie; where most need no look, the others are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table, and_, exists, false, func, literal, not_, or_, select, true, union_all
from sqlalchemy.sql.expression import ColumnElement, Select

from koppel.model.coupling import COUPLING_SCHEMA, LEFT_ID, PAIR_SCHEMA, RIGHT_ID
from koppel.model.job import Job
from koppel.model.policy import Side
from koppel.model.values import ID, VERSION
from koppel.store import schema
from koppel.store.connection import StoreBase
from koppel.store.dialect import Existing, minding, refresh_statistics, spread, upsert
from koppel.store.rows import FETCH_ROWS, insert_frame, read_frame

_due, _pair, _coupling, _error = schema.due, schema.pair, schema.coupling, schema.error
_LONE_SCHEMA = pl.Schema({"record": pl.String(), "left_due": pl.Boolean(), "right_due": pl.Boolean()})


@dataclass(frozen=True)
class _Stretch:
    """All couplings of a mapping as they were when a job lined them up: the first and the last number."""

    mapping: int
    first: int
    last: int


class LineUp(StoreBase):
    """Lining up the records of one job."""

    _stretch: _Stretch | None = None
    """All couplings, where the job looks at all; others are in the job table."""

    def begin_due(self, job: Job) -> None:
        """Empty the job table in which the records to be looked at are lined up."""
        self._stretch = None
        with self.transaction() as connection:
            connection.execute(_due.delete())
            connection.execute(_pair.delete())

    def add_due(self, side: Side, page: pl.DataFrame) -> None:
        """Add records (ID, VERSION) that a feed named; each counts once, the latest version stands."""
        frame = page.select(pl.col(ID).alias("record"), pl.col(VERSION).alias("version")).sort("record")
        with self.transaction() as connection:
            insert_frame(connection, _due, frame, existing=Existing.GOES, side=int(side), named=True)

    def add_uncoupled(self, side: Side, ids: pl.Series) -> None:
        """Add records without a coupling that a feed named; no version of theirs is known."""
        self._add_ids(side, ids, named=True)

    def add_present(self, side: Side, ids: pl.Series) -> None:
        """Add ids that a sweep found to exist."""
        self._add_ids(side, ids, named=False)

    def _add_ids(self, side: Side, ids: pl.Series, named: bool) -> None:
        columns = ["side", "record", "named"]
        found = spread(ids.sort()).subquery()
        rows = select(literal(int(side)), found.c.value, true() if named else false())
        with self.transaction() as connection:
            statement = minding(upsert(connection, _due), _due, columns, Existing.STAYS)
            # SQLite would take ON for the beginning of a join.
            connection.execute(statement.from_select(columns, rows.where(true())))

    def missing(self, job: Job, side: Side) -> int:
        """How many coupled records of that side no page and no sweep named."""
        with self.transaction() as connection:
            absent = _absent(self.mapping_id(connection, job.mapping), side)
            return int(connection.execute(select(func.count()).select_from(absent.subquery())).scalar_one())

    def line_up(self, job: Job, lone: bool, swept: Sequence[Side], layout: int) -> int:
        """Join what is due, the retry set and the unsettled couplings into pairs; how many there are."""
        with self.transaction() as connection:
            number = self.mapping_id(connection, job.mapping)
            refresh_statistics(connection, _due)
            queries = [*_due_couplings(number), *_open_couplings(number), *(_absent(number, side) for side in swept)]
            for query in [*queries, _other_layouts(connection, number, layout)]:
                self._add_pairs(connection, query)
            return self._add_lone(connection, number, lone)

    def line_up_all(self, job: Job, lone: bool, rest: pl.Series | None, end: int) -> tuple[int, int]:
        """The same with all couplings: how many pairs there are, and how many couplings are left out. `rest`: of those
        below the number `end` about which nothing is open only the ones with these numbers.
        """
        with self.transaction() as connection:
            number = self.mapping_id(connection, job.mapping)
            refresh_statistics(connection, _due)
            ends = select(func.count(), func.min(_coupling.c.id), func.max(_coupling.c.id))
            count, first, last = connection.execute(ends.where(_coupling.c.mapping == number)).one()
            if rest is None:
                self._stretch = _Stretch(number, first, last) if count else None
                return count + self._add_lone(connection, number, lone), 0
            for at in range(0, len(rest), FETCH_ROWS):
                these = _coupling.c.id.in_(spread(rest.slice(at, FETCH_ROWS)))
                query = select(_coupling.c.id, true(), true()).where(_coupling.c.mapping == number, these)
                self._add_pairs(connection, query)
            asked = _named_by(schema.conflict).where(_coupling.c.mapping == number)
            made = select(_coupling.c.id, true(), true()).where(_coupling.c.mapping == number, _coupling.c.id >= end)
            for query in [*_open_couplings(number), asked, made]:
                self._add_pairs(connection, query)
            coupled = connection.execute(select(func.count()).select_from(_pair)).scalar_one()
            return self._add_lone(connection, number, lone), count - coupled

    def line_up_couplings(self, couplings: Sequence[int], lone: Sequence[tuple[Side, str]]) -> int:
        """Line up exactly these instead."""
        self._stretch = None
        with self.transaction() as connection:
            connection.execute(_pair.delete())
            chosen = pl.DataFrame({"coupling": couplings}, schema={"coupling": pl.Int64()}).unique()
            insert_frame(connection, _pair, chosen, left_due=True, right_due=True)
            single = (
                pl.DataFrame([(int(side), record) for side, record in lone], schema=["side", "record"], orient="row")
                if lone
                else None
            )
            if single is not None:
                due = single.with_columns(left_due=pl.col("side") == 0, right_due=pl.col("side") == 1)
                insert_frame(connection, _pair, due)
            return len(chosen) + len(lone)

    def pairs(self, job: Job, size: int) -> Iterator[pl.DataFrame]:
        """What was lined up, in pages of PAIR_SCHEMA; first couplings, then lone records of the left, then of the
        right.
        """
        if self._stretch is not None:
            everything = self._pages(partial(_all_couplings, self._stretch), COUPLING_SCHEMA, size)
            yield from (page.with_columns(left_due=True, right_due=True) for page in everything)
        for page in self._pages(_coupled_pairs, {"pair": pl.Int64(), **PAIR_SCHEMA}, size):
            yield page.drop("pair")
        for side in Side:
            for page in self._pages(partial(_lone_pairs, side), {"pair": pl.Int64(), **_LONE_SCHEMA}, size):
                yield _as_pairs(side, page)

    def _pages(
        self, query: Callable[[int, int], Select[Any]], columns: Mapping[str, pl.DataType], size: int
    ) -> Iterator[pl.DataFrame]:
        """`query`: so many rows after one whose number, the first of the columns, is given."""
        after = 0
        while True:
            with self.transaction() as connection:
                page = read_frame(connection, query(after, size), columns)
            if not len(page):
                return
            after = page.to_series(0)[-1]
            yield page

    def _add_pairs(self, connection: Connection, query: Select[tuple[object, ...]]) -> None:
        target = upsert(connection, _pair).from_select(["coupling", "left_due", "right_due"], query)
        connection.execute(target.on_conflict_do_nothing())

    def _add_lone(self, connection: Connection, number: int, named_too: bool) -> int:
        """Uncoupled records that feeds named, if wanted; those of the retry set always: somebody wanted them created
        once. Answers how many are in the job table now.
        """
        for side in Side:
            self._add_lone_of(connection, number, side, named_too)
        return int(connection.execute(select(func.count()).select_from(_pair)).scalar_one())

    def _add_lone_of(self, connection: Connection, number: int, side: Side, named_too: bool) -> None:
        coupled = exists().where(_coupling.c.mapping == number, _ids(side) == _due.c.record)
        named = select(_due.c.record).where(_due.c.side == int(side), _due.c.named, not_(coupled))
        known = exists().where(_coupling.c.mapping == number, _ids(side) == _error.c.record)
        failed = select(_error.c.record).where(_error.c.mapping == number, _error.c.side == int(side), not_(known))
        records = union_all(*([named, failed] if named_too else [failed])).subquery()
        query = select(literal(int(side)), records.c.record, *_flags(side)).distinct()
        connection.execute(_pair.insert().from_select(["side", "record", "left_due", "right_due"], query))


def _due_couplings(number: int) -> list[Select[tuple[object, ...]]]:
    """Couplings that feeds named, and those that are not settled; the flags say which side they come from."""
    mine = _coupling.c.mapping == number
    queries: list[Select[tuple[object, ...]]] = []
    for side in Side:
        named = and_(_due.c.side == int(side), _due.c.named, _due.c.record == _ids(side))
        moved = or_(_due.c.version.is_(None), _due.c.version.is_distinct_from(_versions(side)))
        queries.append(select(_coupling.c.id, *_flags(side)).join(_due, named).where(mine, moved))
        queries.append(select(_coupling.c.id, true(), true()).where(mine, _versions(side).is_(None)))
    return queries


def _open_couplings(number: int) -> list[Select[tuple[object, ...]]]:
    """Couplings of records with an error, and those of which something was set aside."""
    mine = _coupling.c.mapping == number
    queries: list[Select[tuple[object, ...]]] = []
    for side in Side:
        failed = and_(_error.c.mapping == number, _error.c.side == int(side), _error.c.record == _ids(side))
        queries.append(select(_coupling.c.id, *_flags(side)).join(_error, failed).where(mine))
    return [*queries, _named_by(schema.aside).where(mine)]


def _named_by(table: Table) -> Select[tuple[object, ...]]:
    """Couplings that rows of another table are about."""
    return select(_coupling.c.id, true(), true()).join(table, table.c.coupling == _coupling.c.id)


def _flags(side: Side) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """`left_due`, `right_due` of what comes from this side."""
    return (true(), false()) if side is Side.LEFT else (false(), true())


def _coupled_pairs(after: int, size: int) -> Select[Any]:
    rest = [_coupling.c[name] for name in list(COUPLING_SCHEMA)[1:]]
    query = select(_pair.c.id, _coupling.c.id, *rest, _pair.c.left_due, _pair.c.right_due)
    query = query.join(_coupling, _coupling.c.id == _pair.c.coupling)
    return query.where(_pair.c.id > after).order_by(_pair.c.id).limit(size)


def _all_couplings(stretch: _Stretch, after: int, size: int) -> Select[Any]:
    # By their numbers, as they lie: an index on the mapping would lead to them in another order.
    mine = _coupling.c.mapping + 0 == stretch.mapping
    rest = [_coupling.c[name] for name in list(COUPLING_SCHEMA)[1:]]
    query = select(_coupling.c.id, *rest)
    ahead = and_(_coupling.c.id > max(after, stretch.first - 1), _coupling.c.id <= stretch.last)
    return query.where(mine, ahead).order_by(_coupling.c.id).limit(size)


def _lone_pairs(side: Side, after: int, size: int) -> Select[Any]:
    here = and_(_pair.c.coupling.is_(None), _pair.c.side == int(side), _pair.c.id > after)
    return select(_pair.c.id, *(_pair.c[name] for name in _LONE_SCHEMA)).where(here).order_by(_pair.c.id).limit(size)


def _as_pairs(side: Side, lone: pl.DataFrame) -> pl.DataFrame:
    """Lone records as pairs: nothing is known of them but the id."""
    named = lone.rename({"record": LEFT_ID if side is Side.LEFT else RIGHT_ID})
    known = [
        pl.col(name) if name in named.columns else pl.lit(None, kind).alias(name) for name, kind in PAIR_SCHEMA.items()
    ]
    return named.select(known)


def _ids(side: Side) -> ColumnElement[str]:
    return _coupling.c.left_id if side is Side.LEFT else _coupling.c.right_id


def _versions(side: Side) -> ColumnElement[str | None]:
    return _coupling.c.left_version if side is Side.LEFT else _coupling.c.right_version


def _other_layouts(connection: Connection, number: int, layout: int) -> Select[tuple[object, ...]]:
    """Couplings whose baseline was kept in another layout (0: none yet); named one by one, so that an index finds the
    few.
    """
    known = select(schema.layout.c.id).where(schema.layout.c.mapping == number, schema.layout.c.id != layout)
    old = _coupling.c.layout.in_([0, *connection.execute(known).scalars()])
    return select(_coupling.c.id, true(), true()).where(_coupling.c.mapping == number, old)


def _absent(number: int, side: Side) -> Select[tuple[object, ...]]:
    """Couplings whose record of that side was named neither by a page nor by the sweep."""
    present = exists().where(_due.c.side == int(side), _due.c.record == _ids(side))
    return select(_coupling.c.id, true(), true()).where(_coupling.c.mapping == number, not_(present))
