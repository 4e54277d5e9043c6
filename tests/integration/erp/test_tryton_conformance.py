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


@pytest.mark.rule("EXP-ATT-03", "EXP-ATT-14", "EXP-IDEM-04", "EXP-IDEM-07", "EXP-POST-03", "EXP-REC-04")
class TestBatches(conformance.Batches):
    pass


@pytest.mark.rule("EXP-ATT-06", "EXP-ATT-07", "EXP-REC-04", "VEN-066")
class TestHonesty(conformance.Honesty):
    pass


@pytest.mark.rule("EXP-BOOK-06", "EXP-ERR-01")
class TestRefusals(conformance.Refusals):
    pass


@pytest.mark.rule("EXP-IDEM-02", "EXP-IDEM-07", "EXP-REC-04")
class TestFinding(conformance.Finding):
    pass


@pytest.mark.rule(
    "ACC-020", "ACC-021", "ACC-032", "ACC-033", "ACC-036", "ACC-039", "ACC-040", "ACC-090",
    "TAG-022", "TAG-046", "TAG-071", "TAG-088", "TAG-148", "TAX-024", "TAX-025", "TAX-026", "TAX-028", "VEN-053",
)  # fmt: skip
class TestMirror(conformance.Mirror):
    pass


@pytest.mark.rule("VEN-020", "VEN-021", "VEN-026", "VEN-049", "VEN-052")
class TestVendors(conformance.Vendors):
    pass


@pytest.mark.rule("VEN-037", "VEN-063", "VEN-064", "VEN-065", "VEN-066", "VEN-067")
class TestNewVendors(conformance.NewVendors):
    pass


SUITES = [
    TestCompany,
    TestBooking,
    TestFiles,
    TestExactlyOnce,
    TestBatches,
    TestHonesty,
    TestRefusals,
    TestFinding,
    TestMirror,
    TestVendors,
    TestNewVendors,
]


@pytest.mark.parametrize("suite", SUITES)
def test_the_marks_of_a_suite_are_those_of_its_tests(suite: type) -> None:
    named = {rule for test in vars(suite.__mro__[1]).values() for rule in _rules(test)}
    assert set(_rules(suite)) == named


def _rules(marked: object) -> list[str]:
    return [rule for mark in getattr(marked, "pytestmark", []) if mark.name == "rule" for rule in mark.args]
