"""What was booked in a real Tryton is taken back: the suites every adapter passes, and what is Tryton's own.

The marks repeat what the tests of each suite name one by one, so that the rules show in the tests of this repository.
"""

from __future__ import annotations

import pytest

from ledgerbridge.erp import conformance


@pytest.mark.rule("EXP-IDEM-02", "EXP-IDEM-07", "EXP-PERIOD-05", "EXP-REC-04")
class TestReversal(conformance.Reversal):
    pass


@pytest.mark.rule("EXP-AP-04", "EXP-AP-10", "EXP-IDEM-07", "EXP-PERIOD-05", "EXP-REC-04")
class TestReversalOfBills(conformance.ReversalOfBills):
    pass
