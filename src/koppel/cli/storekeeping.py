"""`koppel db`: the store as a whole, brought up to date, looked through, moved elsewhere."""

from __future__ import annotations

import json
from typing import Annotated

from cyclopts import Parameter

from koppel.cli.asking import confirmed
from koppel.cli.options import EVERYWHERE, Common, flag
from koppel.cli.screen import emit, out, tell
from koppel.cli.words import counted


def upgrade(
    *,
    no_backup: Annotated[bool, flag("--no-backup", "Make no copy first: there is one.")] = False,
    common: Common = EVERYWHERE,
) -> int:
    """Bring the store of an older koppel to what this one works with. A copy is made first."""
    from koppel.app import upgrade_store_of

    done = upgrade_store_of(common.config, common.stage, backup=not no_backup)
    if common.json:
        emit(done)
    elif done.before == done.after:
        out(f"The store has revision {done.after}, the newest there is. Nothing was done.")
    else:
        out(f"The store has revision {done.after} now; before: {done.before}.")
        if done.backup:
            out(f"Copy of before: {done.backup}")
            tell(f"→ to go back: {done.way_back}, and use the koppel that wrote it", common.quiet)
    return 0


def check(*, common: Common = EVERYWHERE) -> int:
    """Look through the store: the database itself, its tables, and what must be true of their rows. Changes nothing."""
    from koppel.app import check_store_of

    flaws = check_store_of(common.config, common.stage)
    if common.json:
        emit(flaws)
    else:
        for flaw in flaws:
            out(f"✗ {flaw.subject}: {flaw.what}\n    → {flaw.remedy}")
        out(f"{counted(len(flaws), 'flaw')}." if flaws else "The store is sound.")
    return 1 if flaws else 0


def move(
    url: Annotated[
        str, Parameter(name="URL", help="Where to: a URL without password, or env:NAME or file:PATH where it is found.")
    ],
    /,
    *,
    common: Common = EVERYWHERE,
) -> int:
    """Move the store into another database, which has to be empty; everything is read again and compared."""
    from koppel.app import move_store_of

    setting = f"store = {json.dumps(url)}"
    if not confirmed(f"Move the store to {url}?", common, needed=False):
        if common.json:
            emit({"source": None, "target": None, "rows": {}, "setting": None})
        else:
            out("Nothing was done.")
        return 0
    moved = move_store_of(common.config, common.stage, url)
    if common.json:
        emit({"source": moved.source, "target": moved.target, "rows": moved.rows, "setting": setting})
    else:
        out(f"{moved.source} was moved to {moved.target}: {counted(moved.rows['coupling'], 'coupling')},")
        out(f"{counted(sum(moved.rows.values()), 'row')} in all, read again and compared.")
    tell(f"→ write {setting} under [koppel] in {common.config}; the old store refuses to be used", common.quiet)
    return 0
