"""Journal entries to be booked, payments among them (EXP-AP-02)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal

from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.bookkeeping.words import JournalEntry, Period, PostingKey
from ledgerbridge.erp.tryton import chart, checks, explain, moves
from ledgerbridge.erp.tryton.bills import VendorBill
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.documents import Live, elsewhere
from ledgerbridge.erp.tryton.errors import CallFailed
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.moves import MODEL, Move, Placed
from ledgerbridge.erp.tryton.reference import Reference
from ledgerbridge.erp.tryton.standing import live_bills, live_moves
from ledgerbridge.erp.tryton.wire import Record


class Entry:
    """One wanted journal entry: a posting of its own, or the payment of a bill from the same item."""

    model = MODEL
    action = "create journal entries"
    posted_fields = moves.POSTED_FIELDS

    def __init__(self, client: Client, reference: Reference, entry: JournalEntry, mark: Mark = Mark.DOCUMENT) -> None:
        self._client = client
        self._reference = reference
        self._entry = entry
        self._placed: list[Placed] = []
        self._period: Period | None = None
        self._looked_for_bill = False
        self.mark = mark
        self.fields: tuple[str, ...] = ()

    @property
    def key(self) -> PostingKey:
        return self._entry.key

    @property
    def date(self) -> dt.date:
        return self._entry.date

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return len(self._entry.lines)

    @property
    def looked_for_bill(self) -> bool:
        """Whether it is known already that no bill stands under the key."""
        return self._looked_for_bill

    @property
    def total(self) -> Decimal:
        """Sum of the debits."""
        return self._entry.total

    async def prepare(self) -> None:
        self.fields = await self._reference.move_fields()
        self._placed = await self._reference.place(self._entry)

    async def live(self) -> Sequence[Live[Move]]:
        if self.mark is Mark.DOCUMENT and not self._looked_for_bill:
            await self._refuse_beside_a_bill()
        live = await live_moves(
            self._client, self._reference.number, self.key.accounting_entry_id, await self._reference.move_fields()
        )
        return self.own(live)

    def own(self, live: Sequence[Live[Move]]) -> Sequence[Live[Move]]:
        """Of what a look found under the key, what counts for this sort. Raises as `live`."""
        own = [each for each in live if each.mark is self.mark]
        for each in live:
            if each.mark is Mark.DOCUMENT and self.mark is Mark.PAYMENT:
                raise elsewhere(each.document, "it stands as a journal entry, wanted was a bill")
        return own

    async def _refuse_beside_a_bill(self) -> None:
        """Somebody may have changed the method of the item since it was booked."""
        bills = await self._reference.takes_bills()
        self.beside(await live_bills(self._client, self._reference, self.key.accounting_entry_id) if bills else ())

    def beside(self, bills: Iterable[Live[VendorBill]]) -> None:
        """Bills that a look found under the key. Raises `ErpError` if there is one."""
        for bill in bills:
            raise elsewhere(bill.document, "it stands as a bill, wanted was a journal entry")
        self._looked_for_bill = True

    async def check(self) -> None:
        self._period = await chart.open_period(self._client, self._reference.number, self._entry.date)

    async def create(self) -> Move:
        await self.check()
        assert self._period is not None  # noqa: S101 - set by the check
        return self.parse(await self._client.create(MODEL, self._values(self._period), self.fields))

    def values(self, periods: Iterable[Period]) -> Record:
        """What is sent to make the draft in one of these periods, read just now. Raises as `check`."""
        period = next((each for each in periods if each.start <= self._entry.date <= each.end), None)
        return self._values(chart.must_be_open(period, self._entry.date))

    def _values(self, period: Period) -> Record:
        return moves.values(
            self._entry, self._placed, company=self._reference.number, period=int(period.id), mark=self.mark
        )

    def parse(self, record: Record) -> Move:
        return moves.parse(record)

    def after_post(self, draft: Move, record: Record) -> Move:
        return moves.after_post(draft, record)

    def differs(self, document: Move) -> str | None:
        return checks.differs(document, self._entry, self._placed)

    async def refusal(self, failure: CallFailed, document: Move | None) -> Problem | CallFailed:
        analytic = await self._reference.uses_analytic()
        return await explain.refusal(self._client, self._reference.number, self._entry, failure, analytic=analytic)

    async def against_draft(self) -> Problem | None:
        return await explain.against(self._client, self._reference.number, self._entry)

    async def against_final(self, document: Move | None) -> Problem | None:
        if document is None:
            return None  # nothing that was not asked for the draft
        await self.check()
        return await self.against_draft()
