"""`$filter` of the API: case counts, an `or` knows one field, `in` needs a newer schema (wire 2.3)."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from odata_query import ast

from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.options import sought_control
from koppel.sandbox.business_central.refusal import NOT_IMPLEMENTED, Refusal, bad
from koppel.sandbox.business_central.shape import Page, Type
from koppel.sandbox.business_central.showing import value_of
from koppel.sandbox.business_central.values import member_of
from koppel.sandbox.filtering import Compare, Compiler, Operand, Predicate, links
from koppel.sandbox.rows import Row

NEWER_SCHEMA = "2.1"
_MEMBER = re.compile(r"Microsoft\.NAV\.\w+(?='(?:[^']|'')*')")
_QUOTED = r"'(?:[^']|'')*'"
# A list of one needs a comma behind it for the parser; what stands between quotes is left alone.
_ONE = re.compile(rf"(?P<text>{_QUOTED})|\bin\s*\(\s*(?P<one>{_QUOTED}|[^(),']+)\s*\)")
_FOLDS: dict[str, Callable[[str], str]] = {"tolower": str.lower, "toupper": str.upper}
_LIKE: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, sought: sought in value,
    "startswith": lambda value, sought: value.startswith(sought),
    "endswith": lambda value, sought: value.endswith(sought),
}
_TEXTS = {Type.TEXT, Type.CODE}
_NUMBERS = {Type.DECIMAL, Type.INTEGER, Type.BIGINT}


def compiled(company: Company, page: Page, text: str, schema_version: str) -> Predicate:
    """The function that tells whether a row is wanted. Raises `Refusal`."""
    compiler = _Compiler(company, page, schema_version)
    text = _MEMBER.sub("", text)  # an enum member may be written with its type
    tree = compiler.parsed(_ONE.sub(lambda found: found["text"] or f"in ({found['one']},)", text))
    compiler.check(tree)
    return compiler.predicate(tree)


class _Compiler(Compiler):
    def __init__(self, company: Company, page: Page, schema_version: str) -> None:
        self._company = company
        self._page = page
        self._newer = schema_version == NEWER_SCHEMA

    def refused(self, message: str) -> Exception:
        return bad(message)

    def check(self, tree: Any) -> None:
        """Refuse what the service has no filter of its own for: an `or` over several fields, `in` of an old schema."""
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.BoolOp):
                parts = links(node.op, node)
                if isinstance(node.op, ast.Or) and len(set().union(*map(_names, parts))) > 1:
                    text = "The 'OR' operator is not supported on distinct fields on an OData filter."
                    raise Refusal(self._company.switches.or_refused_status, NOT_IMPLEMENTED, text)
                waiting += parts
            elif isinstance(node, ast.UnaryOp):
                waiting.append(node.operand)
            elif isinstance(node, ast.Compare) and isinstance(node.comparator, ast.In) and not self._newer:
                raise bad(f"The operator 'in' needs $schemaversion={NEWER_SCHEMA}.")

    def null(self, operand: Operand, compare: Compare) -> Predicate:
        raise bad("Nothing is null here: blanks are '', 0, 0001-01-01 and the zero id.")  # wire 2.4

    def operand(self, node: Any) -> Operand:
        if isinstance(node, ast.Call) and node.func.name in _FOLDS and len(node.args) == 1:
            inner, fold = self.operand(node.args[0]), _FOLDS[node.func.name]
            return Operand(lambda row: fold(inner.read(row)), inner.literal)
        if not isinstance(node, ast.Identifier) or node.namespace:
            raise bad("Only fields of the entity itself can be compared.")
        control = sought_control(self._page, node.name, self._company.switches.variables_filtered)
        kind = self._page.type(control)
        if kind is Type.ENUM and not self._company.switches.enum_filtered:
            raise bad(f"The field '{control.name}' cannot be filtered.")

        def read(row: Row) -> Any:
            return value_of(self._company, self._page, control, row)

        return Operand(read, lambda literal: self._literal(control.name, kind, literal))

    def like(self, name: str, args: list[Any]) -> Predicate:
        """Nothing is a wildcard in what is sought (wire 3.5)."""
        if len(args) != 2 or not isinstance(args[1], ast.String):
            raise bad(f"The function {name} takes a field and a text.")
        read, like, sought = self.operand(args[0]).read, _LIKE[name], args[1].val
        return lambda row: like(read(row), sought)

    def _literal(self, name: str, kind: Type, node: Any) -> Any:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._literal(name, kind, node.operand)
        if kind in _TEXTS and isinstance(node, ast.String):
            return node.val
        if kind in _NUMBERS and isinstance(node, ast.Integer | ast.Float):
            return Decimal(node.val)
        if kind is Type.GUID and isinstance(node, ast.GUID):
            return node.val.lower()
        if kind is Type.BOOLEAN and isinstance(node, ast.Boolean):
            return node.py_val
        if kind is Type.DATE and isinstance(node, ast.Date):
            return node.py_val
        if kind is Type.DATETIME and isinstance(node, ast.DateTime | ast.Date):
            return _moment(node.py_val)
        if kind is Type.ENUM and isinstance(node, ast.String):
            member = member_of(self._page.field(self._page.controls[name]), node.val)
            if member is not None:
                return member
        raise bad(f"A binary operator with incompatible types was detected for the field '{name}'.")


def _names(node: Any) -> set[str]:
    """The fields an expression names."""
    found, waiting = set(), [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Identifier):
            found.add(one.name)
        elif isinstance(one, ast.Call):
            waiting += one.args
        elif isinstance(one, ast.UnaryOp):
            waiting.append(one.operand)
        elif isinstance(one, ast.Compare | ast.BoolOp):
            waiting += [one.left, one.right]
    return found


def _moment(value: date | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
