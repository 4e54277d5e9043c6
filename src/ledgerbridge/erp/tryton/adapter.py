"""The Tryton adapter: one folder, one company opened at a time, over Tryton's REST API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

import httpx

from ledgerbridge.bookkeeping.master_data import (
    ErpVendor,
    MasterAccount,
    MasterDimension,
    MasterTaxCode,
    MasterValue,
    NewVendor,
    VendorLookup,
)
from ledgerbridge.bookkeeping.payables import Document
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.bookkeeping.words import Chart, JournalEntry, PostingKey
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import (
    Attachment,
    Booked,
    Capabilities,
    DocumentKind,
    DocumentRef,
    Erp,
    ErpCompany,
    ErpError,
    Found,
    Observe,
)
from ledgerbridge.erp.tryton import access, checks, master, parties, settings
from ledgerbridge.erp.tryton.booking import Booking, Order
from ledgerbridge.erp.tryton.chart import read_chart
from ledgerbridge.erp.tryton.client import Client, http_client
from ledgerbridge.erp.tryton.errors import CallFailed
from ledgerbridge.erp.tryton.moves import MODEL, Move
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.erp.tryton.reference import Reference
from ledgerbridge.erp.tryton.standing import live_moves
from ledgerbridge.erp.tryton.vendors import Creation

P = ParamSpec("P")
T = TypeVar("T")

CAPABILITIES = Capabilities(
    vendors=True,
    vendor_bills=False,
    drafts=True,
    attachments=True,
    several_attachments=True,
    computes_tax_on_journal_entries=False,
    can_probe=True,
    can_reverse=False,
    # Numbering takes a lock that a second writer does not wait for; it is refused and has to come again.
    parallel_writers=1,
)


class TrytonAdapter:
    """Opens Tryton companies. Tests hand in a transport and less patience."""

    kind = "tryton"

    def __init__(
        self, *, patience: Patience | None = None, transport: Callable[[], httpx.AsyncBaseTransport] | None = None
    ) -> None:
        self._patience = patience or Patience()
        self._transport = transport

    def check_settings(self, raw: dict[str, Any]) -> dict[str, Any]:
        return settings.check(raw)

    def secret_fields(self) -> frozenset[str]:
        return frozenset({"api_key"})

    def open(self, raw: dict[str, Any], observe: Observe | None = None) -> AbstractAsyncContextManager[Erp]:
        return self._opened(settings.parse(raw), observe)

    @asynccontextmanager
    async def _opened(self, chosen: settings.Settings, observe: Observe | None) -> AsyncIterator[Erp]:
        async with http_client(chosen, self._transport() if self._transport else None) as http:
            yield TrytonErp(chosen, Client(http, self._patience, observe), self._patience)


class TrytonErp:
    """One Tryton company, opened."""

    capabilities = CAPABILITIES

    def __init__(self, chosen: settings.Settings, client: Client, patience: Patience) -> None:
        self._settings = chosen
        self._client = client
        self._patience = patience
        self._reference = Reference(client, chosen.company)

    async def company(self) -> ErpCompany:
        return await _translated("read the company", access.company, self._client, self._settings.company)

    async def preflight(self, *, final: bool = False) -> None:
        await _translated("read journal entries", self._preflight, final)

    async def _preflight(self, final: bool) -> None:
        company = await access.company(self._client, self._settings.company)
        analytic = await self._reference.uses_analytic()
        if right := await access.missing_right(self._client, analytic=analytic):
            raise ErpError(problem(Failure.ERP_FORBIDDEN, action=right))
        if final and not await access.may_post(self._client):
            raise ErpError(problem(Failure.ERP_FORBIDDEN, action="post journal entries"))
        if not await access.has_open_period(self._client, self._settings.company):
            raise ErpError(problem(Failure.ERP_LOCKED, "Tryton: no open period", company=company.name))

    async def chart(self) -> Chart:
        return await _translated("read the chart of accounts", self._chart)

    async def _chart(self) -> Chart:
        company = await self._reference.company()
        analytic = await self._reference.uses_analytic()
        return await read_chart(self._client, self._settings.company, company.currency, analytic=analytic)

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        live = await _translated("read journal entries", self._live, accounting_entry_id)
        return [
            Found(
                key=PostingKey(company_id, accounting_entry_id, revision),
                booked=self._booked(move, already_there=True),
                total=f"{move.total:.2f}",
                complete=move.posted,
            )
            for revision, move in live
        ]

    async def _live(self, accounting_entry_id: str) -> list[tuple[int, Move]]:
        fields = await self._reference.move_fields()
        return await live_moves(self._client, self._settings.company, accounting_entry_id, fields)

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        if not isinstance(document, JournalEntry):
            raise ErpError(problem(Failure.METHOD_NOT_SUPPORTED, method="accounts payable"))
        return await self._book_entry(document, attachments, final)

    async def _book_entry(self, entry: JournalEntry, attachments: Sequence[Attachment], final: bool) -> Booked:
        if fault := checks.unfit(entry):
            raise ErpError(fault)
        company = await _translated("read the company", self._reference.company)
        if entry.currency != company.currency:
            raise ErpError(problem(Failure.CURRENCY_MISMATCH, currency=entry.currency, books=company.currency))
        order = Order(self._settings.company, entry, tuple(attachments), final)
        move, made = await Booking(self._client, self._reference, order).run(self._patience)
        return self._booked(move, already_there=not made)

    async def settle(self, documents: Sequence[DocumentRef]) -> bool:
        return False

    async def reopen(self, documents: Sequence[DocumentRef]) -> bool:
        return False

    async def accounts(self) -> Sequence[MasterAccount]:
        company = self._settings.company
        return await _translated("read accounts", master.accounts, self._client, company, utcnow().date())

    async def tax_codes(self) -> Sequence[MasterTaxCode]:
        company = self._settings.company
        return await _translated("read taxes", master.tax_codes, self._client, company, utcnow().date())

    async def dimensions(self) -> Sequence[MasterDimension]:
        return await _translated("read dimensions", self._dimensions)

    async def _dimensions(self) -> Sequence[MasterDimension]:
        if not await self._reference.uses_analytic():
            return ()
        return await master.dimensions(self._client, self._settings.company)

    async def dimension_values(self, dimension_id: str) -> Sequence[MasterValue]:
        company = self._settings.company
        return await _translated("read dimensions", master.dimension_values, self._client, company, dimension_id)

    async def vendors(self) -> Sequence[ErpVendor]:
        return await _translated("read vendors", parties.vendors, self._client, self._settings.vendor_category)

    async def find_vendors(self, wanted: VendorLookup) -> Sequence[ErpVendor]:
        category = self._settings.vendor_category
        return await _translated("read vendors", parties.find, self._client, category, wanted)

    async def create_vendor(self, vendor: NewVendor) -> ErpVendor:
        return await Creation(self._client, self._settings.vendor_category, vendor).run(self._patience)

    def url(self, document: DocumentRef) -> str | None:
        database = quote(self._settings.database, safe="")
        return f"{self._settings.base_url}/#{database}/model/{MODEL}/{quote(document.id, safe='')}"

    def _booked(self, move: Move, *, already_there: bool) -> Booked:
        return Booked(
            id=str(move.id),
            number=move.number if move.posted else None,
            final=move.posted,
            url=self.url(DocumentRef(DocumentKind.JOURNAL_ENTRY, str(move.id))),
            booked_at=move.created_at,
            already_there=already_there,
        )


async def _translated(action: str, step: Callable[P, Awaitable[T]], /, *arguments: P.args, **keywords: P.kwargs) -> T:
    """Run a step that only reads and put its failure into the words of the port."""
    try:
        return await step(*arguments, **keywords)
    except CallFailed as failure:
        raise failure.reading(action) from None
