"""A store into another database, for good: from then on the old one sends its users to the new one."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, make_url, select

from koppel.errors import ConfigurationError, Problem
from koppel.store import schema
from koppel.store.connection import Owner, make_schema
from koppel.store.content import copy_content, verify
from koppel.store.database import shown
from koppel.store.dialect import Existing, minding, upsert
from koppel.store.opened import require_file, require_idle, whole
from koppel.store.revision import MOVED, MOVED_TO, require_newest, revision, revision_of, stamp


@dataclass(frozen=True)
class Moved:
    """What a move did. `rows`: how many went over, by table."""

    source: str
    target: str
    rows: dict[str, int]


def move_store(url: str, target_url: str, owner: Owner | None = None) -> Moved:
    """Copy a store into an empty place, read it again, and mark the old one as moved.

    Raises `ConfigurationError` when there is no store, it is not of the newest revision or the target holds something;
    `Halted` while a worker is at work; `StoreFailure`. Then nothing has changed.
    """
    require_file(url)
    if make_url(url) == make_url(target_url):
        raise _not_empty(target_url, "is the store itself")
    with whole(url) as source:
        require_newest(source, revision_of(source))
        require_idle(source, owner or Owner.this_process(), "stop it, then: koppel db move URL")
        with whole(target_url) as target:
            _make_ready(target, target_url)
            copied = copy_content(source, target)
            verify(target, copied)
        _mark(source, shown(make_url(target_url)))
    rows = {name: total.rows for name, total in copied.items()}
    return Moved(shown(make_url(url)), shown(make_url(target_url)), rows)


def _make_ready(target: Connection, url: str) -> None:
    """The newest tables, all empty."""
    if revision(target) is None:
        make_schema(target)
        return
    require_newest(target)
    full = [
        table.name
        for table in schema.metadata.sorted_tables
        if table is not schema.meta and target.execute(select(func.count()).select_from(table)).scalar_one()
    ]
    if full:
        raise _not_empty(url, f"holds a store already, with rows in {', '.join(full)}")
    target.execute(schema.meta.delete())


def _not_empty(url: str, what: str) -> ConfigurationError:
    return ConfigurationError([Problem(shown(make_url(url)), what, "name a place where there is no store yet")])


def _mark(source: Connection, target: str) -> None:
    source.execute(stamp.update().values(version_num=MOVED))
    statement = minding(upsert(source, schema.meta), schema.meta, ["key", "value"], Existing.GOES)
    source.execute(statement.values(key=MOVED_TO, value=target))
