"""One company in Tryton, opened: what the port asks for, put together from the parts of this folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import ParamSpec, TypeVar
from urllib.parse import quote

from ledgerbridge.bookkeeping.master_data import (
    ErpVendor,
    MasterAccount,
    MasterDimension,
    MasterTaxCode,
    MasterValue,
    NewVendor,
    VendorLookup,
)
from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Chart, JournalEntry, PostingKey
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import (
    Attachment,
    Booked,
    Capabilities,
    DocumentKind,
    DocumentRef,
    ErpCompany,
    ErpError,
    Found,
    Keyed,
    Reversed,
    Wanted,
)
from ledgerbridge.erp.tryton import (
    access,
    bill_refusal,
    bills,
    checks,
    listing,
    master,
    matching,
    parties,
    settings,
)
from ledgerbridge.erp.tryton.bill_reference import BillReference
from ledgerbridge.erp.tryton.bills import VendorBill
from ledgerbridge.erp.tryton.booking import Booking
from ledgerbridge.erp.tryton.chart import read_chart
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.documents import Live
from ledgerbridge.erp.tryton.drafts import Draft, Drafts
from ledgerbridge.erp.tryton.entries import Entry
from ledgerbridge.erp.tryton.errors import CallFailed
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.moves import MODEL, Move
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.erp.tryton.payable_booking import PayableBooking
from ledgerbridge.erp.tryton.reference import Reference
from ledgerbridge.erp.tryton.reversing import Asked, Reversing
from ledgerbridge.erp.tryton.reversing_bills import BillReversing
from ledgerbridge.erp.tryton.standing import live_bills, live_moves
from ledgerbridge.erp.tryton.turns import Turn, take_turns
from ledgerbridge.erp.tryton.vendors import Creation

P = ParamSpec("P")
T = TypeVar("T")

CAPABILITIES = Capabilities(
    vendors=True,
    vendor_bills=True,
    drafts=True,
    attachments=True,
    several_attachments=True,
    computes_tax_on_journal_entries=False,
    can_probe=True,
    can_reverse=True,
    # Numbering takes a lock that a second writer does not wait for; it is refused and has to come again.
    parallel_writers=1,
    batch=50,
    lists_entries=True,
)


class TrytonErp:
    """One Tryton company, opened."""

    capabilities = CAPABILITIES

    def __init__(self, chosen: settings.Settings, client: Client, patience: Patience) -> None:
        self._settings = chosen
        self._client = client
        self._patience = patience
        self._reference = Reference(client, chosen.company)
        self._bill_reference = BillReference(client, self._reference)

    async def company(self) -> ErpCompany:
        return await translated("read the company", access.company, self._client, self._settings.company)

    async def preflight(self, *, final: bool = False, bills: bool = False) -> None:
        await translated("read journal entries", self._preflight, final)
        if bills:
            await translated("read vendor bills", self._preflight_bills, final)

    async def _preflight_bills(self, final: bool) -> None:
        if not await self._reference.takes_bills():
            missing = "the module for invoices (account_invoice) is not active"
            raise ErpError(problem(Failure.BILLS_NOT_SET_UP, missing=missing))
        if right := await access.missing_bill_right(self._client):
            raise ErpError(problem(Failure.ERP_FORBIDDEN, action=right))
        if final and not await access.may_post(self._client, bills.MODEL):
            raise ErpError(problem(Failure.ERP_FORBIDDEN, action="post vendor bills"))
        if missing_numbering := await bill_refusal.missing_numbering(self._client, self._settings.company):
            raise ErpError(problem(Failure.BILLS_NOT_SET_UP, missing=missing_numbering))

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
        return await translated("read the chart of accounts", self._chart)

    async def _chart(self) -> Chart:
        company = await self._reference.company()
        analytic = await self._reference.uses_analytic()
        return await read_chart(self._client, self._settings.company, company.currency, analytic=analytic)

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        entries, owed = await translated("read journal entries", self._live, accounting_entry_id)
        named = [(live.revision, self._found_entry(live.document)) for live in entries if live.mark is Mark.DOCUMENT]
        named += [(live.revision, self._found_bill(live, entries)) for live in owed]
        return [
            Found(PostingKey(company_id, accounting_entry_id, revision), booked, f"{total:.2f}", complete)
            for revision, (booked, total, complete) in named
        ]

    async def entries(self, first: date, last: date, company_id: str) -> Sequence[Keyed]:
        return await translated(
            "read journal entries", listing.entries, self._client, self._reference, first, last, company_id
        )

    async def _live(self, accounting_entry_id: str) -> tuple[list[Live[Move]], list[Live[VendorBill]]]:
        fields = await self._reference.move_fields()
        entries = await live_moves(self._client, self._settings.company, accounting_entry_id, fields)
        if not await self._reference.takes_bills():
            return entries, []
        return entries, await live_bills(self._client, self._reference, accounting_entry_id)

    def _found_entry(self, move: Move) -> tuple[Booked, Decimal, bool]:
        return self._booked(move, already_there=True), move.total, move.posted

    def _found_bill(self, live: Live[VendorBill], entries: Sequence[Live[Move]]) -> tuple[Booked, Decimal, bool]:
        bill = live.document
        payments = [each.document for each in entries if each.mark is Mark.PAYMENT and each.revision == live.revision]
        paid = all(payment.posted and payment.used_on(bill.account, bill.noted) for payment in payments)
        return self._booked_bill(bill, already_there=True), abs(bill.total), bill.posted and paid

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        wanted = checks.as_sent(document)
        if isinstance(wanted, JournalEntry):
            return await self._book_entry(wanted, attachments, final, self._patience)
        return await self._book_bill(wanted, attachments, final, self._patience)

    async def book_many(self, wanted: Sequence[Wanted], *, final: bool) -> Sequence[Booked | ErpError]:
        drafts = Drafts(self._client, self._reference, self._patience)
        begun = {draft.sort.key: draft for draft in await drafts.make(await self._to_make_together(wanted))}
        doubtful = {name: draft.failed for name, draft in begun.items() if draft.failed}
        left = [one for one in wanted if one.document.key not in doubtful]
        turns = [self._turn(one, begun.get(one.document.key), final) for one in left]
        ended = iter(await take_turns(self._client, self._patience, turns))
        return [doubtful.get(one.document.key) or next(ended) for one in wanted]

    async def _to_make_together(self, wanted: Sequence[Wanted]) -> list[JournalEntry]:
        """The journal entries with nothing against them, one an accounting entry; all else is booked by itself."""
        times = Counter(one.document.key.accounting_entry_id for one in wanted)
        found = [checks.as_sent(one.document) for one in wanted]
        fit = [entry for entry in found if isinstance(entry, JournalEntry) and not checks.unfit(entry)]
        once = [entry for entry in fit if times[entry.key.accounting_entry_id] == 1]
        if len(once) < 2:
            return []
        try:
            books = (await translated("read the company", self._reference.company)).currency
        except ErpError:
            return []
        return [entry for entry in once if entry.currency == books]

    def _turn(self, one: Wanted, begun: Draft | None, final: bool) -> Turn:
        return Turn(partial(self._go_on, one, begun, final), begun.stands if begun else None)

    async def _go_on(self, one: Wanted, begun: Draft | None, final: bool, patience: Patience) -> Booked:
        wanted = checks.as_sent(one.document)
        if isinstance(wanted, Bill):
            return await self._book_bill(wanted, one.attachments, final, patience)
        if begun is None:
            return await self._book_entry(wanted, one.attachments, final, patience)
        return await self._finish_entry(begun.booking(self._client, one.attachments), final, patience)

    async def fits(self, document: Document, *, final: bool) -> Problem | None:
        wanted = checks.as_sent(document)
        booking: Booking[Move] | PayableBooking
        if isinstance(wanted, JournalEntry):
            unfit, booking = checks.unfit(wanted), Booking(self._client, Entry(self._client, self._reference, wanted))
        else:
            unfit = checks.unfit_bill(wanted)
            booking = PayableBooking(self._client, self._bill_reference, wanted, (), self._patience)
        try:
            await self._check(unfit, wanted.currency)
            return await translated("read journal entries", booking.fits, final=final)
        except ErpError as error:
            if error.problem.row.retry:
                raise
            return error.problem

    async def _book_entry(
        self, entry: JournalEntry, files: Sequence[Attachment], final: bool, patience: Patience
    ) -> Booked:
        await self._check(checks.unfit(entry), entry.currency)
        booking = Booking(self._client, Entry(self._client, self._reference, entry), files)
        return await self._finish_entry(booking, final, patience)

    async def _finish_entry(self, booking: Booking[Move], final: bool, patience: Patience) -> Booked:
        move = await booking.run(patience, final=final)
        return self._booked(move, already_there=not booking.made(move))

    async def _book_bill(self, bill: Bill, files: Sequence[Attachment], final: bool, patience: Patience) -> Booked:
        await self._check(checks.unfit_bill(bill), bill.currency)
        booking = PayableBooking(self._client, self._bill_reference, bill, files, patience)
        standing, made = await booking.run(final=final)
        return self._booked_bill(standing, already_there=not made)

    async def _check(self, fault: Problem | None, currency: str) -> None:
        if fault:
            raise ErpError(fault)
        company = await translated("read the company", self._reference.company)
        if currency != company.currency:
            raise ErpError(problem(Failure.CURRENCY_MISMATCH, currency=currency, books=company.currency))

    async def reverse(self, document: DocumentRef, key: PostingKey, *, reason: str, day: date | None) -> Reversed:
        asked = Asked(key, reason, day)
        work = Reversing(self._client, self._reference, self._patience, self.url, asked)
        bill = document.kind is DocumentKind.BILL
        step = BillReversing(self._client, work).run if bill else work.entry
        return await translated("read vendor bills" if bill else "read journal entries", step, int(document.id))

    async def settle(self, documents: Sequence[DocumentRef]) -> bool:
        return await self._matching(matching.settle, documents)

    async def reopen(self, documents: Sequence[DocumentRef]) -> bool:
        return await self._matching(matching.reopen, documents)

    async def _matching(
        self, step: Callable[[Client, int, Sequence[DocumentRef]], Awaitable[bool]], documents: Sequence[DocumentRef]
    ) -> bool:
        try:
            return await self._patience.retrying()(step, self._client, self._settings.company, documents)
        except CallFailed as failure:
            raise failure.reading("match bills with payments") from None

    async def matching_limits(self) -> str | None:
        return await translated("match bills with payments", self._matching_limits)

    async def _matching_limits(self) -> str | None:
        if not await matching.may_match(self._client):
            return (
                "match bills with payments, only note a payment on the one bill it pays, "
                "until the module matching of Ledgerbridge is installed"
            )
        if not await access.may_unmatch(self._client):
            return "take the match of a bill and its payment apart when the payment is returned"
        return None

    async def accounts(self) -> Sequence[MasterAccount]:
        company = self._settings.company
        return await translated("read accounts", master.accounts, self._client, company, utcnow().date())

    async def tax_codes(self) -> Sequence[MasterTaxCode]:
        company = self._settings.company
        return await translated("read taxes", master.tax_codes, self._client, company, utcnow().date())

    async def dimensions(self) -> Sequence[MasterDimension]:
        return await translated("read dimensions", self._dimensions)

    async def _dimensions(self) -> Sequence[MasterDimension]:
        if not await self._reference.uses_analytic():
            return ()
        return await master.dimensions(self._client, self._settings.company)

    async def dimension_values(self, dimension_id: str) -> Sequence[MasterValue]:
        company = self._settings.company
        return await translated("read dimensions", master.dimension_values, self._client, company, dimension_id)

    async def vendors(self) -> Sequence[ErpVendor]:
        return await translated("read vendors", parties.vendors, self._client, self._settings.vendor_category)

    async def find_vendors(self, wanted: VendorLookup) -> Sequence[ErpVendor]:
        category = self._settings.vendor_category
        return await translated("read vendors", parties.find, self._client, category, wanted)

    async def create_vendor(self, vendor: NewVendor) -> ErpVendor:
        return await Creation(self._client, self._settings.vendor_category, vendor).run(self._patience)

    async def hand_over(self, *, now: bool = False) -> None:
        """Nothing: what is booked stands in Tryton."""

    def url(self, document: DocumentRef) -> str | None:
        database = quote(self._settings.database, safe="")
        model = bills.MODEL if document.kind is DocumentKind.BILL else MODEL
        return f"{self._settings.base_url}/#{database}/model/{model}/{quote(document.id, safe='')}"

    def _booked(self, move: Move, *, already_there: bool) -> Booked:
        return Booked(
            id=str(move.id),
            number=move.number if move.posted else None,
            final=move.posted,
            url=self.url(DocumentRef(DocumentKind.JOURNAL_ENTRY, str(move.id))),
            booked_at=move.created_at,
            already_there=already_there,
        )

    def _booked_bill(self, bill: VendorBill, *, already_there: bool) -> Booked:
        return Booked(
            id=str(bill.id),
            number=bill.number if bill.posted else None,
            final=bill.posted,
            url=self.url(DocumentRef(DocumentKind.BILL, str(bill.id))),
            booked_at=bill.created_at,
            already_there=already_there,
            kind=DocumentKind.BILL,
        )


async def translated(action: str, step: Callable[P, Awaitable[T]], /, *arguments: P.args, **keywords: P.kwargs) -> T:
    """Run a step that only reads and put its failure into the words of the port."""
    try:
        return await step(*arguments, **keywords)
    except CallFailed as failure:
        raise failure.reading(action) from None
