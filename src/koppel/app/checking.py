"""`koppel check`: everything a run needs, in the order in which one thing depends on another, first causes first."""

from collections.abc import Iterator

from koppel.app.currencies import currencies
from koppel.app.fits import doubts
from koppel.app.levels import Workplace
from koppel.app.report import CheckLine
from koppel.app.uses import uses
from koppel.engine.blockers import Blocker, blockers
from koppel.engine.context import JobContext
from koppel.errors import ConfigurationError, SystemFailure
from koppel.model.bound import BoundMapping, Line
from koppel.model.mapping import Mapping
from koppel.model.policy import Side
from koppel.model.values import Kind
from koppel.reconcile.order import waves

_SHOWN = 5
"""Values named in one line."""


def check(workplace: Workplace) -> list[CheckLine]:
    """Systems first, for nothing works without them, then what they say of themselves, then mapping by mapping."""
    lines = [check_system(workplace, name) for name in workplace.connections.configuration.systems]
    reachable = [line.subject for line in lines if line.well]
    for name in reachable:
        lines += _told_by_system(workplace, name)
    for name in (name for wave in waves([*workplace.mappings], workplace.depends_on()) for name in wave):
        mapping = workplace.mappings[name]
        if {mapping.left.system, mapping.right.system} <= set(reachable):
            lines += _check_mapping(workplace, name)
    return lines


def check_system(workplace: Workplace, name: str) -> CheckLine:
    """Whether a system is reached: the connection, the token, the company, the list of tables."""
    try:
        with workplace.connections.configuration.placing():
            system = workplace.connections.system(name)
            tables = system.tables()
            system.identity()
    except (SystemFailure, ConfigurationError) as error:
        what, _, remedy = str(error).partition("\n    → ")
        failed = isinstance(error, SystemFailure)
        return CheckLine(name, False, what.removeprefix(f"{name}: "), remedy, unreachable=failed)
    return CheckLine(name, True, f"reached, {len(tables)} tables")


def _told_by_system(workplace: Workplace, name: str) -> Iterator[CheckLine]:
    """What only the system itself knows: rights, set-up."""
    system = workplace.connections.system(name)
    known = set(system.tables())
    used = {table: use for table, use in uses(workplace.mappings.values(), name).items() if table in known}
    try:
        found = system.check(used)
    except SystemFailure as error:
        yield CheckLine(name, False, str(error).removeprefix(f"{name}: "), unreachable=True)
        return
    for finding in found:
        subject = f"{name}.{finding.table}" if finding.table else name
        warning = not (finding.grave or finding.note)
        yield CheckLine(subject, not finding.grave, finding.text, finding.remedy, warning)


def _check_mapping(workplace: Workplace, name: str) -> list[CheckLine]:
    try:
        context = workplace.look(name)
    except ConfigurationError as error:
        return [
            CheckLine(f"{name} {problem.where}".strip(), False, problem.what, problem.remedy)
            for problem in error.problems
        ]
    except SystemFailure as error:
        return [CheckLine(name, False, str(error), unreachable=True)]
    bound = context.bound
    creates = [
        f"{bound.mapping.table(side)}: {bound.identities[side].guarantee}"
        for side in Side
        if bound.mapping.direction.reaches(side)
    ]
    lines = [CheckLine(name, True, "; ".join([f"{bound.cells} fields compared", *creates]))]
    caveats = {bound.mapping.table(side): context.tables[side].table.features.caveat for side in Side}
    lines += [CheckLine(name, True, f"{table}: {said}", warning=True) for table, said in caveats.items() if said]
    try:
        return [
            *lines,
            *_lengths(bound),
            *doubts(bound),
            *_mixed(context),
            *currencies(workplace, context),
            *_blocked(workplace, context),
        ]
    except SystemFailure as error:
        return [*lines, CheckLine(name, False, str(error), unreachable=True)]


def _lengths(bound: BoundMapping) -> Iterator[CheckLine]:
    """Fields that can hold more than the one they are carried to."""
    for side in Side:
        longer = [text for line in bound.lines if (text := _too_long(line, side)) is not None]
        if longer:
            what = f"longer values are errors in {bound.mapping.table(side)}: {', '.join(longer)}"
            yield CheckLine(bound.name, True, what, "shorten what does not fit, or add cut(1, …) to a line", True)


def _too_long(line: Line, side: Side) -> str | None:
    """`displayName (160 → 100)` for a text that may not fit on its way to `side`."""
    calls = line.mapping.convert_right if side is Side.RIGHT else line.mapping.convert_left
    source, target = line.shape(side.other), line.shape(side)
    texts = {source.kind, target.kind} <= {Kind.TEXT, Kind.CODE}
    if not line.reaches(side) or calls or line.mapping.reference or line.mapping.constant is not None or not texts:
        return None
    if target.length is None or source.length is None or source.length <= target.length:
        return None
    return f"{target.name} ({source.length} → {target.length})"


def _mixed(context: JobContext) -> Iterator[CheckLine]:
    """References whose look-up table leads to several tables without saying which of its rows lead to which."""
    for line in context.bound.lines:
        reference = line.mapping.reference
        if reference is None or reference.hop is None or len(reference.mappings) == 1 or reference.conditions:
            continue
        named = " or ".join(reference.mappings)
        what = (
            f"rows of {reference.hop.table} lead to {named} alike: a value that is found in several of them is an error"
        )
        remedy = (
            f"say which rows lead to which: @ {' | '.join(f'{name} [field = value]' for name in reference.mappings)}"
        )
        yield CheckLine(f"{context.name} {line.mapping.left}", True, what, remedy, True)


def _blocked(workplace: Workplace, context: JobContext) -> Iterator[CheckLine]:
    """Records others wait for that no run couples: who they are, and how many wait for each."""
    found: dict[tuple[str, str], list[Blocker]] = {}
    for blocker in blockers(context, lambda name, side: _telling(workplace.mappings[name], side)):
        found.setdefault((blocker.field, blocker.mapping), []).append(blocker)
    for (field, mapping), ones in found.items():
        named = ", ".join(f"{one.value} ({one.records})" for one in ones[:_SHOWN])
        more = f" and {len(ones) - _SHOWN} more" if len(ones) > _SHOWN else ""
        records = sum(one.records for one in ones)
        what = f"{records} records cannot be carried: their {field} is not coupled in {mapping}: {named}{more}"
        remedy = f"koppel match {mapping} --accept, or koppel couple {mapping} for each; or change the records"
        yield CheckLine(f"{context.name} {field}", True, what, remedy, True)


def _telling(mapping: Mapping, side: Side) -> str | None:
    """The field by which people tell records of a mapping apart: the first by which it matches them."""
    return mapping.match[0].pairs[0][side] if mapping.match else None
