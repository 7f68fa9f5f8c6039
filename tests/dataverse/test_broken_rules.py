"""Every trap of wire 4.2 with the test that covers it and the rule of the sandbox without which that test fails."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from koppel.sandbox.dataverse import (
    bulk,
    effects,
    filtering,
    metadata,
    one_row,
    reading,
    service,
    showing,
    tracking,
    values,
    writing,
)
from koppel.sandbox.dataverse.cache import Cache
from koppel.sandbox.dataverse.limits import Limits
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.shape import Column, Kind
from koppel.sandbox.dataverse.tables import TABLES
from koppel.sandbox.switches import Switches
from tests.broken import Break, Broken, Traps, Unbroken, after, always, check_table, every_break, instead, is_noticed
from tests.dataverse import test_traps_reading as reads
from tests.dataverse import test_traps_writing as writes
from tests.dataverse.crm import crm


def _told_otherwise(**facts: Any) -> Break:
    """Metadata that says something else of every attribute."""
    return after(metadata, "_attribute", lambda told, *_: told | facts)


def _not_atomic(patch: pytest.MonkeyPatch) -> None:
    """What a bulk message did before it failed stays."""
    message = bulk.bulk

    class Careless:
        def __init__(self, rows: Any) -> None:
            self._rows = rows

        def __getattr__(self, name: str) -> Any:
            return getattr(self._rows, name)

        def transaction(self) -> Any:
            return nullcontext()

    def careless(environment: Any, *more: Any) -> Any:
        rows, environment.rows = environment.rows, Careless(environment.rows)
        try:
            return message(environment, *more)
        finally:
            environment.rows = rows

    patch.setattr(service, "bulk", careless)


def _merged_away(others: Others, table: str, loser: str, winner: str) -> None:
    others.delete(table, loser)


def _detecting(found: Any, *_: Any) -> Any:
    return found if not hasattr(found, "user") else replace(found, detect_duplicates=True)


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


def _active(rows: list[dict[str, Any]], *_: Any) -> list[dict[str, Any]]:
    return [row for row in rows if row.get("statecode") != 1]


def _never_changed(others: Others, table: str, row_id: str, body: dict[str, Any]) -> None:
    others.touch(table, row_id)


def _made_anew(others: Others, table: str, row_id: str, body: dict[str, Any]) -> None:
    others.create(table, body)


def _unselected(patch: pytest.MonkeyPatch) -> None:
    shown = one_row.shown
    patch.setattr(one_row, "shown", lambda here, table, row, select, *more: shown(here, table, row, None, *more))


def _weak(patch: pytest.MonkeyPatch) -> None:
    get = Cache.get
    patch.setattr(Cache, "get", lambda cache, address, strong, made: get(cache, address, False, made))


def _in_bytes(column: Column, text: str) -> int:
    return len(text.encode())


def _in_units(column: Column, text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


TRAPS: Traps = {
    1: (
        Broken(
            "a precondition is not looked at",
            writes.test_01_patch_without_if_match_resurrects_deleted_rows,
            always(writing, "check"),
        ),
    ),
    2: (
        Broken(
            "deltas forget deletions",
            reads.test_02_deltas_know_no_filter_and_tell_deletions_last_also_of_unknown_ids,
            after(tracking, "_changes", lambda told, *_: [one for one in told if one.place[0] == 0]),
        ),
    ),
    3: (
        Broken(
            "an expired delta says that nothing changed",
            reads.test_03_deltas_expire_with_time_and_when_the_metadata_changes,
            instead(tracking, "_since", lambda environment, token: environment.rows.version),
            {"switches": Switches()},
        ),
    ),
    4: (
        Broken(
            "whoever may not read everything is told of nothing",
            reads.test_04_deltas_need_tracking_turned_on_and_a_reader_of_everything,
            always(tracking, "_check"),
        ),
    ),
    5: (
        Broken(
            "the etag is the stamp",
            reads.test_05_the_version_moves_while_modifiedon_does_not,
            lambda patch: [patch.setattr(place, "etag", _one_stamp) for place in (showing, writing)],
        ),
    ),
    6: (
        Broken(
            "metadata does not tell of column security",
            reads.test_06_a_secured_column_reads_null_without_any_hint,
            _told_otherwise(IsSecured=False),
        ),
    ),
    7: (
        Broken(
            "inactive rows are not shown",
            reads.test_07_inactive_rows_are_returned_and_can_be_updated,
            after(reading, "wanted_rows", _active),
        ),
    ),
    8: (
        Broken(
            "state and status go their own ways",
            writes.test_08_statecode_alone_resets_statuscode_and_both_must_fit,
            always(effects, "_state", {}),
        ),
    ),
    9: (
        Broken(
            "duplicates are detected unasked",
            writes.test_09_duplicate_detection_is_off,
            after(service.Dataverse, "_author", _detecting),
        ),
    ),
    10: (
        Broken(
            "metadata tells navigation properties in lower case",
            writes.test_10_lookups_have_case_a_suffix_and_must_exist,
            after(metadata, "_many_to_one", _lower_navigation),
        ),
    ),
    11: (
        Broken(
            "money is kept as it was sent",
            writes.test_11_money_is_rounded_to_the_currency_and_a_missing_currency_is_filled_in,
            instead(effects, "quantized", lambda value, places: value),
        ),
    ),
    12: (
        Broken(
            "behaviour follows the format",
            reads.test_12_a_date_only_format_is_no_date_only_behaviour,
            after(metadata, "_specific", _formats),
        ),
    ),
    13: (
        Broken(
            "several choices keep their order",
            reads.test_13_several_choices_come_back_in_another_order,
            lambda patch: patch.setitem(values._KINDS, Kind.CHOICES, lambda column, value: value),
        ),
    ),
    14: (
        Unbroken(
            reads.test_14_counts_stop_so_nothing_is_counted,
            "koppel asks for no count and reads pages to their end; tests/sandbox shows that counts stop",
        ),
    ),
    15: (
        Broken(
            "text is compared with case",
            reads.test_15_text_is_compared_without_case_and_with_wildcards,
            instead(filtering._Compiler, "_fold", lambda self, text: text),
        ),
    ),
    16: (
        Unbroken(
            reads.test_16_some_characters_cannot_stand_in_a_key,
            "koppel names rows by id and finds them by $filter; tests/sandbox shows what no key address may hold",
        ),
    ),
    17: (
        Broken(
            "a disabled user owns what he is given",
            writes.test_17_a_disabled_user_owns_nothing,
            always(effects, "_check_owner"),
        ),
    ),
    18: (
        Broken(
            "metadata tells that a computed column is written",
            writes.test_18_fullname_is_read_only,
            _told_otherwise(IsValidForCreate=True),
        ),
    ),
    19: (
        Broken(
            "a customer stays a customer",
            reads.test_19_customertypecode_may_turn_a_customer_into_a_vendor,
            instead(Others, "edit", _never_changed),
        ),
    ),
    20: (
        Broken(
            "metadata tells that all can be changed",
            writes.test_20_isocurrencycode_can_be_set_only_at_creation,
            _told_otherwise(IsValidForUpdate=True),
        ),
    ),
    21: (
        Broken(
            "users are created like any row",
            writes.test_21_users_are_not_created_here,
            lambda patch: patch.setitem(vars(TABLES["systemuser"]), "creatable", True),
        ),
    ),
    22: (
        Broken(
            "a bulk message leaves what it did",
            writes.test_22_a_bulk_message_is_all_or_nothing_and_names_no_row,
            _not_atomic,
        ),
    ),
    23: (
        Broken(
            "a batch stops at an error whatever is preferred",
            writes.test_23_a_batch_goes_on_after_an_error,
            after(service, "prefer_of", lambda prefer, *_: replace(prefer, go_on=False)),
            {"stops": False},
        ),
    ),
    24: (
        Broken(
            "no server gives a cookie",
            reads.test_24_no_cookie_pins_koppel_to_one_server,
            after(Limits, "headers", lambda told, *_: {name: told[name] for name in told if name != "Set-Cookie"}),
        ),
    ),
    25: (
        Broken(
            "a token without a user is like a missing right",
            reads.test_25_a_token_without_a_user_is_a_mistake_of_the_set_up,
            instead(service, "NOT_A_MEMBER", "0x80040220"),
        ),
    ),
    26: (
        Broken(
            "the loser of a merge is deleted",
            reads.test_26_the_loser_of_a_merge_is_deactivated_not_deleted,
            instead(Others, "merge", _merged_away),
        ),
    ),
    27: (
        Broken(
            "a row that comes back has another id",
            reads.test_27_a_deleted_row_comes_back_with_its_id,
            instead(Others, "restore", _made_anew),
            {"twice": False},
        ),
    ),
    28: (
        Broken(
            "a representation is always everything",
            writes.test_28_a_representation_is_asked_for_with_select,
            _unselected,
        ),
    ),
    29: (
        Broken(
            "strong consistency is not heeded",
            reads.test_29_metadata_is_not_taken_from_a_cache,
            _weak,
        ),
    ),
    30: (
        Broken(
            "lengths are counted in bytes",
            writes.test_30_lengths_are_counted_in_utf_16_units,
            instead(values, "_length", _in_bytes),
        ),
        Broken(
            "a line end counts once",
            writes.test_30_how_a_memo_counts_line_ends_is_the_services_business,
            instead(values, "_length", _in_units),
        ),
    ),
}
BREAKS = every_break(TRAPS)


def test_every_trap_is_listed() -> None:
    check_table(TRAPS, "4.2", 30)


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_rule_is_noticed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    is_noticed(BREAKS[what], {"far": crm}, monkeypatch)
