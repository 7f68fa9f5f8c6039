"""Ids of rows, which are the same kind of text everywhere."""

import re

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def guid(text: object) -> str | None:
    """An id in the form it is stored in, which is lower case, or None when it is no id."""
    return text.lower() if isinstance(text, str) and _GUID.fullmatch(text) else None
