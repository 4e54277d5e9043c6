"""When two exports of one accounting entry are the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledgerbridge.bookkeeping.content import content_digest
from ledgerbridge.bookkeeping.words import ExportItem, ItemFile, Person, Supplier, Vendor

from .books import CONTRA_WALLET, DAY, OTHER_EXPENSE, account, amount, item, line, vat

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
