"""Taking back a voucher: by another one with debit and credit swapped, exactly once (`Erp.reverse`, EXP-IDEM-07)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.files import checks
from ledgerbridge.erp.files.book import KeyTaken, NewVoucher, Voucher, VoucherBook
from ledgerbridge.erp.files.chart import OPENED_BY, FileChart
from ledgerbridge.erp.files.filed import body_of_counter, filed
from ledgerbridge.erp.files.standing import in_force, name, patiently
from ledgerbridge.erp.port import DocumentRef, ErpError, Reversed


@dataclass(frozen=True, slots=True)
class TakingBack:
    """One call of `reverse`."""

    book: VoucherBook
    chart: FileChart
    locked_until: dt.date | None
    waits: Sequence[float]

    async def run(self, document: DocumentRef, key: PostingKey, reason: str, day: dt.date | None) -> Reversed:
        """As `Erp.reverse`."""
        standing = await self._get(document.id)
        if standing is None:
            raise _refused(document.id, "it is not in the book of this company.")
        if standing.reverses is not None:
            raise _refused(name(standing), "it takes back another voucher itself.")
        if standing.key.accounting_entry_id != key.accounting_entry_id or (in_force(standing) and standing.key != key):
            raise _refused(name(standing), "it does not carry the key of this expense.")
        if standing.reversed_by is not None:
            return await self._counter(standing.reversed_by, already_there=True)
        return await self._recorded(standing, self._wanted(standing, reason, day or standing.date))

    def _wanted(self, standing: Voucher, reason: str, date: dt.date) -> NewVoucher:
        year = checks.open_year(self.chart, date, self.locked_until)
        if year is None:
            why = checks.closed_because(self.chart, date)
            closed = problem(Failure.REVERSAL_PERIOD_CLOSED, why, date=date, reference=name(standing))
            opened_by = OPENED_BY.replace("then export again", "then try again")
            told = f"The accounting period of {date} is closed or not set up, so {name(standing)} was not taken back."
            raise ErpError(replace(closed, spelled=f"{told} {opened_by}"))
        try:
            body = body_of_counter(filed(standing), year, reason)
        except ValueError:
            message = "its lines were erased when the company was disconnected. Reverse it in your accounting program."
            raise _refused(name(standing), message) from None
        return NewVoucher(standing.key, standing.series, year.name, date, standing.total, body, reverses=standing.id)

    async def _recorded(self, standing: Voucher, new: NewVoucher) -> Reversed:
        try:
            (made,) = await patiently(self.waits, lambda: self.book.record([new]))
        except ErpError as error:
            if not error.outcome_unknown:
                raise
            return await self._after_silence(standing, error)
        if isinstance(made, KeyTaken):  # somebody else took it back at the same time, with other words
            return _told(made.standing, already_there=True)
        return _told(made, already_there=made.already_there)

    async def _after_silence(self, standing: Voucher, lost: ErpError) -> Reversed:
        """What became of a counter-voucher whose recording was not confirmed."""
        unknown = ErpError(problem(Failure.REVERSAL_UNKNOWN, str(lost), reference=name(standing)), outcome_unknown=True)
        try:
            now = await self._get(standing.id)
            if now is not None and now.reversed_by is not None:
                return await self._counter(now.reversed_by, already_there=False)
        except ErpError:
            raise unknown from None
        raise unknown

    async def _counter(self, voucher_id: str, *, already_there: bool) -> Reversed:
        found = await self._get(voucher_id)
        if found is None:
            raise ErpError(problem(Failure.UNEXPECTED, f"counter-voucher {voucher_id} is not in the book"))
        return _told(found, already_there=already_there)

    async def _get(self, voucher_id: str) -> Voucher | None:
        return await patiently(self.waits, lambda: self.book.get(voucher_id))


def _told(counter: Voucher, *, already_there: bool) -> Reversed:
    return Reversed(counter.id, name(counter), None, counter.date, already_there)


def _refused(reference: str, message: str) -> ErpError:
    return ErpError(problem(Failure.REVERSAL_REFUSED, reference=reference, message=message))
