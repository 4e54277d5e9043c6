"""The SIE adapter: the company of an uploaded SIE file, booked in vouchers that leave as SIE files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from ledgerbridge.erp.adapter import SettingField
from ledgerbridge.erp.files import destination
from ledgerbridge.erp.files.book import VoucherBook
from ledgerbridge.erp.files.target import FileErp
from ledgerbridge.erp.port import Erp, ErpCompany, Observe
from ledgerbridge.erp.sie import settings
from ledgerbridge.erp.sie.writer import SieWriter
from ledgerbridge.outgoing.addresses import PUBLIC, Reach


class SieAdapter:
    """Opens companies of uploaded SIE files; files are brought to addresses within `reach`."""

    kind = "sie"
    name = "SIE 4 files"
    about = (
        "For Swedish accounting programs that import SIE files, such as Fortnox, Visma and Björn Lundén. Vouchers "
        "become files that you import."
    )

    def __init__(self, *, reach: Reach = PUBLIC) -> None:
        self._reach = reach

    def form(self) -> tuple[SettingField, ...]:
        return settings.FORM

    def secret_fields(self) -> frozenset[str]:
        return destination.SECRETS

    def check_settings(self, raw: dict[str, Any]) -> dict[str, Any]:
        return settings.check(raw)

    async def companies(self, raw: dict[str, Any], observe: Observe | None = None) -> Sequence[ErpCompany]:
        checked = await asyncio.to_thread(settings.check, raw)  # a large file takes its time
        await destination.test(checked, self._reach)
        return [settings.read(checked).chart.as_company()]

    def open(
        self, raw: dict[str, Any], observe: Observe | None = None, *, book: VoucherBook | None = None
    ) -> AbstractAsyncContextManager[Erp]:
        return self._opened(settings.read(raw), book)

    @asynccontextmanager
    async def _opened(self, chosen: settings.Settings, book: VoucherBook | None) -> AsyncIterator[Erp]:
        writer = SieWriter(chosen.chart, chosen.text_length, chosen.checksum)
        yield FileErp(book, chosen.chart, writer, chosen.files)
