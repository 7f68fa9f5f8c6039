"""Dependency waves (DESIGN 8: "jobs in dependency waves, in file order within a wave"; semantics 5.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koppel.reconcile.order import waves

SEED = ["CURRENCY", "SALESPEOPLE", "VENDOR", "CUSTOMER", "CONTACT"]


def test_the_preset_runs_in_its_known_order() -> None:
    """currency, salespeople, vendor, customer, contact (DESIGN 8, level 2)."""
    depends = {
        "VENDOR": ["CURRENCY", "SALESPEOPLE"],
        "CUSTOMER": ["SALESPEOPLE", "CURRENCY"],
        "CONTACT": ["CUSTOMER", "VENDOR"],
    }
    assert waves(SEED, depends) == [["CURRENCY", "SALESPEOPLE"], ["VENDOR", "CUSTOMER"], ["CONTACT"]]


def test_file_order_holds_within_a_wave() -> None:
    assert waves(["C", "A", "B"], {}) == [["C", "A", "B"]]
    assert waves(["C", "A", "B", "D"], {"A": ["D"]}) == [["C", "B", "D"], ["A"]]


def test_nothing_to_run() -> None:
    assert waves([], {"A": ["B"]}) == []


def test_a_mapping_that_is_not_run_holds_nothing_up() -> None:
    """An excluded line, or one that is not named: its couplings are there already or the record waits."""
    assert waves(["CUSTOMER", "CONTACT"], {"CUSTOMER": ["CURRENCY"], "CONTACT": ["CUSTOMER"]}) == [
        ["CUSTOMER"],
        ["CONTACT"],
    ]


def test_a_table_may_refer_to_itself() -> None:
    assert waves(["ACCOUNT"], {"ACCOUNT": ["ACCOUNT"]}) == [["ACCOUNT"]]


def test_a_cycle_names_those_that_wait_for_each_other() -> None:
    with pytest.raises(ValueError, match=r"wait for each other: A, B$"):
        waves(["FREE", "A", "B"], {"A": ["B"], "B": ["A"]})


@given(st.permutations("ABCDEF"), st.lists(st.tuples(st.sampled_from("ABCDEF"), st.sampled_from("ABCDEF"))))
def test_everything_comes_once_and_as_early_as_it_may(names: list[str], edges: list[tuple[str, str]]) -> None:
    """Any graph without cycles: a name's wave is one later than the last of its dependencies."""
    depends: dict[str, list[str]] = {}
    for first, second in edges:
        depends.setdefault(max(first, second), []).append(min(first, second))
    found = waves(names, depends)
    number = {name: i for i, wave in enumerate(found) for name in wave}
    assert sorted(name for wave in found for name in wave) == sorted(names)
    for name in names:
        assert number[name] == 1 + max((number[d] for d in depends.get(name, []) if d != name), default=-1)
    assert all(wave == sorted(wave, key=names.index) for wave in found)
