"""The traps in which Dataverse refuses something, from one that speaks no English: codes and statuses are relied on
(wire 1.10).
"""

from dataclasses import replace

import pytest

from tests.broken import every_test, run_in_another_language
from tests.dataverse import test_shared_traps as shared
from tests.dataverse import test_traps_reading as reads
from tests.dataverse import test_traps_writing as writes
from tests.dataverse.crm import Crm, crm
from tests.dataverse.test_broken_rules import TRAPS
from tests.dataverse.test_broken_shared_rules import TRAPS as SHARED

CASES = every_test(TRAPS, SHARED)
REFUSED = (
    writes.test_01_patch_without_if_match_resurrects_deleted_rows,
    reads.test_03_deltas_expire_with_time_and_when_the_metadata_changes,
    reads.test_04_deltas_need_tracking_turned_on_and_a_reader_of_everything,
    writes.test_08_statecode_alone_resets_statuscode_and_both_must_fit,
    writes.test_10_lookups_have_case_a_suffix_and_must_exist,
    writes.test_17_a_disabled_user_owns_nothing,
    writes.test_21_users_are_not_created_here,
    writes.test_22_a_bulk_message_is_all_or_nothing_and_names_no_row,
    writes.test_23_a_batch_goes_on_after_an_error,
    reads.test_25_a_token_without_a_user_is_a_mistake_of_the_set_up,
    writes.test_30_how_a_memo_counts_line_ends_is_the_services_business,
    shared.test_03_a_lost_answer_is_an_unknown_outcome,
    shared.test_06_answers_of_a_batch_are_matched_by_content_id,
)


def _foreign() -> Crm:
    far = crm()
    far.web.environment.switches = replace(far.web.environment.switches, english=False)
    return far


@pytest.mark.parametrize("test", REFUSED)
def test_no_refusal_is_known_by_its_text(test: object) -> None:
    run_in_another_language(CASES[test], {"far": _foreign})
