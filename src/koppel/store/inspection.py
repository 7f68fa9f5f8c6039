"""Is the store sound? Everything is looked at, and everything that is wrong is told, each with what to do."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import polars as pl
from sqlalchemy import Connection, ForeignKeyConstraint, Table, and_, exists, func, not_, or_, select
from sqlalchemy.exc import DBAPIError

from koppel.model.coupling import PRINT_BYTES
from koppel.model.job import JobState
from koppel.store import schema
from koppel.store.connection import Owner
from koppel.store.opened import now_of, require_file, whole
from koppel.store.revision import require_newest, revision_of
from koppel.store.shape import differences

_BACKUP = "go back to a backup of the store"
_REPORT = "report this; koppel itself does not do so"
# What no constraint watches over: (table, column, table it names).
_NAMED = (("conflict", "coupling", "coupling"), ("conflict", "job", "job"), ("error", "job", "job"))


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong with a store. `subject`: what it is about."""

    subject: str
    what: str
    remedy: str


Look = Callable[[Connection], Iterator[Flaw]]


def inspect_store(url: str, owner: Owner | None = None) -> list[Flaw]:
    """Everything that is wrong; nothing is changed and nobody hindered.

    Raises `ConfigurationError` when there is no store or it is not of the newest revision, `StoreFailure`.
    """
    require_file(url)
    with whole(url, reads=True) as connection:
        require_newest(connection, revision_of(connection))
        open_writes = partial(_left_open, owner=owner or Owner.this_process())
        own = _file if connection.dialect.name == "sqlite" else _numbers
        looks = (own, _shape, _orphans, _one_to_one, _baselines, _versions, open_writes)
        return [flaw for look in looks for flaw in _looked(connection, look)]


def _looked(connection: Connection, look: Look) -> list[Flaw]:
    """What one look finds, taken back again; damage that keeps it from looking is no reason to tell less."""
    savepoint = connection.begin_nested()
    try:
        return list(look(connection))
    except DBAPIError as error:
        said = str(error.orig).strip().split("\n")[0]
        return [Flaw("store", f"it could not be looked through: {said}", "mend what else is said, and check again")]
    finally:
        savepoint.rollback()


def _file(connection: Connection) -> Iterator[Flaw]:
    broken = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    yield from (Flaw("file", said, _BACKUP) for said in broken if said != "ok")


def _shape(connection: Connection) -> Iterator[Flaw]:
    yield from (Flaw("schema", said, _REPORT) for said in differences(connection))


def _numbers(connection: Connection) -> Iterator[Flaw]:
    """A sequence that gives out numbers once more makes the next insert fail."""
    for table in schema.metadata.sorted_tables:
        if "id" not in table.c:
            continue
        sequence = connection.execute(select(func.pg_get_serial_sequence(table.name, "id"))).scalar()
        most = connection.execute(select(func.max(table.c.id))).scalar()
        if sequence is None or most is None:
            continue
        following = connection.exec_driver_sql(f"SELECT last_value + is_called::int FROM {sequence}").scalar_one()
        if following <= most:
            yield Flaw(table.name, f"its next number would be {following}, and {most} is taken", _REPORT)


def _orphans(connection: Connection) -> Iterator[Flaw]:
    """Rows that name a row that is not there."""
    references = [
        (table, next(iter(key.column_keys)), key.referred_table)
        for table in schema.metadata.sorted_tables
        for key in table.constraints
        if isinstance(key, ForeignKeyConstraint)
    ]
    tables = schema.metadata.tables
    references += [(tables[source], column, tables[named]) for source, column, named in _NAMED]
    for table, column, named in references:
        lost = not_(exists().where(named.c.id == table.c[column]))
        many = _count(connection, table, lost)
        if many:
            yield Flaw(table.name, f"{many} rows name a {named.name} that is not there", _BACKUP)


def _count(connection: Connection, table: Table, where: object) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(where)).scalar_one())  # type: ignore[arg-type]


def _one_to_one(connection: Connection) -> Iterator[Flaw]:
    """Law 2. A constraint says so too; a damaged index may not have heard of it."""
    coupling = schema.coupling
    for column in (coupling.c.left_id, coupling.c.right_id):
        twice = select(column).group_by(coupling.c.mapping, column).having(func.count() > 1).subquery()
        many = int(connection.execute(select(func.count()).select_from(twice)).scalar_one())
        if many:
            yield Flaw("coupling", f"{many} records are coupled more than once ({column.name})", _BACKUP)


def _baselines(connection: Connection) -> Iterator[Flaw]:
    """A baseline holds one fingerprint per field of its layout, and the layout is one of its mapping."""
    coupling, layout = schema.coupling, schema.layout
    for row in connection.execute(select(layout)).all():
        width = PRINT_BYTES * len(json.loads(row.entries))
        wrong = or_(*(func.length(c) != width for c in (coupling.c.left_base, coupling.c.right_base)))
        many = _count(connection, coupling, and_(coupling.c.layout == row.id, wrong))
        if many:
            what = f"{many} baselines are not as wide as their layout {row.id} ({width} bytes)"
            yield Flaw("coupling", what, _BACKUP)
    own = exists().where(layout.c.id == coupling.c.layout, layout.c.mapping == coupling.c.mapping)
    many = _count(connection, coupling, and_(coupling.c.layout != 0, not_(own)))
    if many:
        yield Flaw("coupling", f"{many} baselines are of a layout that their mapping does not have", _BACKUP)


def _versions(connection: Connection) -> Iterator[Flaw]:
    mapping, version = schema.mapping, schema.mapping_version
    same = and_(version.c.mapping == mapping.c.id, version.c.version == mapping.c.version)
    kept = exists().where(same, version.c.document == mapping.c.document)
    for name in connection.execute(select(mapping.c.name).where(not_(kept))).scalars():
        yield Flaw(name, "what is in force is not the newest version that is kept", _REPORT)


def _left_open(connection: Connection, owner: Owner) -> Iterator[Flaw]:
    """Jobs whose process is dead, and writes whose fate nobody is finding out."""
    job, mapping, lease, journal = schema.job, schema.mapping, schema.lease, schema.journal
    now = now_of(connection)
    names = {row.id: row for row in connection.execute(select(mapping.c.id, mapping.c.name, lease).outerjoin(lease))}
    alive = {
        number
        for number, row in names.items()
        if row.owner is not None and row.expires > now and owner.alive(row.owner)
    }
    running = select(job.c.id, job.c.mapping).where(job.c.state == JobState.RUNNING)
    for number, of in connection.execute(running):
        if of not in alive:
            name = names[of].name
            yield Flaw(name, f"job {number} is open and its process is dead", f"koppel sync {name} closes it")
    for number, of, rows in connection.execute(select(journal.c.id, journal.c.mapping, journal.c.rows)):
        name = names[of].name
        if of not in alive:
            what = f"what became of write {number} is not known yet"
            yield Flaw(name, what, f"koppel sync {name} finds it out before it does anything else")
        if not _readable(rows):
            yield Flaw(name, f"write {number} of the journal cannot be read", _BACKUP)


def _readable(rows: bytes) -> bool:
    try:
        return len(pl.read_ipc(rows).columns) > 0
    except (pl.exceptions.PolarsError, OSError):
        return False
