"""A company whose accounting takes files: the port, answered from the uploaded chart and the book of vouchers.

Booking records vouchers, which is final and certain; `hand_over` makes files of those that are in none. What a format
looks like is a `Renderer`'s business, what happens to a closed file the book's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ledgerbridge.bookkeeping.master_data import (
    MasterAccount,
    MasterDimension,
    MasterTaxCode,
    MasterValue,
)
from ledgerbridge.bookkeeping.payables import Document
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Chart, ErpTax, PostingKey
from ledgerbridge.erp.files import checks, master
from ledgerbridge.erp.files.book import KeyTaken, NewVoucher, Voucher, VoucherBook
from ledgerbridge.erp.files.chart import OPENED_BY, FileChart, periods
from ledgerbridge.erp.files.closing import FileEvery, Rendered, Renderer, close_waiting
from ledgerbridge.erp.files.filed import body_of, spelled
from ledgerbridge.erp.files.standing import in_force, name, patiently, ref
from ledgerbridge.erp.files.taking_back import TakingBack
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
from ledgerbridge.erp.unsupported import Unsupported
from ledgerbridge.outgoing.files import FileNotKept

__all__ = ["FileErp", "FileEvery", "FileSettings", "Rendered", "Renderer", "capabilities"]

T = TypeVar("T")

_CAPABILITIES = Capabilities(
    vendors=False,
    vendor_bills=False,
    drafts=False,
    attachments=True,
    several_attachments=True,
    computes_tax_on_journal_entries=False,
    can_probe=True,
    can_reverse=True,
    # Numbers without gaps are given under a lock.
    parallel_writers=1,
    batch=100,
    lists_entries=True,
    files=True,
)
_WAITS = (0.1, 0.3, 0.6)
"""Seconds before each further try of a book that is busy."""


@dataclass(frozen=True, slots=True)
class FileSettings:
    """What a customer chose, for every format."""

    series: tuple[str, ...]
    """Voucher series, which bookkeeping sees as journals. The first is the one to book in."""
    taxes: tuple[ErpTax, ...] = ()
    locked_until: dt.date | None = None
    """Up to and including this day nothing is booked."""
    every: FileEvery = FileEvery.JOB


def capabilities(chart: FileChart, settings: FileSettings) -> Capabilities:
    """What a company with this chart can do: dimensions and tax codes are those that were uploaded, or none."""
    return replace(_CAPABILITIES, dimensions=bool(chart.dimensions), tax_codes=bool(settings.taxes))


class FileErp(Unsupported):
    """One company, opened. Implements `port.Erp`; what belongs to vendors and their bills is refused."""

    def __init__(
        self,
        book: VoucherBook | None,
        chart: FileChart,
        renderer: Renderer,
        settings: FileSettings,
        *,
        waits: Sequence[float] = _WAITS,
    ) -> None:
        """Without a book the company can be looked at, and nothing be booked."""
        self._kept = book
        self._chart = chart
        self._renderer = renderer
        self._settings = settings
        self._waits = waits
        self.capabilities = capabilities(chart, settings)
        self._tax_names = {part.tax_id: tax.name for tax in settings.taxes for part in tax.components}

    @property
    def _book(self) -> VoucherBook:
        if self._kept is None:
            raise ErpError(problem(Failure.UNEXPECTED, "a target for files was opened without its book"))
        return self._kept

    # ------------------------------------------------------------------ what is known of the company

    async def company(self) -> ErpCompany:
        return self._chart.as_company()

    async def preflight(self, *, final: bool = False, bills: bool = False) -> None:
        if bills:
            raise _no_payables()
        if not any(period.open for period in periods(self._chart.years, self._settings.locked_until)):
            told = f"Every fiscal year in the chart of accounts of {self._chart.company} is closed. {OPENED_BY}"
            raise ErpError(replace(problem(Failure.ERP_LOCKED, company=self._chart.company), spelled=told))

    async def chart(self) -> Chart:
        settings = self._settings
        return self._chart.as_chart(settings.series, settings.taxes, settings.locked_until)

    async def accounts(self) -> Sequence[MasterAccount]:
        return master.accounts(self._chart)

    async def tax_codes(self) -> Sequence[MasterTaxCode]:
        return master.tax_codes(self._settings.taxes)

    async def dimensions(self) -> Sequence[MasterDimension]:
        return master.dimensions(self._chart)

    async def dimension_values(self, dimension_id: str) -> Sequence[MasterValue]:
        return master.dimension_values(self._chart, dimension_id)

    def url(self, document: DocumentRef) -> str | None:
        return None

    # ------------------------------------------------------------------ looking

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        found = await self._patiently(lambda: self._book.find(accounting_entry_id, company_id))
        return [
            Found(one.key, _booked(one, already_there=True), f"{one.total:.2f}", complete=True)
            for one in found
            if in_force(one)
        ]

    async def entries(self, first: dt.date, last: dt.date, company_id: str) -> Sequence[Keyed]:
        found = await self._patiently(lambda: self._book.between(first, last, company_id))
        return [
            Keyed(one.key, ref(one), name(one), True, f"{one.total:.2f}", one.date) for one in found if in_force(one)
        ]

    async def fits(self, document: Document, *, final: bool) -> Problem | None:
        try:
            self._voucher(Wanted(document))
        except ErpError as error:
            return error.problem
        key = document.key
        for one in await self.find(key.accounting_entry_id, key.company_id):
            if one.key.revision != key.revision or one.total != f"{document.total:.2f}":
                return _elsewhere(one.booked.number)
        return None

    # ------------------------------------------------------------------ booking

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        (outcome,) = await self.book_many([Wanted(document, attachments)], final=final)
        if isinstance(outcome, ErpError):
            raise outcome
        return outcome

    async def book_many(self, wanted: Sequence[Wanted], *, final: bool) -> Sequence[Booked | ErpError]:
        judged = [self._judged(one) for one in wanted]
        fit = [one for one in judged if isinstance(one, NewVoucher)]
        outcomes = iter(await self._record(fit) if fit else ())
        return [next(outcomes) if isinstance(one, NewVoucher) else one for one in judged]

    def _judged(self, wanted: Wanted) -> NewVoucher | ErpError:
        try:
            return self._voucher(wanted)
        except ErpError as error:
            return error

    def _voucher(self, wanted: Wanted) -> NewVoucher:
        settings = self._settings
        entry, year = checks.checked(wanted.document, self._chart, settings.series, settings.locked_until)
        body = body_of(entry, self._chart, year, self._tax_names)
        series = entry.journal.code
        return NewVoucher(entry.key, series, year.name, entry.date, entry.total, body, wanted.attachments)

    async def _record(self, new: Sequence[NewVoucher]) -> list[Booked | ErpError]:
        """One outcome each, in their order."""
        try:
            kept = await self._patiently(lambda: self._book.record(new))
        except FileNotKept as error:
            if len(new) > 1:  # whose file it is shows when each goes by itself
                return [outcome for one in new for outcome in await self._record([one])]
            names = ", ".join(file.name for file in new[0].attachments)
            return [ErpError(problem(Failure.RECEIPT_NOT_KEPT, str(error), name=names))]
        except ErpError as error:
            if not error.outcome_unknown:
                return [error for _ in new]
            return [await self._after_silence(one, error) for one in new]
        return [_told(one, wanted) for one, wanted in zip(kept, new, strict=True)]

    async def _after_silence(self, wanted: NewVoucher, lost: ErpError) -> Booked | ErpError:
        """What became of a voucher whose recording was not confirmed: it stands, or nobody knows yet."""
        key = wanted.key
        unknown = ErpError(problem(Failure.OUTCOME_UNKNOWN, str(lost), reference=spelled(key)), outcome_unknown=True)
        try:
            found = await self._patiently(lambda: self._book.find(key.accounting_entry_id, key.company_id))
        except ErpError:
            return unknown
        standing = next((one for one in found if one.key == key and in_force(one)), None)
        return _told(standing, wanted) if standing else unknown

    # ------------------------------------------------------------------ taking back, handing over

    async def reverse(self, document: DocumentRef, key: PostingKey, *, reason: str, day: dt.date | None) -> Reversed:
        work = TakingBack(self._book, self._chart, self._settings.locked_until, self._waits)
        return await work.run(document, key, reason, day)

    async def hand_over(self, *, now: bool = False) -> None:
        every = FileEvery.JOB if now else self._settings.every
        await close_waiting(self._book, self._renderer, every, self._waits)

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        return await patiently(self._waits, step)


def _told(kept: Voucher | KeyTaken, wanted: NewVoucher) -> Booked | ErpError:
    """How recording ended. What stands under the key with the same amount is the expense, whatever names changed."""
    standing = kept.standing if isinstance(kept, KeyTaken) else kept
    if standing.key != wanted.key or standing.total != wanted.total or not in_force(standing):
        return ErpError(_elsewhere(name(standing)))
    return _booked(standing, already_there=isinstance(kept, KeyTaken) or kept.already_there)


def _elsewhere(name: str | None) -> Problem:
    return problem(Failure.BOOKED_ELSEWHERE, reference=name or "?")


def _booked(voucher: Voucher, *, already_there: bool) -> Booked:
    return Booked(voucher.id, name(voucher), True, None, voucher.recorded_at, already_there)


def _no_payables() -> ErpError:
    return ErpError(problem(Failure.METHOD_NOT_SUPPORTED, method="accounts payable"))
