"""Vouchers as the tests of journal files use them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.files.book import Receipt
from ledgerbridge.erp.files.chart import FiscalYear
from ledgerbridge.erp.files.filed import Filed, FiledLine, FiledValue

YEAR = FiscalYear(dt.date(2026, 1, 1), dt.date(2026, 12, 31))
SALES = FiledValue("1", "Cost centre", "010", "Sälj")
WEBSITE = FiledValue("6", "Project", "P1", "Website")


def line(account: str, debit: str = "0", credit: str = "0", text: str = "AWS", **more: object) -> FiledLine:
    amounts = Decimal(debit), Decimal(credit)
    kind = {"1": "asset", "2": "debt"}.get(account[0], "cost")
    return FiledLine(account, f"Account {account}", kind, *amounts, text, **more)  # type: ignore[arg-type]


def receipt(name: str) -> Receipt:
    return Receipt(name, "application/pdf", 3, "0" * 64)


def journal(number: int, *lines: FiledLine, text: str = "AWS, Ada Lovelace, hosting", **more: object) -> Filed:
    entry = f"3b6f2d1e-0000-4000-8000-{number:012}"
    plain: dict[str, object] = {
        "id": str(number),
        "series": "P",
        "number": number,
        "year": YEAR,
        "date": dt.date(2026, 11, 20),
        "original_date": dt.date(2026, 11, 20),
        "text": text,
        "key": PostingKey("company", entry),
        "currency": "EUR",
        "recorded_at": dt.datetime(2026, 11, 21, 8, 30, 15, 250_000, tzinfo=dt.UTC),
        "lines": lines,
    }
    return Filed(**(plain | more))  # type: ignore[arg-type]


def purchase() -> Filed:
    """With VAT on a line of its own, a dimension, a receipt and letters that files find hard."""
    return journal(
        17,
        line("6540", "1000.00", text="Hosting; “large” – Malmö", taxes=("25 %",), dimensions=(SALES,)),
        line("2641", "250.00", text="Hosting", taxes=("25 %",)),
        line("1940", credit="1250.00", text="Hosting"),
        receipts=(receipt("P0017-1.pdf"), receipt("P0017-2.jpg")),
    )


def refund() -> Filed:
    return journal(
        18, line("1940", "80.00"), line("6540", credit="64.00"), line("2641", credit="16.00"), text="=refund of AWS"
    )


def split() -> Filed:
    """Several lines on both sides, as a reverse charge has them."""
    return journal(
        19,
        line("6540", "400.00", dimensions=(SALES, WEBSITE)),
        line("2645", "100.00"),
        line("2614", credit="100.00"),
        line("1940", credit="400.00"),
        date=dt.date(2026, 12, 1),
    )


VOUCHERS = (purchase(), refund(), split())
