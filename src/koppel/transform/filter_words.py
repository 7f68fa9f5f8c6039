"""A filter as text, which `filter_text` reads back to an equal tree.

The two are apart because reading loads a parser that most commands do without.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from koppel.model.filter import And, Compare, Filter, IsNull, Like, Literal, Not, OneOf, Or


class FilterError(ValueError):
    """This text is not a filter; the message names the place and the remedy."""


def format_filter(filter_: Filter) -> str:
    """The filter as text that `parse` reads back to an equal tree."""
    match filter_:
        case Compare(field, operator, value):
            return f"{_name(field)} {operator} {literal_text(value)}"
        case OneOf(field, values):
            return f"{_name(field)} IN ({', '.join(map(literal_text, values))})"
        case IsNull(field):
            return f"{_name(field)} IS NULL"
        case Like(field, pattern):
            return f"{_name(field)} LIKE {literal_text(pattern)}"
        case Not(IsNull(field)):
            return f"{_name(field)} IS NOT NULL"
        case Not(term):
            return f"NOT {_nested(term)}"
        case And(terms):
            return " AND ".join(map(_nested, terms))
        case Or(terms):
            return " OR ".join(map(_nested, terms))


def _nested(filter_: Filter) -> str:
    """In parentheses where a list of conditions stands inside another condition."""
    text = format_filter(filter_)
    return f"({text})" if isinstance(filter_, And | Or) else text


def _name(field: str) -> str:
    """Bare where the language reads it as a plain name, else in double quotes."""
    from sqlglot import tokenize
    from sqlglot.tokenizer_core import TokenType

    tokens = tokenize(field) if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", field) else []
    bare = len(tokens) == 1 and tokens[0].token_type is TokenType.VAR
    return field if bare else '"' + field.replace('"', '""') + '"'


def literal_text(value: Literal) -> str:
    """A value as `parse` reads it."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case datetime():
            return f"TIMESTAMP '{value.astimezone(UTC).isoformat().replace('+00:00', 'Z')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return format(value, "f") if isinstance(value, Decimal) else str(value)
