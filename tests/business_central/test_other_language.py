"""The traps in which Business Central refuses something, from one that speaks no English whatever it is asked for:
codes and statuses are relied on (wire 2.3, 2.8). What koppel does when it can read that a table is locked is the other
`test_26`.
"""

from collections.abc import Callable

import pytest

from tests.broken import every_test, run_in_another_language
from tests.business_central import test_traps_reading as reads
from tests.business_central import test_traps_writing as writes
from tests.business_central.erp import Erp, custom, standard
from tests.business_central.test_broken_rules import TRAPS

CASES = every_test(TRAPS)
REFUSED = (
    writes.test_3_stale_is_409_and_not_every_409_is_stale,
    writes.test_4_no_upsert,
    writes.test_5_a_failed_snapshot_batch_lies,
    writes.test_14_codes_must_exist_first,
    writes.test_24_a_record_that_refuses_updates_is_one_error,
    writes.test_26_a_locked_table_passes_in_any_language,
    reads.test_27_maintenance,
)


def _foreign(made: Callable[[], Erp]) -> Callable[[], Erp]:
    def make() -> Erp:
        erp = made()
        erp.central.switch(english=False)
        return erp

    return make


@pytest.mark.parametrize("test", REFUSED)
def test_no_refusal_is_known_by_its_text(test: object) -> None:
    run_in_another_language(CASES[test], {"erp": _foreign(standard), "app": _foreign(custom)})
