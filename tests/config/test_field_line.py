"""The field line of DESIGN 11: what it means, where it is wrong, and that both forms say the same."""

# ruff: noqa: E501 (one case per line reads as a table)

import pytest
from hypothesis import given

from koppel.config import format_field, parse_field
from koppel.config.document import Document, Mistake, Node
from koppel.config.field_table import field_table, read_field_table
from koppel.model.mapping import ConversionCall, FieldMapping, Hop, Reference, TableRef
from koppel.model.policy import Direction, OnConflict
from koppel.transform.filter import parse
from koppel.transform.registry import inverse_chain
from tests.config.strategies import field_lines

BOTH, RIGHT, LEFT = Direction.BOTH, Direction.TO_RIGHT, Direction.TO_LEFT
LOWER = ConversionCall("lower")
REMEDY = (
    "write conditions such as field = 'x', > 5, IN (…), LIKE 'A%', BETWEEN … AND …, IS NULL; join with AND, OR, NOT"
)


@given(field_lines())
def test_the_short_form_round_trips(line: FieldMapping) -> None:
    assert parse_field(format_field(line)) == line


@given(field_lines())
def test_every_line_has_an_equal_long_form(line: FieldMapping) -> None:
    """DESIGN 11: every field line has an equal long form."""
    place = Document("")
    assert read_field_table(Node(field_table(line), (), place), None) == line
    assert place.problems == []


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("no -> accountnumber", FieldMapping("no", "accountnumber", RIGHT)),
        ("no->accountnumber", FieldMapping("no", "accountnumber", RIGHT)),
        ("a<->b", FieldMapping("a", "b", BOTH)),
        ("a <- b", FieldMapping("a", "b", LEFT)),
        ("e-mail <-> a.b", FieldMapping("e-mail", "a.b", BOTH)),
        ('"Credit Limit (LCY)" -> "a|b@c=d"', FieldMapping("Credit Limit (LCY)", "a|b@c=d", RIGHT)),
        ('"say ""hi""" -> b', FieldMapping('say "hi"', "b", RIGHT)),
        ("a -> b | lower | cut(1, 20)", FieldMapping("a", "b", RIGHT, (LOWER, ConversionCall("cut", (1, 20))))),
        ("a <- b | lower", FieldMapping("a", "b", LEFT, (), (LOWER,))),
        ("a -> b | replace('it''s', \"x\")", FieldMapping("a", "b", RIGHT, (ConversionCall("replace", ("it's", "x")),))),
        ("a -> b | lower (on create)", FieldMapping("a", "b", RIGHT, (LOWER,), on_create=True)),
        ("a -> b | cut (1, 2) (on create)", FieldMapping("a", "b", RIGHT, (ConversionCall("cut", (1, 2)),), on_create=True)),
        (" -> customertypecode = 3 (on create)", FieldMapping(None, "customertypecode", RIGHT, constant="3", on_create=True)),
        (" <- type = 'Person' (on create)", FieldMapping("type", None, LEFT, constant="Person", on_create=True)),
        ("type <- = Person", FieldMapping("type", None, LEFT, constant="Person")),
        ("-> a = -3.50", FieldMapping(None, "a", RIGHT, constant="-3.50")),
        ("-> a = ''", FieldMapping(None, "a", RIGHT, constant="")),
        ("-> a (on create) = 3", FieldMapping(None, "a", RIGHT, constant="3", on_create=True)),
        ("a -> b (not null, on_create)", FieldMapping("a", "b", RIGHT, not_null=True, on_create=True)),
        ("a <-> b (on conflict = longest, disabled)", FieldMapping("a", "b", BOTH, on_conflict=OnConflict.LONGEST, enabled=False)),
        ("a <-> b (on conflict = crm wins)", FieldMapping("a", "b", BOTH, on_conflict=OnConflict.RIGHT)),
        ("a <-> b (on conflict = left wins)", FieldMapping("a", "b", BOTH, on_conflict=OnConflict.LEFT)),
    ],
)  # fmt: skip
def test_meaning(text: str, meaning: FieldMapping) -> None:
    assert parse_field(text, ("erp", "crm")) == meaning


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("a <-> b @ CURRENCY (blank = 'EUR')", Reference(("CURRENCY",), blank="EUR")),
        ('a -> b @ "SHIPPING AGENT"', Reference(("SHIPPING AGENT",))),
        ("a -> b @ A by code", Reference(("A",), left_by="code")),
        ("a <- b @ A by code", Reference(("A",), right_by="code")),
        ("a <-> b @ A by code", Reference(("A",), left_by="code")),
        ("a <-> b @ A by code / iso", Reference(("A",), left_by="code", right_by="iso")),
        ("a <- b @ A by code /", Reference(("A",), left_by="code")),
        ("a -> b @ A by / iso", Reference(("A",), right_by="iso")),
        (
            "company_no -> parentcustomerid @ CUSTOMER | VENDOR by no via bc.relation(contact_no -> no)",
            Reference(("CUSTOMER", "VENDOR"), left_by="no", hop=Hop(TableRef("bc", "relation"), "contact_no", "no")),
        ),
        (
            'a -> b @ A via "bc.business relation"(x -> y) by no (clear on failed)',
            Reference(("A",), left_by="no", hop=Hop(TableRef("bc", "business relation"), "x", "y")),
        ),
        (
            "a -> b @ A [x = 'Customer'] | \"B\"[x IN (']', 'Vendor') AND y > 1] by no via bc.rel(c -> no)",
            Reference(
                ("A", "B"),
                left_by="no",
                hop=Hop(TableRef("bc", "rel"), "c", "no"),
                conditions=(parse("x = 'Customer'"), parse("x IN (']', 'Vendor') AND y > 1")),
            ),
        ),
    ],
)
def test_references(text: str, reference: Reference) -> None:
    """DESIGN 11: a reference may name several mappings (first coupled wins) and hop through a read-only table."""
    assert parse_field(text).reference == reference


def test_a_two_way_conversion_is_undone_on_its_way_back() -> None:
    chain = (LOWER, ConversionCall("prefix", ("C-",)))
    assert parse_field("a <-> b | lower | prefix('C-')").convert_left == inverse_chain(chain) != ()
    assert parse_field("a <-> b | lower").convert_left == ()
    assert parse_field("a <-> b | lower (back = upper | trim)").convert_left == (
        ConversionCall("upper"),
        ConversionCall("trim"),
    )
    assert parse_field("a <-> b | prefix('C-') (back = nothing)").convert_left == ()


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("a => b", "column 4: this is not an arrow", "the arrows are -> <- and <->"),
        ("a = b", "column 3: expected '->', '<-' or '<->', found '='", ""),
        ("a", "column 2: expected '->', '<-' or '<->', found the end of the line", ""),
        ("first name -> b", "column 7: expected '->', '<-' or '<->', found 'name'", ""),
        ("a ->", "no field stands right of '->'", "name both fields, or give a constant: -> field = value"),
        ("-> b", "no field stands left of '->'", "name both fields, or give a constant: -> field = value"),
        ("'a' -> b", "column 1: expected the name of a field, found 'a'", "names are quoted with double quotes; a constant stands behind '='"),
        ('"a -> b', "column 1: a quote that is never closed", "a quote inside quotes is written twice"),
        ("a -> b c", "column 8: expected '|', '@', '=', '(' or the end of the line, found 'c'", ""),
        ("a -> b @ X = ", "column 14: expected a value, found the end of the line", ""),
        ("a -> b % c", "column 8: cannot read '%' here", "names with such characters stand in double quotes"),
        ("a -> b |", "column 9: expected the name of a conversion, found the end of the line", ""),
        ("a -> b | cut(1, x)", "column 17: expected an argument, found 'x'", "arguments are whole numbers, or texts in single quotes"),
        ("a -> b | cut(1 2)", "column 16: expected ',', found '2'", ""),
        ("a -> b @ ", "column 10: expected the name of a mapping, found the end of the line", ""),
        ("a -> b @ X via rel(x -> y)", "'rel' does not name a table", "write system.table, for example erp.customer"),
        ("a -> b @ X via bc.rel(x <- y)", "column 25: expected '->', found '<-'", ""),
        ("a -> b @ X [x = 1", "column 12: a bracket that is never closed", "a condition ends with ]; a ] of a text stands in quotes"),
        ("a -> b @ X [x = 1]", "column 12: a condition is about the rows of a look-up table, and none is named", "write via system.table(field -> field), or leave it out"),
        ("a -> b @ X [x = 1] | Y via bc.rel(x -> y)", "column 22: 'Y' has no condition, so every row would lead to it as well", "write which rows do: Y [field = value]"),
        ("a -> b @ X [x = y] via bc.rel(x -> y)", "column 12: a field is compared with a value, not with a field (at character 17)", "put text in single quotes"),
        ("a -> b @ X [lower(x) = 'y'] via bc.rel(x -> y)", "column 12: lower(…) is not part of the filter language (at character 13)", REMEDY),
        ("a -> b [x = 1]", "column 8: expected '|', '@', '=', '(' or the end of the line, found '[x = 1]'", ""),
        ("a -> b (not nul)", "column 9: unknown option 'not nul'", "did you mean 'not null'?"),
        ("a -> b (on create", "column 18: expected ',' or ')', found the end of the line", ""),
        ("a <-> b (on conflict = longst)", "column 24: unknown value 'longst'", "did you mean 'longest'?"),
        ("a <-> b (on conflict = cmr wins)", "column 24: unknown value 'cmr wins'", "did you mean 'crm wins'?"),
        ("a -> b (blank = 'EUR')", "'blank' needs a reference", "write @ MAPPING before (blank = …)"),
        ("a -> b (back = upper)", "'back' needs a line that goes both ways", "write <-> or leave 'back' out"),
        ("<-> b = 3", "a constant cannot travel both ways", "write -> for a constant to the right, <- to the left"),
        ("a -> b = 3", "a constant takes the place of the field it would come from", "leave out 'a'"),
        ("a <- b = 3", "a constant takes the place of the field it would come from", "leave out 'b'"),
        ("a -> = 3", "no field for the constant stands behind '->'", "write -> field = value"),
    ],
)  # fmt: skip
def test_mistakes_point_at_the_column(text: str, what: str, remedy: str) -> None:
    with pytest.raises(Mistake) as caught:
        parse_field(text, ("erp", "crm"))
    assert (caught.value.what, caught.value.remedy) == (what, remedy)


@pytest.mark.parametrize(
    ("table", "place", "what"),
    [
        ({"left": "a", "rigth": "b"}, "rigth", "unknown setting 'rigth'"),
        ({"left": "a"}, "", "no field stands right of '<->'"),
        ({"left": "a", "right": "b", "direction": "="}, "direction", "unknown value '='"),
        ({"left": "a", "right": "b", "not_null": "yes"}, "not_null", "expected true or false, without quotes, found a text"),
        ({"left": "a", "right": "b", "convert_right": "upper"}, "convert_right", "expected a list of conversions, found a text"),
        ({"left": "a", "right": "b", "convert_right": ["cut(1"]}, "convert_right[0]", "column 6: expected ',', found the end of the line"),
        ({"left": "a", "right": "b", "direction": "->", "convert_left": ["upper"]}, "", "convert_left is given, but nothing travels that way"),
        ({"left": "a", "right": "b", "direction": "<-", "convert_right": ["upper"]}, "", "convert_right is given, but nothing travels that way"),
        ({"right": "b", "direction": "->", "constant": 1.5}, "constant", "expected a text, a whole number, true or false (other values in quotes), found a number"),
        ({"left": "a", "right": "b", "reference": "A (on create)"}, "reference", "column 3: only 'blank' stands here"),
        ({"left": "a", "right": "b", "on_conflict": "max", "resolver": "min"}, "resolver", "on_conflict is given as well"),
    ],
)  # fmt: skip
def test_mistakes_in_the_long_form(table: dict[str, object], place: str, what: str) -> None:
    document = Document("")
    assert read_field_table(Node(table, (), document), ("erp", "crm")) is None
    assert [(problem.where, problem.what) for problem in document.problems] == [(place, what)]


def test_the_long_form_takes_constants_as_toml_writes_them() -> None:
    for value, text in ((3, "3"), (True, "true"), (False, "false"), ("3", "3")):
        line = read_field_table(Node({"right": "b", "direction": "->", "constant": value}, (), Document("")), None)
        assert line is not None and line.constant == text


def test_resolver_is_another_name_of_on_conflict() -> None:
    line = read_field_table(Node({"left": "a", "right": "b", "resolver": "erp wins"}, (), Document("")), ("erp", "crm"))
    assert line is not None and line.on_conflict is OnConflict.LEFT
