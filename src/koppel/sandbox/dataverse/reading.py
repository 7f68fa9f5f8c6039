"""Reading rows: one, a page, a count (wire 1.2)."""

from bisect import bisect_right
from collections.abc import Callable
from json import dumps, loads
from typing import Any
from urllib.parse import quote, unquote

from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.filtering import compiled
from koppel.sandbox.dataverse.options import Options, Prefer
from koppel.sandbox.dataverse.refusal import PAYLOAD, bad
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import Table
from koppel.sandbox.dataverse.showing import shown
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.ordering import directed, plain, without_token
from koppel.sandbox.rows import Row

COUNTED = 5_000
"""Counts stop here (wire 1.2, 4.2.14)."""
_CRM = "Microsoft.Dynamics.CRM"


def wanted_rows(environment: Environment, table: Table, options: Options) -> list[Row]:
    """The rows the filter lets through, inactive ones too (wire 4.2.7), in order: as asked, then by id."""
    rows: list[Row] = [*environment.rows.tables[table.name].values()]
    if options.filter:
        wanted = compiled(environment, table, options.filter)
        rows = [row for row in rows if wanted(row)]
    return sorted(rows, key=_sort_key(environment, table, options))


def page(environment: Environment, table: Table, options: Options, prefer: Prefer, link: str) -> dict[str, Any]:
    """One page as a document. `link`: the absolute address of the call, which its next link continues.

    There is no state: the cookie carries where the last row stood, so what is inserted or deleted behind it does not
    shift a page, and is not in it (wire 1.2, 4.1.10).
    """
    rows = wanted_rows(environment, table, options)
    document: dict[str, Any] = {"@odata.context": context(link, table, options)}
    if options.count:
        document["@odata.count"] = min(len(rows), COUNTED)
        document[f"@{_CRM}.totalrecordcountlimitexceeded"] = len(rows) > COUNTED
    if options.top is not None:
        rows = rows[: options.top]
    number, place = 1, 0
    key = _sort_key(environment, table, options)
    if options.skiptoken:
        number, last = _unpacked(options.skiptoken)
        place = bisect_right(rows, _resumed(last, options), key=key)
    several = rows[place : place + prefer.page]
    expand = _expansion(environment, table, options)
    document["value"] = [
        shown(environment, table, row, options.select, prefer.annotations) | expand(row) for row in several
    ]
    if place + prefer.page < len(rows):
        document["@odata.nextLink"] = next_link(link, number + 1, _values(environment, table, options, several[-1]))
    return document


def context(link: str, table: Table, options: Options) -> str:
    """The context of a page."""
    columns = f"({','.join(column.wire_name for column in options.select)})" if options.select else ""
    return f"{link.partition(table.set_name)[0]}$metadata#{table.set_name}{columns}"


def next_link(link: str, number: int, last: list[Any]) -> str:
    """The link to a page: the call with a cookie that is encoded twice and no business of the caller (wire 1.2)."""
    inner = quote(quote(dumps(last, default=str), safe=""), safe="")
    cookie = f'<cookie pagenumber="{number}" pagingcookie="{inner}" istracking="False" />'
    return f"{without_token(link)}&$skiptoken={quote(cookie, safe='')}"


def _unpacked(token: str) -> tuple[int, list[Any]]:
    try:
        number = int(token.partition('pagenumber="')[2].partition('"')[0])
        inner = token.partition('pagingcookie="')[2].partition('"')[0]
        return number, loads(unquote(unquote(inner)))
    except ValueError:
        raise bad("Malformed XML in the Paging Cookie.", PAYLOAD) from None


def _values(environment: Environment, table: Table, options: Options, row: Row) -> list[Any]:
    """What a row is sorted by, as JSON can carry it."""
    return [_plain(environment.value(table, row, column)) for column, _ in options.order] + [row[table.id_column]]


def _resumed(last: list[Any], options: Options) -> tuple[Any, ...]:
    return directed(last[:-1], last[-1], options.order)


def _sort_key(environment: Environment, table: Table, options: Options) -> Callable[[Row], tuple[Any, ...]]:
    def key(row: Row) -> tuple[Any, ...]:
        values = _values(environment, table, options, row)
        return directed(values[:-1], values[-1], options.order)

    return key


def _plain(value: Any) -> Any:
    """A value as it is sorted: a lookup by the id it holds."""
    return value.id if isinstance(value, Ref) else plain(value)


def _expansion(environment: Environment, table: Table, options: Options) -> Callable[[Row], dict[str, Any]]:
    """What `$expand` adds: rows a single-valued navigation property names, with their own `$select`."""
    if not options.expand:
        return lambda row: {}
    name, _, nested = options.expand.partition("(")
    if name not in table.navigation:
        raise bad(f"Could not find a property named '{name}' on type '{_CRM}.{table.name}'.", PAYLOAD)
    column, tables = table.navigation[name]
    names = nested.rstrip(")").removeprefix("$select=").split(",") if nested else []

    def expand(row: Row) -> dict[str, Any]:
        ref = environment.value(table, row, column)
        if ref is None or ref.table not in tables:
            return {name: None}
        target = TABLES[ref.table]
        select = tuple(target.by_wire_name[n] for n in names if n in target.by_wire_name) or None
        found = environment.rows.get(*ref)
        return {name: found and shown(environment, target, found, select)}

    return expand
