"""Vouchers as the tests of journal files use them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from ledgerbridge.erp.csv_journal.rows import Journal, Line

YEAR = dt.date(2026, 1, 1)


def line(account: str, debit: str = "0", credit: str = "0", text: str = "AWS", **more: object) -> Line:
    return Line(account, f"Account {account}", Decimal(debit), Decimal(credit), text, **more)  # type: ignore[arg-type]


def journal(number: int, *lines: Line, text: str = "AWS, Ada Lovelace, hosting", **more: object) -> Journal:
    entry = f"3b6f2d1e-0000-4000-8000-{number:012}"
    plain: dict[str, object] = {
        "series": "P",
        "number": number,
        "year": YEAR,
        "date": dt.date(2026, 11, 20),
        "original_date": dt.date(2026, 11, 20),
        "text": text,
        "entry": entry,
        "key": f"{entry}/1",
        "currency": "EUR",
        "recorded_at": dt.datetime(2026, 11, 21, 8, 30, 15, 250_000, tzinfo=dt.UTC),
        "lines": lines,
    }
    return Journal(**(plain | more))  # type: ignore[arg-type]


def purchase() -> Journal:
    """With VAT on a line of its own, a dimension, a receipt and letters that files find hard."""
    return journal(
        17,
        line("6540", "1000.00", text="Hosting; “large” – Malmö", tax="25 %", dimensions=(("1", "010", "Sälj"),)),
        line("2641", "250.00", text="Hosting", tax="25 %"),
        line("1940", credit="1250.00", text="Hosting"),
        receipts=("P0017-1.pdf", "P0017-2.jpg"),
    )


def refund() -> Journal:
    return journal(
        18, line("1940", "80.00"), line("6540", credit="64.00"), line("2641", credit="16.00"), text="=refund of AWS"
    )


def split() -> Journal:
    """Several lines on both sides, as a reverse charge has them."""
    return journal(
        19,
        line("6540", "400.00", dimensions=(("1", "010", "Sälj"), ("6", "P1", "Website"))),
        line("2645", "100.00"),
        line("2614", credit="100.00"),
        line("1940", credit="400.00"),
        date=dt.date(2026, 12, 1),
    )


VOUCHERS = (purchase(), refund(), split())
