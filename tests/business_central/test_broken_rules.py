"""The tests of the traps would notice: with a rule of the sandbox broken, each of these fails.

A test that passes whatever the service does says nothing about the connector.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from koppel.errors import KoppelError
from koppel.sandbox.business_central import batch, body, cascade, reading, sets, validation, values, writing
from koppel.sandbox.business_central import metadata as metadata_
from koppel.sandbox.business_central import showing as showing_
from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.others import Others
from koppel.sandbox.business_central.saving import Author, save
from koppel.sandbox.business_central.shape import Type
from tests.business_central import test_shared_traps as shared
from tests.business_central import test_traps as traps
from tests.business_central.erp import custom, standard

Break = Callable[[pytest.MonkeyPatch], None]


def _always(place: Any, name: str, answer: Any = None) -> Break:
    """A rule that gives the same answer every time."""
    return lambda patch: patch.setattr(place, name, lambda *_, **__: answer)


def _instead(place: Any, name: str, rule: Any) -> Break:
    """Another rule."""
    return lambda patch: patch.setattr(place, name, rule)


def _after(place: Any, name: str, change: Callable[..., Any]) -> Break:
    """A rule whose answer is changed, given it and what it was asked."""

    def broken(patch: pytest.MonkeyPatch) -> None:
        rule = getattr(place, name)
        patch.setattr(place, name, lambda *said, **more: change(rule(*said, **more), *said))

    return broken


def _stored_as(kind: Type, rule: Callable[..., Any]) -> Break:
    """Values of a type are stored by another rule."""
    return lambda patch: patch.setitem(values._KINDS, kind, rule)


def _validated_as(field: str, rule: Callable[..., Any]) -> Break:
    """A field does something else to its neighbours."""
    return lambda patch: patch.setitem(validation._TRIGGERS, field, rule)


def _made_anew(others: Others, set_name: str, row_id: str, body: Any) -> None:
    """A rename gives the record another id."""
    others.delete(set_name, row_id)
    others.create(set_name, {"displayName": "x", **body})


def _upserted(company: Company, page: Any, row_id: str, body: Any, author: Any, wanted: Any) -> None:
    """A record that is not there is made."""
    if company.row(page.table, row_id) is None:
        writing.create(company, page, body, author)
    else:
        writing.update(company, page, row_id, body, author, wanted)


def _modified_afterwards(represented: Callable[..., Any], place: Any, *_: Any) -> Callable[..., Any]:
    """A new record is modified when it was answered already."""

    def answered(row_id: str, status: int, *more: Any) -> Any:
        reply, (company, table) = represented(row_id, status, *more), (place.company, place.page.table)
        if status == 201:
            save(company, table, row_id, company.rows.tables[table.name][row_id], Author("x"))
        return reply

    return answered


def _plain_names(patch: pytest.MonkeyPatch) -> None:
    """Members of enums are not encoded."""
    for place in (metadata_, values):
        patch.setattr(place, "member_name", lambda member: member)


def _nulls(shown: Any, *_: Any) -> Any:
    return None if shown == "" else shown


def _stale_reader(patch: pytest.MonkeyPatch) -> None:
    """Everybody reads the replica."""
    row = Company.row
    patch.setattr(Company, "row", lambda company, table, row_id, read_only=False: row(company, table, row_id, True))
    seen = Company.seen
    patch.setattr(Company, "seen", lambda company, table, read_only: seen(company, table, True))


def _patching(test: Callable[..., None]) -> None:
    """A test that patches something itself."""
    with pytest.MonkeyPatch.context() as patch:
        test(standard(), patch)


BROKEN: dict[str, tuple[Callable[..., None], Break, tuple[object, ...]]] = {
    "no deletion is logged": (
        lambda: traps.test_1_no_tombstones(standard(), custom()),
        _instead(cascade, "_remove", lambda company, table, row, _: company.rows.remove(table, row["SystemId"])),
        (),
    ),
    "a rename makes another record": (traps.test_2_rename_keeps_the_id, _instead(Others, "edit", _made_anew), ()),
    "no version is demanded": (
        traps.test_3_stale_is_409_and_not_every_409_is_stale,
        _instead(writing, "_checked", lambda company, table, row_id, _: company.rows.tables[table.name][row_id]),
        (409,),
    ),
    "an update creates": (traps.test_4_no_upsert, _instead(sets, "update", _upserted), ()),
    "a batch ends at the first error": (
        traps.test_5_a_failed_snapshot_batch_lies,
        _after(batch, "_carried_out", lambda answers, *_: answers[:1]),
        (),
    ),
    "a batch holds 50": (traps.test_6_a_batch_holds_100, _instead(batch, "OPERATIONS", 50), ()),
    "names are not encoded": (traps.test_8_names_are_encoded_and_errors_in_english, _plain_names, ()),
    "blanks are null": (traps.test_9_blanks, _after(showing_, "shown", _nulls), (" ",)),
    "codes keep their case": (
        traps.test_10_codes_are_upper_case_and_may_hold_anything,
        _stored_as(Type.CODE, values._text),
        (),
    ),
    "a country clears nothing": (
        traps.test_11_fields_of_a_place_fill_and_clear_one_another,
        _validated_as("Country/Region Code", lambda *_: None),
        (),
    ),
    "customers have no contacts": (traps.test_12_a_write_changes_other_records, _always(cascade, "modified"), ()),
    "the local currency is stored": (
        traps.test_13_a_blank_currency_is_the_local_one,
        _instead(body, "_currency_code", lambda company, code: code),
        (),
    ),
    "relations are not told": (
        traps.test_14_codes_must_exist_first,
        _instead(validation, "RELATION", "Unknown"),
        (),
    ),
    "no template": (traps.test_15_a_template_fills_new_records, _always(writing, "_apply_template"), ()),
    "modified after the answer": (
        traps.test_16_inserted_then_modified,
        _after(sets, "_representation", _modified_afterwards),
        (),
    ),
    "sums move the stamp": (
        traps.test_17_sums_change_without_a_stamp,
        _instead(Others, "owe", lambda others, id_, amount: others.edit("customers", id_, {"creditLimit": amount})),
        (),
    ),
    "open transactions are passed": (
        lambda: traps.test_19_late_commits_appear_in_the_past(standard(), custom()),
        _after(Company, "_watermark", lambda row, *_: row | {"Minimum Active": row["Last Used"] + 1}),
        (),
    ),
    "everybody reads the replica": (traps.test_20_no_replica_is_read, _stale_reader, ()),
    "decimals are rounded": (
        traps.test_22_decimals_are_kept_whatever_is_displayed,
        _stored_as(Type.DECIMAL, lambda field, value: round(Decimal(value), 2)),
        (),
    ),
    "no table is ever locked": (traps.test_26_a_locked_table_passes, _always(writing, "_check_free"), ()),
    "etags differ with each look": (
        lambda: shared.test_1_our_own_write_comes_back_as_a_change(standard(), custom()),
        _instead(showing_, "etag", lambda row: f'W/"{uuid4()}"'),
        (),
    ),
    "etags stay": (shared.test_4_clocks_are_coarse, _instead(showing_, "etag", lambda row: 'W/"1"'), ()),
    "the service adds nothing to links": (
        lambda: _patching(shared.test_8_links_lead_nowhere_else),
        _after(reading, "_next", lambda link, *_: link.replace("aid=FIN&", "")),
        (),
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_noticed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    test, broken, more = BROKEN[rule]
    arguments = (standard(), *more) if test.__name__ != "<lambda>" else ()
    broken(monkeypatch)
    with pytest.raises((AssertionError, KoppelError, KeyError, ValueError)):
        test(*arguments)
