"""The HTTP target as an adapter: settings, the companies to choose from, one company opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx

from ledgerbridge.erp.adapter import SettingField, SettingsError
from ledgerbridge.erp.files.book import VoucherBook
from ledgerbridge.erp.http_target import settings, target, wire, wire_master
from ledgerbridge.erp.http_target.client import Client, http_client
from ledgerbridge.erp.http_target.errors import CallFailed, Outcome
from ledgerbridge.erp.http_target.patience import Patience
from ledgerbridge.erp.http_target.settings import Access
from ledgerbridge.erp.http_target.target import HttpErp
from ledgerbridge.erp.port import Erp, ErpCompany, Observe
from ledgerbridge.outgoing.addresses import PUBLIC, Reach

_BRIEF = Patience(tries=2, at_most=10.0, reply=20.0)
"""A person waits for the answer, or a job for its beginning."""


class HttpAdapter:
    """Opens companies at addresses within `reach`. Tests hand in a transport and less patience."""

    kind = "http"
    name = "Your own system (HTTP)"
    about = "An accounting system of any make whose developers answer our calls at an address of their own."

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

    def form(self) -> tuple[SettingField, ...]:
        return settings.FORM

    def check_settings(self, raw: dict[str, Any]) -> dict[str, Any]:
        return settings.check(raw)

    def secret_fields(self) -> frozenset[str]:
        return frozenset({"secret"})

    async def companies(self, raw: dict[str, Any], observe: Observe | None = None) -> Sequence[ErpCompany]:
        at = settings.access(raw)
        async with self._http(at) as http:
            client = Client(http, at.secrets, _BRIEF, observe)
            try:
                await _declared(client, told=True)
                found = await target.companies(client)
            except CallFailed as failure:
                if fault := _fault(failure):
                    raise SettingsError(fault) from None
                raise failure.error("read the company") from None
        if not found:
            told = "This secret may not book in any company. Give it one in the accounting system."
            raise SettingsError({"secret": told})
        return sorted(found, key=lambda one: (one.name.casefold(), one.id))

    def open(
        self, raw: dict[str, Any], observe: Observe | None = None, *, book: VoucherBook | None = None
    ) -> AbstractAsyncContextManager[Erp]:
        return self._opened(settings.parse(raw), observe)

    @asynccontextmanager
    async def _opened(self, chosen: settings.Settings, observe: Observe | None) -> AsyncIterator[Erp]:
        """What the partner can do is asked at once and counts until it is closed. Where it cannot be learnt, every
        call ends in the reason, so that nothing is booked by a guess."""
        async with self._http(chosen) as http:
            declared, barred = None, None
            try:
                declared = await _declared(Client(http, chosen.secrets, _brief(self._patience), observe), told=False)
            except CallFailed as failure:
                barred = failure
            client = Client(http, chosen.secrets, self._patience, observe)
            client.barred = barred
            yield HttpErp(client, chosen.company, self._patience, declared, local=self._reach.local)

    def _http(self, at: Access) -> httpx.AsyncClient:
        return http_client(at, self._patience, self._transport() if self._transport else None, reach=self._reach)


def _brief(patience: Patience) -> Patience:
    return Patience(
        min(patience.tries, 3), patience.first, patience.longest, min(patience.at_most, 15.0), sleep=patience.sleep
    )


async def _declared(client: Client, *, told: bool) -> wire_master.CapabilitiesAnswer:
    return await client.read(wire.Request(operation="capabilities"), wire_master.CapabilitiesAnswer, told=told)


def _fault(failure: CallFailed) -> dict[str, str] | None:
    """What a person can correct, beside the field it is in."""
    match failure.outcome:
        case Outcome.BAD_SECRET | Outcome.FORBIDDEN:
            return {"secret": "The accounting system does not accept our signature. Copy the secret again from there."}
        case Outcome.NOT_SENT:
            return {"base_url": "Nothing answers at this address. See that it is right and can be reached from here."}
        case Outcome.NOT_FOUND | Outcome.STRANGE:
            told = "Something answers at this address, but not the accounting system. See that the address is right."
            return {"base_url": told}
        case Outcome.UNFIT:
            return {"base_url": f"The answer is not as the developers agreed: {failure.said.rstrip('.')}."}
    return None
