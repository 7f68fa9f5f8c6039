"""Values that are not written in koppel.toml but named there: `env:NAME` and `file:PATH`.

A configuration holds the reference, never the value, so showing, storing or exporting it gives nothing away. A URL may
stand there itself when it holds no password.
"""

import os
import re
from pathlib import Path
from typing import NoReturn

from koppel.config.document import Mistake
from koppel.errors import ConfigurationError, Problem

ACCEPTED = "write a URL without password, env:NAME (an environment variable) or file:PATH (the content of a file)"

_REFERENCE = re.compile(r"(env|file):(.*)", re.DOTALL)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PASSWORD = re.compile(r"[^:/]+://[^/@]*:[^/@]*@|[?&;](?:password|passwd|pwd|secret|token)=", re.IGNORECASE)
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)([^?]*)(\?.*)?", re.DOTALL)


def is_reference(text: str) -> bool:
    """Whether this names a value instead of being one."""
    return _REFERENCE.fullmatch(text) is not None


def check_reference(text: str, name: str) -> str:
    """`text` itself if it may stand in a configuration. Raises `Mistake`, which never repeats the text.

    `name` is used for the variable that the remedy proposes.
    """
    if found := _REFERENCE.fullmatch(text):
        if not found[2].strip():
            raise Mistake(f"{found[1]}: names nothing", ACCEPTED)
        return text
    if _URL.match(text) is None:
        raise Mistake("neither a URL nor a reference", ACCEPTED)
    if _PASSWORD.search(text):
        variable = re.sub(r"\W", "_", f"{name}_URL").upper()
        remedy = f'put the URL into an environment variable and write "env:{variable}"'
        raise Mistake("a password does not belong in this file", remedy)
    return text


def resolve_secret(reference: str, folder: Path | None = None) -> str:
    """The value that `reference` names, or the text itself when it is no reference.

    `folder` is that of koppel.toml: relative paths, of `file:` and of SQLite URLs, begin there. Raises
    ConfigurationError, without the value, when there is none.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        value = reference
    elif found[1] == "env":
        name = found[2].strip()
        value = os.environ.get(name, "")
        if not value:
            _missing(reference, f"the environment variable {name} is not set", "set it before starting koppel")
    else:
        value = _file(reference, (folder or Path()) / found[2].strip())
    return absolute_url(value, folder) if folder else value


def _file(reference: str, path: Path) -> str:
    try:
        value = path.expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        _missing(reference, f"{path} cannot be read: {reason}", "check the path and the rights of the file")
    if not value:
        _missing(reference, f"{path} is empty", "write the value into it")
    return value


def _missing(reference: str, what: str, remedy: str) -> NoReturn:
    raise ConfigurationError([Problem(reference, what, remedy)])


def absolute_url(url: str, folder: Path) -> str:
    """The URL with the path of an SQLite file made absolute; `folder` is where a relative one begins."""
    found = _SQLITE.fullmatch(url)
    if found is None or found[2] in ("", ":memory:") or found[2].startswith("file:"):
        return url
    return f"{found[1]}{(folder / Path(found[2]).expanduser()).absolute().as_posix()}{found[3] or ''}"


def relative_url(url: str, folder: Path) -> str:
    """The opposite of `absolute_url`, for what is written back; a file outside the folder stays absolute."""
    found = _SQLITE.fullmatch(url)
    if found is None or not Path(found[2]).is_relative_to(folder.absolute()):
        return url
    return f"{found[1]}{Path(found[2]).relative_to(folder.absolute()).as_posix()}{found[3] or ''}"
