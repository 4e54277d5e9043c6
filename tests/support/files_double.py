"""A target for files over the double's chart, whose format is a line of JSON a voucher: for tests of what happens to
vouchers and files, whatever they look like."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ledgerbridge.clock import utcnow
from ledgerbridge.erp.files.book import VoucherBook
from ledgerbridge.erp.files.chart import FileAccount, FileChart, FileDimension, FiscalYear
from ledgerbridge.erp.files.filed import Filed
from ledgerbridge.erp.files.target import FileErp, FileEvery, FileSettings, Rendered
from ledgerbridge.erp.port import Erp, ErpCompany
from tests.support.erp_double import CODES, Books, DoubleAdapter

COMPANY = ErpCompany("41414141", "Demo ApS", "41414141", "DKK")
"""Whose id is made of its number, as that of every company whose accounting takes files."""


@dataclass
class Lines:
    """Renders a line a voucher. Set `broken`, and no file can be made."""

    broken: bool = False

    def render(self, vouchers: Sequence[Filed]) -> Rendered:
        if self.broken:
            raise ValueError("this format cannot hold it")
        first, last = vouchers[0], vouchers[-1]
        rows = [{"voucher": one.name, "key": one.key_text, "total": str(one.total)} for one in vouchers]
        name = f"{first.year.name}-{first.series}-{first.number}-{last.number}.txt"
        return Rendered(name, "".join(f"{json.dumps(row)}\n" for row in rows).encode())


def chart(company: ErpCompany) -> FileChart:
    """The accounts of the double, for years around now."""
    year = utcnow().year
    return FileChart(
        company.name,
        company.registration_number,
        company.currency,
        tuple(FileAccount(code, f"Account {code}") for code in sorted(set(CODES.values()))),
        tuple(FileDimension(code, code, {"010": "Sales"}) for code in ("CC", "PRJ")),
        tuple(FiscalYear(dt.date(one, 1, 1), dt.date(one, 12, 31)) for one in range(year - 2, year + 2)),
    )


@dataclass
class FilesDouble(DoubleAdapter):
    """Opens the books of the double as a company whose accounting takes files."""

    kind = "files"
    books: Books = field(default_factory=lambda: Books(company=COMPANY))
    renderer: Lines = field(default_factory=Lines)
    every: FileEvery = FileEvery.JOB

    @asynccontextmanager
    async def open(  # type: ignore[override]
        self, settings: dict[str, Any], observe: object = None, *, book: VoucherBook | None = None
    ) -> AsyncIterator[Erp]:
        yield FileErp(book, chart(self.books.company), self.renderer, FileSettings(("EXP",), every=self.every))
