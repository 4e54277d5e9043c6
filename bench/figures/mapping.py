"""What it costs to turn an item's payload into the entry that is booked, over reading its JSON alone.

Ours: all that `exports.judging` does with a payload but for its looks at the ledger: reading it strictly, the digest of
its content, the mapping to a balanced entry or bill. Bare: `json.loads` of the bytes of the same item. Every good
expense of the sandbox and those for accounts payable take part, so that every type of item does, on the chart of a
company of some size. Both terms are the mean of an item, measured in alternating rounds of which the medians count.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from decimal import Decimal
from statistics import median

from bench.stage import size
from bench.terms import Figure, Terms
from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.content import content_digest
from ledgerbridge.bookkeeping.mapping import book
from ledgerbridge.bookkeeping.vendors import VendorIndex
from ledgerbridge.bookkeeping.words import (
    Account,
    Chart,
    Dimension,
    ErpTax,
    Journal,
    Period,
    TaxComponent,
)
from ledgerbridge.pleo.items import parse_item
from pleo_sandbox.core.employees import PEOPLE
from pleo_sandbox.seeds import Frame, named
from tests.support.seed_books import CODES, CONFIG, VENDOR
from tests.unit.bookkeeping.books import erp_vendor

FIGURE = Figure("Mapping an item to its entry, over json.loads of its payload", floor=15, aim=5, higher_is_better=False)
TODAY = dt.date(2026, 11, 20)
COMPANY = "00000000-0000-4000-8000-000000000001"


def payloads() -> list[bytes]:
    """What Pleo would send of each expense, as it would send it."""
    found = []
    for seed in (*named("good"), *named("payables")):
        if seed.expected_failure:
            continue
        draft = seed.build(Frame(CODES, COMPANY, "DKK", TODAY))
        vendor = {"vendor": VENDOR} if draft.wants_vendor else {}
        found.append(json.dumps({"_links": {}, **draft.payload, **vendor}).encode())
    return found


def chart(accounts: int = 400, values: int = 200) -> ChartIndex:
    """The codes of the sandbox among many others."""
    vat = CODES.account("input_tax")
    codes = sorted({*CODES.accounts.values(), "external", *(str(10_000 + number) for number in range(accounts))})
    others = {f"V{number}": f"V{number}" for number in range(values)}
    return ChartIndex(
        Chart(
            "DKK",
            tuple(Account(code, code, code, needs_dimensions=code.startswith("5")) for code in codes),
            (Journal("j1", "EXP", "Expenses"),),
            (
                ErpTax("t1", "I25", "Purchase VAT", (TaxComponent("c1", Decimal("0.25"), vat),)),
                ErpTax("t2", "I0", "Exempt", (TaxComponent("c2", Decimal(0), None),)),
                ErpTax(
                    "t3",
                    "RC25",
                    "Reverse charge",
                    (TaxComponent("c3", Decimal("0.25"), vat), TaxComponent("c4", Decimal("-0.25"), vat)),
                ),
            ),
            tuple(
                Dimension(group, group, group, {**others, **{value: value for value in known}}, required=True)
                for group, known in CODES.dimensions.values()
            ),
            tuple(
                Period(f"p{month}", f"2026-{month:02}", dt.date(2026, month, 1), _end(month), open=True)
                for month in range(1, 13)
            ),
        )
    )


def measure() -> Terms:
    index, vendors, configuration = chart(), _vendors(), CONFIG
    raw = payloads()
    items = [json.loads(one) for one in raw]

    def ours() -> None:
        for payload in items:
            item = parse_item(payload)
            content_digest(item)
            made = book(item, configuration, index, today=TODAY, vendors=vendors)
            if isinstance(made, tuple):
                raise RuntimeError(f"not booked: {made}")

    def bare() -> None:
        for one in raw:
            json.loads(one)

    each = size(30, 3) * len(raw)
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(size(15, 3)):
        for name, work in (("ours", ours), ("bare", bare)):
            began = time.process_time()
            for _ in range(each // len(raw)):
                work()
            times[name].append((time.process_time() - began) / each * 1e6)
    lengths = [len(one) for one in raw]
    detail = {"kinds_of_items": len(raw), "bytes_an_item": round(sum(lengths) / len(lengths))}
    return Terms(median(times["ours"]), median(times["bare"]), "µs an item", detail)


def _end(month: int) -> dt.date:
    return (dt.date(2026, month, 28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)


def _vendors(others: int = 2000) -> VendorIndex:
    known = [
        erp_vendor("77", "S-77", "Kontor & Co"),
        *(erp_vendor(f"staff-{code}", code, name) for name, code, _, _ in PEOPLE),
    ]
    return VendorIndex(
        [*known, *(erp_vendor(f"v{number}", f"V-{number}", f"Vendor {number}") for number in range(others))]
    )
