"""Opens companies whose accounting imports its journal from CSV files. Implements `adapter.Adapter`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from ledgerbridge.erp.adapter import SettingField
from ledgerbridge.erp.csv_journal import settings
from ledgerbridge.erp.csv_journal.form import form
from ledgerbridge.erp.csv_journal.template import Template
from ledgerbridge.erp.csv_journal.writer import write, written
from ledgerbridge.erp.files import destination
from ledgerbridge.erp.files.book import VoucherBook
from ledgerbridge.erp.files.chart import FileChart
from ledgerbridge.erp.files.filed import Filed
from ledgerbridge.erp.files.target import FileErp, Rendered
from ledgerbridge.erp.port import Erp, ErpCompany, Observe
from ledgerbridge.outgoing.addresses import PUBLIC, Reach


class CsvRenderer:
    """Journals of one template. Implements `target.Renderer`."""

    def __init__(self, template: Template, entered: Mapping[str, str], chart: FileChart) -> None:
        self._template = template
        self._entered = entered
        self._dimensions = [one.code for one in chart.dimensions]
        plain = written(chart.company_id, "ascii").lower()
        self._company = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:30].rstrip("-") or "company"

    def render(self, vouchers: Sequence[Filed]) -> Rendered:
        first, last = vouchers[0], vouchers[-1]
        year = first.year.start
        named = f"{year.year}" if (year.month, year.day) == (1, 1) else f"{year:%Y%m%d}"
        # Of several companies in one folder, and with formats that name none inside.
        place = f"{self._template.prefix}pleo-{self._company}-{named}"
        name = f"{place}-{first.series}-{first.number:06}-{last.number:06}"
        content = write(self._template, vouchers, self._entered, self._dimensions)
        return Rendered(f"{name}.{self._template.extension}", content)


class CsvAdapter:
    """Journals as CSV files, in whatever columns an importer wants."""

    kind = "csv"
    name = "CSV journal"
    about = (
        "For accounting programs that import journal entries from a CSV file, such as DATEV, Xero, QuickBooks, Sage, "
        "NetSuite and Business Central, or any other by a template of your own."
    )

    def __init__(self, *, reach: Reach = PUBLIC) -> None:
        self._reach = reach

    def form(self) -> tuple[SettingField, ...]:
        return form()

    def secret_fields(self) -> frozenset[str]:
        return destination.SECRETS

    def check_settings(self, raw: dict[str, Any]) -> dict[str, Any]:
        return settings.check(raw)

    async def companies(self, raw: dict[str, Any], observe: Observe | None = None) -> Sequence[ErpCompany]:
        good = settings.check(raw)
        await destination.test(good, self._reach)
        return [settings.read(good).chart.as_company()]

    def open(
        self, raw: dict[str, Any], observe: Observe | None = None, *, book: VoucherBook | None = None
    ) -> AbstractAsyncContextManager[Erp]:
        return self._opened(settings.read(raw), book)

    @asynccontextmanager
    async def _opened(self, chosen: settings.Chosen, book: VoucherBook | None) -> AsyncIterator[Erp]:
        renderer = CsvRenderer(chosen.template, chosen.entered, chosen.chart)
        yield FileErp(book, chosen.chart, renderer, chosen.files)
