"""When two exports of one accounting entry are the same."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from ledgerbridge.bookkeeping.content import content_digest
from ledgerbridge.bookkeeping.words import ExportItem, InvoiceInformation, ItemFile, Person, Supplier, Vendor

from .books import CONTRA_WALLET, DAY, OTHER_EXPENSE, account, amount, item, line, payable_item, vat, vendor

ONE = item(lines=[line(10_000, tags={"CC": "IT"}), line(2_500, tax=vat(500))])


@pytest.mark.parametrize(
    "same",
    [
        replace(ONE, note="corrected"),
        replace(ONE, supplier=Supplier(name="Acme Ltd"), user=Person("u2", "Bo Lund", None)),
        replace(ONE, files=(ItemFile("https://example.test/1", None, None),), web_link="https://example.test"),
        replace(ONE, lines=ONE.lines[::-1]),
        replace(ONE, lines=tuple(replace(one, id="other") for one in ONE.lines)),
        replace(ONE, method="none"),
        item(lines=[line(10_000, tags={"cc": "it"}), line(2_500, tax=vat(500))]),
    ],
)
def test_texts_people_receipts_and_order_do_not_count(same: ExportItem) -> None:
    assert content_digest(same) == content_digest(ONE)


@pytest.mark.parametrize(
    "other",
    [
        replace(ONE, type="personal_spend"),
        replace(ONE, sub_type="interest"),
        replace(ONE, date=DAY.replace(day=6)),
        replace(ONE, method="accounts_payable"),
        replace(ONE, amount=amount(12_501)),
        replace(ONE, contra_account=account(CONTRA_WALLET)),
        replace(ONE, vendor=Vendor("v", "Acme", None, None, None, None, None)),
        item(lines=[line(10_000, tags={"CC": "SALES"}), line(2_500, tax=vat(500))]),
        item(lines=[line(10_000, tags={"CC": "IT"}), line(2_500, tax=vat(400))]),
        item(lines=[line(10_000, tags={"CC": "IT"}), line(2_500, tax=vat(500, code="I0"))]),
        item(lines=[line(10_000, tags={"CC": "IT"}), line(2_500, tax=vat(500), on=OTHER_EXPENSE)]),
        item(lines=[line(10_000, tags={"CC": "IT"}), line(2_500, tax=vat(500), on=None)]),
        item(lines=[*ONE.lines, line(0)]),
    ],
)
def test_whatever_reaches_the_books_counts(other: ExportItem) -> None:
    assert content_digest(other) != content_digest(ONE)


INVOICE = InvoiceInformation("INV-1", dt.date(2026, 11, 1), "paid", None, None)


@pytest.mark.rule("EXP-IDEM-07")
@pytest.mark.parametrize(
    ("one", "digest"),
    [
        pytest.param(ONE, "87d07fc92e0f763b8bb05457ce8b62603f9fedfaf5cdd4363dd9d06bcf114a6b", id="purchase"),
        pytest.param(
            item("invoice", invoice=INVOICE, method="journal"),
            "e390ef03cd9aeb2fc05a6b902fbb8e381d6a7963e9baa0b0291c629c800435bd",
            id="invoice",
        ),
        pytest.param(
            item("out_of_pocket"),
            "e4515293fe835ad137dd5d253707997f8371970a8a57bf799e47860321d60f9e",
            id="out-of-pocket",
        ),
        pytest.param(
            item(
                lines=[
                    line(300, tags={"ÅR": "Süd", "cc": "IT"}, tax=vat(60)),
                    line(200, tax=vat(40, "reverse")),
                    line(100, on=None),
                ]
            ),
            "19b270e9f1a27008cb3ee2cd0fa6f1d44d1d47cc54fea219fbfcc3feb578e184",
            id="split",
        ),
        pytest.param(
            payable_item("invoice", invoice=replace(INVOICE, number="Nº 7")),
            "5c7b802e7b0321c71d772def2f1451e9b20e059a3e55da92f7e7a5bbbad954b9",
            id="bill",
        ),
        pytest.param(
            payable_item("out_of_pocket", user=Person("u1", "Anna", "E1")),
            "fab6b1e719f28ddb4e52b9401008bb114c24c045b637e9fa13304a648c712523",
            id="employee",
        ),
    ],
)
def test_what_was_booked_by_the_journal_before_keeps_its_digest(one: ExportItem, digest: str) -> None:
    """These digests stand in databases: another one would fail every entry that comes again as changed."""
    assert content_digest(one) == digest


BILL = payable_item("invoice", invoice=INVOICE)


@pytest.mark.parametrize(
    "other",
    [
        replace(BILL, vendor=vendor("V1", id="other")),
        replace(BILL, invoice=replace(INVOICE, number="INV-2")),
        replace(BILL, invoice=replace(INVOICE, invoice_date=dt.date(2026, 11, 2))),
        replace(BILL, invoice=replace(INVOICE, due_date=dt.date(2026, 12, 1))),
        replace(BILL, invoice=None),
        replace(BILL, method="journal"),
    ],
)
def test_whatever_reaches_a_bill_counts(other: ExportItem) -> None:
    assert content_digest(other) != content_digest(BILL)


@pytest.mark.parametrize(
    "same",
    [
        replace(BILL, vendor=vendor("renumbered", "e1", name="Acme Ltd")),
        replace(BILL, invoice=replace(INVOICE, status="scheduled", payment_date=dt.date(2026, 11, 9))),
        replace(BILL, user=Person("u2", "Bo Lund", "E8")),
    ],
)
def test_a_vendor_renamed_or_renumbered_does_not_change_what_was_bought(same: ExportItem) -> None:
    assert content_digest(same) == content_digest(BILL)


def test_the_employee_counts_where_the_employee_is_the_vendor() -> None:
    mileage, other = payable_item("mileage"), Person("u2", "Bo Lund", "E8")
    assert content_digest(replace(mileage, user=other)) != content_digest(mileage)
    journal = replace(mileage, method="journal")
    assert content_digest(replace(journal, user=other)) == content_digest(journal)
