"""What a run says that the ERP stopped."""

from __future__ import annotations

import pytest

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.syncs.failing import of_problem

STOPS = {
    Failure.ERP_COMPANY_CHANGED: {"actual": "Other ApS", "expected": "Ours ApS"},
    Failure.ERP_COMPANY_UNKNOWN: {"company": "2"},
    Failure.ERP_UNREACHABLE: {},
    Failure.ERP_TIMEOUT: {},
    Failure.ERP_BUSY: {},
    Failure.ERP_RATE_LIMIT: {},
    Failure.ERP_AUTHENTICATION: {},
    Failure.ERP_FORBIDDEN: {"action": "read accounts"},
    Failure.ERP_LOCKED: {"company": "Ours ApS"},
    Failure.ERP_FAULT: {},
}


@pytest.mark.parametrize("failure", STOPS, ids=lambda failure: str(failure.value))
def test_a_run_does_not_speak_of_exports(failure: Failure) -> None:
    """Whoever reads it synchronised a chart: no item was booked or not, and nothing is to be exported again."""
    text = of_problem(problem(failure, "", **STOPS[failure])).text
    assert not {"export", "booked", "item", "entries"} & set(text.lower().replace(".", " ").replace(",", " ").split())
