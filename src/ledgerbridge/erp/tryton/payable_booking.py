"""A bill with the payment from the same item: both as drafts first, then both final, then matched (EXP-AP-10).

Whatever could be refused is refused while both are drafts, so that nothing stays behind. From the moment the bill is
final the outcome is either done or unknown: the next call finds both by key and goes on where this one stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.erp.port import Attachment, DocumentKind, DocumentRef, ErpError
from ledgerbridge.erp.tryton import key, matching
from ledgerbridge.erp.tryton.bill_reference import BillReference
from ledgerbridge.erp.tryton.bills import VendorBill
from ledgerbridge.erp.tryton.booking import Booking, unknown
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.entries import Entry
from ledgerbridge.erp.tryton.errors import CallFailed
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.moves import Move
from ledgerbridge.erp.tryton.noting import Claim
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.erp.tryton.payable_bills import PayableBill


class PayableBooking:
    """Carries out one call of `book` for a bill."""

    def __init__(
        self, client: Client, reference: BillReference, bill: Bill, files: Sequence[Attachment], patience: Patience
    ) -> None:
        self._client = client
        self._company = reference.company
        self._patience = patience
        self._key = bill.key
        self._bill = Booking(client, PayableBill(client, reference, bill), files)
        self._payment: Booking[Move] | None = None
        if bill.payment is not None:
            self._payment = Booking(client, Entry(client, reference.company, bill.payment, Mark.PAYMENT))

    async def run(self, *, final: bool) -> tuple[VendorBill, bool]:
        """The bill as it stands at the end, and whether this call made it. Raises `ErpError`."""
        bill, payment = await self._drafted()
        if final:
            bill = await self._bill_posted()
            payment = await self._payment_posted()
        if payment is not None and bill.posted and payment.posted:
            await self._matched(bill, payment)
        return bill, self._bill.made(bill)

    async def fits(self, *, final: bool) -> Problem | None:
        """What `run` would be refused for first, found by reading alone. Raises as `Booking.fits`."""
        halves = [half for half in (self._bill, self._payment) if half is not None]
        for half in halves:
            if found := await half.fits_as_draft():
                return found
        for half in halves if final else ():
            if found := await half.fits_as_final():
                return found
        return None

    async def _drafted(self) -> tuple[VendorBill, Move | None]:
        bill = await self._bill.run(self._patience, final=False)
        if self._payment is None:
            return bill, None
        if bill.posted:
            self._payment.hold()
        try:
            return bill, await self._payment.run(self._patience, final=False)
        except ErpError as error:
            if bill.posted:
                raise self._unfinished(error) from None
            if error.outcome_unknown:
                raise
            raise await self._without(self._bill, error.problem) from None

    async def _bill_posted(self) -> VendorBill:
        try:
            return await self._bill.run(self._patience, final=True)
        except ErpError as error:
            if error.outcome_unknown or self._payment is None:
                raise
            raise await self._without(self._payment, error.problem) from None

    async def _payment_posted(self) -> Move | None:
        if self._payment is None:
            return None
        self._payment.hold()
        try:
            return await self._payment.run(self._patience, final=True)
        except ErpError as error:
            raise self._unfinished(error) from None

    async def _matched(self, bill: VendorBill, payment: Move) -> None:
        """Settle the bill by its payment. If that cannot be done, both stand all the same and show what is open."""
        paying = tuple(line.to_match for line in payment.lines if line.to_match.account == bill.account)
        try:
            await matching.settled(self._client, [Claim(bill.payable, bill.id, bill.noted), Claim(paying)])
        except CallFailed:
            both = (
                DocumentRef(DocumentKind.BILL, str(bill.id)),
                DocumentRef(DocumentKind.JOURNAL_ENTRY, str(payment.id)),
            )
            try:
                await self._patience.retrying()(matching.settle, self._client, self._company.number, both)
            except CallFailed as failure:
                raise unknown(key.suffix(self._key), f"not matched: {failure.internal}") from None

    async def _without(self, other: Booking[VendorBill] | Booking[Move], reason: Problem) -> ErpError:
        """The error that ends the call once the other half is gone, too."""
        try:
            await other.abandon(reason)
        except CallFailed as failure:
            return ErpError(replace(reason, internal=f"{reason.internal}; a draft stayed: {failure.internal}"))
        return ErpError(reason)

    def _unfinished(self, error: ErpError) -> ErpError:
        return unknown(key.suffix(self._key), f"the bill is final, its payment is not: {error.problem.internal}")
