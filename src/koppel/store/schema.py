"""The tables of the store. Constraints carry guarantees: couplings are one to one, and a mapping has one open job at
most. A change here needs a revision in `migrations`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    literal_column,
    text,
)

metadata = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")
# Bytes, not a language: quicker, and an index stays right when the server gets other language tables.
_TEXT = String().with_variant(String(collation="C"), "postgresql")

meta = Table("meta", metadata, Column("key", _TEXT, primary_key=True), Column("value", Text, nullable=False))

mapping = Table(
    "mapping",
    metadata,
    Column("id", _ID, Identity(), primary_key=True),
    Column("name", _TEXT, nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),  # as last applied, JSON
    Column("only_coupled", Boolean),  # the answer to the final question of a full run; null: as configured
    Column("swept_at", DateTime),
    Column("paused", Boolean, nullable=False, server_default=false()),  # the worker leaves it alone
)

mapping_version = Table(
    "mapping_version",
    metadata,
    Column("mapping", _ID, ForeignKey("mapping.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("applied_at", DateTime, nullable=False),
)

system = Table("system", metadata, Column("name", _TEXT, primary_key=True), Column("identity", Text, nullable=False))

watermark = Table(
    "watermark",
    metadata,
    Column("mapping", _ID, ForeignKey("mapping.id"), primary_key=True),
    Column("side", Integer, primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("newest_id", _TEXT),
    Column("newest_version", _TEXT),
)

layout = Table(
    "layout",
    metadata,
    Column("id", _ID, Identity(), primary_key=True),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("entries", Text, nullable=False),
    UniqueConstraint("mapping", "entries").ddl_if(dialect="sqlite"),
)
# An index of PostgreSQL does not hold the entries of a hundred fields.
Index(
    "layout_entries", layout.c.mapping, func.hashtextextended(layout.c.entries, literal_column("0")), unique=True
).ddl_if(dialect="postgresql")

coupling = Table(
    "coupling",
    metadata,
    Column("id", _ID, Identity(), primary_key=True),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("left_id", _TEXT, nullable=False),
    Column("right_id", _TEXT, nullable=False),
    Column("left_version", _TEXT),
    Column("right_version", _TEXT),
    Column("left_base", LargeBinary, nullable=False),
    Column("right_base", LargeBinary, nullable=False),
    Column("layout", _ID, nullable=False),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("recovered", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("mapping", "left_id"),
    UniqueConstraint("mapping", "right_id"),
)
Index("coupling_layout", coupling.c.mapping, coupling.c.layout)
# With the version in them, so that no planner takes an index on the mapping alone for as good.
for _side in ("left", "right"):
    _version, _unsettled = coupling.c[f"{_side}_version"], text(f"{_side}_version IS NULL")
    _name = f"coupling_unsettled_{_side}"
    Index(_name, coupling.c.mapping, _version, sqlite_where=_unsettled, postgresql_where=_unsettled)

apart = Table(
    "apart",
    metadata,
    Column("id", _ID, Identity(), primary_key=True),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("left_id", _TEXT),
    Column("right_id", _TEXT),
    Column("creates", Boolean, nullable=False),  # rejected as a match, but each may be created on the other side
    UniqueConstraint("mapping", "left_id", "right_id"),
)
Index("apart_right", apart.c.mapping, apart.c.right_id)

chosen = Table(
    "chosen",
    metadata,
    Column("mapping", _ID, ForeignKey("mapping.id"), primary_key=True),
    Column("side", Integer, primary_key=True),  # where the record was to be created
    Column("source", _TEXT, primary_key=True),
    Column("chosen", _TEXT, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", _ID, Identity(), primary_key=True),
    Column("kind", _TEXT, nullable=False),
    Column("started", DateTime, nullable=False),
    Column("finished", DateTime),
    Column("question", Text, nullable=False, server_default="[]"),
    Column("answer", Boolean),
)

job = Table(
    "job",
    metadata,
    Column("id", _ID, Identity(), primary_key=True),
    Column("run", _ID, ForeignKey("run.id"), nullable=False),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("mapping_version", Integer, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("direction", _TEXT, nullable=False),
    Column("state", _TEXT, nullable=False),
    Column("started", DateTime, nullable=False),
    Column("finished", DateTime),
    Column("epoch", Integer, nullable=False),
    Column("to_right", Text, nullable=False),
    Column("to_left", Text, nullable=False),
    Column("message", Text, nullable=False, server_default=""),
)
_running = text("state = 'running'")
Index("job_one_open", job.c.mapping, unique=True, sqlite_where=_running, postgresql_where=_running)

lease = Table(
    "lease",
    metadata,
    Column("mapping", _ID, ForeignKey("mapping.id"), primary_key=True),
    Column("owner", _TEXT),
    Column("epoch", Integer, nullable=False),
    Column("expires", DateTime, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("id", _ID, Identity(), primary_key=True),
    Column("job", _ID, ForeignKey("job.id"), nullable=False),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False, index=True),
    Column("side", Integer, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("rows", LargeBinary, nullable=False),
    Column("history", LargeBinary),  # becomes a row of history when the write is settled
)

error = Table(
    "error",
    metadata,
    Column("id", _ID, Identity(), primary_key=True),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("side", Integer, nullable=False),  # of the source: the record that could not be carried
    Column("record", _TEXT, nullable=False),
    Column("other", _TEXT),
    Column("code", _TEXT, nullable=False),
    Column("field", _TEXT, nullable=False),
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
    Column("id", _ID, Identity(), primary_key=True),
    Column("mapping", _ID, ForeignKey("mapping.id"), nullable=False),
    Column("coupling", _ID, nullable=False, unique=True),
    Column("left_id", _TEXT, nullable=False),
    Column("right_id", _TEXT, nullable=False),
    Column("kind", _TEXT, nullable=False),
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
    Column("kind", _TEXT, nullable=False),
)

history = Table(
    "history",
    metadata,
    Column("id", _ID, Identity(), primary_key=True),
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
    Column("record", _TEXT, primary_key=True),
)
Index("history_record_record", history_record.c.record)

# What one job lines up. Temporary: after a crash it is lined up anew, from watermarks that have not moved.
temporary = MetaData()
due = Table(
    "due",
    temporary,
    Column("side", Integer, primary_key=True),
    Column("record", _TEXT, primary_key=True),
    Column("version", _TEXT),
    Column("named", Boolean, nullable=False),  # by a feed; False: only found to exist by a sweep
    prefixes=["TEMPORARY"],
    sqlite_with_rowid=False,
)
pair = Table(
    "pair",
    temporary,
    Column("id", _ID, Identity(), primary_key=True),
    Column("coupling", _ID, unique=True),
    Column("side", Integer),  # of a lone record
    Column("record", _TEXT),
    Column("left_due", Boolean, nullable=False),
    Column("right_due", Boolean, nullable=False),
    prefixes=["TEMPORARY"],
)
