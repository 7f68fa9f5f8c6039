"""The filter language as text, read into the tree of `model.filter`; `filter_words` writes it.

sqlglot only reads. What it read is let through node by node *and argument by argument*, because it keeps some
negations as an argument of the node: a reader that looks at node types alone takes `NOT LIKE` for `LIKE`. Everything
that is not named here is refused.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from koppel.model.filter import And, Compare, Comparison, Filter, IsNull, Like, Literal, Not, OneOf, Or
from koppel.transform.filter_words import FilterError

_COMPARISONS: dict[type[exp.Expr], Comparison] = {
    exp.EQ: Comparison.EQUAL,
    exp.NEQ: Comparison.UNEQUAL,
    exp.LT: Comparison.LESS,
    exp.LTE: Comparison.LESS_OR_EQUAL,
    exp.GT: Comparison.GREATER,
    exp.GTE: Comparison.GREATER_OR_EQUAL,
}
_ARGUMENTS: dict[type[exp.Expr], frozenset[str]] = {
    **{node: frozenset({"this", "expression"}) for node in _COMPARISONS},
    exp.And: frozenset({"this", "expression"}),
    exp.Or: frozenset({"this", "expression"}),
    exp.Not: frozenset({"this"}),
    exp.Paren: frozenset({"this"}),
    exp.Is: frozenset({"this", "expression"}),
    exp.In: frozenset({"this", "expressions"}),
    exp.Like: frozenset({"this", "expression", "negate"}),
    exp.Escape: frozenset({"this", "expression"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.Column: frozenset({"this"}),
    exp.Identifier: frozenset({"this", "quoted"}),
    exp.Literal: frozenset({"this", "is_string"}),
    exp.Boolean: frozenset({"this"}),
    exp.Neg: frozenset({"this"}),
    exp.Null: frozenset(),
    exp.Cast: frozenset({"this", "to"}),
    exp.DataType: frozenset({"this", "nested"}),
}
"""Every node that may occur, with every argument it may carry a value in."""

_BEFORE_PARENTHESIS = frozenset({TokenType.AND, TokenType.OR, TokenType.NOT, TokenType.IN, TokenType.L_PAREN})
_MAX_LENGTH = 10_000
_REMEDY = (
    "write conditions such as field = 'x', > 5, IN (…), LIKE 'A%', BETWEEN … AND …, IS NULL; join with AND, OR, NOT"
)
_PLAIN_VALUE = "write the value as the field holds it"
_DAY = r"\d{4}-\d\d-\d\d"
_MOMENT = _DAY + r"([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?"


def parse(text: str) -> Filter:
    """The tree of a filter such as `blocked = '' AND "credit limit" >= 2500.50`.

    Values: 'text', numbers (int or Decimal), TRUE, FALSE, DATE '2026-01-01', TIMESTAMP '2026-01-01T10:00:00Z'
    (UTC when it names no offset). Raises FilterError, with position and remedy, for everything else: functions,
    subqueries, comments, several statements, parameters, casts, a field compared with a field.
    """
    if len(text) > _MAX_LENGTH:
        raise FilterError(f"this filter is {len(text)} characters long, at most {_MAX_LENGTH} are read")
    try:
        _check_tokens(sqlglot.tokenize(text))
        tree = sqlglot.parse_one(text)
        return _filter(tree)
    except SqlglotError as error:
        raise FilterError(_grammar_message(error, text)) from None
    except RecursionError:
        raise FilterError("this filter is nested too deeply; write long lists of values with IN (…)") from None


def _grammar_message(error: SqlglotError, text: str) -> str:
    """What the parser says, without its colours, on one line."""
    if not text.strip():
        return f"this filter is empty; {_REMEDY}"
    details = getattr(error, "errors", None) or [{}]
    column, near = details[0].get("col"), details[0].get("highlight")
    if column is None:
        return f"this cannot be read as a filter: a quote or a bracket is not closed; {_REMEDY}"
    return f"this cannot be read as a filter from {near!r} at character {column}; {_REMEDY}"


def _check_tokens(tokens: list[Token]) -> None:
    """What the tree does not show any more: comments, calls written as functions, casts, a second statement."""
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.comments:
            _refuse_at(token.start, "a filter has no comments", "remove it")
        if token.token_type is TokenType.SEMICOLON:
            _refuse_at(token.start, "a filter is one condition, not several statements", "join them with AND or OR")
        if token.token_type in (TokenType.DCOLON, TokenType.ALIAS):
            _refuse_at(token.start, "casts are not part of the filter language", _PLAIN_VALUE)
        if token.token_type in (TokenType.PLACEHOLDER, TokenType.COLON, TokenType.PARAMETER):
            _refuse_at(token.start, "parameters are not part of the filter language", "write the value itself")
        called = before is not None and token.token_type is TokenType.L_PAREN and before.text[:1].isalpha()
        if called and before is not None and before.token_type not in _BEFORE_PARENTHESIS:
            _refuse_at(before.start, f"{before.text}(…) is not part of the filter language", _REMEDY)


def _refuse_at(start: int | None, what: str, remedy: str) -> NoReturn:
    """Raise with the place as a person counts it, from 1."""
    place = "" if start is None else f" (at character {start + 1})"
    raise FilterError(f"{what}{place}; {remedy}")


def _refuse(node: exp.Expr, what: str, remedy: str = _REMEDY) -> NoReturn:
    """Raise with the first place in the text that belongs to the node."""
    _refuse_at(min((part.meta["start"] for part in node.walk() if "start" in part.meta), default=None), what, remedy)


def _filter(node: exp.Expr) -> Filter:
    """One condition."""
    _only_known_arguments(node)
    if type(node) in _COMPARISONS:
        return Compare(_field(node.this), _COMPARISONS[type(node)], _value(node.expression))
    reader = _READERS.get(type(node))
    if reader is None:
        _refuse(node, f"{node.key.upper()} is not a condition of the filter language")
    return reader(node)


def _only_known_arguments(node: exp.Expr) -> None:
    """An argument nobody reads would be a meaning silently lost."""
    allowed = _ARGUMENTS.get(type(node))
    if allowed is None:
        _refuse(node, f"{node.key.upper()} is not part of the filter language")
    for name, value in node.args.items():
        if name not in allowed and value not in (None, False, []):
            _refuse(node, f"{node.key.upper()} with {name.upper()} is not part of the filter language")


def _junction(node: exp.Expr) -> Filter:
    """a AND b AND c is one list; parentheses are kept as the user grouped them."""
    kind = type(node)
    terms: list[Filter] = []
    while type(node) is kind:
        _only_known_arguments(node)
        terms.append(_filter(node.expression))
        node = node.this
    terms.append(_filter(node))
    return (And if kind is exp.And else Or)(tuple(reversed(terms)))


def _is(node: exp.Expr) -> Filter:
    if type(node.expression) is not exp.Null:
        _refuse(node, "IS goes with NULL only", "write field = TRUE, or field = value")
    return IsNull(_field(node.this))


def _in(node: exp.Expr) -> Filter:
    values = tuple(_value(value) for value in node.expressions)
    if not values:
        _refuse(node, "IN needs at least one value")
    return OneOf(_field(node.this), values)


def _between(node: exp.Expr) -> Filter:
    field = _field(node.this)
    low = Compare(field, Comparison.GREATER_OR_EQUAL, _value(node.args["low"]))
    return And((low, Compare(field, Comparison.LESS_OR_EQUAL, _value(node.args["high"]))))


def _like(node: exp.Expr) -> Filter:
    if not (isinstance(node.expression, exp.Literal) and node.expression.is_string):
        _refuse(node, "LIKE needs one pattern in quotes", "write field LIKE 'A%'")
    pattern = str(node.expression.this)
    if re.search(r"(?<!\\)(\\\\)*\\$", pattern):
        _refuse(node, "the pattern ends in a backslash that escapes nothing", "write \\\\ for a backslash")
    term = Like(_field(node.this), pattern)
    return Not(term) if node.args.get("negate") else term


def _escape(node: exp.Expr) -> Filter:
    """ESCAPE '\\' says what holds anyway."""
    if type(node.this) is not exp.Like or node.expression != exp.Literal.string("\\"):
        _refuse(node, "only ESCAPE '\\' is understood", "escape % and _ with a backslash")
    return _filter(node.this)


_READERS: dict[type[exp.Expr], Callable[[exp.Expr], Filter]] = {
    exp.And: _junction,
    exp.Or: _junction,
    exp.Not: lambda node: Not(_filter(node.this)),
    exp.Paren: lambda node: _filter(node.this),
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _like,
    exp.Escape: _escape,
}


def _field(node: exp.Expr) -> str:
    """The name of the field on the left of an operator."""
    if not isinstance(node, exp.Column):
        _refuse(node, "the field stands on the left of its operator", "write field = value")
    _only_known_arguments(node)
    if not isinstance(node.this, exp.Identifier) or not node.name:
        _refuse(node, "a field name is missing")
    _only_known_arguments(node.this)
    return str(node.name)


def _value(node: exp.Expr) -> Literal:
    """A value as written; it gets the field's type only when the table is known."""
    _only_known_arguments(node)
    match node:
        case exp.Literal(is_string=True):
            return str(node.this)
        case exp.Literal():
            return _number(node, str(node.this))
        case exp.Neg(this=exp.Literal(is_string=False)):
            _only_known_arguments(node.this)
            return -_number(node, str(node.this.this))
        case exp.Boolean():
            return bool(node.this)
        case exp.Cast():
            return _moment(node)
        case exp.Null():
            _refuse(node, "nothing equals NULL", "write field IS NULL or field IS NOT NULL")
        case exp.Column():
            _refuse(node, "a field is compared with a value, not with a field", "put text in single quotes")
        case _:
            _refuse(node, f"{node.key.upper()} is not a value")


def _number(node: exp.Expr, text: str) -> int | Decimal:
    """Never a float: 2500.50 is exactly that."""
    if not re.fullmatch(r"\d{1,60}(\.\d{0,60})?|\.\d{1,60}", text):
        _refuse(node, f"{text} is not a plain number", "write digits with at most one point")
    return Decimal(text) if "." in text else int(text)


def _moment(node: exp.Expr) -> date | datetime:
    """DATE '…' and TIMESTAMP '…', which sqlglot reads as casts of a text."""
    kind = node.args["to"].this
    if not (isinstance(node.this, exp.Literal) and node.this.is_string):
        _refuse(node, "casts are not part of the filter language", _PLAIN_VALUE)
    text = str(node.this.this)
    try:
        if kind is exp.DType.DATE and re.fullmatch(_DAY, text):
            return date.fromisoformat(text)
        if kind is exp.DType.TIMESTAMP and re.fullmatch(_MOMENT, text):
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    _refuse(node, f"{text!r} is not a date or moment", "write DATE '2026-01-01' or TIMESTAMP '2026-01-01T10:00:00Z'")
