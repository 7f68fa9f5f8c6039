"""Every trap of wire 4.3 with the test that covers it and the rule of the sandbox without which that test fails."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as xml

import pytest

from koppel.sandbox.business_central import (
    batch,
    body,
    cascade,
    limits,
    metadata,
    sets,
    showing,
    validation,
    values,
    writing,
)
from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.others import Others
from koppel.sandbox.business_central.refusal import SERVER, Refusal
from koppel.sandbox.business_central.saving import Author, save
from koppel.sandbox.business_central.service import BusinessCentral
from koppel.sandbox.business_central.shape import Type
from tests.broken import Break, Broken, Traps, Unbroken, after, always, check_table, every_break, instead, is_noticed
from tests.business_central import test_traps_reading as reads
from tests.business_central import test_traps_writing as writes
from tests.business_central.erp import custom, standard


def stored_as(kind: Type, rule: Callable[..., Any]) -> Break:
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
    for place in (metadata, values):
        patch.setattr(place, "member_name", lambda member: member)


def _crowded(line: Any) -> Any:
    """Four requests are there whenever koppel comes."""
    line.present += 4
    return line


def _nulls(shown: Any, *_: Any) -> Any:
    return None if shown == "" else shown


def _stale_reader(patch: pytest.MonkeyPatch) -> None:
    row, seen = Company.row, Company.seen
    patch.setattr(Company, "row", lambda company, table, row_id, read_only=False: row(company, table, row_id, True))
    patch.setattr(Company, "seen", lambda company, table, read_only: seen(company, table, True))


def _with_a_time(shown: Any, kind: Type, *_: Any) -> Any:
    return f"{shown}T00:00:00Z" if kind is Type.DATE else shown


def _may_be_written(patch: pytest.MonkeyPatch) -> None:
    """The metadata does not tell what is read-only."""
    made = xml.SubElement
    patch.setattr(
        metadata.xml,
        "SubElement",
        lambda parent, tag, *more: made(xml.Element("x") if tag == "Annotation" else parent, tag, *more),
    )


def _is_busy(service: BusinessCentral, target: str) -> Any:
    raise Refusal(503, SERVER, "The environment is being updated.")


def _keyed_by_number(schema: xml.Element, name: str) -> xml.Element:
    entity = xml.SubElement(schema, "EntityType", {"Name": name})
    xml.SubElement(xml.SubElement(entity, "Key"), "PropertyRef", {"Name": "number"})
    return entity


TRAPS: Traps = {
    1: (
        Broken(
            "no deletion is logged",
            reads.test_1_no_tombstones,
            instead(cascade, "_remove", lambda company, table, row, _: company.rows.remove(table, row["SystemId"])),
        ),
    ),
    2: (
        Broken("a rename makes another record", reads.test_2_rename_keeps_the_id, instead(Others, "edit", _made_anew)),
    ),
    3: (
        Broken(
            "no version is demanded",
            writes.test_3_stale_is_409_and_not_every_409_is_stale,
            instead(writing, "_checked", lambda company, table, row_id, _: company.rows.tables[table.name][row_id]),
            {"status": 409},
        ),
    ),
    4: (Broken("an update creates", writes.test_4_no_upsert, instead(sets, "update", _upserted)),),
    5: (
        Broken(
            "a batch ends at the first error",
            writes.test_5_a_failed_snapshot_batch_lies,
            after(batch, "_carried_out", lambda answers, *_: answers[:1]),
        ),
    ),
    6: (Broken("a batch holds 50", writes.test_6_a_batch_holds_100, instead(batch, "OPERATIONS", 50)),),
    7: (
        Broken(
            "the requests of others count as koppel's",
            reads.test_7_five_requests_of_a_user_at_once,
            after(limits, "_Line", _crowded),
        ),
    ),
    8: (
        Broken("names are not encoded", writes.test_8_names_are_encoded_and_errors_in_english, _plain_names),
        Broken(
            "nobody is asked for a language",
            writes.test_8_names_are_encoded_and_errors_in_english,
            instead(BusinessCentral, "_refused", lambda service, refusal, call: refusal.reply(english=False)),
        ),
    ),
    9: (Broken("blanks are null", writes.test_9_blanks, after(showing, "shown", _nulls), {"shown": " "}),),
    10: (
        Broken(
            "codes keep their case",
            writes.test_10_codes_are_upper_case_and_may_hold_anything,
            stored_as(Type.CODE, values._text),
        ),
    ),
    11: (
        Broken(
            "a country clears nothing",
            writes.test_11_fields_of_a_place_fill_and_clear_one_another,
            _validated_as("Country/Region Code", lambda *_: None),
        ),
    ),
    12: (
        Broken("customers have no contacts", writes.test_12_a_write_changes_other_records, always(cascade, "modified")),
    ),
    13: (
        Broken(
            "the local currency is stored",
            writes.test_13_a_blank_currency_is_the_local_one,
            instead(body, "_currency_code", lambda company, code: code),
        ),
    ),
    14: (
        Broken(
            "relations are not told", writes.test_14_codes_must_exist_first, instead(validation, "RELATION", "Unknown")
        ),
    ),
    15: (Broken("no template", writes.test_15_a_template_fills_new_records, always(writing, "_apply_template")),),
    16: (
        Broken(
            "modified after the answer",
            writes.test_16_inserted_then_modified,
            after(sets, "_representation", _modified_afterwards),
        ),
    ),
    17: (
        Broken(
            "sums move the stamp",
            reads.test_17_sums_change_without_a_stamp,
            instead(Others, "owe", lambda others, id_, amount: others.edit("customers", id_, {"creditLimit": amount})),
        ),
    ),
    18: (
        Broken(
            "a copied company has the id of the first",
            reads.test_18_the_company_is_part_of_the_identity,
            after(BusinessCentral, "_shown", lambda told, *_: told | {"id": "11111111-0000-4000-8000-000000000000"}),
        ),
    ),
    19: (
        Broken(
            "open transactions are passed",
            reads.test_19_late_commits_appear_in_the_past,
            after(Company, "_watermark", lambda row, *_: row | {"Minimum Active": row["Last Used"] + 1}),
        ),
    ),
    20: (Broken("everybody reads the replica", reads.test_20_no_replica_is_read, _stale_reader),),
    21: (
        Unbroken(
            reads.test_21_nothing_depends_on_webhooks,
            "koppel subscribes to nothing and asks for what changed; tests/sandbox shows what subscribers live through",
        ),
    ),
    22: (
        Broken(
            "decimals are rounded",
            writes.test_22_decimals_are_kept_whatever_is_displayed,
            stored_as(Type.DECIMAL, lambda field, value: round(Decimal(value), 2)),
        ),
    ),
    23: (
        Broken(
            "days have a time",
            reads.test_23_a_closing_date_is_that_records_fault,
            after(showing, "shown", _with_a_time),
        ),
    ),
    24: (
        Broken(
            "a blocked person is changed like any other",
            writes.test_24_a_record_that_refuses_updates_is_one_error,
            always(writing, "_check_privacy"),
        ),
    ),
    25: (
        Broken(
            "the metadata does not tell what is read-only",
            writes.test_25_a_control_that_is_read_only_is_not_sent,
            _may_be_written,
        ),
    ),
    26: (
        Broken(
            "no table is ever locked",
            writes.test_26_a_locked_table_passes,
            always(writing, "_check_free"),
            {"status": 400},
        ),
        Broken(
            "a locked table has a code of its own",
            writes.test_26_a_locked_table_passes_in_any_language,
            instead(writing, "DIALOG", "Application_Locked"),
            {"status": 400},
        ),
    ),
    27: (
        Broken(
            "an environment that is not there is busy",
            reads.test_27_maintenance,
            instead(BusinessCentral, "_route", _is_busy),
        ),
    ),
    28: (
        Unbroken(
            reads.test_28_no_schema_version_is_asked_for,
            "koppel asks for nothing that needs a newer one; tests/sandbox shows what is refused without",
        ),
    ),
    29: (
        Broken(
            "pages are keyed by number",
            reads.test_29_pages_without_an_id_are_no_tables,
            instead(metadata, "_keyed", _keyed_by_number),
        ),
    ),
}
BREAKS = every_break(TRAPS)


def test_every_trap_is_listed() -> None:
    check_table(TRAPS, "4.3", 29)


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_rule_is_noticed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    is_noticed(BREAKS[what], {"erp": standard, "app": custom}, monkeypatch)
