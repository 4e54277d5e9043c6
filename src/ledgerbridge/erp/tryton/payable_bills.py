"""Vendor bills and credit notes to be booked (EXP-AP-05, EXP-AP-06)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from ledgerbridge.bookkeeping.payables import Bill, payable
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import EntryLine, PostingKey
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import bill_parts, bill_refusal, bills, chart, key
from ledgerbridge.erp.tryton.bill_reference import BillReference
from ledgerbridge.erp.tryton.bills import VendorBill, WantedBill
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.documents import Live, elsewhere
from ledgerbridge.erp.tryton.errors import CallFailed
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.standing import in_force, keyed_bills, live_moves
from ledgerbridge.erp.tryton.wire import Record


class PayableBill:
    """One wanted bill or credit note."""

    model = bills.MODEL
    action = "create vendor bills"
    mark = Mark.DOCUMENT

    def __init__(self, client: Client, reference: BillReference, bill: Bill) -> None:
        self._client = client
        self._reference = reference
        self._company = reference.company
        self._bill = bill
        self._wanted: WantedBill | None = None
        self._used: frozenset[str] = frozenset()
        """Numbers on bills of the same accounting entry that are cancelled or taken back."""
        self.fields: tuple[str, ...] = ()

    @property
    def key(self) -> PostingKey:
        return self._bill.key

    @property
    def total(self) -> Decimal:
        """What is owed; negative for a credit note, as Tryton has it."""
        return -payable(self._bill.entry)

    async def prepare(self) -> None:
        self.fields = await self._company.bill_fields()
        await self._refuse_beside_an_entry()

    async def _refuse_beside_an_entry(self) -> None:
        """Somebody may have changed the method of the item since it was booked."""
        fields = await self._company.move_fields()
        for live in await live_moves(self._client, self._company.number, self.key.accounting_entry_id, fields):
            if live.mark is Mark.DOCUMENT:
                raise elsewhere(live.document, "it stands as a journal entry, wanted was a bill")

    async def live(self) -> Sequence[Live[VendorBill]]:
        keyed = await keyed_bills(self._client, self._company, self.key.accounting_entry_id)
        live = await in_force(self._client, self._company, keyed)
        self._used = frozenset(each.document.reference_number for each in keyed if each not in live)
        if self._wanted is None and any(not each.document.posted for each in live):
            self._wanted = await self._look_up()
        return live

    async def check(self) -> None:
        entry = self._bill.entry
        await chart.open_period(self._client, self._company.number, entry.date)
        await self._reference.check_journal(entry.journal)
        self._wanted = await self._look_up()
        if self._wanted.total != self.total:
            raise ErpError(
                problem(Failure.UNEXPECTED, f"bill not sent to Tryton: {self._wanted.total} instead of {self.total}")
            )

    async def create(self) -> VendorBill:
        await self.check()
        assert self._wanted is not None  # noqa: S101 - set by the check
        return self.parse(await self._client.create(self.model, bills.values(self._wanted), self.fields))

    async def _look_up(self) -> WantedBill:
        entry, (owed, *_) = self._bill.entry, _owed(self._bill)
        party, address = await self._reference.party(self._bill.vendor)
        placed = await self._company.place(entry)
        lines, taxes = bill_parts.parts_of(
            placed,
            await self._reference.taxes(),
            await self._reference.with_lines(),
            await self._company.roots(),
            entry.date,
        )
        return WantedBill(
            company=self._company.number,
            currency=await self._reference.currency(),
            journal=int(entry.journal.id),
            party=party,
            address=address,
            account=int(owed.account.id),
            number=self._number(),
            description=key.description(entry.description, entry.key),
            invoice_date=self._bill.invoice_date or entry.original_date,
            accounting_date=entry.date,
            due_date=self._bill.due_date,
            lines=lines,
            taxes=taxes,
        )

    def _number(self) -> str:
        """The supplier's number. Where a bill of the same entry that is not in force any more has it, it is told apart,
        or Tryton would take the new one for a duplicate."""
        number = key.plain(self._bill.number or "")
        again = 2
        told = number
        while number and told in self._used:
            told, again = f"{number} ({again})", again + 1
        return told

    @property
    def posted_fields(self) -> Sequence[str]:
        """All of them: posting gives a bill its journal entry."""
        return self.fields

    def parse(self, record: Record) -> VendorBill:
        return bills.parse(record)

    def after_post(self, draft: VendorBill, record: Record) -> VendorBill:
        return bills.parse(record)

    def differs(self, document: VendorBill) -> str | None:
        wanted = self._wanted
        if wanted is None:
            return None
        if (document.party, document.account) != (wanted.party, wanted.account):
            return "another vendor or payable account"
        if document.total != wanted.total:
            return f"total {document.total} instead of {wanted.total}"
        if Counter((line.account, line.amount, line.taxes) for line in document.lines) != Counter(
            (line.account, line.amount, line.taxes) for line in wanted.lines
        ):
            return "other lines"
        if Counter((tax.account, tax.tax, tax.amount) for tax in document.taxes if tax.amount) != Counter(
            (tax.account, tax.tax, tax.amount) for tax in wanted.taxes if tax.amount
        ):
            return "other taxes"
        asked = Counter(value for line in wanted.lines for _, value in line.dimensions)
        if asked - Counter(value for line in document.lines for value in line.dimensions):
            return "dimensions missing"
        return None

    async def refusal(self, failure: CallFailed, document: VendorBill | None) -> Problem | CallFailed:
        self._reference.forget()
        return await bill_refusal.explained(self._client, self._reference, self._bill, self._wanted, failure, document)

    async def against_draft(self) -> Problem | None:
        return await bill_refusal.against_draft(self._client, self._company.number, self._bill)

    async def against_final(self, document: VendorBill | None) -> Problem | None:
        if document is not None:
            await chart.open_period(self._client, self._company.number, self._bill.entry.date)
        found = await bill_refusal.against_final(
            self._client, self._company.number, self._bill, self._wanted, document.id if document else None
        )
        if isinstance(found, CallFailed):
            raise found
        return found


def _owed(bill: Bill) -> list[EntryLine]:
    return [line for line in bill.entry.lines if line.vendor is not None]
