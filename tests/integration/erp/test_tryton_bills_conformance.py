"""The Tryton adapter passes the suites about accounts payable, against a real Tryton.

The marks repeat what the tests of each suite name one by one, so that the rules show in the tests of this repository.
"""

from __future__ import annotations

import pytest

from ledgerbridge.erp import conformance


@pytest.mark.rule("EXP-AP-02", "EXP-AP-04", "EXP-AP-05", "EXP-AP-06", "EXP-AP-07", "EXP-AP-10", "EXP-ATT-04")
@pytest.mark.rule("EXP-IDEM-02", "EXP-POST-03", "EXP-POST-06", "EXP-SPLIT-04", "EXP-TAX-08")
class TestBills(conformance.Bills):
    pass


@pytest.mark.long
@pytest.mark.rule("EXP-IDEM-04", "EXP-REC-04")
class TestBillsOnce(conformance.BillsOnce):
    pass


@pytest.mark.rule("EXP-AP-02", "EXP-AP-04", "EXP-AP-06")
class TestMatches(conformance.Matches):
    pass


@pytest.mark.parametrize("suite", [TestBills, TestBillsOnce, TestMatches])
def test_the_marks_of_a_suite_are_those_of_its_tests(suite: type) -> None:
    named = {rule for test in vars(suite.__mro__[1]).values() for rule in _rules(test)}
    assert set(_rules(suite)) == named


def _rules(marked: object) -> list[str]:
    return [rule for mark in getattr(marked, "pytestmark", []) if mark.name == "rule" for rule in mark.args]
