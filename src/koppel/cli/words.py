"""Values as people read them: numbers, moments, plurals."""

from datetime import UTC, datetime

WAITING = "waiting"
"""The code of a record whose parent is not coupled yet (`model.coupling.Waiting`)."""


def shown(value: object) -> str:
    """A value as people read it: numbers with groups of three, moments in local time, nothing as a dash."""
    match value:
        case None | "":
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return thousands(value)
        case datetime():
            return moment(value)
        case _:
            return str(value)


def thousands(number: int) -> str:
    """12 431."""
    return f"{number:,}".replace(",", " ")


def counted(number: int, one: str) -> str:
    """`1 mapping`, `5 mappings`."""
    return f"{thousands(number)} {one}{'' if number == 1 else 's'}"


def moment(at: datetime) -> str:
    """A moment in local time, to the second; one without a zone is UTC."""
    zoned = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return zoned.astimezone().strftime("%Y-%m-%d %H:%M:%S")
