"""The tables of the store. Constraints carry guarantees: couplings are one to one, and a mapping has one open job at
most.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

VERSION = 1
"""Of this schema; a store of another version is not opened."""

metadata = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

mapping = Table(
    "mapping",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),  # as last applied, JSON
    Column("only_coupled", Boolean),  # the answer to the final question of a full run; null: as configured
    Column("swept_at", DateTime),
    Column("paused", Boolean, nullable=False, server_default=text("0")),  # the worker leaves it alone
)

mapping_version = Table(
    "mapping_version",
    metadata,
    Column("mapping", _ID, ForeignKey("mapping.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("applied_at", DateTime, nullable=False),
)

system = Table("system", metadata, Column("name", String, primary_key=True), Column("identity", Text, nullable=False))

watermark = Table(
    "watermark",
    metadata,
    Column("mapping", _ID, ForeignKey("mapping.id"), primary_key=True),
    Column("side", Integer, primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("newest_id", String),
    Column("newest_version", String),
)

layout = Table(
    "layout",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("entries", Text, nullable=False),
    UniqueConstraint("mapping", "entries"),
)

coupling = Table(
    "coupling",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("left_id", String, nullable=False),
    Column("right_id", String, nullable=False),
    Column("left_version", String),
    Column("right_version", String),
    Column("left_base", LargeBinary, nullable=False),
    Column("right_base", LargeBinary, nullable=False),
    Column("layout", _ID, nullable=False),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("recovered", Boolean, nullable=False, server_default=text("0")),
    UniqueConstraint("mapping", "left_id"),
    UniqueConstraint("mapping", "right_id"),
)
Index("coupling_layout", coupling.c.mapping, coupling.c.layout)
Index("coupling_look_again", coupling.c.mapping, sqlite_where=text("left_version IS NULL OR right_version IS NULL"))

apart = Table(
    "apart",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("left_id", String),
    Column("right_id", String),
    Column("creates", Boolean, nullable=False),  # rejected as a match, but each may be created on the other side
    UniqueConstraint("mapping", "left_id", "right_id"),
)
Index("apart_right", apart.c.mapping, apart.c.right_id)

chosen = Table(
    "chosen",
    metadata,
    Column("mapping", _ID, ForeignKey("mapping.id"), primary_key=True),
    Column("side", Integer, primary_key=True),  # where the record was to be created
    Column("source", String, primary_key=True),
    Column("chosen", String, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", String, nullable=False),
    Column("started", DateTime, nullable=False),
    Column("finished", DateTime),
    Column("question", Text, nullable=False, server_default="[]"),
    Column("answer", Boolean),
)

job = Table(
    "job",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run", _ID, ForeignKey("run.id"), nullable=False),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("mapping_version", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("state", String, nullable=False),
    Column("started", DateTime, nullable=False),
    Column("finished", DateTime),
    Column("epoch", Integer, nullable=False),
    Column("to_right", Text, nullable=False),
    Column("to_left", Text, nullable=False),
    Column("message", Text, nullable=False, server_default=""),
)
Index(
    "job_one_open",
    job.c.mapping,
    unique=True,
    sqlite_where=text("state = 'running'"),
    postgresql_where=text("state = 'running'"),
)

lease = Table(
    "lease",
    metadata,
    Column("mapping", _ID, ForeignKey("mapping.id"), primary_key=True),
    Column("owner", String),
    Column("epoch", Integer, nullable=False),
    Column("expires", DateTime, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("job", _ID, ForeignKey("job.id"), nullable=False),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False, index=True),
    Column("side", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("rows", LargeBinary, nullable=False),
    Column("history", LargeBinary),  # becomes a row of history when the write is settled
)

error = Table(
    "error",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("side", Integer, nullable=False),  # of the source: the record that could not be carried
    Column("record", String, nullable=False),
    Column("other", String),
    Column("code", String, nullable=False),
    Column("field", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("print", LargeBinary),
    Column("times", Integer, nullable=False),
    Column("skipped", Boolean, nullable=False),
    Column("job", _ID, nullable=False),
    Column("first_at", DateTime, nullable=False),
    Column("last_at", DateTime, nullable=False),
    UniqueConstraint("mapping", "side", "record"),
)

conflict = Table(
    "conflict",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("coupling", _ID, nullable=False, unique=True),
    Column("left_id", String, nullable=False),
    Column("right_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("fields", Text, nullable=False),
    Column("left_values", Text, nullable=False),
    Column("right_values", Text, nullable=False),
    Column("left_print", LargeBinary),
    Column("right_print", LargeBinary),
    Column("job", _ID, nullable=False),
    Column("opened_at", DateTime, nullable=False),
)

aside = Table(
    "aside",
    metadata,
    Column("job", _ID, ForeignKey("job.id"), primary_key=True),
    Column("coupling", _ID, primary_key=True),
    Column("kind", String, nullable=False),
)

history = Table(
    "history",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("job", _ID, ForeignKey("job.id"), nullable=False),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("side", Integer, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

history_record = Table(
    "history_record",
    metadata,
    Column("history", _ID, ForeignKey("history.id"), primary_key=True),
    Column("record", String, primary_key=True),
)
Index("history_record_record", history_record.c.record)

# What one job lines up. Temporary: after a crash it is lined up anew, from watermarks that have not moved.
temporary = MetaData()
due = Table(
    "due",
    temporary,
    Column("side", Integer, primary_key=True),
    Column("record", String, primary_key=True),
    Column("version", String),
    Column("named", Boolean, nullable=False),  # by a feed; False: only found to exist by a sweep
    prefixes=["TEMPORARY"],
    sqlite_with_rowid=False,
)
pair = Table(
    "pair",
    temporary,
    Column("id", _ID, primary_key=True),
    Column("coupling", _ID, unique=True),
    Column("side", Integer),  # of a lone record
    Column("record", String),
    Column("left_due", Boolean, nullable=False),
    Column("right_due", Boolean, nullable=False),
    prefixes=["TEMPORARY"],
)
