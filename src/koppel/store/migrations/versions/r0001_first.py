"""The first schema. Stores of before the first release, which have no revision, are brought to the same shape."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_RUNNING = sa.text("state = 'running'")


def upgrade() -> None:
    """Make the tables, or add to those of a store of before the first release what came later."""
    bind = op.get_bind()
    if "coupling" in sa.inspect(bind).get_table_names(schema=bind.dialect.default_schema_name):
        _adopt()
        return
    _configuration()
    _jobs()
    _writes()
    _couplings()
    _open_questions()
    _history()


def _number() -> sa.Column[int]:
    return sa.Column("id", _ID, sa.Identity(), primary_key=True)


def _text(name: str, nullable: bool = False, **more: Any) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=nullable, **more)


def _refers(name: str, to: str = "mapping", **more: Any) -> sa.Column[int]:
    return sa.Column(name, _ID, sa.ForeignKey(f"{to}.id"), nullable=False, **more)


def _needed(name: str, kind: Any, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **more)


def _configuration() -> None:
    op.create_table("meta", _text("key", primary_key=True), _needed("value", sa.Text))
    op.create_table(
        "mapping",
        _number(),
        _text("name", unique=True),
        _needed("version", sa.Integer),
        _needed("document", sa.Text),
        sa.Column("only_coupled", sa.Boolean),
        sa.Column("swept_at", sa.DateTime),
        _paused(),
    )
    op.create_table(
        "mapping_version",
        _refers("mapping", primary_key=True),
        _needed("version", sa.Integer, primary_key=True),
        _needed("document", sa.Text),
        _needed("applied_at", sa.DateTime),
    )
    op.create_table("system", _text("name", primary_key=True), _needed("identity", sa.Text))
    op.create_table(
        "watermark",
        _refers("mapping", primary_key=True),
        _needed("side", sa.Integer, primary_key=True),
        _needed("cursor", sa.Text),
        _needed("identity", sa.Text),
        *_newest(),
    )
    op.create_table(
        "layout",
        _number(),
        _refers("mapping"),
        _needed("entries", sa.Text),
        sa.UniqueConstraint("mapping", "entries").ddl_if(dialect="sqlite"),
    )
    if op.get_bind().dialect.name == "postgresql":
        entries = sa.func.hashtextextended(sa.column("entries"), sa.literal_column("0"))
        op.create_index("layout_entries", "layout", [sa.column("mapping"), entries], unique=True)


def _jobs() -> None:
    op.create_table(
        "run",
        _number(),
        _text("kind"),
        _needed("started", sa.DateTime),
        sa.Column("finished", sa.DateTime),
        _needed("question", sa.Text, server_default="[]"),
        sa.Column("answer", sa.Boolean),
    )
    op.create_table(
        "job",
        _number(),
        _refers("run", "run"),
        _refers("mapping"),
        _needed("mapping_version", sa.Integer),
        *(_text(name) for name in ("kind", "direction", "state")),
        _needed("started", sa.DateTime),
        sa.Column("finished", sa.DateTime),
        _needed("epoch", sa.Integer),
        _needed("to_right", sa.Text),
        _needed("to_left", sa.Text),
        _needed("message", sa.Text, server_default=""),
    )
    op.create_index("job_one_open", "job", ["mapping"], unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING)


def _writes() -> None:
    op.create_table(
        "lease",
        _refers("mapping", primary_key=True),
        _text("owner", nullable=True),
        _needed("epoch", sa.Integer),
        _needed("expires", sa.DateTime),
    )
    op.create_table(
        "journal",
        _number(),
        _refers("job", "job"),
        _refers("mapping", index=True),
        _needed("side", sa.Integer),
        _text("kind"),
        _needed("rows", sa.LargeBinary),
        _written(),
    )


def _couplings() -> None:
    op.create_table(
        "coupling",
        _number(),
        _refers("mapping"),
        _text("left_id"),
        _text("right_id"),
        _text("left_version", nullable=True),
        _text("right_version", nullable=True),
        _needed("left_base", sa.LargeBinary),
        _needed("right_base", sa.LargeBinary),
        _needed("layout", _ID),
        _needed("generation", sa.Integer, server_default="0"),
        _needed("recovered", sa.Boolean, server_default=sa.false()),
        sa.UniqueConstraint("mapping", "left_id"),
        sa.UniqueConstraint("mapping", "right_id"),
    )
    _coupling_layout()
    _coupling_unsettled()
    op.create_table(
        "apart",
        _number(),
        _refers("mapping"),
        _text("left_id", nullable=True),
        _text("right_id", nullable=True),
        _needed("creates", sa.Boolean),
        sa.UniqueConstraint("mapping", "left_id", "right_id"),
    )
    op.create_index("apart_right", "apart", ["mapping", "right_id"])
    op.create_table(
        "chosen",
        _refers("mapping", primary_key=True),
        _needed("side", sa.Integer, primary_key=True),
        _text("source", primary_key=True),
        _text("chosen"),
    )


def _open_questions() -> None:
    op.create_table(
        "error",
        _number(),
        _refers("mapping"),
        _needed("side", sa.Integer),
        _text("record"),
        _text("other", nullable=True),
        _text("code"),
        _text("field"),
        _needed("message", sa.Text),
        sa.Column("print", sa.LargeBinary),
        _needed("times", sa.Integer),
        _needed("skipped", sa.Boolean),
        _needed("job", _ID),
        _needed("first_at", sa.DateTime),
        _needed("last_at", sa.DateTime),
        sa.UniqueConstraint("mapping", "side", "record"),
    )
    op.create_table(
        "conflict",
        _number(),
        _refers("mapping"),
        _needed("coupling", _ID, unique=True),
        *(_text(name) for name in ("left_id", "right_id", "kind")),
        *(_needed(name, sa.Text) for name in ("fields", "left_values", "right_values")),
        *(sa.Column(name, sa.LargeBinary) for name in ("left_print", "right_print")),
        _needed("job", _ID),
        _needed("opened_at", sa.DateTime),
    )
    op.create_table(
        "aside", _refers("job", "job", primary_key=True), _needed("coupling", _ID, primary_key=True), _text("kind")
    )


def _history() -> None:
    op.create_table(
        "history",
        _number(),
        _refers("job", "job"),
        _refers("mapping"),
        _needed("side", sa.Integer),
        _needed("at", sa.DateTime),
        _needed("blob", sa.LargeBinary),
    )
    op.create_table(
        "history_record", _refers("history", "history", primary_key=True), _text("record", primary_key=True)
    )
    op.create_index("history_record_record", "history_record", ["record"])


# What stores of before the first release may lack.


def _paused() -> sa.Column[bool]:
    return _needed("paused", sa.Boolean, server_default=sa.false())


def _newest() -> list[sa.Column[str]]:
    return [_text(name, nullable=True) for name in ("newest_id", "newest_version")]


def _written() -> sa.Column[bytes]:
    return sa.Column("history", sa.LargeBinary)


def _coupling_layout() -> None:
    op.create_index("coupling_layout", "coupling", ["mapping", "layout"])


def _coupling_unsettled(there: Collection[str | None] = ()) -> None:
    for side in ("left", "right"):
        name, where = f"coupling_unsettled_{side}", sa.text(f"{side}_version IS NULL")
        if name not in there:
            columns = ["mapping", f"{side}_version"]
            op.create_index(name, "coupling", columns, sqlite_where=where, postgresql_where=where)


def _adopt() -> None:
    known = sa.inspect(op.get_bind())
    for table, columns in (("mapping", [_paused()]), ("watermark", _newest()), ("journal", [_written()])):
        there = {column["name"] for column in known.get_columns(table)}
        for column in columns:
            if column.name not in there:
                op.add_column(table, column)
    indexes = {index["name"] for index in known.get_indexes("coupling")}
    if "coupling_layout" not in indexes:
        _coupling_layout()
    if "coupling_look_again" in indexes:
        op.drop_index("coupling_look_again", "coupling")
    _coupling_unsettled(indexes)
    if "likely" in known.get_table_names():
        op.drop_table("likely")
    op.execute("DELETE FROM meta WHERE key = 'schema'")
