"""The filter language: `parse` and `format_filter` for its text, `check` and `to_polars` for a table.

How a value compares (`connectors.filter_sql` must agree; a differential test holds both to it):

* As in SQL a comparison with null is unknown, NOT unknown is unknown, and an unknown filter lets no record in.
* Blank is blank: in fields that hold text, '' and null are one. `f = ''`, `f IN ('')` and `f IS NULL` let both in,
  `f <> ''` neither. Against any other value null stays unknown and '' is a text: `f <> 'x'` lets '' in, null not.
* A text compares exactly, by code points; a code trimmed and upper-cased on both sides; a uuid in any spelling; a
  choice by its canonical text, so `3` and `'3'` are the same. LIKE is case-sensitive: % any run, _ one character,
  a backslash takes the next character as it is.
"""

from koppel.model.filter import Filter
from koppel.transform.filter_columns import check, to_polars
from koppel.transform.filter_words import FilterError, format_filter

__all__ = ["FilterError", "check", "format_filter", "parse", "to_polars"]


def parse(text: str) -> Filter:
    """The tree of a filter's text; see `filter_text.parse`. The parser is loaded with the first filter. Raises
    `FilterError`.
    """
    from koppel.transform.filter_text import parse as read

    return read(text)
