"""What stands behind `@` in a field line; `field_line` has the grammar, `field_text` writes it."""

from dataclasses import replace

from koppel.config.document import Mistake
from koppel.config.tokens import Sort, Token, Tokens
from koppel.config.words import parse_table
from koppel.model.filter import Filter
from koppel.model.mapping import Hop, Reference
from koppel.model.policy import Direction
from koppel.transform.filter import FilterError, parse

FIELD_NAME = "the name of a field"


def parse_reference(tokens: Tokens, direction: Direction) -> Reference:
    """Read a reference; the value that a blank stands for is an option of the line, see `with_blank`."""
    ways = [_way(tokens)]
    while tokens.accept("|"):
        ways.append(_way(tokens))
    by: tuple[str | None, str | None] | None = None
    hop: Hop | None = None
    while True:
        if by is None and tokens.sees_word("by"):
            by = _by(tokens, direction)
        elif hop is None and tokens.sees_word("via"):
            hop = _hop(tokens)
        else:
            break
    left_by, right_by = by or (None, None)
    mappings = tuple(name.value for name, _ in ways)
    return Reference(mappings, left_by=left_by, right_by=right_by, hop=hop, conditions=_conditions(ways, hop))


def with_blank(reference: Reference | None, blank: str | None) -> Reference | None:
    """The reference with the value that a blank stands for."""
    if blank is None:
        return reference
    if reference is None:
        raise Mistake("'blank' needs a reference", "write @ MAPPING before (blank = …)")
    return replace(reference, blank=blank)


def _way(tokens: Tokens) -> tuple[Token, Token | None]:
    """The name of a mapping, and its condition if there is one."""
    name = tokens.peek
    tokens.name("the name of a mapping")
    return name, tokens.take() if tokens.peek.sort is Sort.CONDITION else None


def _conditions(ways: list[tuple[Token, Token | None]], hop: Hop | None) -> tuple[Filter, ...]:
    """The condition of every mapping; none has one, or all have."""
    given = [condition for _, condition in ways if condition is not None]
    if not given:
        return ()
    if hop is None:
        what = "a condition is about the rows of a look-up table, and none is named"
        raise Mistake(f"column {given[0].column}: {what}", "write via system.table(field -> field), or leave it out")
    for name, condition in ways:
        if condition is None:
            what = f"{name} has no condition, so every row would lead to it as well"
            raise Mistake(f"column {name.column}: {what}", f"write which rows do: {name.value} [field = value]")
    return tuple(map(_condition, given))


def _condition(token: Token) -> Filter:
    """The filter between the brackets."""
    in_front = " " * token.column  # so that the filter's parser counts characters from the beginning of the line
    try:
        return parse(in_front + token.value[1:-1])
    except FilterError as error:
        what, _, remedy = str(error).partition("; ")
        raise Mistake(f"column {token.column}: {what}", remedy) from None


def _by(tokens: Tokens, direction: Direction) -> tuple[str | None, str | None]:
    """`by x`: of the table on the side of the value that travels; `by x / y`, `by x /`, `by / y`: left / right."""
    tokens.take()
    first = None if tokens.sees("/") else tokens.name(FIELD_NAME)
    if tokens.accept("/"):
        named = tokens.peek.sort in (Sort.WORD, Sort.NAME) and not tokens.sees_word("via")
        second = tokens.name(FIELD_NAME) if named or first is None else None
        return first, second
    return (None, first) if direction is Direction.TO_LEFT else (first, None)


def _hop(tokens: Tokens) -> Hop:
    tokens.take()
    table = parse_table(tokens.name("a table as system.table"))
    tokens.expect("(")
    given = tokens.name(FIELD_NAME)
    tokens.expect("->")
    wanted = tokens.name(FIELD_NAME)
    tokens.expect(")")
    return Hop(table, given, wanted)
