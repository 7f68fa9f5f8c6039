"""Bodies of hooks: what may stand in them, and everything that is wrong with one, in words."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

Status = Annotated[int, Field(ge=200, le=599)]
"""A status of HTTP that ends a call."""
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]

T = TypeVar("T")


class Mistaken(ValueError):
    """A body that cannot be used; says all that is wrong with it."""


@dataclass(frozen=True)
class Nothing:
    """A body without anything."""


@dataclass(frozen=True)
class Hook:
    """What can be asked for. `shape`: a dataclass, the body; `act`: does it and gives what is answered, None for an
    empty answer. None as shape: `act` reads the body itself.
    """

    shape: type | None
    act: Callable[[Any], Any]


def read(shape: type[T], body: object) -> T:
    """A body as the dataclass it is meant to be. Raises `Mistaken`."""
    if not isinstance(body, dict):
        raise Mistaken("the body is not a JSON object")
    names = [field.name for field in fields(shape)]  # type: ignore[arg-type]
    only = f"only {', '.join(names)}" if names else "the body is empty"
    wrong = [f"{name}: there is no such field, {only}" for name in body if name not in names]
    try:
        made = TypeAdapter(shape).validate_python(body)
    except ValidationError as error:
        wrong += [f"{'.'.join(map(str, each['loc']))}: {_said(each['msg'])}" for each in error.errors()]
    if wrong:
        raise Mistaken("; ".join(wrong))
    return made


def changed(settings: T, body: object) -> T:
    """The same settings, those of a body in place of what they were. Raises `Mistaken`."""
    held = {field.name: getattr(settings, field.name) for field in fields(settings)}  # type: ignore[arg-type]
    return read(type(settings), held | body if isinstance(body, dict) else body)


def known(name: str, names: Collection[str], what: str) -> str:
    """A name that is there. Raises `Mistaken` naming those that are."""
    if name not in names:
        raise Mistaken(f"there is no {what} '{name}', only {', '.join(names)}")
    return name


def _said(message: str) -> str:
    """What pydantic says, without how it came to say it."""
    return message.removeprefix("Value error, ")
