"""Every trap of wire 4.1 over Dataverse, with the test that covers it and the broken rule it notices."""

import re
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from koppel.sandbox.dataverse import (
    batch,
    bulk,
    created,
    effects,
    filtering,
    limits,
    options,
    reading,
    showing,
    tracking,
    values,
    writing,
)
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.exchange import Reply
from koppel.sandbox.faults import Fault, RetryAfter
from tests.broken import Broken, Traps, Unbroken, after, always, check_table, every_break, instead, is_noticed
from tests.dataverse import test_shared_traps as shared
from tests.dataverse.crm import crm


def _ids_taken_twice(patch: pytest.MonkeyPatch) -> None:
    """A create with an id that is taken makes another row."""
    create = writing.create

    def careless(environment: Any, table: Any, body: Any, author: Any) -> str:
        if body.get(table.id_column) in environment.rows.tables[table.name]:
            body = {name: value for name, value in body.items() if name != table.id_column}
        return create(environment, table, body, author)

    for place in (bulk, writing, created):
        patch.setattr(place, "create", careless)


def _unnumbered(patch: pytest.MonkeyPatch) -> None:
    part = batch._application_http
    patch.setattr(batch, "_application_http", lambda reply, _: part(reply, ""))


def _ended_at_once(patch: pytest.MonkeyPatch) -> None:
    ending = tracking._ending
    patch.setattr(tracking, "_ending", lambda environment, link, start, _: ending(environment, link, start, None))


def _floats(shown: Any, *_: Any) -> Any:
    exact = isinstance(shown, int | Decimal) and not isinstance(shown, bool)
    return float(shown) if exact else shown


def _left(others: Others, table: str, row_id: str, body: dict[str, Any]) -> None:
    """An edit takes the row away."""
    others.delete(table, row_id)


TRAPS: Traps = {
    1: (
        Broken(
            "etags differ with each look",
            shared.test_01_our_own_write_comes_back_as_a_change,
            instead(showing, "etag", lambda row: f'W/"{uuid4()}"'),
        ),
    ),
    2: (
        Broken(
            "values are stored as they were sent",
            shared.test_02_values_are_normalised_when_they_are_stored,
            instead(effects, "quantized", lambda value, places: value),
        ),
    ),
    3: (
        Broken(
            "an id can be taken twice",
            shared.test_03_a_lost_answer_is_an_unknown_outcome,
            _ids_taken_twice,
            {"cut": "after", "number": 3},
        ),
    ),
    4: (
        Broken(
            "stamps tell parts of a second",
            shared.test_04_moments_have_whole_seconds,
            instead(Environment, "now", lambda environment: environment.clock.now()),
        ),
    ),
    5: (
        Broken(
            "a busy service does not say for how long",
            shared.test_05_told_to_wait_koppel_waits,
            instead(Fault, "reply", lambda fault, now: Reply(fault.status)),
            {"status": 429, "form": RetryAfter.SECONDS, "seconds": 7},
        ),
        Broken(
            "the limits say to come back too early",
            shared.test_05_limits_are_kept_by_all_workers_together,
            always(limits, "retry_after", {"Retry-After": "9"}),
        ),
    ),
    6: (Broken("answers have no ids", shared.test_06_answers_of_a_batch_are_matched_by_content_id, _unnumbered),),
    7: (
        Broken(
            "what was honoured is not told",
            shared.test_07_preferences_that_are_ignored_are_noticed,
            instead(options.Prefer, "applied", {}),
            {"ignore": shared._without_applied},
        ),
    ),
    8: (
        Broken(
            "links are not encoded",
            shared.test_08_links_are_followed_byte_for_byte_and_never_to_another_origin,
            instead(tracking, "quote", lambda text, safe: text),
            {"link": "nextLink"},
        ),
    ),
    9: (
        Broken(
            "the delta link stands on the first page",
            shared.test_09_a_stream_that_breaks_ends_the_reading,
            _ended_at_once,
        ),
    ),
    10: (
        Broken(
            "a keyed read misses a row",
            shared.test_10_a_page_is_no_snapshot_so_a_missing_row_is_looked_up,
            after(reading, "wanted_rows", lambda rows, *_: rows[1:]),
        ),
    ),
    11: (
        Broken(
            "what leaves a filter is told as deleted",
            shared.test_11_leaving_a_filter_is_no_change_of_the_service,
            instead(Others, "edit", _left),
        ),
    ),
    12: (Broken("numbers are floats", shared.test_12_numbers_are_exact, after(showing, "_plain", _floats)),),
    13: (
        Broken(
            "text is found in its own case only",
            shared.test_13_case_is_koppels_business,
            instead(filtering._Compiler, "_fold", lambda self, text: text),
        ),
    ),
    14: (
        Broken(
            "tabs are refused like other control characters",
            shared.test_14_control_characters_are_refused_for_their_row_only,
            instead(values, "_NOT_XML", re.compile("[\x00-\x1f]")),
        ),
    ),
    15: (
        Unbroken(
            shared.test_15_text_of_users_stands_in_no_request_line,
            "what could do harm never leaves koppel, so the test looks at what was sent",
        ),
    ),
}
BREAKS = every_break(TRAPS)


def test_every_trap_is_listed() -> None:
    check_table(TRAPS, "4.1", 15)


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_rule_is_noticed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    is_noticed(BREAKS[what], {"far": crm}, monkeypatch)
