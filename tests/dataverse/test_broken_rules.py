"""The tests of the traps would notice: with a rule of the sandbox broken, each of these fails.

A test that passes whatever the service does says nothing about the connector.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from koppel.errors import KoppelError
from koppel.sandbox.dataverse import bulk, effects, filtering, metadata, service, showing, tracking, writing
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.shape import Column
from koppel.sandbox.switches import Switches
from tests.dataverse import test_shared_traps as shared
from tests.dataverse import test_traps_reading as reading_traps
from tests.dataverse import test_traps_writing as writing_traps
from tests.dataverse.crm import crm

Break = Callable[[pytest.MonkeyPatch], None]


def _always(place: Any, name: str, answer: Any) -> Break:
    """A rule that gives the same answer every time."""
    return lambda patch: patch.setattr(place, name, lambda *_, **__: answer)


def _after(place: Any, name: str, change: Callable[..., Any]) -> Break:
    """A rule whose answer is changed, given it and what it was asked."""

    def broken(patch: pytest.MonkeyPatch) -> None:
        rule = getattr(place, name)
        patch.setattr(place, name, lambda *said, **more: change(rule(*said, **more), *said))

    return broken


def _told_otherwise(**facts: Any) -> Break:
    """Metadata that says something else of every attribute."""
    return _after(metadata, "_attribute", lambda told, *_: told | facts)


def _ids_taken_twice(patch: pytest.MonkeyPatch) -> None:
    """A create with an id that is taken makes another row."""
    create = writing.create

    def careless(environment: Any, table: Any, body: Any, author: Any) -> str:
        if body.get(table.id_column) in environment.rows.tables[table.name]:
            body = {name: value for name, value in body.items() if name != table.id_column}
        return create(environment, table, body, author)

    for place in (bulk, writing):
        patch.setattr(place, "create", careless)
    patch.setattr("koppel.sandbox.dataverse.created.create", careless)


def _not_atomic(patch: pytest.MonkeyPatch) -> None:
    """What a bulk message did before it failed stays."""
    message = bulk.bulk

    class Careless:
        def __init__(self, rows: Any) -> None:
            self._rows = rows

        def __getattr__(self, name: str) -> Any:
            return getattr(self._rows, name)

        def transaction(self) -> Any:
            from contextlib import nullcontext

            return nullcontext()

    def careless(environment: Any, *more: Any) -> Any:
        rows, environment.rows = environment.rows, Careless(environment.rows)
        try:
            return message(environment, *more)
        finally:
            environment.rows = rows

    patch.setattr(service, "bulk", careless)


def _merged_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Others, "merge", lambda self, table, loser, winner: self.delete(table, loser))


def _detecting(patch: pytest.MonkeyPatch) -> None:
    author = service.Dataverse._author

    def suspicious(self: Any, call: Any) -> Any:
        found = author(self, call)
        return found if not hasattr(found, "user") else replace(found, detect_duplicates=True)

    patch.setattr(service.Dataverse, "_author", suspicious)


def _lower_navigation(told: list[dict[str, Any]], *_: Any) -> list[dict[str, Any]]:
    name = "ReferencingEntityNavigationPropertyName"
    return [one | {name: one[name].lower()} for one in told]


def _formats(told: dict[str, Any], column: Column) -> dict[str, Any]:
    """Behaviour as the format suggests it."""
    if "Format" in told:
        told = told | {"DateTimeBehavior": {"Value": "DateOnly" if column.date_format else "UserLocal"}}
    return told


def _one_stamp(row: dict[str, Any]) -> str:
    """An etag that moves with `modifiedon` only."""
    return f'W/"{row["modifiedon"]}"'


BROKEN = {
    "a precondition is not looked at": (
        writing_traps.test_01_patch_without_if_match_resurrects_deleted_rows,
        _always(writing, "check", None),
    ),
    "deltas forget deletions": (
        reading_traps.test_02_deltas_know_no_filter_and_tell_deletions_last_also_of_unknown_ids,
        _after(tracking, "_changes", lambda told, *_: [one for one in told if one.place[0] == 0]),
    ),
    "an expired delta says that nothing changed": (
        lambda far: reading_traps.test_03_deltas_expire_with_time_and_when_the_metadata_changes(far, Switches()),
        lambda patch: patch.setattr(tracking, "_since", lambda environment, token: environment.rows.version),
    ),
    "whoever may not read everything is told of nothing": (
        reading_traps.test_04_deltas_need_tracking_turned_on_and_a_reader_of_everything,
        _always(tracking, "_check", None),
    ),
    "the etag is the stamp": (
        reading_traps.test_05_the_version_moves_while_modifiedon_does_not,
        lambda patch: [patch.setattr(place, "etag", _one_stamp) for place in (showing, writing)],
    ),
    "metadata does not tell of column security": (
        reading_traps.test_06_a_secured_column_reads_null_without_any_hint,
        _told_otherwise(IsSecured=False),
    ),
    "duplicates are detected unasked": (writing_traps.test_09_duplicate_detection_is_off, _detecting),
    "metadata tells navigation properties in lower case": (
        writing_traps.test_10_lookups_have_case_a_suffix_and_must_exist,
        _after(metadata, "_many_to_one", _lower_navigation),
    ),
    "money is kept as it was sent": (
        writing_traps.test_11_money_is_rounded_to_the_currency_and_a_missing_currency_is_filled_in,
        lambda patch: patch.setattr(effects, "quantized", lambda value, places: value),
    ),
    "behaviour follows the format": (
        lambda far: reading_traps.test_12_a_date_only_format_is_no_date_only_behaviour(),
        _after(metadata, "_specific", _formats),
    ),
    "text is compared with case": (
        reading_traps.test_15_text_is_compared_without_case_and_with_wildcards,
        lambda patch: patch.setattr(filtering._Compiler, "_fold", lambda self, text: text),
    ),
    "a disabled user owns what he is given": (
        writing_traps.test_17_a_disabled_user_owns_nothing,
        _always(effects, "_check_owner", None),
    ),
    "metadata tells that all can be changed": (
        writing_traps.test_20_isocurrencycode_can_be_set_only_at_creation,
        _told_otherwise(IsValidForUpdate=True),
    ),
    "a bulk message leaves what it did": (
        writing_traps.test_22_a_bulk_message_is_all_or_nothing_and_names_no_row,
        _not_atomic,
    ),
    "the loser of a merge is deleted": (
        reading_traps.test_26_the_loser_of_a_merge_is_deactivated_not_deleted,
        _merged_away,
    ),
    "an id can be taken twice": (
        lambda far: shared.test_03_a_lost_answer_is_an_unknown_outcome(far, "after", 3),
        _ids_taken_twice,
    ),
    "ids are found in any case only when sent so": (
        shared.test_13_case_is_koppels_business,
        lambda patch: patch.setattr(filtering._Compiler, "_fold", lambda self, text: text),
    ),
    "values are stored as they were sent": (
        shared.test_02_values_are_normalised_when_they_are_stored,
        lambda patch: patch.setattr(effects, "quantized", lambda value, places: value),
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_noticed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trap, broken = BROKEN[rule]
    broken(monkeypatch)
    with pytest.raises((AssertionError, KoppelError, pytest.fail.Exception, LookupError, ValueError)):
        trap(crm())
