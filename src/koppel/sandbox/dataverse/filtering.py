"""`$filter`, parsed by odata-query and turned into a function of a row (wire 1.2, 3.5).

Three-valued as in SQL: a comparison with null is neither true nor false.
"""

import operator
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.options import column_of
from koppel.sandbox.dataverse.refusal import PAYLOAD, bad
from koppel.sandbox.dataverse.rows import Ref, Row
from koppel.sandbox.dataverse.shape import LOOKUPS, Column, Kind, Table

Predicate = Callable[[Row], bool | None]

_QUOTED = re.compile(r"'(?:[^']|'')*'")
_IN = re.compile(
    r"Microsoft\.Dynamics\.CRM\.In\(PropertyName='(\w+)',\s*PropertyValues=\[((?:\s*'(?:[^']|'')*'\s*,?)+)\]\)"
)
_COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_LIKE = {"contains": ("%", "%"), "startswith": ("", "%"), "endswith": ("%", "")}
_NUMBERS = {Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.MONEY, Kind.CHOICE, Kind.STATE, Kind.STATUS}
_TEXTS = {Kind.TEXT, Kind.MEMO, Kind.CHOICES}


def compiled(environment: Environment, table: Table, text: str) -> Predicate:
    """The function that tells whether a row is wanted. Raises `Refusal`."""
    if re.search(r"\bin\s*\(", _QUOTED.sub("''", text)):
        raise bad("The operator 'in' is not supported by OData 4.0.", PAYLOAD)  # wire 1.2
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(_IN.sub(lambda found: _in(table, found), text)))
    except (ODataException, ValueError) as error:
        raise bad(f"Syntax error in $filter: {error}", PAYLOAD) from None
    return _Compiler(environment, table).predicate(tree)


def _in(table: Table, found: re.Match[str]) -> str:
    """The query function `In` as what odata-query understands: values come quoted whatever their type."""
    column = column_of(table, found[1])
    literals = _QUOTED.findall(found[2])
    if column.kind not in _TEXTS:
        literals = [literal[1:-1] for literal in literals]
    return f"{found[1]} eq {literals[0]}" if len(literals) == 1 else f"{found[1]} in ({', '.join(literals)})"


class _Compiler:
    def __init__(self, environment: Environment, table: Table) -> None:
        self._environment = environment
        self._table = table

    def predicate(self, node: Any) -> Predicate:
        match node:
            case ast.BoolOp(op=op):
                return self._chain(op, node)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.predicate(operand)
                return lambda row: None if (found := inner(row)) is None else not found
            case ast.Compare(comparator=ast.In(), left=left, right=right):
                return self._one_of(left, right)
            case ast.Compare(comparator=comparator, left=left, right=right):
                return self._comparison(type(comparator), left, right)
            case ast.Call(func=func, args=args) if func.name in _LIKE and not func.namespace:
                return self._like(func.name, args)
        raise bad(f"The filter expression {type(node).__name__} is not supported.", PAYLOAD)

    def _chain(self, op: Any, node: Any) -> Predicate:
        """A chain of one operator, however long: a thousand of them must not be a thousand calls deep, and a thousand
        ids sought by `or` must not be a thousand comparisons per row.
        """
        operands, waiting = [], [node]
        equal: dict[str, list[Any]] = {}
        while waiting:
            one = waiting.pop()
            if isinstance(one, ast.BoolOp) and one.op == op:
                waiting += [one.left, one.right]
            elif isinstance(op, ast.Or) and _is_equality(one):
                equal.setdefault(one.left.name, []).append(one.right)
            else:
                operands.append(self.predicate(one))
        operands += [self._one_of(ast.Identifier(name), ast.List(values)) for name, values in equal.items()]
        deciding = isinstance(op, ast.Or)

        def decide(row: Row) -> bool | None:
            unknown = False
            for operand in operands:
                found = operand(row)
                if found is deciding:
                    return deciding
                unknown |= found is None
            return None if unknown else not deciding

        return decide

    def _one_of(self, left: Any, right: Any) -> Predicate:
        column = self._column(left)
        wanted = {self._literal(column, value) for value in right.val}
        read = self._reader(column)
        return lambda row: None if (value := read(row)) is None else value in wanted

    def _comparison(self, comparator: type, left: Any, right: Any) -> Predicate:
        column = self._column(left)
        compare, read = _COMPARE[comparator], self._reader(column)
        if isinstance(right, ast.Null):
            return lambda row: compare(read(row) is None, True)
        if isinstance(right, ast.Identifier):
            other = self._reader(self._column(right))
            return lambda row: None if None in (a := read(row), b := other(row)) else compare(a, b)
        wanted = self._literal(column, right)
        absent = True if comparator is ast.NotEq and self._environment.switches.ne_finds_null else None
        return lambda row: absent if (value := read(row)) is None else compare(value, wanted)

    def _like(self, name: str, args: list[Any]) -> Predicate:
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


def _is_equality(node: Any) -> bool:
    """Whether a column is compared with a value that is not null."""
    if not isinstance(node, ast.Compare) or not isinstance(node.comparator, ast.Eq):
        return False
    return isinstance(node.left, ast.Identifier) and not isinstance(node.right, ast.Identifier | ast.Null)


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
