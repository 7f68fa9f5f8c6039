"""Conversions of text: case, blanks, parts, replacing, prefixes (semantics 3.3.1, 3.3.7)."""

import polars as pl

from koppel.model.mapping import ConversionCall
from koppel.transform.conversion import Argument, Arguments, Conversion, Step


def _cut(arguments: Arguments) -> Step:
    start, length = int(arguments[0]), int(arguments[1])
    return lambda text: text.str.slice(start - 1, length)


def _replace(arguments: Arguments) -> Step:
    find, instead = str(arguments[0]), str(arguments[1])
    return lambda text: text.str.replace_all(find, instead, literal=True)


def _regex(arguments: Arguments) -> Step:
    pattern, instead = str(arguments[0]), str(arguments[1])
    return lambda text: text.str.replace_all(pattern, instead)


def _regex_problem(arguments: Arguments) -> str | None:
    """Tried on nothing: Rust's expressions have no look-around and no back-references."""
    try:
        pl.Series(["", None], dtype=pl.String).str.replace_all(str(arguments[0]), "")
    except pl.exceptions.ComputeError as error:
        return f"the pattern cannot be used: {' '.join(str(error).split())}"
    return None


def _replace_problem(arguments: Arguments) -> str | None:
    return None if str(arguments[0]) else "there is nothing to find"


def _prefix(arguments: Arguments) -> Step:
    return lambda text: pl.lit(str(arguments[0])) + text


def _suffix(arguments: Arguments) -> Step:
    return lambda text: text + pl.lit(str(arguments[0]))


def _without_prefix(arguments: Arguments) -> Step:
    prefix = str(arguments[0])
    return lambda text: pl.when(text.str.starts_with(prefix)).then(text.str.strip_prefix(prefix))


def _without_suffix(arguments: Arguments) -> Step:
    suffix = str(arguments[0])
    return lambda text: pl.when(text.str.ends_with(suffix)).then(text.str.strip_suffix(suffix))


_FIX = (Argument("text", str, "the text"),)

TEXT_CONVERSIONS = (
    Conversion("upper", "All letters upper case.", lambda _: lambda text: text.str.to_uppercase()),
    Conversion("lower", "All letters lower case.", lambda _: lambda text: text.str.to_lowercase()),
    Conversion("title", "Every word begins with a capital.", lambda _: lambda text: text.str.to_titlecase()),
    Conversion("trim", "Without blanks at both ends.", lambda _: lambda text: text.str.strip_chars()),
    Conversion(
        "cut",
        "A part of the text; positions count from 1, as in Business Central.",
        _cut,
        (Argument("start", int, "the first character", 1), Argument("length", int, "how many characters", 1)),
    ),
    Conversion(
        "replace",
        "Every occurrence of one text replaced by another.",
        _replace,
        (Argument("find", str, "what to replace"), Argument("with", str, "what to put there")),
        problem=_replace_problem,
    ),
    Conversion(
        "regex",
        "Every match of a regular expression (Rust's syntax) replaced; $1 or ${1} stands for a group.",
        _regex,
        (Argument("pattern", str, "the expression"), Argument("with", str, "what to put there")),
        problem=_regex_problem,
    ),
    Conversion(
        "keep_alphanumeric",
        "Only letters (with their accents) and digits of any script.",
        lambda _: lambda text: text.str.replace_all(r"[^\p{L}\p{M}\p{N}]", ""),
    ),
    Conversion(
        "prefix",
        "Put in front of every value that is not blank; on the way back taken off again.",
        _prefix,
        _FIX,
        inverse=lambda arguments: ConversionCall("without_prefix", arguments),
    ),
    Conversion(
        "suffix",
        "Put behind every value that is not blank; on the way back taken off again.",
        _suffix,
        _FIX,
        inverse=lambda arguments: ConversionCall("without_suffix", arguments),
    ),
    Conversion(
        "without_prefix",
        "Takes the prefix off; a value that does not begin with it is an error.",
        _without_prefix,
        _FIX,
        inverse=lambda arguments: ConversionCall("prefix", arguments),
    ),
    Conversion(
        "without_suffix",
        "Takes the suffix off; a value that does not end with it is an error.",
        _without_suffix,
        _FIX,
        inverse=lambda arguments: ConversionCall("suffix", arguments),
    ),
)
