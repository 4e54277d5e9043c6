"""What mapping an item costs depends on the item, not on how large the company's books are."""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.mapping import book
from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.vendors import VendorIndex
from ledgerbridge.bookkeeping.words import Account, Chart, ErpTax, ExportItem, JournalEntry, Period, TaxComponent

from .books import CHART, CONFIG, TODAY, VAT_IN, erp_vendor, item, line, payable_item, vat


def calls(one: ExportItem, chart: ChartIndex, vendors: VendorIndex) -> int:
    """How many functions, Python's own included, are called to map it."""
    seen: Counter[str] = Counter()

    def count(_frame: Any, event: str, _what: Any) -> None:
        seen[event] += 1

    before = sys.getprofile()
    book(one, CONFIG, chart, today=TODAY, vendors=vendors)  # whatever is learned once
    sys.setprofile(count)
    try:
        made = book(one, CONFIG, chart, today=TODAY, vendors=vendors)
    finally:
        sys.setprofile(before)
    assert isinstance(made, JournalEntry | Bill), made
    return seen["call"] + seen["c_call"]


def grown(chart: Chart) -> Chart:
    """The same books with ten thousand more of everything there may be many of."""
    more = range(10_000)
    days = (dt.date(1950, 1, 1) + dt.timedelta(days=2 * number) for number in range(1000))
    first = chart.dimensions[0]
    return replace(
        chart,
        accounts=(*(Account(f"x{number}", f"X{number}", "Other") for number in more), *chart.accounts),
        taxes=(
            *(ErpTax(f"x{n}", f"X{n}", f"Tax {n}", (TaxComponent(f"y{n}", Decimal("0.1"), VAT_IN),)) for n in more),
            *chart.taxes,
        ),
        dimensions=(
            replace(first, values={**{f"X{number}": f"X{number}" for number in more}, **first.values}),
            *chart.dimensions[1:],
        ),
        periods=(*(Period(f"x{day}", "Other", day, day, open=True) for day in days), *chart.periods),
    )


def test_a_line_a_bill_and_a_split_are_mapped_with_as_many_calls_on_books_of_any_size() -> None:
    small, large = ChartIndex(CHART), ChartIndex(grown(CHART))
    few, many = [erp_vendor()], [erp_vendor(f"x{n}", f"X{n}", f"Vendor {n}") for n in range(10_000)]
    split = item(lines=[line(10_000, tags={"CC": "IT"}), line(2_500, tax=vat(500))])
    for one in (item(), split, payable_item("invoice")):
        assert calls(one, large, VendorIndex([*many, *few])) == calls(one, small, VendorIndex(few))
