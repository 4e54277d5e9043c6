"""The Tryton adapter passes the suites about accounts payable, against a real Tryton.

The marks repeat what the tests of each suite name one by one, so that the rules show in the tests of this repository.
"""

from __future__ import annotations

import pytest

from ledgerbridge.erp import conformance


@pytest.mark.rule("EXP-AP-02", "EXP-AP-04", "EXP-AP-05", "EXP-AP-06", "EXP-AP-07", "EXP-AP-10", "EXP-ATT-04")
@pytest.mark.rule("EXP-IDEM-02", "EXP-POST-03", "EXP-POST-06", "EXP-SPLIT-04", "EXP-TAX-08")
class TestBills(conformance.Bills):
    later = frozenset(
        {
            "test_vat_stands_to_the_cent_as_on_the_receipt[plain-credit_note]",
            "test_vat_stands_to_the_cent_as_on_the_receipt[reverse_charge-bill]",
            "test_a_cancelled_bill_is_gone_and_may_be_booked_again",
            "test_a_bill_paid_by_the_same_item_is_paid[credit_note]",
        }
    )


@pytest.mark.long
@pytest.mark.rule("EXP-IDEM-04", "EXP-REC-04")
class TestBillsOnce(conformance.BillsOnce):
    pass


@pytest.mark.rule("EXP-AP-02", "EXP-AP-04", "EXP-AP-06")
class TestMatches(conformance.Matches):
    later = frozenset(
        {
            "test_a_bill_and_a_payment_of_two_jobs_are_settled[payment_first]",
            "test_several_bills_are_settled_by_one_payment",
            "test_a_draft_is_not_settled[payment]",
            "test_a_match_whose_reply_is_lost_is_made_once[timed_out]",
            "test_a_match_whose_reply_is_lost_is_made_once[busy]",
        }
    )


@pytest.mark.parametrize("suite", [TestBills, TestBillsOnce, TestMatches])
def test_the_marks_of_a_suite_are_those_of_its_tests(suite: type) -> None:
    named = {rule for test in vars(suite.__mro__[1]).values() for rule in _rules(test)}
    assert set(_rules(suite)) == named
    assert {name.partition("[")[0] for name in getattr(suite, "later", ())} <= vars(suite.__mro__[1]).keys()


def _rules(marked: object) -> list[str]:
    return [rule for mark in getattr(marked, "pytestmark", []) if mark.name == "rule" for rule in mark.args]
