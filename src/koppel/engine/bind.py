"""Binding a mapping to its tables: every name is looked up, every pair of types checked, all problems told at once
(DESIGN 11).
"""

from dataclasses import replace
from difflib import get_close_matches

from koppel.engine.context import Tables
from koppel.errors import ConfigurationError, Problem
from koppel.model.bound import BoundMapping, Identity, Line
from koppel.model.mapping import FieldMapping, Mapping
from koppel.model.policy import Direction, OnDelete, Side
from koppel.model.values import FieldShape, KeyOrigin, Kind, TableShape
from koppel.transform.convert import literal
from koppel.transform.filter import check as check_filter
from koppel.transform.fingerprint import layout_entry
from koppel.transform.registry import check_chain

UUID_LENGTH = 36


def bind(mapping: Mapping, tables: Tables) -> BoundMapping:
    """The mapping with its tables known. Raises `ConfigurationError` with every problem found."""
    problems: list[Problem] = []
    shapes = (tables[Side.LEFT].shape, tables[Side.RIGHT].shape)
    enabled = [(place, line) for place, line in enumerate(mapping.fields) if line.enabled]
    lines = [_line(mapping, place, line, shapes, problems) for place, line in enabled]
    bound_lines = [line for line in lines if line is not None]
    for side in Side:
        _check_options(mapping, side, shapes[side], problems)
    _check_matches(mapping, shapes, problems)
    _check_references(mapping, tables, problems)
    _check_marks(mapping, shapes, bound_lines, problems)
    identities = tuple(_identity(side, shapes[side], bound_lines) for side in Side)
    if problems:
        raise ConfigurationError(problems)
    cells = [line for line in bound_lines if not line.mapping.on_create]
    ordered = (*cells, *(line for line in bound_lines if line.mapping.on_create))
    layout = tuple(_entry(line) for line in cells)
    bound = BoundMapping(mapping, shapes, ordered, len(cells), layout, (identities[0], identities[1]))
    _check_clock(bound, problems)
    if problems:
        raise ConfigurationError(problems)
    return bound


def _entry(line: Line) -> str:
    constant = line.mapping.constant or ""
    return layout_entry(line.left if line.mapping.left else None, line.right if line.mapping.right else None, constant)


def _line(
    mapping: Mapping, place: int, line: FieldMapping, shapes: tuple[TableShape, TableShape], problems: list[Problem]
) -> Line | None:
    """One line with both shapes, or None with the problems noted."""
    where = f"mappings.{mapping.name}.fields[{place}]"
    found: list[FieldShape | None] = [None, None]
    for side in Side:
        name = line.name(side)
        if name is not None:
            found[side] = shapes[side].field(name)
            if found[side] is None:
                problems.append(_unknown(where, name, shapes[side]))
    left, right = found
    if (left is None and line.left is not None) or (right is None and line.right is not None):
        return None
    ends = (left or right, right or left)
    assert ends[0] is not None and ends[1] is not None, "a line has a field on one side at least"
    bound = Line(replace(line, direction=_narrowed(mapping.direction, line.direction)), ends[0], ends[1])
    problems.extend(Problem(where, f"{line}: {what}", remedy) for what, remedy in _line_troubles(bound))
    return bound


def _narrowed(mapping: Direction, line: Direction) -> Direction:
    """A two-way field of a one-way mapping travels one way (semantics 3.1: a run uses pairs of its own direction or
    both).
    """
    return mapping if line is Direction.BOTH else line


def _line_troubles(line: Line) -> list[tuple[str, str]]:
    """What is wrong with one line whose fields exist."""
    troubles = []
    for side in Side:
        shape = line.shape(side)
        if not line.reaches(side):
            continue
        if shape.read_only:
            remedy = shape.unlock or "turn the direction round, or leave the line out"
            troubles.append((f"{shape.name} cannot be written", remedy))
        elif line.mapping.constant is not None:
            try:
                literal(line.mapping.constant, shape)
            except ValueError as error:
                troubles.append((str(error), _fitting(shape)))
        elif line.mapping.reference is None:
            calls = line.mapping.convert_right if side is Side.RIGHT else line.mapping.convert_left
            troubles += [(problem, "") for problem in check_chain(calls, line.shape(side.other), shape)]
    return troubles


def _fitting(shape: FieldShape) -> str:
    """What may be written instead of a value that a field cannot hold."""
    if shape.choices:
        return f"write one of {', '.join(map(repr, shape.choices))}"
    return f"write a value of kind {shape.kind}"


def _check_options(mapping: Mapping, side: Side, shape: TableShape, problems: list[Problem]) -> None:
    options, where = mapping.options(side), f"mappings.{mapping.name}.{side.word}_"
    if options.filter is not None:
        problems.extend(Problem(f"{where}filter", what) for what in check_filter(options.filter, shape))
    if options.deactivate is not None:
        name, value = options.deactivate
        field = shape.field(name)
        if field is None:
            problems.append(_unknown(f"{where}deactivate", name, shape))
        else:
            try:
                literal(value, field)
            except ValueError as error:
                problems.append(Problem(f"{where}deactivate", str(error), _fitting(field)))
    elif mapping.on_delete is OnDelete.DEACTIVATE and mapping.direction.reaches(side):
        problems.append(
            Problem(
                f"{where}deactivate", "on_delete = deactivate needs it", "name a field and value: \"blocked = 'All'\""
            )
        )


def _check_matches(mapping: Mapping, shapes: tuple[TableShape, TableShape], problems: list[Problem]) -> None:
    for place, rule in enumerate(mapping.match):
        for pair in rule.pairs:
            for side in Side:
                if shapes[side].field(pair[side]) is None:
                    problems.append(_unknown(f"mappings.{mapping.name}.match[{place}]", pair[side], shapes[side]))


def _check_references(mapping: Mapping, tables: Tables, problems: list[Problem]) -> None:
    """Fields named by `by` and by a hop must exist, and conditions fit the hop's table."""
    for place, line in enumerate(mapping.fields):
        if line.reference is None or not line.enabled:
            continue
        where = f"mappings.{mapping.name}.fields[{place}]"
        for name in line.reference.mappings:
            for side, by in ((Side.LEFT, line.reference.left_by), (Side.RIGHT, line.reference.right_by)):
                shape = tables.referenced[name][side].shape
                if by is not None and shape.field(by) is None:
                    problems.append(_unknown(where, by, shape))
        if line.reference.hop is not None:
            hop = line.reference.hop
            shape = tables.hops[hop.table].shape
            problems.extend(
                _unknown(where, name, shape) for name in (hop.given, hop.wanted) if shape.field(name) is None
            )
            misfits = (what for condition in line.reference.conditions for what in check_filter(condition, shape))
            problems.extend(Problem(where, what) for what in dict.fromkeys(misfits))


def _check_marks(
    mapping: Mapping, shapes: tuple[TableShape, TableShape], lines: list[Line], problems: list[Problem]
) -> None:
    """A field that koppel fills with reserved numbers gets no others."""
    for side in Side:
        mark = shapes[side].mark
        if mark is not None and any(line.reaches(side) and line.mapping.name(side) == mark for line in lines):
            where, what = (
                f"mappings.{mapping.name}.{side.word}_numbers",
                f"{mark} is mapped, so it gets its numbers there",
            )
            problems.append(Problem(where, what, "leave the reserved numbers out, or turn the line round"))


def _identity(side: Side, shape: TableShape, lines: list[Line]) -> Identity:
    """Where the ids of records created on `side` come from (DESIGN 11)."""
    written = {line.mapping.name(side) for line in lines if line.reaches(side)}
    if set(shape.key) <= written:
        return Identity.KEY
    if shape.key_origin is KeyOrigin.RESERVED:
        return Identity.RESERVED
    if shape.key_origin is KeyOrigin.GENERATED:
        if any(line.reaches(side) and line.shape(side).unique for line in lines):
            return Identity.LOOKUP
        return Identity.NONE if shape.mark is None else Identity.MARK
    key = [shape.field(name) for name in shape.key]
    roomy = (
        len(key) == 1
        and key[0] is not None
        and (
            key[0].kind is Kind.UUID
            or (key[0].kind in (Kind.TEXT, Kind.CODE) and (key[0].length or UUID_LENGTH) >= UUID_LENGTH)
        )
    )
    return Identity.CLIENT if roomy else Identity.IMPOSSIBLE


def _check_clock(bound: BoundMapping, problems: list[Problem]) -> None:
    for side in Side:
        if bound.asks_the_clock and bound.shape(side).modified is None:
            what = f"'newest wins' needs a change stamp, and {bound.mapping.table(side)} has none"
            problems.append(
                Problem(f"mappings.{bound.name}", what, f"name it with {side.word}_modified, or choose another winner")
            )


def _unknown(where: str, name: str, shape: TableShape) -> Problem:
    close = get_close_matches(name, [field.name for field in shape.fields], n=1)
    remedy = (
        f"did you mean {close[0]}?"
        if close
        else "its fields are " + ", ".join(field.name for field in shape.fields[:20])
    )
    return Problem(where, f"{shape.name} has no field {name!r}", remedy)
