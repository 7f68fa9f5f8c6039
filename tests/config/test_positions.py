"""Lines of TOML values: what tomllib does not tell and every message of the configuration needs."""

import tomllib
from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from koppel.config.positions import Path, given_twice, lines_of

TEXT = """\
# a comment with [brackets] and 'quotes'
[koppel]
store = "a # no comment, \\" ]"

[mappings."SHIPPING AGENT"]
left = 'erp.x'   # 'comment'
fields = [
  "a -> b",  # first
  'c -> d', "e -> f",

  { left = "x", "right side" = "y", deep = [1, 2] },
  \"\"\"
long
line\"\"\",
]
a.b = 1979-05-27 07:32:00
a."c" = 2
long = '''
x'''''
after = true

[[mappings.B.fields]]
left = 1
[[mappings.B.fields]]
left = 2
[mappings.B.fields.sub]
x = 1
"""


def test_every_value_has_its_line() -> None:
    lines = lines_of(TEXT)
    agent: Path = ("mappings", "SHIPPING AGENT")
    assert lines[("koppel",)] == 2
    assert lines["koppel", "store"] == 3
    assert lines[agent] == lines[("mappings",)] == 5
    assert [lines[(*agent, "fields", index)] for index in range(5)] == [8, 9, 9, 11, 12]
    assert lines[(*agent, "fields", 3, "right side")] == 11
    assert lines[(*agent, "fields", 3, "deep", 1)] == 11
    assert (lines[(*agent, "a")], lines[(*agent, "a", "b")], lines[(*agent, "a", "c")]) == (16, 16, 17)
    assert (lines[(*agent, "long")], lines[(*agent, "after")]) == (18, 20)
    assert lines["mappings", "B", "fields", 0, "left"] == 23
    assert lines["mappings", "B", "fields", 1, "left"] == 25
    assert lines["mappings", "B", "fields", 1, "sub", "x"] == 27
    assert paths(tomllib.loads(TEXT)) == set(lines)


def paths(value: Any, path: Path = ()) -> set[Path]:
    """The paths of all values below `value`."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {found for key, part in below for found in {(*path, key)} | paths(part, (*path, key))}


KEYS = st.text(max_size=5).filter(lambda key: key.isprintable())
VALUES = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.text(max_size=9) | st.floats(0, 1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_exactly_the_values_of_any_text_have_lines(document: dict[str, Any]) -> None:
    """Differential: whatever tomlkit writes, the scanner finds what tomllib reads."""
    text = tomlkit.dumps(document)
    values = tomllib.loads(text)
    assert set(lines_of(text)) == paths(values)


def test_windows_line_ends_count_once() -> None:
    assert lines_of("a = 1\r\nb = 2\r\n")[("b",)] == 2


def test_what_is_given_twice() -> None:
    assert given_twice("a = 1\n[t]\nx = 1\n\nx = 2\n[t]\n") == [(("t", "x"), 3, 5), (("t",), 2, 6)]
    assert given_twice("[t]\na.b = 1\na.c = 2\n[[u]]\nx = 1\n[[u]]\nx = 1\n[t.a2]\n") == []


@given(st.text(st.sampled_from("ab.=[]{},\"'\\\n# 1"), max_size=30))
def test_broken_texts_do_not_break_the_scanner(text: str) -> None:
    given_twice(text)
