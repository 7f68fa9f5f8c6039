"""The sandbox's switches with a memory of which of them were asked for."""

from dataclasses import fields
from typing import Any, TypeVar, cast

Settings = TypeVar("Settings")


def noting(kind: type[Settings], met: set[str], **settings: Any) -> Settings:
    """Switches of this kind; whatever of them the service looks at is put into `met`."""
    names = switches_of(kind)

    def looked_at(self: object, name: str) -> Any:
        if name in names:
            met.add(name)
        return object.__getattribute__(self, name)

    return cast(Settings, type("Noting", (kind,), {"__getattribute__": looked_at})(**settings))


def switches_of(kind: Any) -> set[str]:
    """The names of the switches."""
    return {field.name for field in fields(kind)}
