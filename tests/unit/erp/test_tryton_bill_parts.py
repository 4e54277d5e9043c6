"""How the entry of a bill is taken apart into lines and taxes of Tryton, where its own arithmetic would differ."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from ledgerbridge.bookkeeping.words import Account, EntryLine, Money, TaxPosting
from ledgerbridge.erp.tryton.bill_parts import TaxTree, parts_of
from ledgerbridge.erp.tryton.bills import WantedLine, WantedTax
from ledgerbridge.erp.tryton.moves import Placed

DAY = dt.date(2026, 11, 5)
EXPENSE, VAT, OWED, OTHER, ASSET = 10, 20, 21, 22, 30


def tax(id_: int, **changes: Any) -> dict[str, Any]:
    row = {"id": id_, "type": "percentage", "parent": None, "active": True, "start_date": None, "end_date": None}
    return row | {"invoice_account": VAT, "credit_note_account": VAT} | changes


TREE = TaxTree(
    {
        row["id"]: row
        for row in (
            tax(1),
            tax(3, type="none", invoice_account=None, credit_note_account=None),
            tax(4, parent=3),
            tax(5, parent=3, invoice_account=OWED, credit_note_account=OWED),
            tax(6, end_date=dt.date(2026, 10, 31)),
            tax(7, credit_note_account=OTHER),
            tax(8, active=False),
        )
    }
)


def line(account: int, amount: str, *taxes: tuple[int, str], foreign: Money | None = None) -> Placed:
    value = Decimal(amount)
    postings = tuple(TaxPosting(str(part), "tax" if kind == "tax" else "base", value) for part, kind in taxes)
    sides = max(value, Decimal(0)), max(-value, Decimal(0))
    return Placed(EntryLine(Account(str(account), str(account), "X"), *sides, "text", postings, foreign=foreign))


def parts(*placed: Placed) -> tuple[list[WantedLine], list[WantedTax]]:
    return parts_of(placed, TREE, frozenset({EXPENSE}), {}, DAY)


def told(taxes: list[WantedTax]) -> list[tuple[int, int | None, str, str, bool]]:
    return [(each.account, each.tax, str(each.base), str(each.amount), each.chosen) for each in taxes]


@pytest.mark.rule("EXP-TAX-08")
def test_a_plain_tax_is_chosen_and_its_amount_is_the_receipts() -> None:
    lines, taxes = parts(line(EXPENSE, "100.00", (1, "base")), line(VAT, "24.99", (1, "tax")))
    assert [each.taxes for each in lines] == [frozenset({1})]
    assert told(taxes) == [(VAT, 1, "100.00", "24.99", True)]


@pytest.mark.rule("EXP-SPLIT-04")
def test_lines_of_one_tax_share_a_row_for_each_direction() -> None:
    lines, taxes = parts(
        line(EXPENSE, "100.00", (1, "base")),
        line(VAT, "25.00", (1, "tax")),
        line(EXPENSE, "60.00", (1, "base")),
        line(VAT, "14.99", (1, "tax")),
        line(EXPENSE, "-10.00", (1, "base")),
        line(VAT, "-2.51", (1, "tax")),
    )
    assert len(lines) == 3
    assert told(taxes) == [(VAT, 1, "160.00", "39.99", True), (VAT, 1, "-10.00", "-2.51", True)]


@pytest.mark.rule("EXP-TAX-08")
def test_both_halves_of_a_reverse_charge_stand_on_their_accounts() -> None:
    lines, taxes = parts(
        line(EXPENSE, "100.00", (4, "base"), (5, "base")),
        line(VAT, "25.01", (4, "tax")),
        line(OWED, "-25.01", (5, "tax")),
    )
    assert [each.taxes for each in lines] == [frozenset({3})]
    assert told(taxes) == [(VAT, 4, "100.00", "25.01", True), (OWED, 5, "100.00", "-25.01", True)]


@pytest.mark.parametrize(
    ("base", "part", "account"),
    [("100.00", 6, VAT), ("100.00", 8, VAT), ("100.00", 1, OTHER), ("-100.00", 7, VAT), ("100.00", 99, VAT)],
    ids=["ended", "switched_off", "another_account", "another_for_credit_notes", "unknown"],
)
@pytest.mark.rule("EXP-TAX-08")
def test_a_tax_tryton_would_compute_otherwise_is_stated_by_hand(base: str, part: int, account: int) -> None:
    vat = str(Decimal(base) / 4)
    lines, taxes = parts(line(EXPENSE, base, (part, "base")), line(account, vat, (part, "tax")))
    assert [each.taxes for each in lines] == [frozenset()]
    assert told(taxes) == [(account, part, base, vat, False)]


def test_half_of_a_tax_of_two_parts_is_stated_by_hand() -> None:
    lines, taxes = parts(line(EXPENSE, "100.00", (4, "base")), line(VAT, "25.00", (4, "tax")))
    assert [each.taxes for each in lines] == [frozenset()]
    assert told(taxes) == [(VAT, 4, "100.00", "25.00", False)]


def test_vat_of_a_line_without_a_base_is_stated_by_hand() -> None:
    lines, taxes = parts(line(VAT, "25.00", (1, "tax")))
    assert (lines, told(taxes)) == ([], [(VAT, 1, "0", "25.00", False)])


@pytest.mark.rule("EXP-TAX-08")
def test_what_tryton_takes_no_line_for_is_stated_without_a_tax() -> None:
    lines, taxes = parts(line(ASSET, "100.00", (1, "base")), line(VAT, "25.00", (1, "tax")), line(VAT, "3.00"))
    assert lines == []
    assert told(taxes) == [
        (ASSET, None, "0", "100.00", False),
        (VAT, 1, "100.00", "25.00", False),
        (VAT, None, "0", "3.00", False),
    ]


@pytest.mark.rule("EXP-FX-03")
def test_the_suppliers_amount_is_told_in_words() -> None:
    lines, _ = parts(line(EXPENSE, "-74.50", foreign=Money(-1000, "EUR")))
    assert [(each.amount, each.text) for each in lines] == [(Decimal("-74.50"), "text (EUR 10.00)")]
