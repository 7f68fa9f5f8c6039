"""What fits by its kind and may not by its value: told before a run meets it record by record."""

from collections.abc import Iterator

from koppel.app.report import CheckLine
from koppel.model.bound import BoundMapping, Line
from koppel.model.policy import Side
from koppel.model.values import FieldShape, Kind

_TEXTS = frozenset({Kind.TEXT, Kind.CODE})
_LOSSY = frozenset({(Kind.DECIMAL, Kind.INTEGER), (Kind.DATETIME, Kind.DATE)})
_REMEDY = "make sure that they do, or name a conversion; for a field that names another record, the mapping: @ MAPPING"


def doubts(bound: BoundMapping) -> Iterator[CheckLine]:
    """Fields of whose values some may not be those of the field that they are carried to."""
    for side in Side:
        doubtful = [text for line in bound.lines if (text := _doubt(line, side)) is not None]
        if doubtful:
            what = f"values that do not fit are errors in {bound.mapping.table(side)}: {', '.join(doubtful)}"
            yield CheckLine(bound.name, True, what, _REMEDY, warning=True)


def _doubt(line: Line, side: Side) -> str | None:
    """`number (text → integer)` for what depends on its value on its way to `side`."""
    calls = line.mapping.convert_right if side is Side.RIGHT else line.mapping.convert_left
    if not line.reaches(side) or calls or line.mapping.reference or line.mapping.constant is not None:
        return None
    source, target = line.shape(side.other), line.shape(side)
    return f"{target.name} ({source.kind} → {target.kind})" if _depends(source, target) else None


def _depends(source: FieldShape, target: FieldShape) -> bool:
    if target.kind is Kind.CHOICE:
        return bool(target.choices) and not (source.choices and {*source.choices} <= {*target.choices})
    read = source.kind in _TEXTS | {Kind.CHOICE} and target.kind not in _TEXTS
    return read or (source.kind, target.kind) in _LOSSY
