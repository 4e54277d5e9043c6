"""Which payment is noted on which bill, where Tryton lets us match no lines."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from ledgerbridge.erp.tryton.moves import OpenLine
from ledgerbridge.erp.tryton.noting import Claim, wanted


def claim(number: int, *amounts: int, bill: bool = False, noted: Sequence[int] = (), party: int = 1) -> Claim:
    """A document with a line for each amount, debit less credit; a bill is owed, so its amounts are negative."""
    lines = [OpenLine(number * 10 + place, 7, party, Decimal(each), None) for place, each in enumerate(amounts)]
    return Claim(tuple(lines), number if bill else None, frozenset(noted))


@pytest.mark.rule("EXP-AP-04")
@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param([claim(1, -100, bill=True), claim(2, 100)], {1: {20}}, id="a_bill_and_its_payment"),
        pytest.param([claim(1, 100, bill=True), claim(2, -100)], {1: {20}}, id="a_credit_note_paid_back"),
        pytest.param([claim(1, -100, bill=True), claim(2, 30), claim(3, 70)], {1: {20, 30}}, id="two_payments"),
        pytest.param([claim(1, -60, -40, bill=True), claim(2, 100)], {1: {20}}, id="a_bill_due_in_two_parts"),
        pytest.param(
            [claim(1, -100, bill=True), claim(2, 100, bill=True)], {1: {20}, 2: {10}}, id="a_credit_note_on_its_bill"
        ),
        pytest.param([claim(1, -100, bill=True, noted=[20]), claim(2, 100)], {1: {20}}, id="noted_already"),
        pytest.param([claim(1, 100), claim(2, -100)], {}, id="a_payment_and_its_return"),
        pytest.param([claim(1, -100, bill=True), claim(2, 99)], None, id="too_little"),
        pytest.param([claim(1, -100, bill=True)], None, id="nothing_pays_it"),
        pytest.param([claim(1, -60, bill=True), claim(2, -40, bill=True), claim(3, 100)], None, id="two_bills"),
        pytest.param(
            [claim(1, -100, bill=True), claim(2, 40, bill=True), claim(3, 60)], None, id="a_credit_note_and_the_rest"
        ),
        pytest.param([claim(1, -100, bill=True), claim(2, 120), claim(3, -20)], None, id="too_much_and_some_back"),
        pytest.param([claim(1, -100, bill=True), claim(2, 100, party=2)], None, id="another_vendor"),
        pytest.param([claim(1, -100, bill=True, noted=[99]), claim(2, 100)], None, id="somebody_noted_another"),
    ],
)
def test_nothing_is_due_or_nothing_is_noted(claims: list[Claim], expected: dict[int, set[int]] | None) -> None:
    assert wanted(claims) == expected


def test_a_line_that_stands_in_a_match_is_noted_nowhere() -> None:
    matched = Claim((OpenLine(20, 7, 1, Decimal(100), 5),))
    assert wanted([claim(1, -100, bill=True), matched]) is None
