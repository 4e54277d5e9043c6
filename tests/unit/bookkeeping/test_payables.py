"""Accounts payable: each row of the posting table's second half (export.md section 21), and what a bill carries."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.payables import Bill, payable
from ledgerbridge.bookkeeping.posting_table import TABLE
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.vendors import VendorIndex
from ledgerbridge.bookkeeping.words import InvoiceInformation, JournalEntry, Money, NothingToPost, Supplier

from .books import (
    ACME,
    ACME_PAYABLE,
    ANNA,
    CLOSED,
    CONTRA_WALLET,
    EXPENSE,
    EXTERNAL,
    OTHER_EXPENSE,
    PARTY_PAYABLE,
    PAYABLE,
    STAFF_PAYABLE,
    SUNDRY,
    TWIN,
    VAT_IN,
    VAT_OUT,
    VENDORS,
    WALLET,
    account,
    bill,
    booked,
    config,
    document,
    entry,
    failures,
    line,
    payable_item,
    problems,
    result,
    vat,
    vendor,
)

Pair = tuple[str, str]
"""Account debited, account credited."""

BILLS: dict[tuple[str, str | None], tuple[Pair, Pair | None]] = {
    ("card_purchase", None): ((EXPENSE, ACME_PAYABLE), (ACME_PAYABLE, WALLET)),
    ("card_invoice", None): ((EXPENSE, ACME_PAYABLE), (ACME_PAYABLE, WALLET)),
    ("fee", None): ((EXPENSE, ACME_PAYABLE), (ACME_PAYABLE, WALLET)),
    ("fee", "interest"): ((EXPENSE, ACME_PAYABLE), (ACME_PAYABLE, WALLET)),
    ("overdraft", None): ((EXPENSE, ACME_PAYABLE), (ACME_PAYABLE, WALLET)),
    ("out_of_pocket", None): ((EXPENSE, STAFF_PAYABLE), None),
    ("mileage", None): ((EXPENSE, STAFF_PAYABLE), None),
    ("per_diem", None): ((EXPENSE, STAFF_PAYABLE), None),
    ("invoice", None): ((EXPENSE, ACME_PAYABLE), None),
}
CREDIT_NOTES: dict[tuple[str, str | None], tuple[Pair, Pair | None]] = {
    ("refund", None): ((ACME_PAYABLE, EXPENSE), (WALLET, ACME_PAYABLE)),
    ("chargeback", None): ((ACME_PAYABLE, EXPENSE), (WALLET, ACME_PAYABLE)),
    ("cashback", None): ((ACME_PAYABLE, EXPENSE), (WALLET, ACME_PAYABLE)),
}
PAYMENTS: dict[tuple[str, str | None], Pair] = {
    ("invoice_payment", None): (ACME_PAYABLE, WALLET),
    ("invoice_payment", "invoice_payment_sent"): (ACME_PAYABLE, WALLET),
    ("invoice_payment", "invoice_payment_returned"): (WALLET, ACME_PAYABLE),
    ("direct_reimbursement", None): (STAFF_PAYABLE, WALLET),
    ("direct_reimbursement", "reimbursement_to_employee"): (STAFF_PAYABLE, WALLET),
    ("direct_reimbursement", "reimbursement_to_employee_refund"): (WALLET, STAFF_PAYABLE),
    ("direct_reimbursement", "reimbursement_to_company"): (WALLET, STAFF_PAYABLE),
    ("external_reimbursement", None): (STAFF_PAYABLE, EXTERNAL),
    ("external_reimbursement", "reimbursement_to_employee"): (STAFF_PAYABLE, EXTERNAL),
    ("external_reimbursement", "reimbursement_to_employee_refund"): (EXTERNAL, STAFF_PAYABLE),
    ("external_reimbursement", "reimbursement_to_company"): (EXTERNAL, STAFF_PAYABLE),
    ("atm_withdrawal", None): (STAFF_PAYABLE, WALLET),
    ("personal_spend", None): (STAFF_PAYABLE, WALLET),
}
JOURNALS: dict[tuple[str, str | None], Pair] = {
    ("wallet_topup", None): (WALLET, "5840"),
    ("wallet_unload", None): ("5840", WALLET),
}


def row_id(value: object) -> str | None:
    return "-".join(part for part in value if part) if isinstance(value, tuple) and value in TABLE else None


def pair(made: JournalEntry) -> Pair:
    """The account debited and the one credited, of an entry of two lines."""
    (debit,) = [one.account.code for one in made.lines if one.debit]
    (credit,) = [one.account.code for one in made.lines if one.credit]
    return debit, credit


def test_every_row_of_the_posting_table_has_its_accounts_payable_half() -> None:
    assert {*BILLS, *CREDIT_NOTES, *PAYMENTS, *JOURNALS} == set(TABLE)


@pytest.mark.rule("EXP-BOOK-02", "EXP-AP-02", "EXP-AP-05", "EXP-AP-08", "EXP-AP-10", "EXP-ACCT-07", "VEN-112")
@pytest.mark.parametrize(("kind", "accounts"), BILLS.items(), ids=row_id)
def test_a_purchase_is_a_bill_and_what_the_wallet_paid_its_payment(
    kind: tuple[str, str | None], accounts: tuple[Pair, Pair | None]
) -> None:
    made = bill(payable_item(kind[0], sub_type=kind[1]))
    assert not made.credit_note
    assert (pair(made.entry), pair(made.payment) if made.payment else None) == accounts


@pytest.mark.rule("EXP-AP-06", "EXP-TYPE-01")
@pytest.mark.parametrize(("kind", "accounts"), CREDIT_NOTES.items(), ids=row_id)
@pytest.mark.parametrize("minor", [10_000, -10_000])
def test_money_given_back_is_a_credit_note_with_the_payment_the_other_way(
    kind: tuple[str, str | None], accounts: tuple[Pair, Pair | None], minor: int
) -> None:
    made = bill(payable_item(kind[0], minor))
    assert made.credit_note
    assert made.payment is not None
    assert (pair(made.entry), pair(made.payment)) == accounts


@pytest.mark.rule("EXP-AP-02", "EXP-AP-09", "EXP-TYPE-07", "EXP-TYPE-08", "EXP-TYPE-16")
@pytest.mark.parametrize(("kind", "accounts"), PAYMENTS.items(), ids=row_id)
def test_what_only_moves_money_is_an_entry_on_the_vendors_account(kind: tuple[str, str | None], accounts: Pair) -> None:
    made = document(payable_item(kind[0], sub_type=kind[1]))
    assert isinstance(made, JournalEntry)
    assert pair(made) == accounts
    assert payable(made) == (100 if accounts[0] in (ACME_PAYABLE, STAFF_PAYABLE) else -100)


@pytest.mark.rule("EXP-BOOK-04", "EXP-BOOK-05")
@pytest.mark.parametrize(("kind", "accounts"), JOURNALS.items(), ids=row_id)
def test_moves_between_own_accounts_name_no_vendor(kind: tuple[str, str | None], accounts: Pair) -> None:
    made = document(payable_item(kind[0], vendor=None, user=None))
    assert isinstance(made, JournalEntry)
    assert pair(made) == accounts
    assert [one.vendor for one in made.lines] == [None, None]


@pytest.mark.parametrize("kind", [*BILLS, *CREDIT_NOTES], ids=row_id)
def test_the_journal_books_the_same_items_without_a_bill(kind: tuple[str, str | None]) -> None:
    assert isinstance(document(payable_item(kind[0], sub_type=kind[1], method="journal")), JournalEntry)


# ------------------------------------------------------------------ what a bill carries


@pytest.mark.rule("EXP-AP-03", "EXP-MAP-08")
def test_the_payable_line_alone_names_the_vendor_and_the_text_tells_its_name() -> None:
    made = bill(payable_item())
    assert made.vendor == ACME
    assert made.payment is not None
    assert [one.vendor for one in made.entry.lines] == [None, "e1"]
    assert [one.vendor for one in made.payment.lines] == ["e1", None]
    assert "Acme Corporation" in made.entry.description
    assert made.payment.key == made.entry.key == made.key


@pytest.mark.rule("EXP-SPLIT-04")
def test_split_lines_are_one_bill_with_one_payable_line() -> None:
    lines = [
        line(10_000, tax=vat(2_000), tags={"CC": "IT"}),
        line(5_000, on=OTHER_EXPENSE, tags={"CC": "SALES"}),
        line(-1_500, on=OTHER_EXPENSE),
    ]
    made = bill(payable_item(lines=lines))
    assert booked(made.entry) == [
        (EXPENSE, "80.00"),
        (VAT_IN, "20.00"),
        (OTHER_EXPENSE, "50.00"),
        (OTHER_EXPENSE, "-15.00"),
        (ACME_PAYABLE, "-135.00"),
    ]
    assert [one.dimensions for one in made.entry.lines[:3]] == [(("CC", "IT"),), (), (("CC", "SALES"),)]
    assert made.total == 135


@pytest.mark.rule("EXP-TAX-05", "EXP-TAX-08")
def test_reverse_charge_stays_on_the_bill_and_out_of_what_is_owed() -> None:
    made = bill(payable_item(lines=[line(10_000, tax=vat(2_500, "reverse", "RC25"))]))
    assert booked(made.entry) == [
        (EXPENSE, "100.00"),
        (VAT_IN, "25.00"),
        (VAT_OUT, "-25.00"),
        (ACME_PAYABLE, "-100.00"),
    ]
    assert made.total == 100
    assert made.payment is not None
    assert made.payment.total == 100


@pytest.mark.rule("EXP-TAX-08")
def test_a_bill_keeps_the_vat_of_the_receipt() -> None:
    made = bill(payable_item(lines=[line(12_500, tax=vat(2_499))]))
    assert booked(made.entry)[:2] == [(EXPENSE, "100.01"), (VAT_IN, "24.99")]
    assert [(told.kind, told.amount) for one in made.entry.lines for told in one.taxes] == [
        ("base", Decimal("100.01")),
        ("tax", Decimal("24.99")),
    ]


@pytest.mark.rule("EXP-TYPE-20")
def test_a_cashback_credit_note_has_no_vat() -> None:
    made = bill(payable_item("cashback", lines=[line(12_500, tax=vat(2_500))]))
    assert booked(made.entry) == [(ACME_PAYABLE, "125.00"), (EXPENSE, "-125.00")]


INVOICE = InvoiceInformation(" INV-7 ", dt.date(2026, 10, 20), "paid", dt.date(2026, 11, 19), dt.date(2026, 11, 3))


@pytest.mark.rule("EXP-MAP-10")
@pytest.mark.parametrize("type_", ["invoice", "card_invoice"])
def test_a_bill_carries_number_and_days_of_the_invoice(type_: str) -> None:
    made = bill(payable_item(type_, invoice=INVOICE))
    assert (made.number, made.invoice_date, made.due_date) == ("INV-7", INVOICE.invoice_date, INVOICE.due_date)
    assert made.entry.date == dt.date(2026, 11, 5)


@pytest.mark.rule("EXP-MAP-10")
def test_what_is_no_invoice_carries_none_of_it() -> None:
    made = bill(payable_item("card_purchase", invoice=INVOICE))
    assert (made.number, made.invoice_date, made.due_date) == (None, None, None)
    blank = bill(payable_item("invoice", invoice=InvoiceInformation(" ", INVOICE.invoice_date, "paid", None, None)))
    assert (blank.number, blank.due_date) == (None, None)


@pytest.mark.rule("EXP-FX-02", "EXP-FX-04")
def test_an_invoice_is_kept_in_the_suppliers_currency_beside_pleos_own_conversion() -> None:
    abroad = payable_item(
        "invoice",
        lines=[
            line(74_600, supplier=10_000, foreign="EUR", tax=vat(14_920, supplier=Money(2_000, "EUR"))),
        ],
        supplier_total=Money(10_000, "EUR"),
    )
    made = bill(abroad)
    assert [(one.account.code, one.foreign) for one in made.entry.lines] == [
        (EXPENSE, Money(8_000, "EUR")),
        (VAT_IN, Money(2_000, "EUR")),
        (ACME_PAYABLE, Money(-10_000, "EUR")),
    ]
    assert made.total == 746


@pytest.mark.rule("EXP-FX-02")
def test_the_payment_of_an_invoice_is_in_the_wallets_currency() -> None:
    paid = document(payable_item("invoice_payment", 75_000, supplier_total=Money(10_000, "EUR")))
    assert isinstance(paid, JournalEntry)
    assert [one.foreign for one in paid.lines] == [None, None]
    assert paid.total == 750


@pytest.mark.rule("EXP-ACCT-12")
def test_the_payment_leaves_the_wallet_the_item_names() -> None:
    made = bill(payable_item(contra_account=account(CONTRA_WALLET)))
    assert made.payment is not None
    assert pair(made.payment) == (ACME_PAYABLE, CONTRA_WALLET)


# ------------------------------------------------------------------ which payable account


@pytest.mark.rule("EXP-ACCT-07", "EXP-AP-07", "EXP-VENDOR-08")
def test_a_vendor_without_an_account_of_its_own_is_owed_on_the_one_for_all() -> None:
    made = bill(payable_item("invoice", vendor=vendor("V2")))
    assert booked(made.entry)[-1] == (PAYABLE, "-100.00")
    assert made.entry.lines[-1].vendor == "e2"


@pytest.mark.rule("EXP-ACCT-07", "EXP-AP-07")
def test_the_account_for_all_may_ask_for_a_party_because_the_line_names_one() -> None:
    made = bill(payable_item("invoice", vendor=vendor("V2")), config=config(payable=PARTY_PAYABLE))
    assert booked(made.entry)[-1][0] == PARTY_PAYABLE


@pytest.mark.rule("EXP-ACCT-07", "EXP-VENDOR-09")
def test_the_default_vendor_is_not_owed_on_the_account_of_a_supplier() -> None:
    nobody = payable_item("invoice", vendor=None, supplier=Supplier(name="Acme", account=ACME_PAYABLE))
    made = bill(nobody, config=config(default_vendor="V999"))
    assert (made.vendor, booked(made.entry)[-1]) == (SUNDRY, (PAYABLE, "-100.00"))


@pytest.mark.rule("EXP-ACCT-07", "EXP-VENDOR-08", "EXP-ACCT-09")
def test_a_vendor_without_any_account_asks_for_one_by_name() -> None:
    (found,) = problems(payable_item(vendor=vendor("V2")), vendors=VENDORS, config=config(payable=None))
    assert found.failure is Failure.PAYABLE_ACCOUNT_MISSING
    assert found.row.item_type == "missing_configuration"
    assert found.text.startswith("Vendor Bolt (number V2) has no accounts payable account of its own")


@pytest.mark.rule("EXP-ACCT-09")
@pytest.mark.parametrize(
    ("code", "failure"), [("0000", Failure.VENDOR_ACCOUNT_UNKNOWN), (TWIN, Failure.ACCOUNT_AMBIGUOUS)]
)
def test_a_vendors_account_that_cannot_be_used_is_never_replaced(code: str, failure: Failure) -> None:
    index = VendorIndex([replace(ACME, payable=code)])
    assert failures(payable_item("invoice"), vendors=index) == [failure]


@pytest.mark.parametrize("code", ["0000", CLOSED])
def test_a_configured_payable_account_that_is_gone_fails_the_item(code: str) -> None:
    gone = payable_item("invoice", vendor=vendor("V2"))
    assert failures(gone, vendors=VENDORS, config=config(payable=code)) == [Failure.CONFIGURED_ACCOUNT_UNKNOWN]


@pytest.mark.rule("EXP-ACCT-14")
@pytest.mark.parametrize("on", [ACME_PAYABLE, WALLET])
def test_an_expense_on_the_payable_or_wallet_account_would_move_nothing(on: str) -> None:
    assert failures(payable_item(lines=[line(100, on=on)]), vendors=VENDORS) == [Failure.ACCOUNTS_EQUAL]


@pytest.mark.rule("EXP-BOOK-01", "EXP-VALID-08")
@pytest.mark.parametrize("kind", [*BILLS, *CREDIT_NOTES, *PAYMENTS], ids=row_id)
def test_without_vendor_bills_in_the_erp_accounts_payable_is_refused(kind: tuple[str, str | None]) -> None:
    asked = payable_item(kind[0], sub_type=kind[1])
    if TABLE[kind].own_debt:
        assert pair(entry(asked)) == ("6810", WALLET)
    else:
        assert failures(asked) == [Failure.METHOD_NOT_SUPPORTED]


def test_nothing_is_owed_for_an_amount_of_zero() -> None:
    assert isinstance(result(payable_item(minor=0, lines=[line(0)]), vendors=VENDORS), NothingToPost)


@pytest.mark.rule("EXP-AP-01", "EXP-AP-03", "EXP-DATA-05")
def test_without_its_vendor_nothing_else_of_a_bill_is_looked_at() -> None:
    lost = payable_item(vendor=vendor("V0"), lines=[line(100, on=None)])
    assert failures(lost, vendors=VENDORS) == [Failure.VENDOR_UNKNOWN]


def test_a_bill_is_the_same_however_often_it_is_made() -> None:
    assert bill(payable_item()) == bill(payable_item())
    assert isinstance(bill(payable_item()), Bill)
    assert bill(payable_item("mileage")).vendor == ANNA
