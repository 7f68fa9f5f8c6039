"""The order of rows as `$orderby` asks for it, and the links that go on after the last one (wire 1.2, 2.3)."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

Column = TypeVar("Column")


class _Descending:
    """A value that sorts the other way round."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Descending") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)


def ordered(
    text: str, column_of: Callable[[str], Column], refused: Callable[[str], Exception]
) -> tuple[tuple[Column, bool], ...]:
    """The columns of an `$orderby`, each with whether it descends. Raises what `refused` makes of a message."""
    order = []
    for part in filter(None, text.split(",")):
        name, _, direction = part.strip().partition(" ")
        if direction.strip() not in ("", "asc", "desc"):
            raise refused(f"Syntax error at position {len(name)} in '{part}'.")
        order.append((column_of(name), direction.strip() == "desc"))
    return tuple(order)


def directed(values: Sequence[Any], row_id: str, order: Sequence[tuple[Any, bool]]) -> tuple[Any, ...]:
    """A key that sorts as asked, then by id; nulls come first when ascending."""
    ranked = [(value is not None, value) if value is not None else (False,) for value in values]
    pairs = zip(ranked, order, strict=True)
    return (*(_Descending(value) if descending else value for value, (_, descending) in pairs), row_id)


def plain(value: Any) -> Any:
    """A value as it is sorted and kept in a link: text without case, numbers as numbers, moments as text."""
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def without_token(link: str) -> str:
    """The address of a call without its `$skiptoken`, which comes last; its options stay byte for byte."""
    bare = link.partition("&$skiptoken=")[0].partition("?$skiptoken=")[0]
    return bare if "?" in bare else f"{bare}?"
