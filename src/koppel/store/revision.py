"""Which shape a store has. Revisions are what `migrations` makes; here they are only named, because Alembic takes a
third of a second to load and is needed only when a store is changed.
"""

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select

from koppel.errors import ConfigurationError, Problem
from koppel.store import schema
from koppel.store.database import WHERE, shown

REVISIONS = ("0001",)
"""Every revision there was, oldest first."""

NEWEST = REVISIONS[-1]
UNVERSIONED = "unversioned"
"""A store of before the first release: it has tables, and nothing says of which revision."""
MOVED = "moved"
"""A store whose content is elsewhere now (`db move`): whoever still has it open stops at its next job."""
MOVED_TO = "moved_to"
"""The key of `meta` that says where to."""

stamp = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
_TELLING = frozenset({"meta", "mapping", "coupling", "journal", "lease"})


def revision(connection: Connection) -> str | None:
    """The revision of the store in this database; None when there is no store. Raises `ConfigurationError` when other
    tables stand where its own would.
    """
    tables = tables_in(connection)
    ours = tables & schema.metadata.tables.keys()
    if stamp.name in tables and ours:
        return connection.execute(select(stamp.c.version_num)).scalar_one_or_none() or UNVERSIONED
    if tables >= _TELLING:
        return UNVERSIONED
    if ours or stamp.name in tables:
        names = ", ".join(sorted(ours or {stamp.name}))
        what = f"{shown(connection.engine.url)} holds tables of something else whose names a store needs: {names}"
        raise ConfigurationError([Problem(WHERE, what, "give the store a file, a database or a schema of its own")])
    return None


def tables_in(connection: Connection) -> set[str]:
    """The tables where the store is: in PostgreSQL those of the first schema of the search path, not all it reaches."""
    return {*inspect(connection).get_table_names(schema=connection.dialect.default_schema_name)}


def revision_of(connection: Connection) -> str:
    """The revision of the store that has to be there. Raises `ConfigurationError` when there is none."""
    found = revision(connection)
    if found is None:
        raise no_store(shown(connection.engine.url))
    return found


def no_store(place: str) -> ConfigurationError:
    """What is said when a store has to be there and is not."""
    remedy = "check the setting store; the first command that needs a store makes it"
    return ConfigurationError([Problem(WHERE, f"there is no store at {place}", remedy)])


def stamp_newest(connection: Connection) -> None:
    """Say that the tables just made have the newest shape."""
    stamp.create(connection, checkfirst=False)
    connection.execute(stamp.insert().values(version_num=NEWEST))


def require_newest(connection: Connection, found: str | None = None) -> None:
    """Raise `ConfigurationError`, with what to do, unless the store (of the revision `found`) has the newest shape."""
    if found is None:
        found = connection.execute(select(stamp.c.version_num)).scalar_one()
    if found != NEWEST:
        raise ConfigurationError([_unfit(connection, found)])


def _unfit(connection: Connection, found: str) -> Problem:
    if found == MOVED:
        where = connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == MOVED_TO)).scalar_one()
        remedy = "name that one in koppel.toml; koppel db move brings it back, into a new place"
        return Problem(WHERE, f"its content was moved to {where}", remedy)
    if found == UNVERSIONED or found in REVISIONS:
        what = f"it was made by an older koppel (revision {found}, this one needs {NEWEST})"
        return Problem(WHERE, what, "koppel db upgrade")
    what = f"it has revision {found}, which this koppel does not know (its newest is {NEWEST})"
    return Problem(WHERE, what, "use the koppel version that wrote it, or a newer one")
