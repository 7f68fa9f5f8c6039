"""Change tracking: all rows once, then what changed since a token (wire 1.4)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.options import Options, Prefer
from koppel.sandbox.dataverse.reading import context
from koppel.sandbox.dataverse.refusal import DENIED, EXPIRED_DELTA, INVALID, bad
from koppel.sandbox.dataverse.shape import Table
from koppel.sandbox.dataverse.showing import shown
from koppel.sandbox.ordering import without_token
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.rows import Row
from koppel.sandbox.switches import ExpiredDelta

_STAMP = "%m/%d/%Y %H:%M:%S"
_REFUSED = ("$filter", "$orderby", "$expand", "$top")


def tracked_page(environment: Environment, table: Table, options: Options, prefer: Prefer, link: str) -> dict[str, Any]:
    """One page of all rows, the last one with the delta link. The token is that of the first page's moment."""
    _check(environment, table, options)
    start, after = _unpacked(options.skiptoken) if options.skiptoken else (environment.rows.version, "")
    ids = sorted(row_id for row_id in environment.rows.tables[table.name] if row_id > after)
    several = ids[: prefer.page]
    rows = environment.rows.tables[table.name]
    value = [shown(environment, table, rows[row_id], options.select) for row_id in several]
    document = {"@odata.context": context(link, table, options), "value": value}
    return document | _ending(environment, link, start, several[-1] if len(ids) > len(several) else None)


def delta_page(environment: Environment, table: Table, options: Options, prefer: Prefer, link: str) -> dict[str, Any]:
    """One page of what changed since a token: rows by version, deletions last (wire 1.4, 4.2.2). Raises `Refusal`."""
    _check(environment, table, options)
    since = _since(environment, options.deltatoken)
    base = context(link, table, options)
    start, after = _unpacked(options.skiptoken) if options.skiptoken else (environment.rows.version, "")
    phase, _, version = after.partition("-")
    reached = (int(phase), int(version)) if version else (0, 0)
    changes = [change for change in _changes(environment, table, options, since, base) if change.place > reached]
    several = changes[: prefer.page]
    document = {"@odata.context": f"{base}/$delta", "value": [change.show() for change in several]}
    more = "{}-{}".format(*several[-1].place) if len(changes) > len(several) else None
    return document | _ending(environment, link, start, more)


def count_changes(environment: Environment, table: Table, options: Options) -> int:
    """How many changes are pending (wire 1.4.4)."""
    _check(environment, table, options)
    since = _since(environment, options.deltatoken)
    return len(_changes(environment, table, options, since, ""))


class _Change(NamedTuple):
    """One change: where it stands in the order (0 for rows, 1 for deletions; its version), and its document."""

    place: tuple[int, int]
    show: Callable[[], dict[str, Any]]


def _changes(environment: Environment, table: Table, options: Options, since: int, base: str) -> list[_Change]:
    """Changes in order, whatever filter a row has left (wire 4.1.11); one deleted and made again counts as its switch
    says (U10).
    """
    rows, tombstones = environment.rows.tables[table.name], environment.rows.tombstones[table.name]
    twice = environment.switches.recreated_is_deleted_too
    entity = base.partition("(")[0]

    def shows(row: Row) -> Callable[[], dict[str, Any]]:
        return lambda: shown(environment, table, row, options.select)

    def buries(row_id: str) -> Callable[[], dict[str, Any]]:
        return lambda: {"@odata.context": f"{entity}/$deletedEntity", "id": row_id, "reason": "deleted"}

    changed = [_Change((0, row["versionnumber"]), shows(row)) for row in rows.values() if row["versionnumber"] > since]
    gone = [
        _Change((1, version), buries(row_id))
        for row_id, version in tombstones.items()
        if version > since and (twice or row_id not in rows)
    ]
    return sorted(changed + gone, key=lambda change: change.place)


def _check(environment: Environment, table: Table, options: Options) -> None:
    """Deltas know no filter, and their reader must be allowed to read everything (wire 1.4, 4.2.4)."""
    used = (options.filter, options.order, options.expand, options.top)
    for name, value in zip(_REFUSED, used, strict=True):
        if value not in ("", (), None):
            raise bad(f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.')
    if not environment.tracks(table):
        raise bad(f"Change tracking is not enabled for the entity '{table.name}'.")
    if not environment.organisation_read:
        raise Refusal(403, DENIED, f"Principal user is missing organization-level prvRead{table.name} privilege.")


def _since(environment: Environment, token: str) -> int:
    """The row version of a token: 0 when it is too old and the switch says that everything comes again (U1; wire
    4.2.3).
    """
    version, _, stamp = token.partition("!")
    try:
        since, got = int(version), datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise bad("The delta token is malformed.", INVALID) from None
    too_old = environment.now() - got > timedelta(days=environment.delta_days)
    if not too_old and since >= environment.deltas_from:
        return since
    if environment.switches.expired_delta is ExpiredDelta.EVERYTHING:
        return 0
    text = "Version stamp associated with the client has expired. Please perform a full sync."
    raise Refusal(environment.switches.expired_delta_status, EXPIRED_DELTA, text)


def _ending(environment: Environment, link: str, start: int, after: str | None) -> dict[str, str]:
    """The link to the next page, or on the last one that to the next changes (wire 1.4, 4.1.8)."""
    plain = without_token(link)
    if after is not None:
        cookie = f'<cookie pagenumber="2" pagingcookie="{start}%20{after}" istracking="True" />'
        return {"@odata.nextLink": f"{plain}&$skiptoken={quote(cookie, safe='')}"}
    head = plain.partition("&$deltatoken=")[0].partition("?$deltatoken=")[0]
    glue = "" if head.endswith("?") else "&" if "?" in head else "?"
    token = quote(f"{start}!{environment.now().strftime(_STAMP)}", safe="")
    return {"@odata.deltaLink": f"{head}{glue}$deltatoken={token}"}


def _unpacked(token: str) -> tuple[int, str]:
    """The row version reading began at, and after what it goes on."""
    inner = token.partition('pagingcookie="')[2].partition('"')[0]
    start, _, after = inner.partition("%20")
    if not start.isdigit():
        raise bad("Malformed XML in the Paging Cookie.")
    return int(start), after
