"""The sandbox's expenses, written by other hands than ours: what is good is booked, what is bad fails as it says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.mapping import book
from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.vendors import VendorIndex
from ledgerbridge.bookkeeping.words import (
    Account,
    Chart,
    Dimension,
    ErpTax,
    Journal,
    JournalEntry,
    NothingToPost,
    TaxComponent,
)
from ledgerbridge.pleo.items import UnreadableItem, parse_item
from pleo_sandbox.core.employees import PEOPLE
from pleo_sandbox.seeds import Frame, Seed, named
from tests.support.seed_books import CODES, CONFIG, VENDOR

from .books import PERIODS, TODAY, erp_vendor

VAT = CODES.account("input_tax")
BOOKS = ChartIndex(
    Chart(
        "DKK",
        tuple(
            Account(code, code, code, needs_dimensions=code.startswith("5"))
            for code in sorted({*CODES.accounts.values(), "external"})
        ),
        (Journal("j1", "EXP", "Expenses"),),
        (
            ErpTax("t1", "I25", "Purchase VAT", (TaxComponent("c1", Decimal("0.25"), VAT),)),
            ErpTax("t2", "I0", "Exempt", (TaxComponent("c2", Decimal(0), None),)),
            ErpTax(
                "t3",
                "RC25",
                "Reverse charge",
                (TaxComponent("c3", Decimal("0.25"), VAT), TaxComponent("c4", Decimal("-0.25"), VAT)),
            ),
        ),
        tuple(
            Dimension(group, group, group, {value: value for value in values}, required=True)
            for group, values in CODES.dimensions.values()
        ),
        PERIODS,
    )
)


SUPPLIER = erp_vendor("77", "S-77", "Kontor & Co")
STAFF = [erp_vendor(f"staff-{code}", code, name) for name, code, _, _ in PEOPLE]


@pytest.mark.rule("EXP-DATA-08", "EXP-BOOK-06")
@pytest.mark.parametrize("seed", [pytest.param(seed, id=seed.name) for seed in named("good")])
def test_a_good_expense_is_booked(seed: Seed) -> None:
    made = _book(seed)
    assert isinstance(made, (JournalEntry, NothingToPost)), made
    assert isinstance(made, NothingToPost) == (seed.name == "zero_amount")


@pytest.mark.rule("EXP-DATA-12")
@pytest.mark.parametrize("seed", [pytest.param(seed, id=seed.name) for seed in named("bad")])
def test_a_bad_expense_fails_with_the_type_a_bookkeeper_expects(seed: Seed) -> None:
    assert _book(seed) == seed.expected_failure


@pytest.mark.rule("EXP-BOOK-02", "EXP-AP-02", "VEN-109", "VEN-112")
@pytest.mark.parametrize("seed", [pytest.param(seed, id=seed.name) for seed in named("payables")])
def test_what_is_for_accounts_payable_is_booked_on_a_vendor_or_fails_for_want_of_one(seed: Seed) -> None:
    made = _book(seed, VendorIndex([SUPPLIER, *STAFF]))
    if seed.expected_failure:
        assert made == seed.expected_failure
    elif seed.name == "payable_vendor_on_journal":
        assert isinstance(made, JournalEntry)
    else:
        assert isinstance(made, JournalEntry | Bill), made
        entry = made.entry if isinstance(made, Bill) else made
        assert [line.vendor for line in entry.lines].count(None) == len(entry.lines) - 1


def _book(seed: Seed, vendors: VendorIndex | None = None) -> Document | NothingToPost | str | None:
    """What it becomes in the books, or the failure type of the first problem."""
    draft = seed.build(Frame(CODES, "00000000-0000-4000-8000-000000000001", "DKK", TODAY))
    tagged = {"vendor": VENDOR} if draft.wants_vendor else {}
    try:
        one = parse_item({"_links": {}, **draft.payload, **tagged})
    except UnreadableItem as unreadable:
        return unreadable.problem.row.item_type
    made = book(one, CONFIG, BOOKS, today=TODAY, vendors=vendors)
    return made[0].row.item_type if isinstance(made, tuple) else made
