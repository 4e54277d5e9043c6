"""The Tryton adapter passes the suite every adapter must pass, against a real Tryton.

The marks repeat what the tests of each suite name one by one, so that the rules show in the tests of this repository.
"""

from __future__ import annotations

import pytest

from ledgerbridge.erp import conformance


@pytest.mark.rule("EXP-VALID-02", "EXP-VALID-03", "EXP-VALID-05")
class TestCompany(conformance.Company):
    pass


@pytest.mark.rule("EXP-IDEM-02", "EXP-POST-03", "EXP-POST-04", "EXP-POST-06")
class TestBooking(conformance.Booking):
    pass


@pytest.mark.rule("EXP-ATT-03", "EXP-ATT-04", "EXP-ATT-06", "EXP-ATT-07", "EXP-ATT-11", "EXP-ATT-14")
class TestFiles(conformance.Files):
    pass


@pytest.mark.rule("EXP-IDEM-04", "EXP-REC-04")
class TestExactlyOnce(conformance.ExactlyOnce):
    pass


@pytest.mark.rule("EXP-BOOK-06", "EXP-ERR-01")
class TestRefusals(conformance.Refusals):
    pass


@pytest.mark.rule("EXP-IDEM-02", "EXP-IDEM-07", "EXP-REC-04")
class TestFinding(conformance.Finding):
    pass


@pytest.mark.parametrize("suite", [TestCompany, TestBooking, TestFiles, TestExactlyOnce, TestRefusals, TestFinding])
def test_the_marks_of_a_suite_are_those_of_its_tests(suite: type) -> None:
    named = {rule for test in vars(suite.__mro__[1]).values() for rule in _rules(test)}
    assert set(_rules(suite)) == named


def _rules(marked: object) -> list[str]:
    return [rule for mark in getattr(marked, "pytestmark", []) if mark.name == "rule" for rule in mark.args]
