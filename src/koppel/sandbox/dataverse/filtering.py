"""`$filter` of the Web API: text without regard to case, wildcards, the query function `In` (wire 1.2, 3.5)."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from odata_query import ast

from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.options import column_of
from koppel.sandbox.dataverse.refusal import PAYLOAD, bad
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import LOOKUPS, Column, Kind, Table
from koppel.sandbox.filtering import Compare, Compiler, Operand, Predicate
from koppel.sandbox.rows import Row

_QUOTED = re.compile(r"'(?:[^']|'')*'")
_IN = re.compile(
    r"Microsoft\.Dynamics\.CRM\.In\(PropertyName='(\w+)',\s*PropertyValues=\[((?:\s*'(?:[^']|'')*'\s*,?)+)\]\)"
)
_LIKE = {"contains": ("%", "%"), "startswith": ("", "%"), "endswith": ("%", "")}
_NUMBERS = {Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.MONEY, Kind.CHOICE, Kind.STATE, Kind.STATUS}
_TEXTS = {Kind.TEXT, Kind.MEMO, Kind.CHOICES}


def compiled(environment: Environment, table: Table, text: str) -> Predicate:
    """The function that tells whether a row is wanted. Raises `Refusal`."""
    if re.search(r"\bin\s*\(", _QUOTED.sub("''", text)):
        raise bad("The operator 'in' is not supported by OData 4.0.", PAYLOAD)  # wire 1.2
    return _Compiler(environment, table).compiled(_IN.sub(lambda found: _in(table, found), text))


def _in(table: Table, found: re.Match[str]) -> str:
    """The query function `In` as what odata-query understands: values come quoted whatever their type."""
    column = column_of(table, found[1])
    literals = _QUOTED.findall(found[2])
    if column.kind not in _TEXTS:
        literals = [literal[1:-1] for literal in literals]
    return f"{found[1]} eq {literals[0]}" if len(literals) == 1 else f"{found[1]} in ({', '.join(literals)})"


class _Compiler(Compiler):
    def __init__(self, environment: Environment, table: Table) -> None:
        self._environment = environment
        self._table = table
        self.ne_finds_null = environment.switches.ne_finds_null

    def refused(self, message: str) -> Exception:
        return bad(message, PAYLOAD)

    def operand(self, node: Any) -> Operand:
        column = self._column(node)
        return Operand(self._reader(column), lambda literal: self._literal(column, literal))

    def null(self, operand: Operand, compare: Compare) -> Predicate:
        return lambda row: compare(operand.read(row) is None, True)

    def like(self, name: str, args: list[Any]) -> Predicate:
        """`%`, `_` and `[]` of the text sought are wildcards (wire 1.2, 4.2.15)."""
        if len(args) != 2 or not isinstance(args[1], ast.String):
            raise bad(f"The function {name} takes a column and a text.", PAYLOAD)
        before, after = _LIKE[name]
        pattern = re.compile(_wildcards(f"{before}{self._fold(args[1].val)}{after}"), re.S)
        read = self._reader(self._column(args[0]))
        return lambda row: None if (value := read(row)) is None else pattern.fullmatch(value) is not None

    def _column(self, node: Any) -> Column:
        if not isinstance(node, ast.Identifier) or node.namespace:
            raise bad("Only columns of the table itself can be compared.", PAYLOAD)
        return column_of(self._table, node.name)

    def _reader(self, column: Column) -> Callable[[Row], Any]:
        environment, table, fold = self._environment, self._table, self._fold

        def read(row: Row) -> Any:
            value = environment.value(table, row, column)
            if isinstance(value, Ref):
                return value.id
            return fold(value) if isinstance(value, str) else value

        return read

    def _literal(self, column: Column, node: Any) -> Any:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._literal(column, node.operand)
        kind = column.kind
        if kind in _NUMBERS and isinstance(node, ast.Integer | ast.Float):
            return Decimal(node.val)
        if kind in _TEXTS and isinstance(node, ast.String):
            return self._fold(node.val)
        if (kind in LOOKUPS or kind is Kind.ID) and isinstance(node, ast.GUID):
            return node.val.lower()
        if kind is Kind.BOOLEAN and isinstance(node, ast.Boolean):
            return node.py_val
        if kind is Kind.DATETIME and isinstance(node, ast.DateTime | ast.Date):
            return _moment(column, node.py_val)
        raise bad(f"A binary operator with incompatible types was detected: '{column.wire_name}'.", PAYLOAD)

    def _fold(self, text: str) -> str:
        """Text as it is compared: never by case, by accents as the switch says."""
        folded = text.casefold()
        if self._environment.switches.accent_sensitive:
            return folded
        return "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c))


def _moment(column: Column, value: date | datetime) -> date | datetime:
    if column.behaviour == "DateOnly":
        return value.date() if isinstance(value, datetime) else value
    return value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)


def _wildcards(pattern: str) -> str:
    """A pattern of LIKE as a regular expression."""
    parts = re.split(r"(\[[^\]]*\]|%|_)", pattern)
    words = {"%": ".*", "_": "."}
    return "".join(
        part if part.startswith("[") and len(part) > 2 else words.get(part, re.escape(part)) for part in parts
    )
