"""The traps once more, from a Dataverse that speaks no English: codes and statuses are relied on (wire 1.10)."""

from dataclasses import replace

import pytest

from tests.broken import every_test, run
from tests.dataverse.crm import Crm, crm
from tests.dataverse.test_broken_rules import TRAPS
from tests.dataverse.test_broken_shared_rules import TRAPS as SHARED

TESTS = every_test(TRAPS, SHARED)


def _foreign() -> Crm:
    far = crm()
    far.web.environment.switches = replace(far.web.environment.switches, english=False)
    return far


@pytest.mark.parametrize("test", TESTS)
def test_no_trap_is_known_by_its_text(test: str) -> None:
    run(TESTS[test], {"far": _foreign})
