"""From an older revision to the newest: a copy first, then Alembic, then a look whether all is as it should be."""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from koppel.errors import StoreFailure
from koppel.store.backup import back_up
from koppel.store.connection import Owner
from koppel.store.opened import require_file, require_idle, whole
from koppel.store.revision import NEWEST, REVISIONS, UNVERSIONED, require_newest, revision_of
from koppel.store.shape import differences

MIGRATIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True)
class Upgraded:
    """What became of a store. `backup`: where the copy from before is, `way_back`: how to go back to it; both empty
    when nothing had to be done, or no copy was wanted.
    """

    before: str
    after: str
    backup: str = ""
    way_back: str = ""


def upgrade_store(url: str, backup: bool = True, owner: Owner | None = None) -> Upgraded:
    """Bring a store to the newest revision, or leave it as it was.

    Raises `ConfigurationError` for none or a newer one, `Halted` while a worker is at work, `StoreFailure`.
    """
    require_file(url)
    with whole(url, references=False) as connection:
        found = revision_of(connection)
        if found not in (UNVERSIONED, *REVISIONS[:-1]):
            require_newest(connection, found)
            return Upgraded(found, found)
        require_idle(connection, owner or Owner.this_process(), "stop it, then: koppel db upgrade")
        kept = back_up(connection, found) if backup else ("", "")
        migrate(connection)
        _check(connection)
    return Upgraded(found, NEWEST, *kept)


def migrate(connection: Connection, to: str = "head") -> None:
    """Carry out what is missing up to a revision, inside the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _check(connection: Connection) -> None:
    """What the migrations made has to be what this koppel makes. If not, all is taken back."""
    savepoint = connection.begin_nested()
    wrong = differences(connection)
    savepoint.rollback()
    if wrong:
        raise StoreFailure(
            "the store was not upgraded and is as it was, because it would not be as it should:\n  "
            + "\n  ".join(wrong)
            + "\n    → report this; koppel of the version that wrote the store still works with it"
        )
