"""Taking back a vendor bill or credit note with the payment from the same item.

A posted bill is cancelled by Tryton's own button, which books a counter-entry, matches the two and does nothing to a
bill that is cancelled already: it may be pressed again after a lost reply. It never books into another period.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import DocumentKind, DocumentRef, ErpError, Reversed
from ledgerbridge.erp.tryton import access, bills, chart, counter, matching
from ledgerbridge.erp.tryton.bills import MODEL, VendorBill
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.counter import Original
from ledgerbridge.erp.tryton.documents import Live
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome, sentence
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.reversing import GONE, Reversing, left_to_them, refused, unknown
from ledgerbridge.erp.tryton.standing import in_force, live_moves, posted_moves


@dataclass(frozen=True, slots=True)
class _Standing:
    """A bill beside what its undoing needs."""

    bill: VendorBill
    date: dt.date | None
    """Of its journal entry; None for a draft."""
    counter: int | None
    """The journal entry that cancels it."""


class BillReversing:
    """Carries out one call of `reverse` for a bill."""

    def __init__(self, client: Client, shared: Reversing) -> None:
        self._client = client
        self._shared = shared
        self._reference = shared.reference

    async def run(self, number: int) -> Reversed:
        """Raises `ErpError`, `CallFailed`."""
        standing = await self._read(number)
        if standing is None:
            return await self._after_payments([], GONE)
        bill = standing.bill
        live = await in_force(
            self._client, self._reference, [Live(Mark.DOCUMENT, self._shared.asked.key.revision, bill)]
        )
        self._shared.check_key(bill, bill.description, in_force=bool(live))
        if bill.takes_back:
            raise refused(bill, "it takes back another bill itself.")
        payments = await self._payments()
        if not live:
            await self._check(None, payments)
            return await self._after_payments(payments, await self._told(standing, already_there=True))
        try:
            await self._check(standing, payments)
            await self._take_apart(bill, payments)
            return await self._both(standing, payments)
        except ErpError as error:
            if error.outcome_unknown or not await self._half_taken_back(payments):
                raise
            raise unknown(bill, f"its payment was taken back before, it is not: {error.problem.internal}") from None

    async def _both(self, standing: _Standing, payments: Sequence[Original]) -> Reversed:
        """The payment, then the bill. Raises `ErpError`, without `outcome_unknown` only while both stand as before."""
        bill = standing.bill
        done = 0
        try:
            for payment in payments:
                await self._shared.taken_back(payment, Mark.PAYMENT)
                done += 1
            if not bill.posted:
                await self._shared.delete(MODEL, bill)
                return Reversed(None, None, None, None)
            await self._cancel(bill)
        except (ErpError, CallFailed) as error:
            found = error if isinstance(error, ErpError) else error.reading("cancel vendor bills")
            if found.outcome_unknown:
                raise found from None
            if done:
                raise unknown(bill, f"its payment is taken back, it is not: {found.problem.internal}") from None
            await self._put_together(bill)
            raise found from None
        after = await self._read(bill.id)
        return await self._told(after or standing, already_there=False)

    # ------------------------------------------------------------------ looks

    async def _read(self, number: int) -> _Standing | None:
        fields = (*await self._reference.bill_fields(), "move.date", "cancel_move")
        domain = [["company", "=", self._reference.number], ["type", "=", "in"], ["id", "=", number]]
        rows = await self._client.search(MODEL, domain, fields)
        if not rows:
            return None
        row = rows[0]
        bill = bills.parse(row)
        return shaped(lambda: _Standing(bill, row["move"]["date"] if row["move"] else None, row["cancel_move"]))

    async def _payments(self) -> list[Original]:
        """What the same item brought to pay the bill, in force."""
        asked = self._shared.asked.key
        fields = await self._reference.move_fields()
        live = await live_moves(self._client, self._reference.number, asked.accounting_entry_id, fields)
        own = [each.document.id for each in live if each.mark is Mark.PAYMENT and each.revision == asked.revision]
        found = [await counter.read(self._client, self._reference, number) for number in own]
        return [each for each in found if each is not None]

    async def _half_taken_back(self, payments: Sequence[Original]) -> bool:
        """Whether an earlier call, or a person, took back what the same item brought to pay the bill."""
        asked = self._shared.asked.key
        in_force = {payment.move.id for payment in payments}
        posted = await posted_moves(
            self._client, self._reference.number, asked, Mark.PAYMENT, await self._reference.move_fields()
        )
        return any(move.id not in in_force for move in posted)

    async def _told(self, standing: _Standing, *, already_there: bool) -> Reversed:
        if standing.counter is None:
            return Reversed(None, None, None, None, already_there)
        made = await counter.read(self._client, self._reference, standing.counter)
        if made is None:
            return Reversed(str(standing.counter), None, None, None, already_there)
        return await self._shared.told(made.move, already_there=already_there)

    # ------------------------------------------------------------------ judgements before the first write

    async def _check(self, standing: _Standing | None, payments: Sequence[Original]) -> None:
        owing = list(standing.bill.payable) if standing else []
        own = [line.to_match.id for payment in payments for line in payment.move.lines] + [line.id for line in owing]
        for payment in payments:
            if payment.move.posted:
                await self._shared.check_unmatched(payment.move, own, standing.bill.id if standing else None)
                await self._shared.check_period(payment)
            elif payment.move.touched:
                raise left_to_them(payment.move)
        if standing is None:
            return
        bill = standing.bill
        matched = await self._shared.matched_with(owing)
        if matched - set(own) or bill.noted - set(own):
            raise ErpError(problem(Failure.REVERSAL_MATCHED, "Tryton: paid otherwise", reference=bill.reference))
        if matched and not await access.may_unmatch(self._client):
            raise ErpError(problem(Failure.ERP_FORBIDDEN, action="take the match of a bill and its payment apart"))
        if not bill.posted and bill.touched:
            raise left_to_them(bill)
        if not bill.posted or standing.date is None:
            return
        if not await access.may_press(self._client, MODEL, "cancel"):
            raise ErpError(problem(Failure.ERP_FORBIDDEN, action="cancel vendor bills"))
        period = await chart.period_of(self._client, self._reference.number, standing.date)
        if period is None or not period.open:
            facts = {"date": standing.date, "reference": bill.reference}
            raise ErpError(problem(Failure.REVERSAL_OF_BILL_PERIOD_CLOSED, "Tryton: period not open", **facts))

    # ------------------------------------------------------------------ writes

    async def _take_apart(self, bill: VendorBill, payments: Sequence[Original]) -> None:
        """The match of the bill with its own payment, and the note of it."""
        documents = [self._ref(bill), *(DocumentRef(DocumentKind.JOURNAL_ENTRY, str(one.move.id)) for one in payments)]
        if not bill.posted or not payments:
            return
        company = self._reference.number
        if not await self._shared.patience.retrying()(matching.reopen, self._client, company, documents):
            raise ErpError(problem(Failure.REVERSAL_MATCHED, "Tryton: not taken apart", reference=bill.reference))

    async def _put_together(self, bill: VendorBill) -> None:
        """The bill stays after all, so its payment pays it again; if that fails, both stand and show what is open."""
        if bill.posted:
            with suppress(CallFailed):
                await matching.settle(self._client, self._reference.number, [self._ref(bill)])

    async def _after_payments(self, payments: Sequence[Original], found: Reversed) -> Reversed:
        """What is left of a document that is no longer in force."""
        for payment in payments or await self._payments():
            await self._shared.taken_back(payment, Mark.PAYMENT)
        return found

    async def _cancel(self, bill: VendorBill) -> None:
        lost: CallFailed | None = None

        async def attempt() -> None:
            nonlocal lost
            standing = await self._read(bill.id)
            if standing is None or standing.bill.cancelled:
                return
            try:
                await self._client.act(MODEL, bill.id, "cancel", ("state",))
            except CallFailed as failure:
                lost = failure if failure.perhaps_done else lost
                raise

        try:
            await self._shared.patience.retrying()(attempt)
        except CallFailed as failure:
            if lost is not None:
                raise unknown(bill, f"{lost.internal}; then {failure.internal}") from None
            standing = await self._read(bill.id)
            if standing is None or standing.bill.cancelled:
                return
            if failure.outcome is Outcome.REFUSED:
                raise refused(bill, sentence(failure.said), failure.internal) from None
            raise ErpError(failure.problem("cancel vendor bills")) from None

    @staticmethod
    def _ref(bill: VendorBill) -> DocumentRef:
        return DocumentRef(DocumentKind.BILL, str(bill.id))
