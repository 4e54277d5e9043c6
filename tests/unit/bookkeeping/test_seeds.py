"""The sandbox's expenses, written by other hands than ours: what is good is booked, what is bad fails as it says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.mapping import book
from ledgerbridge.bookkeeping.words import (
    Account,
    Accounts,
    Chart,
    Configuration,
    Dimension,
    ErpTax,
    Journal,
    JournalEntry,
    NothingToPost,
    TaxComponent,
)
from ledgerbridge.pleo.items import UnreadableItem, parse_item
from pleo_sandbox.seeds import Chart as Codes
from pleo_sandbox.seeds import Frame, Seed, named

from .books import PERIODS, TODAY

CODES = Codes()
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
CONFIG = Configuration(
    version=1,
    journal="EXP",
    accounts=Accounts(
        wallet={"*": CODES.account("wallet")},
        out_of_pocket=CODES.account("out_of_pocket"),
        contra=CODES.account("contra"),
        external_reimbursement="external",
        payable=CODES.account("payable"),
    ),
    time_zone="Europe/Copenhagen",
    dimensions=tuple(group for group, _ in CODES.dimensions.values()),
)


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


def _book(seed: Seed) -> JournalEntry | NothingToPost | str | None:
    """The entry, or the failure type of the first problem."""
    draft = seed.build(Frame(CODES, "00000000-0000-4000-8000-000000000001", "DKK", TODAY))
    try:
        one = parse_item({"_links": {}, **draft.payload})
    except UnreadableItem as unreadable:
        return unreadable.problem.row.item_type
    made = book(one, CONFIG, BOOKS, today=TODAY)
    return made[0].row.item_type if isinstance(made, tuple) else made
