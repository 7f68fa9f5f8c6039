"""Random field mappings and mappings that a configuration may hold, for the round-trip properties."""

from dataclasses import replace
from operator import mul

from hypothesis import strategies as st

from koppel.model.filter import Compare, Comparison, OneOf
from koppel.model.mapping import ConversionCall, FieldMapping, Hop, Mapping, MatchRule, Reference, SideOptions, TableRef
from koppel.model.policy import ConflictScope, Direction, Drift, FilterScope, FirstContact, OnConflict, OnDelete
from koppel.transform.filter import parse
from koppel.transform.registry import inverse_chain

# Names as they come, and names that must be quoted or could be taken for a word of the language.
NAMES = st.one_of(
    st.sampled_from(
        ["no", "e_mail", "address1_line1", "by", "via", "back", "on", "a-b", "x-", "2nd", "-1", "$v", "tür", "a.b"]
    ),
    st.sampled_from(
        ["Credit Limit (LCY)", "a|b", "a@b", "a = b", 'say "hi"', "it's", "a->b", "<-", ",", "a\nb", " x "]
    ),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(str.strip),
)
TEXTS = st.one_of(
    st.sampled_from(["", "3", "-3.50", "2026-01-01", "true", "Person", "it's", '"', "EUR)", "a, b"]),
    st.text(max_size=8),
)
ARGUMENTS = st.one_of(st.integers(-99, 99), TEXTS)
CALLS = st.sampled_from(
    [
        ConversionCall("upper"),
        ConversionCall("lower"),
        ConversionCall("trim"),
        ConversionCall("cut", (1, 20)),
        ConversionCall("prefix", ("C-",)),
        ConversionCall("replace", ("a'b", 'c"d')),
    ]
)
CHAINS = st.lists(CALLS, max_size=3).map(tuple)
TABLES = st.builds(TableRef, st.sampled_from(["erp", "crm"]), NAMES.filter(lambda name: name == name.strip()))


CONDITIONS = st.one_of(
    st.builds(Compare, NAMES, st.sampled_from(Comparison), TEXTS | st.integers(-99, 99)),
    st.builds(OneOf, NAMES, st.lists(TEXTS, min_size=1, max_size=3).map(tuple)),
    st.sampled_from(
        ["a = ']'", 'NOT "[b]" IS NULL OR a = 1', "a LIKE '%[x]'", 'a = \'it\'\'s\' AND "say ""hi""" = 2']
    ).map(parse),
)


@st.composite
def references(draw: st.DrawFn) -> Reference:
    mappings = tuple(draw(st.lists(NAMES, min_size=1, max_size=3)))
    hop = draw(st.none() | st.builds(Hop, TABLES, NAMES, NAMES))
    number = len(mappings) if hop is not None and draw(st.booleans()) else 0
    return Reference(
        mappings=mappings,
        blank=draw(st.none() | TEXTS),
        left_by=draw(st.none() | NAMES),
        right_by=draw(st.none() | NAMES),
        hop=hop,
        conditions=tuple(draw(st.lists(CONDITIONS, min_size=number, max_size=number))),
    )


@st.composite
def field_lines(draw: st.DrawFn) -> FieldMapping:
    """Any field mapping that both forms can say; whether it makes sense is not asked."""
    direction = draw(st.sampled_from(Direction))
    constant = draw(st.none() | TEXTS) if direction is not Direction.BOTH else None
    there, back = draw(CHAINS), draw(CHAINS)
    if direction is Direction.BOTH and draw(st.booleans()):
        back = inverse_chain(there)
    return FieldMapping(
        left=None if constant is not None and direction is Direction.TO_RIGHT else draw(NAMES),
        right=None if constant is not None and direction is Direction.TO_LEFT else draw(NAMES),
        direction=direction,
        convert_right=() if direction is Direction.TO_LEFT else there,
        convert_left=() if direction is Direction.TO_RIGHT else back,
        constant=constant,
        reference=draw(st.none() | references()),
        not_null=draw(st.booleans()),
        clear_on_failed=draw(st.booleans()),
        on_create=draw(st.booleans()),
        on_conflict=draw(st.none() | st.sampled_from(OnConflict)),
        enabled=draw(st.booleans()),
    )


@st.composite
def side_options(draw: st.DrawFn) -> SideOptions:
    text = draw(st.sampled_from(["", "blocked = ''", "a = 1 AND \"b c\" <> 'it''s'", "type IN ('A', 'B')"]))
    return SideOptions(
        filter_text=text,
        filter=parse(text) if text else None,
        key=draw(st.none() | st.lists(NAMES, min_size=1, max_size=2).map(tuple)),
        modified=draw(st.none() | NAMES),
        lag_seconds=draw(st.none() | st.floats(0, 1e6)),
        deactivate=draw(st.none() | st.tuples(NAMES, TEXTS)),
    )


def _meaningful(line: FieldMapping, number: int) -> FieldMapping:
    """The same line without what `load` refuses: settings that exclude each other, a field that two lines write."""
    constant = line.constant is not None
    one_way = line.direction is not Direction.BOTH
    return replace(
        line,
        left=line.left and f"{line.left} {number}",
        right=line.right and f"{line.right} {number}",
        convert_right=() if constant else line.convert_right,
        convert_left=() if constant else line.convert_left,
        reference=None if constant else line.reference,
        not_null=line.not_null and not constant,
        clear_on_failed=line.clear_on_failed and not constant and not line.not_null and line.reference is not None,
        on_conflict=None if one_way else line.on_conflict,
    )


@st.composite
def mappings(draw: st.DrawFn, name: str = "CUSTOMER") -> Mapping:
    """A mapping that `load` accepts as far as it can be judged alone."""
    pair = FieldMapping("no", "accountnumber", Direction.BOTH)
    lines = [_meaningful(line, number) for number, line in enumerate(draw(st.lists(field_lines(), max_size=4)))]
    left, right = draw(side_options()), draw(side_options())
    on_delete = draw(st.sampled_from(OnDelete))
    if on_delete is OnDelete.DEACTIVATE:
        left, right = replace(left, deactivate=("blocked", "All")), replace(right, deactivate=("statecode", "1"))
    rules = st.builds(MatchRule, st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=2).map(tuple), st.booleans())
    return Mapping(
        name=name,
        left=TableRef("erp", "customer"),
        right=TableRef("crm", draw(st.sampled_from(["account", "Account Table", "dbo.account"]))),
        fields=(pair, *lines),
        only_coupled=draw(st.booleans()),
        on_conflict=draw(st.sampled_from([word for word in OnConflict if not word.resolves])),
        conflict_scope=draw(st.sampled_from(ConflictScope)),
        on_delete=on_delete,
        first_contact=draw(st.sampled_from(FirstContact)),
        filter_scope=draw(st.sampled_from(FilterScope)),
        drift=draw(st.sampled_from(Drift)),
        after=tuple(draw(st.lists(NAMES.filter(lambda other: other != name), max_size=2))),
        match=tuple(draw(st.lists(rules, max_size=2))),
        together=draw(st.sampled_from([(), (("no",),)])),
        page=draw(TEXTS),
        left_options=left,
        right_options=right,
        history_days=draw(st.integers(0, 400)),
        sweep_hours=draw(st.integers(0, 100) | st.floats(0, 100)),
        skew_seconds=draw(st.integers(0, 100)),
        guard_rows=draw(st.integers(0, 1000)),
        guard_percent=draw(st.integers(0, 100)),
        every_seconds=draw(st.none() | st.builds(mul, st.integers(1, 99_999), st.sampled_from([1, 60, 3_600, 86_400]))),
    )
