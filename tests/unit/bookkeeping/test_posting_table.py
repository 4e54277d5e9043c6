"""Every row of the posting table: which account is debited and which is credited."""

from __future__ import annotations

import pytest

from ledgerbridge.bookkeeping.posting_table import TABLE
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import NothingToPost, PostingKey, Supplier

from .books import (
    CONTRA,
    CONTRA_WALLET,
    EXPENSE,
    EXTERNAL,
    OUT_OF_POCKET,
    PAYABLE,
    SPEND,
    SUPPLIER_PAYABLE,
    account,
    booked,
    entry,
    failures,
    item,
    line,
    problems,
    result,
)

ROWS = [
    ("card_purchase", None, EXPENSE, CONTRA_WALLET),
    ("card_invoice", None, EXPENSE, CONTRA_WALLET),
    ("fee", None, EXPENSE, CONTRA_WALLET),
    ("fee", "interest", EXPENSE, CONTRA_WALLET),
    ("overdraft", None, EXPENSE, CONTRA_WALLET),
    ("out_of_pocket", None, EXPENSE, OUT_OF_POCKET),
    ("mileage", None, EXPENSE, OUT_OF_POCKET),
    ("per_diem", None, EXPENSE, OUT_OF_POCKET),
    ("direct_reimbursement", None, OUT_OF_POCKET, CONTRA_WALLET),
    ("direct_reimbursement", "reimbursement_to_employee", OUT_OF_POCKET, CONTRA_WALLET),
    ("direct_reimbursement", "reimbursement_to_employee_refund", CONTRA_WALLET, OUT_OF_POCKET),
    ("direct_reimbursement", "reimbursement_to_company", CONTRA_WALLET, OUT_OF_POCKET),
    ("external_reimbursement", None, OUT_OF_POCKET, EXTERNAL),
    ("external_reimbursement", "reimbursement_to_employee", OUT_OF_POCKET, EXTERNAL),
    ("external_reimbursement", "reimbursement_to_employee_refund", EXTERNAL, OUT_OF_POCKET),
    ("external_reimbursement", "reimbursement_to_company", EXTERNAL, OUT_OF_POCKET),
    ("invoice", None, EXPENSE, PAYABLE),
    ("invoice_payment", None, PAYABLE, CONTRA_WALLET),
    ("invoice_payment", "invoice_payment_sent", PAYABLE, CONTRA_WALLET),
    ("invoice_payment", "invoice_payment_returned", CONTRA_WALLET, PAYABLE),
    ("refund", None, CONTRA_WALLET, EXPENSE),
    ("chargeback", None, CONTRA_WALLET, EXPENSE),
    ("cashback", None, CONTRA_WALLET, EXPENSE),
    ("atm_withdrawal", None, OUT_OF_POCKET, CONTRA_WALLET),
    ("personal_spend", None, OUT_OF_POCKET, CONTRA_WALLET),
    ("wallet_topup", None, CONTRA_WALLET, CONTRA),
    ("wallet_unload", None, CONTRA, CONTRA_WALLET),
]
"""Type, sub type, debit, credit. Written from export.md section 21, not from the code."""


def test_the_rows_tested_are_the_rows_there_are() -> None:
    assert {(type_, sub_type) for type_, sub_type, _, _ in ROWS} == set(TABLE)


@pytest.mark.rule(
    "EXP-BOOK-02", "EXP-BOOK-06", "EXP-ACCT-01", "EXP-ACCT-04", "EXP-ACCT-05", "EXP-ACCT-06", "EXP-ACCT-08",
    "EXP-ACCT-12", "EXP-ACCT-15", "EXP-TYPE-01", "EXP-TYPE-02", "EXP-TYPE-03", "EXP-TYPE-07", "EXP-TYPE-08",
    "EXP-TYPE-10", "EXP-TYPE-16",
)  # fmt: skip
@pytest.mark.parametrize("method", ["journal", "none", None])
@pytest.mark.parametrize(("type_", "sub_type", "debit", "credit"), ROWS)
def test_each_row_debits_and_credits_the_accounts_of_the_table(
    type_: str, sub_type: str | None, debit: str, credit: str, method: str | None
) -> None:
    made = entry(item(type_, 12_345, sub_type, method=method, contra_account=account(CONTRA_WALLET)))
    assert booked(made) == [(debit, "123.45"), (credit, "-123.45")]
    assert made.key == PostingKey("company-1", "entry-1", 1)


@pytest.mark.rule("EXP-TYPE-15", "EXP-TYPE-01", "EXP-TYPE-07")
@pytest.mark.parametrize(("type_", "sub_type", "debit", "credit"), [row for row in ROWS if row[0] not in SPEND])
def test_a_negative_amount_is_booked_the_same_way_as_a_positive_one(
    type_: str, sub_type: str | None, debit: str, credit: str
) -> None:
    made = entry(item(type_, -12_345, sub_type, contra_account=account(CONTRA_WALLET)))
    assert booked(made) == [(debit, "123.45"), (credit, "-123.45")]


@pytest.mark.rule("EXP-TYPE-15")
@pytest.mark.parametrize("type_", SPEND)
def test_negative_spend_waits_for_a_person(type_: str) -> None:
    (found,) = problems(item(type_, -12_345))
    assert found.failure is Failure.SIGN_UNEXPECTED
    assert found.text.startswith(f"The amount DKK -123.45 has a sign that is unusual for {type_}. ")


@pytest.mark.rule("EXP-TYPE-15")
@pytest.mark.parametrize(("seen", "sent"), [(1, -500), (-1, 500)])
def test_the_other_sign_than_before_waits_for_a_person(seen: int, sent: int) -> None:
    signs = {("refund", None): seen}
    assert failures(item("refund", sent), known_signs=signs) == [Failure.SIGN_UNEXPECTED]
    assert entry(item("refund", -sent), known_signs=signs).total == 5
    assert entry(item("chargeback", sent), known_signs=signs).total == 5


@pytest.mark.rule("EXP-TYPE-15")
def test_signs_are_remembered_for_each_sub_type() -> None:
    signs = {("direct_reimbursement", "reimbursement_to_company"): -1}
    (found,) = problems(item("direct_reimbursement", 500, "reimbursement_to_company"), known_signs=signs)
    assert found.failure is Failure.SIGN_UNEXPECTED
    assert "unusual for direct_reimbursement (reimbursement_to_company)" in found.text
    assert entry(item("direct_reimbursement", 500, "reimbursement_to_employee"), known_signs=signs).total == 5


@pytest.mark.rule("EXP-DATA-12")
@pytest.mark.parametrize("type_", ["", "card", "CARD_PURCHASE", "wallet_transfer", "balance_amendment"])
def test_an_unknown_type_is_never_guessed(type_: str) -> None:
    (found,) = problems(item(type_))
    assert found.failure is Failure.TYPE_UNKNOWN
    assert f"an item of type {type_ or '(none)'}," in found.text


@pytest.mark.rule("EXP-DATA-12", "EXP-TYPE-07")
@pytest.mark.parametrize(
    ("type_", "sub_type"),
    [
        ("card_purchase", "interest"),
        ("card_purchase", ""),
        ("fee", "overdraft_fee"),
        ("direct_reimbursement", "invoice_payment_returned"),
        ("invoice_payment", "reimbursement_to_company"),
        ("invoice", "invoice_payment_sent"),
        ("refund", "reimbursement_to_employee_refund"),
    ],
)
def test_a_sub_type_without_a_row_is_never_guessed(type_: str, sub_type: str) -> None:
    (found,) = problems(item(type_, sub_type=sub_type))
    assert found.failure is Failure.SUB_TYPE_UNKNOWN
    assert f"{type_} with the sub type {sub_type or '(none)'}," in found.text


@pytest.mark.rule("EXP-BOOK-01", "EXP-BOOK-02")
@pytest.mark.parametrize("method", ["accounts_payable", "ledger", ""])
def test_an_item_for_another_method_is_refused_and_not_made_a_journal_entry(method: str) -> None:
    (found,) = problems(item(method=method))
    assert found.failure is Failure.METHOD_NOT_SUPPORTED
    assert f"to be booked as {method or '(none)'}," in found.text


@pytest.mark.rule("EXP-BOOK-04", "EXP-TYPE-10")
@pytest.mark.parametrize("type_", ["wallet_topup", "wallet_unload", "atm_withdrawal", "personal_spend"])
@pytest.mark.parametrize("method", ["accounts_payable", "ledger"])
def test_moves_between_own_accounts_are_journal_entries_whatever_the_method(type_: str, method: str) -> None:
    assert entry(item(type_, method=method)).journal.code == "EXP"


@pytest.mark.rule("EXP-BOOK-03")
def test_an_item_without_method_is_a_journal_entry_by_the_supplier_record() -> None:
    made = entry(item("invoice", method=None, supplier=Supplier(name="Acme", account=SUPPLIER_PAYABLE)))
    assert made.description.startswith("Acme")
    assert booked(made)[-1][0] == SUPPLIER_PAYABLE


@pytest.mark.rule("EXP-TYPE-18")
@pytest.mark.parametrize("lines", [(), (line(0),), (line(0), line(0, on=None))])
def test_an_amount_of_zero_is_nothing_to_post(lines: tuple[object, ...]) -> None:
    nothing = result(item(minor=0, lines=lines), revision=3)  # type: ignore[arg-type]
    assert isinstance(nothing, NothingToPost)
    assert (nothing.key.accounting_entry_id, nothing.key.revision) == ("entry-1", 3)


def test_lines_that_cancel_out_are_not_taken_for_nothing() -> None:
    assert failures(item(minor=0, lines=(line(500), line(-500)))) == [Failure.LINES_WITHOUT_TOTAL]


def test_zero_of_an_unknown_type_is_still_unknown() -> None:
    assert failures(item("mystery", 0)) == [Failure.TYPE_UNKNOWN]


@pytest.mark.rule("EXP-TYPE-17")
def test_a_reimbursement_need_not_equal_what_it_settles() -> None:
    made = entry(item("direct_reimbursement", 70_00, reconciled_entries=("REC-7", "REC-8")))
    assert made.total == 70
