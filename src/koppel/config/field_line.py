"""The short form of a field mapping: one line such as `"currency_code <-> transactioncurrencyid @ CURRENCY"`.

    line       = [field] ("->" | "<-" | "<->") [field] {"|" call} ["@" reference] ["=" value] {options}
    options    = "(" option {"," option} ")"
    call       = name ["(" [argument {"," argument}] ")"]
    reference  = way {"|" way} ["by" [field] ["/" [field]]] ["via" system.table "(" field "->" field ")"]
    way        = mapping ["[" filter "]"]
    option     = "on create" | "not null" | "clear on failed" | "disabled" | "on conflict =" words | "blank =" value
               | "back =" ("nothing" | call {"|" call})

Calls apply to the value that travels; of a two-way line to the one on its way right, and `back` names those of the way
left, by default their inverses (`inverse_chain`). Options may also stand between reference and value. `field_text`
writes the same form.
"""

from dataclasses import dataclass, field

from koppel.config.document import Mistake, did_you_mean
from koppel.config.reference_line import FIELD_NAME, parse_reference, with_blank
from koppel.config.tokens import Sort, Tokens
from koppel.config.words import Systems, parse_word
from koppel.model.mapping import ConversionCall, FieldMapping
from koppel.model.policy import Direction, OnConflict
from koppel.transform.registry import inverse_chain

Calls = tuple[ConversionCall, ...]

_FLAGS = ("on create", "not null", "clear on failed", "disabled")
_VALUED = ("on conflict", "blank", "back")


@dataclass
class _Options:
    """What stood in parentheses."""

    flags: set[str] = field(default_factory=set)
    on_conflict: OnConflict | None = None
    blank: str | None = None
    back: Calls | None = None


def parse_field(text: str, systems: Systems = None) -> FieldMapping:
    """Read a field line. `systems` are the names that may stand for left and right in `on conflict = erp wins`.

    Raises `Mistake`, which names the column. Conversions are not looked up here, `check` does.
    """
    tokens = Tokens(text)
    left = None if tokens.sees("->", "<-", "<->") else tokens.name(FIELD_NAME)
    direction = parse_direction(tokens)
    right = None if tokens.sees("|", "@", "=", "(") or tokens.peek.sort is Sort.END else tokens.name(FIELD_NAME)
    calls = _calls(tokens) if tokens.accept("|") else ()
    options = _Options()
    reference = parse_reference(tokens, direction) if tokens.accept("@") else None
    _options(tokens, options, systems)
    constant = tokens.value("a value") if tokens.accept("=") else None
    _options(tokens, options, systems)
    tokens.end(() if constant is not None else ("=", "(") if reference else ("|", "@", "=", "("))
    left, right = place_fields(left, right, direction, constant is not None)
    to_right, to_left = travelling(direction, calls, options.back)
    return FieldMapping(
        left=left,
        right=right,
        direction=direction,
        convert_right=to_right,
        convert_left=to_left,
        constant=constant,
        reference=with_blank(reference, options.blank),
        not_null="not null" in options.flags,
        clear_on_failed="clear on failed" in options.flags,
        on_create="on create" in options.flags,
        on_conflict=options.on_conflict,
        enabled="disabled" not in options.flags,
    )


def parse_direction(tokens: Tokens) -> Direction:
    """Read an arrow."""
    if not tokens.sees("->", "<-", "<->"):
        raise tokens.mistake("expected '->', '<-' or '<->'")
    return Direction(tokens.take().value)


def place_fields(
    left: str | None, right: str | None, direction: Direction, constant: bool
) -> tuple[str | None, str | None]:
    """The fields of both sides, of a constant only the receiving one. ` <- type = 'Person'` means the left's `type`."""
    if not constant:
        if left is None or right is None:
            side = "left" if left is None else "right"
            remedy = "name both fields, or give a constant: -> field = value"
            raise Mistake(f"no field stands {side} of {direction.value!r}", remedy)
        return left, right
    if direction is Direction.BOTH:
        raise Mistake("a constant cannot travel both ways", "write -> for a constant to the right, <- to the left")
    if left is not None and right is not None:
        remedy = f"leave out {left if direction is Direction.TO_RIGHT else right!r}"
        raise Mistake("a constant takes the place of the field it would come from", remedy)
    receiving = right if direction is Direction.TO_RIGHT else left or right
    if receiving is None:
        raise Mistake(f"no field for the constant stands behind {direction.value!r}", "write -> field = value")
    return (None, receiving) if direction is Direction.TO_RIGHT else (receiving, None)


def travelling(direction: Direction, calls: Calls, back: Calls | None) -> tuple[Calls, Calls]:
    """`convert_right` and `convert_left` of a line with these calls."""
    if direction is Direction.BOTH:
        return calls, inverse_chain(calls) if back is None else back
    if back is not None:
        raise Mistake("'back' needs a line that goes both ways", "write <-> or leave 'back' out")
    return (calls, ()) if direction is Direction.TO_RIGHT else ((), calls)


def parse_calls(text: str) -> Calls:
    """Read `lower | cut(1, 20)`."""
    tokens = Tokens(text)
    calls = _calls(tokens)
    tokens.end("|")
    return calls


def _calls(tokens: Tokens) -> Calls:
    calls = [_call(tokens)]
    while tokens.accept("|"):
        calls.append(_call(tokens))
    return tuple(calls)


def _call(tokens: Tokens) -> ConversionCall:
    token = tokens.peek
    name = tokens.name("the name of a conversion")
    arguments: list[str | int] = []
    if tokens.opens_arguments(token):
        tokens.expect("(")
        while not tokens.accept(")"):
            if arguments:
                tokens.expect(",")
            arguments.append(tokens.argument())
    return ConversionCall(name, tuple(arguments))


def read_blank(tokens: Tokens) -> str | None:
    """Read `(blank = value)` if it comes next."""
    options = _Options()
    if not tokens.sees("("):
        return None
    bracket = tokens.peek.column
    _options(tokens, options, None)
    if options != _Options(blank=options.blank):
        raise Mistake(f"column {bracket}: only 'blank' stands here", "the other options are settings of their own")
    return options.blank


def _options(tokens: Tokens, options: _Options, systems: Systems) -> None:
    while tokens.accept("("):
        while True:
            _option(tokens, options, systems)
            if tokens.accept(")"):
                break
            if not tokens.accept(","):
                raise tokens.mistake("expected ',' or ')'")


def _option(tokens: Tokens, options: _Options, systems: Systems) -> None:
    start = tokens.peek
    said = _words(tokens, "an option")
    name = said.replace("_", " ")
    if name in _FLAGS:
        options.flags.add(name)
        return
    if name not in _VALUED:
        raise Mistake(f"column {start.column}: unknown option {said!r}", did_you_mean(name, (*_FLAGS, *_VALUED)))
    tokens.expect("=")
    if name == "blank":
        options.blank = tokens.value("the value that a blank stands for")
    elif name == "on conflict":
        column = tokens.peek.column
        try:
            options.on_conflict = parse_word(_words(tokens, "a policy"), OnConflict, systems)
        except Mistake as mistake:
            raise Mistake(f"column {column}: {mistake.what}", mistake.remedy) from mistake
    elif tokens.sees_word("nothing"):
        tokens.take()
        options.back = ()
    else:
        options.back = _calls(tokens)


def _words(tokens: Tokens, what: str) -> str:
    words = [tokens.name(what)]
    while tokens.peek.sort in (Sort.WORD, Sort.NAME):
        words.append(tokens.take().value)
    return " ".join(words)
