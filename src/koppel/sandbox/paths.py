"""Paths of OData: their segments, and what stands in the parentheses of one."""

import re
from urllib.parse import unquote

_SEGMENT = re.compile(r"([A-Za-z_.$][\w.$]*)(?:\((.*)\))?", re.S)


def segments(path: str) -> list[str]:
    """The segments of an encoded path; a slash inside quotes does not part them."""
    parts = re.findall(r"(?:'(?:[^']|'')*'|[^/'])+", path.partition("?")[0])
    return [unquote(part) for part in parts]


def parted(segment: str) -> tuple[str, str | None] | None:
    """Name of a segment, and what stands between its parentheses if there are any; None when it is no name."""
    match = _SEGMENT.fullmatch(segment)
    return (match[1], match[2]) if match else None
