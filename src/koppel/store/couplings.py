"""Couplings: looked up by either side, translated for references, kept apart, and the layouts that their baselines are
kept in.
"""

import json
from collections.abc import Sequence

import polars as pl
from sqlalchemy import Column, and_, case, func, literal, not_, or_, select

from koppel.model.coupling import COUPLING, COUPLING_SCHEMA
from koppel.model.policy import Side
from koppel.model.values import ID
from koppel.store import schema
from koppel.store.connection import StoreBase
from koppel.store.dialect import Existing, spread, upsert
from koppel.store.rows import has_any, insert_frame, read_frame

_COLUMNS = [schema.coupling.c.id.label("coupling"), *(schema.coupling.c[name] for name in list(COUPLING_SCHEMA)[1:])]


class Couplings(StoreBase):
    """Reading couplings, and the manual verbs on them. What jobs settle goes through the journal part."""

    def coupled(self, mapping: str, side: Side, ids: pl.Series) -> pl.DataFrame:
        """The couplings (COUPLING_SCHEMA) of these records of one side."""
        with self.transaction() as connection:
            here = schema.coupling.c.mapping == self.mapping_id(connection, mapping)
            query = select(*_COLUMNS).where(here, _id_column(side).in_(spread(ids)))
            return read_frame(connection, query, COUPLING_SCHEMA)

    def coupling_numbers(self, mapping: str) -> range:
        """Among which the numbers of all couplings of the mapping are."""
        number = schema.coupling.c.id
        with self.transaction() as connection:
            here = schema.coupling.c.mapping == self.mapping_id(connection, mapping)
            first, last = connection.execute(select(func.min(number), func.max(number)).where(here)).one()
            return range(0) if first is None else range(first, last + 1)

    def baselines(self, mapping: str, side: Side, ids: pl.Series, layout: int) -> pl.DataFrame:
        """COUPLING, ID, `version`, `base`: what was last agreed with these records of one side; `base` is empty where
        it was kept in another layout, or a lost answer is not forgotten yet.
        """
        table, end = schema.coupling, ("left", "right")[side]
        kind = {COUPLING: pl.Int64(), ID: pl.String(), "version": pl.String(), "base": pl.Binary()}
        kept = and_(table.c.layout == layout, not_(table.c.recovered))
        base = case((kept, table.c[f"{end}_base"]), else_=literal(b""))
        query = select(table.c.id, _id_column(side), table.c[f"{end}_version"], base)
        with self.transaction() as connection:
            here = and_(table.c.mapping == self.mapping_id(connection, mapping), _id_column(side).in_(spread(ids)))
            return read_frame(connection, query.where(here), kind)

    def partners(self, mappings: Sequence[str], side: Side, ids: pl.Series) -> pl.DataFrame:
        """`id`, `partner`: the coupled record on the other side, from the first of these mappings that has one."""
        kind = {"id": pl.String(), "partner": pl.String()}
        wanted = ids.drop_nulls().unique()
        found = []
        with self.transaction() as connection:
            for name in mappings:
                here = schema.coupling.c.mapping == self.mapping_id(connection, name)
                query = select(_id_column(side), _id_column(side.other)).where(
                    here, _id_column(side).in_(spread(wanted))
                )
                found.append(read_frame(connection, query, kind))
        return pl.concat(found).unique("id", keep="first", maintain_order=True)

    def layout(self, mapping: str, entries: tuple[str, ...]) -> int:
        """The number of this layout; made when it is new."""
        table, text = schema.layout, json.dumps(entries)
        with self.transaction() as connection:
            number = self.mapping_id(connection, mapping)
            known = select(table.c.id).where(table.c.mapping == number, table.c.entries == text)
            found = connection.execute(known).scalar()
            if found is None:
                first = upsert(connection, table).values(mapping=number, entries=text)
                connection.execute(first.on_conflict_do_nothing())
                found = connection.execute(known).scalar_one()
            return int(found)

    def layouts(self, mapping: str) -> dict[int, tuple[str, ...]]:
        """All layouts that baselines of the mapping were ever kept in."""
        with self.transaction() as connection:
            here = schema.layout.c.mapping == self.mapping_id(connection, mapping)
            rows = connection.execute(select(schema.layout.c.id, schema.layout.c.entries).where(here))
            return {row.id: tuple(json.loads(row.entries)) for row in rows}

    def apart(self, mapping: str, side: Side, ids: pl.Series) -> pl.DataFrame:
        """`id`, `other`, `creates`: pairs of these records that a person rejected, un-created or uncoupled."""
        table = schema.apart
        mine, other = (table.c.left_id, table.c.right_id) if side is Side.LEFT else (table.c.right_id, table.c.left_id)
        kind = {"id": pl.String(), "other": pl.String(), "creates": pl.Boolean()}
        with self.transaction() as connection:
            number = self.mapping_id(connection, mapping)
            if not has_any(connection, table, number):
                return pl.DataFrame(schema=kind)
            here = and_(table.c.mapping == number, mine.in_(spread(ids)))
            return read_frame(connection, select(mine, other, table.c.creates).where(here), kind)

    def keep_apart(self, mapping: str, pairs: pl.DataFrame, creates: bool) -> None:
        """Never match these pairs (`left_id`, `right_id`) unless asked; `creates`: each may still be created on the
        other side.
        """
        with self.transaction() as connection:
            number = self.mapping_id(connection, mapping)
            insert_frame(
                connection,
                schema.apart,
                pairs.select("left_id", "right_id"),
                existing=Existing.GOES,
                mapping=number,
                creates=creates,
            )

    def couple(self, mapping: str, pairs: pl.DataFrame) -> int:
        """Couple these pairs (`left_id`, `right_id`) without a baseline, and no longer keep them apart; how many are
        new.

        A record that is coupled already is left alone; the caller says so beforehand (semantics F1).
        """
        with self.transaction() as connection:
            number = self.mapping_id(connection, mapping)
            fresh = {"left_base": b"", "right_base": b"", "layout": 0, "generation": 1}
            made = insert_frame(
                connection,
                schema.coupling,
                pairs.select("left_id", "right_id"),
                existing=Existing.STAYS,
                mapping=number,
                **fresh,
            )
            gone = or_(*(schema.apart.c[name].in_(spread(pairs[name])) for name in ("left_id", "right_id")))
            connection.execute(schema.apart.delete().where(schema.apart.c.mapping == number, gone))
            return made

    def uncouple(self, mapping: str, couplings: Sequence[int], apart: bool) -> pl.DataFrame:
        """Take these couplings away with what hangs on them; answers the pairs, which are kept apart from now on when
        `apart`.
        """
        table, ids = schema.coupling, spread(pl.Series(couplings, dtype=pl.Int64))
        kind = {"left_id": pl.String(), "right_id": pl.String()}
        with self.transaction() as connection:
            number = self.mapping_id(connection, mapping)
            these = and_(table.c.mapping == number, table.c.id.in_(ids))
            connection.execute(schema.conflict.delete().where(schema.conflict.c.coupling.in_(ids)))
            pairs = read_frame(connection, select(table.c.left_id, table.c.right_id).where(these), kind)
            connection.execute(table.delete().where(these))
            for side, column in ((0, "left_id"), (1, "right_id")):
                records = schema.error.c.record.in_(spread(pairs[column]))
                connection.execute(
                    schema.error.delete().where(schema.error.c.mapping == number, schema.error.c.side == side, records)
                )
            if apart:
                insert_frame(connection, schema.apart, pairs, existing=Existing.STAYS, mapping=number, creates=False)
            return pairs

    def all_couplings(self, mapping: str) -> list[int]:
        """The numbers of all couplings of the mapping."""
        with self.transaction() as connection:
            here = schema.coupling.c.mapping == self.mapping_id(connection, mapping)
            return [row.id for row in connection.execute(select(schema.coupling.c.id).where(here))]

    def chosen_ids(self, mapping: str, side: Side, sources: pl.Series | None = None) -> pl.DataFrame:
        """`id`, `chosen`: ids once chosen on `side` for creates of these source records (None: of all) that did not
        come to be.
        """
        table = schema.chosen
        with self.transaction() as connection:
            here = and_(table.c.mapping == self.mapping_id(connection, mapping), table.c.side == int(side))
            query = select(table.c.source, table.c.chosen).where(here)
            if sources is not None:
                query = query.where(table.c.source.in_(spread(sources)))
            return read_frame(connection, query, {"id": pl.String(), "chosen": pl.String()})


def _id_column(side: Side) -> Column[str]:
    return schema.coupling.c.left_id if side is Side.LEFT else schema.coupling.c.right_id
