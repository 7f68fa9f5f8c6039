"""Every trap of wire 4.1 over Business Central, with the test that covers it and the broken rule it notices."""

import re
from typing import Any
from uuid import uuid4

import pytest

from koppel.sandbox.business_central import batch, reading, sets, showing, values, writing
from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.others import Others
from koppel.sandbox.business_central.shape import Type
from koppel.sandbox.exchange import Reply
from koppel.sandbox.faults import Fault, RetryAfter
from tests.broken import Broken, Traps, Unbroken, after, check_table, every_break, instead, is_noticed
from tests.business_central import test_shared_traps as shared
from tests.business_central.erp import custom, standard
from tests.business_central.test_broken_rules import stored_as


def _idempotent(company: Company, page: Any, body: Any, author: Any) -> str:
    """A record of the same name is the same record."""
    rows = company.rows.tables[page.table.name].items()
    there = next((row_id for row_id, row in rows if row["Name"] == body["displayName"]), None)
    return there or writing.create(company, page, body, author)


def _unanswered(represented: Any, *_: Any) -> Any:
    """A create is answered without the record."""
    return lambda row_id, status, *more: Reply(204) if status == 201 else represented(row_id, status, *more)


def _left(others: Others, set_name: str, row_id: str, body: Any) -> None:
    """An edit takes the record away."""
    others.delete(set_name, row_id)


TRAPS: Traps = {
    1: (
        Broken(
            "etags differ with each look",
            shared.test_1_our_own_write_comes_back_as_a_change,
            instead(showing, "etag", lambda row: f'W/"{uuid4()}"'),
        ),
    ),
    2: (
        Broken(
            "codes are stored as they were sent",
            shared.test_2_values_are_normalised_when_they_are_stored,
            stored_as(Type.CODE, values._text),
        ),
    ),
    3: (
        Broken(
            "a create can be repeated",
            shared.test_3_a_lost_answer_is_an_unknown_outcome,
            instead(sets, "create", _idempotent),
            {"cut": "after", "rows": 3},
        ),
    ),
    4: (Broken("etags stay", shared.test_4_clocks_are_coarse, instead(showing, "etag", lambda row: 'W/"1"')),),
    5: (
        Broken(
            "a busy service does not say for how long",
            shared.test_5_everybody_waits_when_the_service_is_busy,
            instead(Fault, "reply", lambda fault, now: Reply(fault.status)),
            {"form": RetryAfter.SECONDS, "seconds": 7},
        ),
    ),
    6: (
        Broken(
            "answers have ids of their own",
            shared.test_6_results_of_a_batch_are_matched_by_id,
            after(batch, "_shown", lambda shown, *_: shown | {"id": str(uuid4())}),
        ),
    ),
    7: (
        Broken(
            "a create is answered without the record",
            shared.test_7_a_preference_that_is_ignored_is_noticed,
            after(sets, "_representation", _unanswered),
        ),
    ),
    8: (
        Broken(
            "the service adds nothing to links",
            shared.test_8_links_lead_nowhere_else,
            after(reading, "_next", lambda link, *_: link.replace("aid=FIN&", "")),
        ),
    ),
    9: (
        Broken(
            "the first page has no link",
            shared.test_9_a_stream_that_breaks_leaves_the_cursor,
            after(sets, "page_of", lambda page, *_: {"value": page["value"]}),
        ),
    ),
    10: (
        Broken(
            "a keyed read misses a record",
            shared.test_10_absence_is_confirmed_by_a_keyed_read,
            after(reading, "wanted_rows", lambda rows, *_: rows[1:]),
        ),
    ),
    11: (
        Broken(
            "what leaves a filter is deleted",
            shared.test_11_leaving_a_filter_is_no_change_of_the_service,
            instead(Others, "edit", _left),
        ),
    ),
    12: (
        Broken(
            "decimals are floats",
            shared.test_12_numbers_pass_no_float,
            after(showing, "shown", lambda shown, kind, *_: float(shown) if kind is Type.DECIMAL else shown),
        ),
    ),
    13: (
        Broken(
            "codes keep their case",
            shared.test_13_ids_and_codes_have_one_form_and_texts_their_own,
            stored_as(Type.CODE, values._text),
        ),
    ),
    14: (
        Broken(
            "tabs are refused like other control characters",
            shared.test_14_characters_that_xml_does_not_know_are_refused,
            instead(values, "_NOT_XML", re.compile("[\x00-\x1f]")),
        ),
    ),
    15: (
        Unbroken(
            shared.test_15_no_text_of_a_record_is_part_of_a_batch_head,
            "batches are JSON, whose encoder leaves no way out; what could do harm never leaves koppel",
        ),
    ),
}
BREAKS = every_break(TRAPS)


def test_every_trap_is_listed() -> None:
    check_table(TRAPS, "4.1", 15)


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_rule_is_noticed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    is_noticed(BREAKS[what], {"erp": standard, "app": custom}, monkeypatch)
