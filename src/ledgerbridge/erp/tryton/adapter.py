"""The Tryton adapter: settings, companies to choose from, and one company opened at a time over Tryton's REST API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx

from ledgerbridge.erp.adapter import SettingField
from ledgerbridge.erp.files.book import VoucherBook
from ledgerbridge.erp.port import Erp, ErpCompany, Observe
from ledgerbridge.erp.tryton import connecting, settings
from ledgerbridge.erp.tryton.client import Client, http_client
from ledgerbridge.erp.tryton.company import TrytonErp, translated
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.outgoing.addresses import PUBLIC, Reach


class TrytonAdapter:
    """Opens Tryton companies at addresses within `reach`. Tests hand in a transport and less patience."""

    kind = "tryton"
    name = "Tryton"
    about = "An ERP of your own or of your accountant, on a server that can be reached from the internet."

    def __init__(
        self,
        *,
        reach: Reach = PUBLIC,
        patience: Patience | None = None,
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self._reach = reach
        self._patience = patience or Patience()
        self._transport = transport

    def check_settings(self, raw: dict[str, Any]) -> dict[str, Any]:
        return settings.check(raw)

    def form(self) -> tuple[SettingField, ...]:
        return connecting.FORM

    async def companies(self, raw: dict[str, Any], observe: Observe | None = None) -> Sequence[ErpCompany]:
        at = settings.access(raw)
        async with self._http(at) as http:
            client = Client(http, connecting.PATIENCE, observe)
            return await translated("read the company", connecting.companies, http, client, at)

    def secret_fields(self) -> frozenset[str]:
        return frozenset({"api_key"})

    def open(
        self, raw: dict[str, Any], observe: Observe | None = None, *, book: VoucherBook | None = None
    ) -> AbstractAsyncContextManager[Erp]:
        return self._opened(settings.parse(raw), observe)

    @asynccontextmanager
    async def _opened(self, chosen: settings.Settings, observe: Observe | None) -> AsyncIterator[Erp]:
        async with self._http(chosen) as http:
            yield TrytonErp(chosen, Client(http, self._patience, observe), self._patience)

    def _http(self, at: settings.Access) -> httpx.AsyncClient:
        return http_client(at, self._transport() if self._transport else None, reach=self._reach)
