"""Mappings as versioned documents, their watermarks, and which installations the systems' names stand for."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from koppel.model.policy import Side
from koppel.ports import Watermark
from koppel.store import schema
from koppel.store.connection import UNKNOWN, StoreBase
from koppel.store.dialect import Existing, minding, upsert


class Mappings(StoreBase):
    """What the store knows of mappings and systems."""

    def apply_mapping(self, name: str, document: str) -> int:
        """Make this document the mapping's newest version unless it is already; the version's number."""
        with self.transaction() as connection:
            return self._apply(connection, name, document)

    def _known(self, connection: Connection, name: str) -> int:
        """The number of a mapping, which is made known if it is not; without a document yet."""
        if self.mapping_id(connection, name) == UNKNOWN:
            first = upsert(connection, schema.mapping).values(name=name, version=0, document="")
            connection.execute(first.on_conflict_do_nothing())
        return self.mapping_id(connection, name)

    def _apply(self, connection: Connection, name: str, document: str) -> int:
        table, number = schema.mapping, self._known(connection, name)
        # Locked, but so that rows that refer to it may go on being written.
        locked = select(table).where(table.c.id == number).with_for_update(key_share=True)
        row = connection.execute(locked).one()
        if row.version and row.document == document:
            return int(row.version)
        version = int(row.version) + 1
        connection.execute(table.update().where(table.c.id == number).values(version=version, document=document))
        # A changed mapping deserves another try of what failed under the old one.
        connection.execute(schema.error.update().where(schema.error.c.mapping == number).values(skipped=False, times=0))
        version_row = {"mapping": number, "version": version, "document": document, "applied_at": self.now()}
        connection.execute(schema.mapping_version.insert().values(**version_row))
        return version

    def applied_document(self, name: str) -> str | None:
        """The mapping's document as last applied, or None when it never was."""
        with self.transaction() as connection:
            return connection.execute(select(schema.mapping.c.document).where(schema.mapping.c.name == name)).scalar()

    def only_coupled(self, name: str) -> bool | None:
        """The answer given to the final question of a full run, or None: as configured."""
        with self.transaction() as connection:
            return connection.execute(
                select(schema.mapping.c.only_coupled).where(schema.mapping.c.name == name)
            ).scalar()

    def set_only_coupled(self, names: tuple[str, ...], value: bool | None) -> None:
        """Remember that answer for these mappings."""
        with self.transaction() as connection:
            connection.execute(
                schema.mapping.update().where(schema.mapping.c.name.in_(names)).values(only_coupled=value)
            )

    def set_paused(self, names: Sequence[str], paused: bool) -> None:
        """Let the worker leave these mappings alone, or run them again; they were applied before."""
        with self.transaction() as connection:
            connection.execute(schema.mapping.update().where(schema.mapping.c.name.in_(names)).values(paused=paused))

    def paused(self) -> frozenset[str]:
        """The mappings that the worker leaves alone."""
        with self.transaction() as connection:
            return frozenset(connection.execute(select(schema.mapping.c.name).where(schema.mapping.c.paused)).scalars())

    def watermark(self, mapping: str, side: Side) -> Watermark | None:
        """How far that side was read, or None when it never was."""
        with self.transaction() as connection:
            table, number = schema.watermark, self.mapping_id(connection, mapping)
            row = connection.execute(
                select(table).where(table.c.mapping == number, table.c.side == int(side))
            ).one_or_none()
            if row is None:
                return None
            newest = None if row.newest_id is None else (row.newest_id, row.newest_version)
            return Watermark(row.cursor, row.identity, newest)

    def clear_watermarks(self, mapping: str) -> None:
        """Forget how far the mapping was read: its next run starts from the beginning."""
        with self.transaction() as connection:
            number = self.mapping_id(connection, mapping)
            connection.execute(schema.watermark.delete().where(schema.watermark.c.mapping == number))

    def forget_baselines(self, mapping: str) -> None:
        """Keep the couplings but nothing of what was agreed: every pair is a first contact again."""
        with self.transaction() as connection:
            mine = schema.coupling.c.mapping == self.mapping_id(connection, mapping)
            connection.execute(
                schema.coupling.update().where(mine).values(layout=0, left_version=None, right_version=None)
            )

    def swept_at(self, mapping: str) -> datetime | None:
        """When the mapping was last swept for deletions (UTC without a zone)."""
        with self.transaction() as connection:
            return connection.execute(
                select(schema.mapping.c.swept_at).where(schema.mapping.c.name == mapping)
            ).scalar()

    def reserve_numbers(self, name: str, count: int, least: int) -> int:
        """The first of `count` numbers in a row, `least` or above, that nobody was given under this name."""
        with self.transaction() as connection:
            table, key = schema.meta, f"numbers {name}"
            connection.execute(upsert(connection, table).values(key=key, value="0").on_conflict_do_nothing())
            row = select(table.c.value).where(table.c.key == key).with_for_update()
            first = max(least, int(connection.execute(row).scalar_one()) + 1)
            connection.execute(table.update().where(table.c.key == key).values(value=str(first + count - 1)))
            return first

    def system_identity(self, name: str) -> str | None:
        """The installation that this system's name stood for so far, or None when it was never used."""
        with self.transaction() as connection:
            return connection.execute(select(schema.system.c.identity).where(schema.system.c.name == name)).scalar()

    def remember_system(self, name: str, identity: str) -> None:
        """From now on this name stands for that installation."""
        with self.transaction() as connection:
            statement = upsert(connection, schema.system).values(name=name, identity=identity)
            connection.execute(minding(statement, schema.system, ["name", "identity"], Existing.GOES))

    def environment(self, configured: str) -> str:
        """The environment the store belongs to: the one it was first used with."""
        with self.transaction() as connection:
            first = upsert(connection, schema.meta).values(key="environment", value=configured)
            connection.execute(first.on_conflict_do_nothing())
            known = select(schema.meta.c.value).where(schema.meta.c.key == "environment")
            return str(connection.execute(known).scalar_one())
