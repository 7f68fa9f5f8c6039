"""Rows as JSON: names, annotations, the etag (wire 1.1, 1.5)."""

from decimal import Decimal
from typing import Any

from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import NUMBERED, Column, Kind, Table
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.dataverse.values import quantized
from koppel.sandbox.rows import Row

_CRM = "Microsoft.Dynamics.CRM"
_FORMATTED = "OData.Community.Display.V1.FormattedValue"
MONEY_PLACES = 4


def etag(row: Row) -> str:
    """The weak etag of a row: its version."""
    return f'W/"{row["versionnumber"]}"'


def shown(
    environment: Environment, table: Table, row: Row, select: tuple[Column, ...] | None, annotations: str = ""
) -> dict[str, Any]:
    """A row as a JSON object. `annotations`: the list of the preference, empty for none."""
    document: dict[str, Any] = {"@odata.etag": etag(row)}
    for column in select if select is not None else table.columns.values():
        value = environment.value(table, row, column)
        document[column.wire_name] = _plain(column, value)
        if annotations and value is not None:
            document |= _annotated(environment, column, value, annotations)
    return document


def _plain(column: Column, value: Any) -> Any:
    if isinstance(value, Ref):
        return value.id
    if isinstance(value, Decimal):
        return quantized(value, MONEY_PLACES if column.kind is Kind.MONEY else column.precision)
    return value


def _annotated(environment: Environment, column: Column, value: Any, wanted: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if isinstance(value, Ref):
        row = environment.rows.get(value.table, value.id) or {}
        found[_FORMATTED] = row.get(TABLES[value.table].name_column)
        found[f"{_CRM}.lookuplogicalname"] = value.table
        navigation = (target.navigation for target in column.targets if target.table == value.table)
        found[f"{_CRM}.associatednavigationproperty"] = next(navigation)
    elif column.kind in NUMBERED:
        numbers = value.split(",") if isinstance(value, str) else [value]
        found[_FORMATTED] = ";".join(column.options[int(number)] for number in numbers)
    elif isinstance(value, bool):
        found[_FORMATTED] = "Yes" if value else "No"
    return {f"{column.wire_name}@{name}": text for name, text in found.items() if _asked(name, wanted)}


def _asked(name: str, wanted: str) -> bool:
    """Whether the list of the preference, which may hold `*` at the end of a word, names an annotation."""
    return any(
        name == word or (word.endswith("*") and name.startswith(word[:-1]))
        for word in (part.strip() for part in wanted.split(","))
    )
