"""A filter as `$filter`: what can be asked of a service.

The engine evaluates every filter itself, by one evaluator (DESIGN 5), so what is asked need only let in *at least* the
records that the filter does: a condition whose meaning at the service is not certain is left out. Left out under OR it
takes its siblings with it; NOT is driven down to the conditions first, so that wide never becomes narrow. For example a
service that takes 'a' for 'A' can be asked for `name = 'a'`, but not for `name <> 'a'`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from koppel.connectors.agreed.names import BLANKS, literal
from koppel.connectors.odata.edm import FLOATS, Property
from koppel.connectors.odata.encode import literals
from koppel.model.filter import And, Compare, Comparison, Filter, IsNull, Like, Literal, Not, OneOf, Or, moment_of
from koppel.model.values import Kind, dtype

_WORDS = {
    Comparison.EQUAL: "eq",
    Comparison.UNEQUAL: "ne",
    Comparison.LESS: "lt",
    Comparison.LESS_OR_EQUAL: "le",
    Comparison.GREATER: "gt",
    Comparison.GREATER_OR_EQUAL: "ge",
}
_OPPOSITE = {
    Comparison.EQUAL: Comparison.UNEQUAL,
    Comparison.UNEQUAL: Comparison.EQUAL,
    Comparison.LESS: Comparison.GREATER_OR_EQUAL,
    Comparison.LESS_OR_EQUAL: Comparison.GREATER,
    Comparison.GREATER: Comparison.LESS_OR_EQUAL,
    Comparison.GREATER_OR_EQUAL: Comparison.LESS,
}
_TEXTS = frozenset({Kind.TEXT, Kind.CODE, Kind.CHOICE})


@dataclass(frozen=True)
class Manners:
    """How a service compares. `exact_text`: letters of another case, blanks of any kind and `%` are themselves, as the
    standard wants it and databases below a service often do not. `codes`: codes are stored upper-case and trimmed.
    `choices`: enumerations can be filtered. `or_of_fields`: OR may join conditions on different fields (wire 2.3).
    `nulls`: a field may be null; else its blank is a value, which only of a text is surely '' (wire 2.4).
    """

    exact_text: bool = False
    codes: bool = False
    choices: bool = True
    or_of_fields: bool = True
    nulls: bool = True


def to_odata(filter_: Filter, properties: Mapping[str, Property], manners: Manners) -> str | None:
    """What can be asked of a service with these manners, not yet percent-encoded; None when nothing can. The filter has
    passed `transform.filter.check`.
    """
    return _Compiler(properties, manners).term(filter_, True)


def pushed(
    filter_: Filter | None, properties: Mapping[str, Property], manners: Manners, more: str | None = None
) -> str | None:
    """What a service is asked when records of a filter are wanted: of it what is sure to be understood as koppel does,
    and one condition `more`.
    """
    text = None if filter_ is None else to_odata(filter_, properties, manners)
    return " and ".join(filter(None, (text, more))) or None


class _Compiler:
    """Conditions to texts; None for what is left out."""

    def __init__(self, properties: Mapping[str, Property], manners: Manners) -> None:
        self._properties = properties
        self._manners = manners

    def term(self, filter_: Filter, wanted: bool) -> str | None:
        """A condition under which `filter_` may be true (`wanted`), or false."""
        match filter_:
            case Not(term):
                return self.term(term, not wanted)
            case And(terms):
                return self._all(terms, wanted) if wanted else self._any(terms, wanted)
            case Or(terms):
                return self._any(terms, wanted) if wanted else self._all(terms, wanted)
        property_ = self._properties[filter_.field]
        if not property_.filterable:
            return None  # the service cannot be asked for it
        match filter_:
            case IsNull():
                return self._blank(property_, wanted)
            case Compare(_, operator, value):
                return self._compare(property_, operator if wanted else _OPPOSITE[operator], value)
            case OneOf(field, values):
                each = tuple(Compare(field, Comparison.EQUAL, value) for value in values)
                return self.term(Or(each), wanted)
            case Like(_, pattern):
                return self._like(property_, pattern, wanted)

    def _all(self, terms: tuple[Filter, ...], wanted: bool) -> str | None:
        texts = [text for term in terms if (text := self.term(term, wanted)) is not None]
        return _joined(texts, " and ") if texts else None

    def _any(self, terms: tuple[Filter, ...], wanted: bool) -> str | None:
        texts = [self.term(term, wanted) for term in terms]
        known = [text for text in texts if text is not None]
        if len(known) < len(texts):
            return None
        fields = {term.field for term in terms if not isinstance(term, Not | And | Or)}
        simple = not any(isinstance(term, Not | And | Or) for term in terms)
        if len(known) > 1 and not self._manners.or_of_fields and not (simple and len(fields) == 1):
            return None  # the service does not take it
        return _joined(known, " or ")

    def _blank(self, property_: Property, wanted: bool) -> str | None:
        """Null, and in fields that hold text '' too."""
        name = property_.member
        if not self._manners.nulls:
            if property_.edm == "Edm.String":
                return f"{name} {'eq' if wanted else 'ne'} ''"
            return None  # the service has a value of its own for blank
        nothing = f"{name} eq null" if wanted else f"{name} ne null"
        if property_.edm != "Edm.String":
            return nothing
        return f"({nothing} or {name} eq '')" if wanted else f"({nothing} and {name} ne '')"

    def _compare(self, property_: Property, operator: Comparison, value: Literal) -> str | None:
        name, kind = property_.member, property_.shape.kind
        if value == "" and kind in _TEXTS:
            if operator in (Comparison.EQUAL, Comparison.UNEQUAL):
                return self._blank(property_, operator is Comparison.EQUAL)
            return None  # the order of texts differs between services
        if self._text_differs(property_, operator) if kind in _TEXTS else number_differs(property_):
            return None
        literal = literals(property_, pl.Series([_typed(value, kind)], dtype=dtype(property_.shape)))[0]
        return f"{name} {_WORDS[operator]} {literal}"

    def _text_differs(self, property_: Property, operator: Comparison) -> bool:
        """Whether a service may compare a text otherwise than koppel does."""
        kind = property_.shape.kind
        if operator not in (Comparison.EQUAL, Comparison.UNEQUAL):
            return True  # the order of texts differs between services
        if kind is Kind.CODE and not self._manners.codes:
            return True  # a code is compared in upper case, which the service may not store
        if kind is Kind.CHOICE and property_.is_enumeration and not self._manners.choices:
            return True  # the service does not filter by enumerations
        plain = kind is Kind.CHOICE and property_.edm != "Edm.String"
        # The service may take texts for equal that koppel does not.
        return operator is Comparison.UNEQUAL and not plain and not self._manners.exact_text

    def _like(self, property_: Property, pattern: str, wanted: bool) -> str | None:
        name = property_.member
        found = re.fullmatch(r"(%?)((?:[^%_\\]|\\.)*)(%?)", pattern, re.DOTALL)
        if found is None or property_.edm != "Edm.String" or property_.shape.kind is Kind.CODE:
            return None  # OData knows no such pattern
        if not wanted and not self._manners.exact_text:
            return None  # the service may find a pattern where koppel does not
        text = re.sub(r"\\(.)", r"\1", found[2], flags=re.DOTALL)
        if not text:
            return None  # a pattern without a letter asks nothing of a service
        if "[" in text and not self._manners.exact_text:
            return None  # the service may take brackets for a set of letters
        sought = literal(text)
        match bool(found[1]), bool(found[3]):
            case True, True:
                said = f"contains({name},{sought})"
            case True, False:
                said = f"endswith({name},{sought})"
            case False, True:
                said = f"startswith({name},{sought})"
            case _:
                return f"{name} {'eq' if wanted else 'ne'} {sought}"
        return said if wanted else f"not {said}"


def number_differs(property_: Property) -> bool:
    """Whether a service may compare what is no text otherwise than koppel does: a float may not be equal to any
    decimal, and a uuid that is a text there has several forms.
    """
    return property_.edm in FLOATS or (property_.shape.kind is Kind.UUID and property_.edm != "Edm.Guid")


def _joined(texts: list[str], word: str) -> str:
    return texts[0] if len(texts) == 1 else "(" + word.join(texts) + ")"


def _typed(value: Literal, kind: Kind) -> object:
    """The literal as a value of a column of this kind."""
    match kind:
        case Kind.CODE:
            return str(value).strip(BLANKS).upper()
        case Kind.UUID:
            bare = re.sub(r"[{}-]", "", str(value)).lower()
            return "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))
        case Kind.CHOICE:
            return str(value)
        case Kind.BOOLEAN:
            return bool(value)
        case Kind.DATE:
            return date.fromisoformat(value) if isinstance(value, str) else value
        case Kind.DATETIME:
            return moment_of(value)
        case _:
            return value
