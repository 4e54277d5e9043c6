"""One company at a partner, opened: the port's operations over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import date
from typing import TypeVar

from pydantic import ValidationError

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
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Chart, PostingKey
from ledgerbridge.erp.http_target import claims, documents, master, problems, wire, wire_master
from ledgerbridge.erp.http_target.booking import Booking
from ledgerbridge.erp.http_target.client import Client, a_write
from ledgerbridge.erp.http_target.documents import Links
from ledgerbridge.erp.http_target.errors import CallFailed
from ledgerbridge.erp.http_target.lookout import Lookout, standing
from ledgerbridge.erp.http_target.patience import Patience
from ledgerbridge.erp.http_target.problems import About
from ledgerbridge.erp.http_target.reversing import Reversing
from ledgerbridge.erp.http_target.vendors import Vendors
from ledgerbridge.erp.port import (
    Attachment,
    Booked,
    Capabilities,
    DocumentRef,
    ErpCompany,
    ErpError,
    Found,
    Keyed,
    Reversed,
    Wanted,
)

T = TypeVar("T")

NOTHING = Capabilities(
    vendors=False,
    vendor_bills=False,
    drafts=False,
    attachments=False,
    several_attachments=False,
    computes_tax_on_journal_entries=False,
    # Or an entry in doubt would be left to a person because its system was away for a moment.
    can_probe=True,
    can_reverse=False,
    parallel_writers=1,
    dimensions=False,
    tax_codes=False,
    told=False,
)
"""Of a partner that could not be asked; every call ends in the reason then."""


def capabilities(of: wire_master.CapabilitiesAnswer) -> Capabilities:
    types = of.attachment_types
    return Capabilities(
        vendors=of.vendors,
        vendor_bills=of.vendor_bills,
        drafts=of.drafts,
        attachments=of.attachments,
        several_attachments=of.several_attachments,
        computes_tax_on_journal_entries=False,
        can_probe=of.can_probe,
        can_reverse=of.can_reverse,
        parallel_writers=of.parallel_writers,
        max_attachment_bytes=of.max_attachment_bytes,
        batch=of.batch,
        lists_entries=of.lists_entries,
        attachment_types=None if types is None else frozenset(one.lower() for one in types),
        dimensions=of.dimensions,
        tax_codes=of.tax_codes,
    )


async def companies(client: Client) -> list[ErpCompany]:
    """The companies a secret may book in. Raises `CallFailed`."""
    answer = await client.read(wire.Request(operation="companies"), wire_master.CompaniesAnswer)
    return [ErpCompany(one.id, one.name, one.registration_number or None, one.currency) for one in answer.companies]


class HttpErp:
    """One company at a partner."""

    def __init__(
        self,
        client: Client,
        company: str,
        patience: Patience,
        declared: wire_master.CapabilitiesAnswer | None,
        *,
        local: bool,
    ) -> None:
        """`local` is whether links for people may lead to this machine."""
        self.capabilities = capabilities(declared) if declared else NOTHING
        self._limits = declared.matching_limits if declared else None
        self._links = Links(declared.document_url if declared else None, local=local)
        self._client = client
        self._company = company
        self._lookout = Lookout(client, company, patience)
        self._lists = master.Lists(client, company)
        self._vendors = Vendors(client, company, self._lookout)
        self._known: ErpCompany | None = None

    async def company(self) -> ErpCompany:
        found = await self._reading(companies(self._client), "read the company")
        mine = next((one for one in found if one.id == self._company), None)
        if mine is None:
            raise ErpError(problem(Failure.ERP_COMPANY_UNKNOWN, company=self._company))
        self._known = mine
        return mine

    async def preflight(self, *, final: bool = False, bills: bool = False) -> None:
        self._claims(self.capabilities.vendor_bills or not bills, "book bills")
        asked = wire.PreflightRequest(operation="preflight", company=self._company, final=final, bills=bills)
        await self._reading(self._client.read(asked, wire.Empty), "read journal entries")

    async def chart(self) -> Chart:
        currency = (self._known or await self.company()).currency
        able = self.capabilities
        reading = master.chart(self._lists, currency, dimensions=able.dimensions, tax_codes=able.tax_codes)
        return await self._reading(reading, "read the chart of accounts")

    # ------------------------------------------------------------------ documents

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        self._claims(self.capabilities.can_probe, "tell what is booked")
        reading = self._lookout.find(company_id, [accounting_entry_id])
        return [documents.found(one, self._links) for one in await self._reading(reading, "read journal entries")]

    async def entries(self, first: date, last: date, company_id: str) -> Sequence[Keyed]:
        self._claims(self.capabilities.lists_entries, "list what is booked")

        def asked(cursor: str | None) -> wire.Request:
            return wire.EntriesRequest(
                operation="entries", company=self._company, pleo_company=company_id, first=first, last=last,
                cursor=cursor,
            )  # fmt: skip

        def named(one: wire.KeyedDocument) -> object:
            return (one.document.kind, one.document.id)

        reading = master.whole(self._client, wire.EntriesAnswer, asked, named)
        return [documents.keyed(one) for one in await self._reading(reading, "read journal entries")]

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        (outcome,) = await self.book_many([Wanted(document, attachments)], final=final)
        if isinstance(outcome, ErpError):
            raise outcome
        return outcome

    async def book_many(self, wanted: Sequence[Wanted], *, final: bool) -> Sequence[Booked | ErpError]:
        sent = [Wanted(documents.as_sent(one.document), one.attachments) for one in wanted]
        if len(sent) > self.capabilities.batch and self._client.barred is None:
            raise ErpError(problem(Failure.ERP_REFUSED, message=f"It takes {self.capabilities.batch} at once."))
        against = [await self._against(one, final) for one in sent]
        booking = Booking(self._client, self._company, self._lookout, self._links, self.capabilities, final)
        done = iter(await booking.run([one for one, fault in zip(sent, against, strict=True) if fault is None]))
        return [next(done) if fault is None else fault for fault in against]

    async def _against(self, wanted: Wanted, final: bool) -> ErpError | None:
        """What is known against a document without looking for it."""
        document = wanted.document
        if fault := documents.unfit(document):
            return ErpError(fault)
        if self._client.barred is not None:
            return ErpError(problems.failed(self._client.barred, About(), "make journal entries"))
        if fault := claims.against(self.capabilities, document, wanted.attachments, final=final):
            return ErpError(fault)
        try:
            books = (self._known or await self.company()).currency
        except ErpError as error:
            return error
        if document.currency != books:
            return ErpError(problem(Failure.CURRENCY_MISMATCH, currency=document.currency, books=books))
        return None

    async def fits(self, document: Document, *, final: bool) -> Problem | None:
        wanted = documents.as_sent(document)
        try:
            if fault := await self._against(Wanted(wanted), final):
                raise fault
            if self.capabilities.can_probe:
                key = wanted.key
                looking = self._lookout.find(key.company_id, [key.accounting_entry_id])
                stands = standing(wanted, await self._reading(looking, "read journal entries"))
                if stands is not None and stands.final and stands.complete:
                    return None
            return await self._reading(self._fits(wanted, final), "read journal entries")
        except ErpError as error:
            if error.problem.row.retry:
                raise
            return error.problem

    async def _fits(self, wanted: Document, final: bool) -> Problem | None:
        try:
            sent = documents.sent(wanted, ())
        except ValidationError as error:
            return documents.unsendable(error)
        asked = wire.BookRequest(operation="fits", company=self._company, final=final, documents=(sent,))
        (*results,) = (await self._client.read(asked, wire.FitsAnswer)).results
        if [documents.posting_key(one.key) for one in results] != [wanted.key]:
            raise problems.strange("fits", "/results: not one for each document in their order")
        told = results[0].error
        return problems.told_as("fits", told, About(wanted, company=self._company)) if told else None

    async def reverse(self, document: DocumentRef, key: PostingKey, *, reason: str, day: date | None) -> Reversed:
        self._claims(self.capabilities.can_reverse, "take back what was booked")
        return await Reversing(self._client, self._company, self._lookout, self._links, document, key).run(reason, day)

    async def settle(self, documents: Sequence[DocumentRef]) -> bool:
        return await self._matching("settle", documents)

    async def reopen(self, documents: Sequence[DocumentRef]) -> bool:
        return await self._matching("reopen", documents)

    async def _matching(self, operation: str, named: Sequence[DocumentRef]) -> bool:
        self._claims(self.capabilities.vendor_bills, "book bills")
        asked = wire.DocumentsRequest(
            operation=operation, company=self._company, documents=tuple(map(documents.wire_ref, named))
        )
        write = a_write(operation, self._company, *sorted(f"{one.kind}/{one.id}" for one in named))
        # Both say how it is to be in the end, so they may be said again.
        calling = self._client.repeat(asked, wire.DoneAnswer, write)
        return (await self._reading(calling, "match bills with payments")).done

    async def matching_limits(self) -> str | None:
        if self._client.barred is not None:
            raise self._client.barred.error("match bills with payments")
        return self._limits

    # ------------------------------------------------------------------ master data

    async def accounts(self) -> Sequence[MasterAccount]:
        return [master.account(one) for one in await self._reading(self._lists.accounts(), "read accounts")]

    async def tax_codes(self) -> Sequence[MasterTaxCode]:
        if not self.capabilities.tax_codes and self._client.barred is None:
            return []
        return [master.tax_code(one) for one in await self._reading(self._lists.tax_codes(), "read taxes")]

    async def dimensions(self) -> Sequence[MasterDimension]:
        if not self.capabilities.dimensions and self._client.barred is None:
            return []
        return [master.dimension(one) for one in await self._reading(self._lists.dimensions(), "read dimensions")]

    async def dimension_values(self, dimension_id: str) -> Sequence[MasterValue]:
        reading = self._lists.values(dimension_id)
        return [master.value(one) for one in await self._reading(reading, "read dimensions")]

    async def vendors(self) -> Sequence[ErpVendor]:
        self._claims(self.capabilities.vendors, "keep vendors")
        return [master.vendor(one) for one in await self._reading(self._lists.vendors(), "read vendors")]

    async def find_vendors(self, wanted: VendorLookup) -> Sequence[ErpVendor]:
        self._claims(self.capabilities.vendors, "keep vendors")
        return await self._reading(self._vendors.find(wanted), "read vendors")

    async def create_vendor(self, vendor: NewVendor) -> ErpVendor:
        self._claims(self.capabilities.vendors, "keep vendors")
        return await self._vendors.create(vendor)

    async def hand_over(self, *, now: bool = False) -> None:
        """Nothing: what was booked is with the partner."""

    def url(self, document: DocumentRef) -> str | None:
        return self._links.to(document)

    def _claims(self, claimed: bool, what: str) -> None:
        """Raises `ErpError` where this is not claimed; why the capabilities are not known is told by the call."""
        if self._client.barred is None:
            claims.needed(claimed, what)

    async def _reading(self, work: Awaitable[T], action: str) -> T:
        """Raises `ErpError` for a call that changes nothing; `action` completes "the integration may not ..."."""
        try:
            return await work
        except CallFailed as failure:
            raise ErpError(problems.failed(failure, About(company=self._company), action)) from None
