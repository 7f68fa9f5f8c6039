"""Reading rows: a page, a count, what they refer to (wire 2.3)."""

import re
from bisect import bisect_right
from collections.abc import Callable
from json import dumps, loads
from typing import Any
from urllib.parse import quote

from koppel.sandbox.business_central.company import Company, Right
from koppel.sandbox.business_central.filtering import compiled
from koppel.sandbox.business_central.options import Options
from koppel.sandbox.business_central.pages import STANDARD
from koppel.sandbox.business_central.refusal import bad
from koppel.sandbox.business_central.shape import Page
from koppel.sandbox.business_central.showing import showing, value_of
from koppel.sandbox.ordering import directed, plain, without_token
from koppel.sandbox.rows import Row


def wanted_rows(company: Company, page: Page, options: Options) -> list[Row]:
    """The rows the filter lets through, in order: as asked, then by id."""
    rows = company.seen(page.table, options.read_only)
    if options.filter:
        wanted = compiled(company, page, options.filter, options.schema_version)
        rows = [row for row in rows if wanted(row)]
    return sorted(rows, key=_sort_key(company, page, options))


def page_of(company: Company, page: Page, options: Options, size: int, link: str) -> dict[str, Any]:
    """One page as a document. `link`: the absolute address of the call, which its next link continues.

    The link names the last row, so what is inserted or deleted behind it shifts nothing, unlike `$skip` (wire 2.3).
    """
    rows = wanted_rows(company, page, options)
    document: dict[str, Any] = {}
    if options.count:
        document["@odata.count"] = len(rows)
    place = options.skip
    if options.skiptoken:
        place = bisect_right(rows, _resumed(options), key=_sort_key(company, page, options))
    wanted = min(size, options.top) if options.top is not None else size
    several = rows[place : place + wanted]
    expand = expansion(company, page, options)
    document["value"] = [showing(company, page, row, options.select) | expand(row) for row in several]
    left = len(rows) - place - len(several)
    if options.top is not None:
        # A `$top` beyond a page continues with the rest of it, or does not (U8).
        left = min(left, options.top - len(several)) if company.switches.top_continues else 0
    if left > 0:
        document["@odata.nextLink"] = _next(company, page, options, link, several)
    return document


def _next(company: Company, page: Page, options: Options, link: str, several: list[Row]) -> str:
    """The link to the rest: the call with what the service adds, to be passed on untouched (wire 2.3)."""
    bare = without_token(link)
    if options.top is not None:
        bare = re.sub(r"(\$|%24)top=\d+", rf"\g<1>top={options.top - len(several)}", bare)
    glue = "" if bare.endswith("?") else "&"
    if "aid=FIN" not in bare:
        bare, glue = f"{bare}{glue}aid=FIN", "&"
    last = several[-1]
    values = [plain(value_of(company, page, control, last)) for control, _ in options.order]
    token = quote(dumps([*values, last["SystemId"]]), safe="") if values else last["SystemId"]
    return f"{bare}{glue}$skiptoken={token}"


def _resumed(options: Options) -> tuple[Any, ...]:
    try:
        *values, row_id = loads(options.skiptoken) if options.order else [options.skiptoken]
        return directed(values, row_id, options.order)
    except ValueError:
        raise bad("The $skiptoken is malformed.") from None


def _sort_key(company: Company, page: Page, options: Options) -> Callable[[Row], tuple[Any, ...]]:
    def key(row: Row) -> tuple[Any, ...]:
        values = [plain(value_of(company, page, control, row)) for control, _ in options.order]
        return directed(values, row["SystemId"], options.order)

    return key


def expansion(company: Company, page: Page, options: Options) -> Callable[[Row], dict[str, Any]]:
    """What `$expand` adds: rows a single-valued navigation property names, with their own `$select`."""
    if not options.expand:
        return lambda row: {}
    name, _, nested = options.expand.partition("(")
    control = page.navigation.get(name)
    related = page.field(control).relation if control else ""
    target = next((one for one in STANDARD.values() if one.table.name == related), None)
    if control is None or target is None:
        raise bad(f"Could not find a property named '{name}' on type 'Microsoft.NAV.{page.entity}'.")
    company.check_right(target.table, Right.READ)
    names = nested.rstrip(")").removeprefix("$select=").split(",") if nested else [*target.controls]
    if unknown := [name for name in names if name not in target.controls]:
        raise bad(f"Could not find a property named '{unknown[0]}' on type 'Microsoft.NAV.{target.entity}'.")

    def expand(row: Row) -> dict[str, Any]:
        found = company.by_code(target.table.name, row[control.field])
        return {name: found and showing(company, target, found, [target.controls[one] for one in names])}

    return expand
