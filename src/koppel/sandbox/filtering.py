"""`$filter`, parsed by odata-query and turned into a function of a row (wire 3.5).

Three-valued as in SQL: a comparison with null is neither true nor false. A service says what may be compared with what.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from koppel.sandbox.rows import Row

Predicate = Callable[[Row], bool | None]
Compare = Callable[[Any, Any], bool]

_COMPARE: dict[type, Compare] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
LIKE = {"contains", "startswith", "endswith"}
"""The functions that look for a piece of text."""


@dataclass(frozen=True)
class Operand:
    """What stands on one side of a comparison: how it is read of a row, and what a literal beside it means."""

    read: Callable[[Row], Any]
    literal: Callable[[Any], Any]


class Compiler(ABC):
    """Turns a filter into a function. A service says what its fields are, and refuses what it does not know."""

    ne_finds_null = False
    """Whether `ne` finds rows without a value."""

    @abstractmethod
    def operand(self, node: Any) -> Operand:
        """A field, or an expression of one. Raises `Refusal`."""

    @abstractmethod
    def like(self, name: str, args: list[Any]) -> Predicate:
        """One of the functions `LIKE`. Raises `Refusal`."""

    @abstractmethod
    def null(self, operand: Operand, compare: Compare) -> Predicate:
        """A comparison with null. Raises `Refusal`."""

    @abstractmethod
    def refused(self, message: str) -> Exception:
        """The refusal of a filter."""

    def compiled(self, text: str) -> Predicate:
        """The function that tells whether a row is wanted. Raises `Refusal`."""
        return self.predicate(self.parsed(text))

    def parsed(self, text: str) -> Any:
        """The tree of a filter. Raises `Refusal`."""
        try:
            return ODataParser().parse(ODataLexer().tokenize(text))
        except (ODataException, ValueError) as error:
            raise self.refused(f"Syntax error in $filter: {error}") from None

    def predicate(self, node: Any) -> Predicate:
        """The function of one node. Raises `Refusal`."""
        match node:
            case ast.BoolOp(op=op):
                return self._chain(op, node)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.predicate(operand)
                return lambda row: None if (found := inner(row)) is None else not found
            case ast.Compare(comparator=ast.In(), left=left, right=ast.List(val=values)):
                return self._one_of(self.operand(left), values)
            case ast.Compare(comparator=comparator, left=left, right=right):
                return self._comparison(type(comparator), left, right)
            case ast.Call(func=func, args=args) if func.name in LIKE and not func.namespace:
                return self.like(func.name, args)
        raise self.refused(f"The filter expression {type(node).__name__} is not supported.")

    def _chain(self, op: Any, node: Any) -> Predicate:
        """A chain of one operator, however long: a thousand of them must not be a thousand calls deep, and a thousand
        ids sought by `or` must not be a thousand comparisons per row.
        """
        operands = []
        equal: dict[str, list[Any]] = {}
        for one in links(op, node):
            if isinstance(op, ast.Or) and _is_equality(one):
                equal.setdefault(one.left.name, []).append(one.right)
            else:
                operands.append(self.predicate(one))
        operands += [self._one_of(self.operand(ast.Identifier(name)), values) for name, values in equal.items()]
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

    def _one_of(self, operand: Operand, nodes: list[Any]) -> Predicate:
        read, wanted = operand.read, {operand.literal(node) for node in nodes}
        return lambda row: None if (value := read(row)) is None else value in wanted

    def _comparison(self, comparator: type, left: Any, right: Any) -> Predicate:
        operand, compare = self.operand(left), _COMPARE[comparator]
        read = operand.read
        if isinstance(right, ast.Null):
            return self.null(operand, compare)
        if isinstance(right, ast.Identifier):
            other = self.operand(right).read
            return lambda row: None if None in (a := read(row), b := other(row)) else compare(a, b)
        wanted = operand.literal(right)
        absent = True if comparator is ast.NotEq and self.ne_finds_null else None
        return lambda row: absent if (value := read(row)) is None else compare(value, wanted)


def links(op: Any, node: Any) -> list[Any]:
    """What a chain of one operator ties together, without going deep."""
    found, waiting = [], [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.BoolOp) and one.op == op:
            waiting += [one.left, one.right]
        else:
            found.append(one)
    return found


def _is_equality(node: Any) -> bool:
    """Whether a field is compared with a value that is not null."""
    if not isinstance(node, ast.Compare) or not isinstance(node.comparator, ast.Eq):
        return False
    return isinstance(node.left, ast.Identifier) and not isinstance(node.right, ast.Identifier | ast.Null)
