"""Names: quoted for SQL, looked for in any case, suggested when there is none; and those of change stamps."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from koppel.connectors.agreed.mistakes import Mistakes
from koppel.errors import ConfigurationError, Problem

_MODIFIED_NAMES = (
    "systemmodifiedat",
    "modifiedon",
    "modified_on",
    "modifiedat",
    "modified_at",
    "last_modified_date_time",
    "lastmodifieddatetime",
    "last_modified",
    "lastmodified",
    "updated_at",
    "updatedat",
    "modified",
)
"""Columns of text or date-times taken for the change stamp when none is named, in order of preference (any case)."""

BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""What Unicode calls white space, as Polars does; Python's own strip takes four control characters more."""


def quoted(name: str) -> str:
    """A name as SQL takes it (MariaDB with ANSI_QUOTES, as every connection here has)."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as OData takes it, and SQL where a backslash is a sign like any other: in every connection here."""
    return "'" + text.replace("'", "''") + "'"


def column_named(columns: Iterable[str], name: str, where: str) -> str:
    """The column of that name; in another case when only one has it so. Raises ConfigurationError."""
    known = tuple(columns)
    if name in known:
        return name
    matching = [column for column in known if column.lower() == name.lower()]
    if len(matching) == 1:
        return matching[0]
    raise unknown(where, f"there is no column {name}", name, known, "its columns are")


def usual_stamp(columns: Iterable[str]) -> str | None:
    """The change stamp among columns of text or date-times where none is named: by its name (any case)."""
    by_name = {column.lower(): column for column in columns}
    return next((by_name[name] for name in _MODIFIED_NAMES if name in by_name), None)


def refuse_unknown(columns: Iterable[str], names: Iterable[str], where: str) -> None:
    """Raise ConfigurationError with every name that is no column's."""
    known, mistakes = tuple(columns), Mistakes()
    for name in names:
        with mistakes.noted():
            column_named(known, name, where)
    mistakes.tell()


def unknown(where: str, what: str, name: str, known: Sequence[str], intro: str) -> ConfigurationError:
    """The mistake of a name that does not exist, with the nearest one that does."""
    close = get_close_matches(name, known, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"{intro}: {', '.join(known[:20]) or 'none'}"
    return ConfigurationError([Problem(where, what, remedy)])
