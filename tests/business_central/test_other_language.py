"""The traps once more, from a Business Central that speaks no English whatever it is asked for: codes and statuses are
relied on (wire 2.3, 2.8).
"""

from collections.abc import Callable

import pytest

from tests.broken import every_test, run
from tests.business_central.erp import Erp, custom, standard
from tests.business_central.test_broken_rules import TRAPS
from tests.business_central.test_broken_shared_rules import TRAPS as SHARED

ABOUT_ENGLISH = {
    "test_8_names_are_encoded_and_errors_in_english",  # that English is asked for
    "test_26_a_locked_table_passes",  # what koppel does when it can read that it is
}
TESTS = every_test(TRAPS, SHARED)


def _foreign(made: Callable[[], Erp]) -> Callable[[], Erp]:
    def make() -> Erp:
        erp = made()
        erp.central.switch(english=False)
        return erp

    return make


@pytest.mark.parametrize("test", sorted(TESTS.keys() - ABOUT_ENGLISH))
def test_no_trap_is_known_by_its_text(test: str) -> None:
    run(TESTS[test], {"erp": _foreign(standard), "app": _foreign(custom)})
