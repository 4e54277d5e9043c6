"""The chart of the ERP double: a small Danish company with the sandbox's tax and dimension codes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from ledgerbridge.bookkeeping.words import Account, Chart, Dimension, ErpTax, Journal, Period, TaxComponent
from ledgerbridge.clock import utcnow

CODES = {
    "expense": "6000",
    "travel": "6100",
    "wallet": "5820",
    "out_of_pocket": "6810",
    "contra": "5840",
    "external_reimbursement": "5850",
    "payable": "6800",
    "input_vat": "1300",
    "output_vat": "2300",
}


def month_periods(today: dt.date, closed_before: dt.date) -> tuple[Period, ...]:
    """Monthly periods of last, this and next year; those ending before `closed_before` are closed."""
    periods = []
    for year in (today.year - 1, today.year, today.year + 1):
        for month in range(1, 13):
            start = dt.date(year, month, 1)
            end = (dt.date(year + month // 12, month % 12 + 1, 1)) - dt.timedelta(days=1)
            periods.append(Period(f"{year}{month:02}", f"{year}-{month:02}", start, end, open=end >= closed_before))
    return tuple(periods)


def default_chart() -> Chart:
    """Chart of a Danish company with the sandbox's tax and dimension codes."""
    today = utcnow().date()
    return Chart(
        currency="DKK",
        accounts=tuple(
            Account(
                str(number),
                code,
                name.replace("_", " ").title(),
                needs_dimensions=code.startswith("6") and code < "6500",
                type="Expense" if code.startswith("6") and code < "6500" else "Balance",
                income=code.startswith("6") and code < "6500",
            )
            for number, (name, code) in enumerate(CODES.items(), 1)
        ),
        journals=(Journal("1", "EXP", "Expense"),),
        taxes=(
            ErpTax("1", "I25", "I25 Purchase VAT 25%", (TaxComponent("1", Decimal("0.25"), "1300"),)),
            ErpTax("2", "I0", "I0 Exempt / no VAT", (TaxComponent("2", Decimal(0), "1300"),)),
            ErpTax(
                "3",
                "RC25",
                "RC25 Reverse charge 25%",
                (TaxComponent("4", Decimal("0.25"), "1300"), TaxComponent("5", Decimal("-0.25"), "2300")),
            ),
        ),
        dimensions=(
            Dimension("1", "CC", "Cost centre", {f"CC{n:02}": str(n) for n in range(1, 5)}, required=True),
            Dimension("2", "PRJ", "Project", {f"PRJ{n:02}": str(n) for n in range(1, 4)}, required=True),
        ),
        periods=month_periods(today, today.replace(day=1)),
    )
