"""What stands behind the small service: how its tables keep values, compare them, and refuse what does not fit."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from odata_query import ast
from odata_query.grammar import ODataLexer, ODataParser
from odata_query.sqlalchemy.core import AstToSqlAlchemyCoreVisitor


class Exact(sa.types.TypeDecorator[Decimal]):
    """A decimal of two digits that passes no float."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        """In hundredths; what cannot be one is compared all the same."""
        hundredths = None if value is None else Decimal(str(value)) * 100
        return int(hundredths) if hundredths is not None and hundredths == int(hundredths) else hundredths

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        """With two digits."""
        return None if value is None else Decimal(value).scaleb(-2)


class Misfit(Exception):
    """A value that a column does not take: the column and why."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(f"{column} {why}")
        self.column = column


def condition(table: sa.Table, text: str, exact: bool) -> Any:
    """A `$filter` as SQL. `exact`: letters of another case and blanks at the end count."""
    text = _without_enumerations(text)
    visitor = (_Exactly if exact else _Coarsely)(table)
    return visitor.visit(ODataParser().parse(ODataLexer().tokenize(text)))


def _without_enumerations(text: str) -> str:
    """`demo.Rank'low'` as `'low'`, outside of texts."""
    parts = text.split("'")
    for at in range(0, len(parts), 2):
        parts[at] = parts[at].removesuffix("demo.Rank")
    return "'".join(parts)


class _Typed(AstToSqlAlchemyCoreVisitor):
    """A literal is what the column beside it is."""

    def visit_Compare(self, node: ast.Compare) -> Any:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(left, sa.Column) and isinstance(right, sa.BindParameter):
            right = sa.literal(right.value, left.type)
        return self.visit(node.comparator)(*self.compared(node, left, right))

    def compared(self, node: ast.Compare, left: Any, right: Any) -> tuple[Any, Any]:
        """Both sides as they are compared."""
        return left, right


class _Exactly(_Typed):
    """Texts are what they are."""

    def func_contains(self, field: Any, substr: Any) -> Any:
        return sa.func.instr(self.visit(field), self.visit(substr)) > 0

    def func_startswith(self, field: Any, substr: Any) -> Any:
        part = self.visit(substr)
        return sa.func.substr(self.visit(field), 1, sa.func.length(part)) == part

    def func_endswith(self, field: Any, substr: Any) -> Any:
        part = self.visit(substr)
        return sa.func.substr(self.visit(field), -sa.func.length(part)) == part


class _Coarsely(_Typed):
    """As many databases: the case of letters does not count, nor blanks at the end, and `%` is any text."""

    def compared(self, node: ast.Compare, left: Any, right: Any) -> tuple[Any, Any]:
        if not isinstance(node.right, ast.String):
            return left, right
        return sa.func.lower(sa.func.rtrim(left)), sa.func.lower(sa.func.rtrim(right))


def taken(table: sa.Table, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a client sends as values of the table's columns. Raises Misfit."""
    values = {}
    for name, value in body.items():
        if name not in table.c:
            raise Misfit(name, "is not known here")
        values[name] = _taken(table.c[name], value)
    return values


def _taken(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        if not column.nullable:
            raise Misfit(column.name, "must have a value")
        return None
    match column.type:
        case sa.Date():
            return date.fromisoformat(value)
        case sa.DateTime():
            return datetime.fromisoformat(value).replace(tzinfo=None)
        case Exact() if abs(value) >= 10**13:
            raise Misfit(column.name, "is too large")
        case sa.String(length=length) if length is not None and len(value) > length:
            raise Misfit(column.name, f"is longer than {length}")
    if value not in column.info.get("choices", (value,)):
        raise Misfit(column.name, "is none of its choices")
    return value


def in_the_way(error: sa.exc.IntegrityError) -> str:
    """The column that keeps a record out."""
    return str(error.orig).rpartition(".")[2]
