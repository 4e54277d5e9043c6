"""A company whose accounting takes files: the port, answered from the uploaded chart and the book of vouchers.

Booking records vouchers, which is final and certain; `hand_over` makes files of those that are in none. What a format
looks like is a `Renderer`'s business, what happens to a closed file the book's.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import Protocol, TypeVar

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
from ledgerbridge.bookkeeping.words import Chart, ErpTax, PostingKey
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.files import checks, master
from ledgerbridge.erp.files.book import KeyTaken, NewVoucher, Voucher, VoucherBook
from ledgerbridge.erp.files.chart import FileChart
from ledgerbridge.erp.files.filed import Filed, body_of, body_of_counter, filed
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
from ledgerbridge.outgoing.files import FileNotKept

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
_CLOSINGS = 5
"""How often files are made anew because another process closed some meanwhile."""
_MOST_VOUCHERS = 5_000
"""In one file."""


class FileEvery(StrEnum):
    """When a file is closed."""

    JOB = "job"
    """At the end of every export."""
    DAY = "day"
    """Once a day (UTC), with what was booked since the last one."""


@dataclass(frozen=True, slots=True)
class FileSettings:
    """What a customer chose, for every format."""

    series: tuple[str, ...]
    """Voucher series, which bookkeeping sees as journals. The first is the one to book in."""
    taxes: tuple[ErpTax, ...] = ()
    locked_until: dt.date | None = None
    """Up to and including this day nothing is booked."""
    every: FileEvery = FileEvery.JOB


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file that is ready to be closed."""

    name: str
    """Never that of another file of this company: made of year, series and the numbers of its vouchers."""
    content: bytes


class Renderer(Protocol):
    """How vouchers become a file of some format."""

    def render(self, vouchers: Sequence[Filed]) -> Rendered:
        """A file of these vouchers, which are of one series and one fiscal year and stand in the order of their
        numbers; at least one. The same vouchers always make the same bytes."""
        ...


def capabilities(chart: FileChart, settings: FileSettings) -> Capabilities:
    """What a company with this chart can do: dimensions and tax codes are those that were uploaded, or none."""
    return replace(_CAPABILITIES, dimensions=bool(chart.dimensions), tax_codes=bool(settings.taxes))


class FileErp:
    """One company, opened. Implements `port.Erp`."""

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

    async def vendors(self) -> Sequence[ErpVendor]:
        raise _no_payables()

    async def find_vendors(self, wanted: VendorLookup) -> Sequence[ErpVendor]:
        raise _no_payables()

    async def create_vendor(self, vendor: NewVendor) -> ErpVendor:
        raise _no_payables()

    async def settle(self, documents: Sequence[DocumentRef]) -> bool:
        raise _no_payables()

    async def reopen(self, documents: Sequence[DocumentRef]) -> bool:
        raise _no_payables()

    async def matching_limits(self) -> str | None:
        return None

    def url(self, document: DocumentRef) -> str | None:
        return None

    # ------------------------------------------------------------------ looking

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        found = await self._patiently(lambda: self._book.find(accounting_entry_id, company_id))
        return [
            Found(one.key, _booked(one, already_there=True), f"{one.total:.2f}", complete=True)
            for one in found
            if _in_force(one)
        ]

    async def entries(self, first: dt.date, last: dt.date, company_id: str) -> Sequence[Keyed]:
        found = await self._patiently(lambda: self._book.between(first, last, company_id))
        return [
            Keyed(one.key, _ref(one), _name(one), True, f"{one.total:.2f}", one.date) for one in found if _in_force(one)
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
        unknown = ErpError(
            problem(Failure.OUTCOME_UNKNOWN, str(lost), reference=key.accounting_entry_id), outcome_unknown=True
        )
        try:
            found = await self._patiently(lambda: self._book.find(key.accounting_entry_id, key.company_id))
        except ErpError:
            return unknown
        standing = next((one for one in found if one.key == key and _in_force(one)), None)
        return _told(standing, wanted) if standing else unknown

    # ------------------------------------------------------------------ taking back

    async def reverse(self, document: DocumentRef, key: PostingKey, *, reason: str, day: dt.date | None) -> Reversed:
        standing = await self._patiently(lambda: self._book.get(document.id))
        if standing is None:
            raise _refused(document.id, "it is not in the book of this company.")
        if standing.reverses is not None:
            raise _refused(_name(standing), "it takes back another voucher itself.")
        if standing.key.accounting_entry_id != key.accounting_entry_id or (_in_force(standing) and standing.key != key):
            raise _refused(_name(standing), "it does not carry the key of this expense.")
        if standing.reversed_by is not None:
            return await self._counter(standing.reversed_by)
        date = day or standing.date
        year = checks.open_year(self._chart, date, self._settings.locked_until)
        if year is None:
            why = checks.closed_because(self._chart, date)
            raise ErpError(problem(Failure.REVERSAL_PERIOD_CLOSED, why, date=date, reference=_name(standing)))
        body = body_of_counter(filed(standing), year, reason)
        new = NewVoucher(standing.key, standing.series, year.name, date, standing.total, body, reverses=standing.id)
        return await self._take_back(standing, new)

    async def _take_back(self, standing: Voucher, new: NewVoucher) -> Reversed:
        try:
            (made,) = await self._patiently(lambda: self._book.record([new]))
        except ErpError as error:
            if not error.outcome_unknown:
                raise
            return await self._counter_after_silence(standing, error)
        if isinstance(made, KeyTaken):  # somebody else took it back at the same time, with other words
            return _reversed(made.standing, already_there=True)
        return _reversed(made, already_there=made.already_there)

    async def _counter_after_silence(self, standing: Voucher, lost: ErpError) -> Reversed:
        unknown = ErpError(
            problem(Failure.REVERSAL_UNKNOWN, str(lost), reference=_name(standing)), outcome_unknown=True
        )
        try:
            now = await self._patiently(lambda: self._book.get(standing.id))
            counter = await self._counter(now.reversed_by) if now and now.reversed_by else None
        except ErpError:
            raise unknown from None
        if counter is None:
            raise unknown
        return Reversed(counter.id, counter.number, counter.url, counter.date)

    async def _counter(self, voucher_id: str) -> Reversed:
        found = await self._patiently(lambda: self._book.get(voucher_id))
        return _reversed(found, already_there=True) if found else Reversed(voucher_id, None, None, None, True)

    # ------------------------------------------------------------------ handing over

    async def hand_over(self, *, now: bool = False) -> None:
        for _ in range(_CLOSINGS):
            waiting = await self._patiently(self._book.waiting)
            if not waiting or not (now or self._due(waiting)):
                return
            try:
                await self._close(waiting)
            except ValueError:  # another process closed some of them meanwhile
                continue
            return
        raise ErpError(problem(Failure.ERP_BUSY, "files were closed by others again and again"))

    def _due(self, waiting: Sequence[Voucher]) -> bool:
        if self._settings.every is FileEvery.JOB:
            return bool(waiting)
        today = utcnow().date()
        return any(one.recorded_at.astimezone(dt.UTC).date() < today for one in waiting)

    async def _close(self, waiting: Sequence[Voucher]) -> None:
        """A file for each series and fiscal year. Raises ValueError when some were closed by another process."""
        ordered = sorted(waiting, key=lambda one: (one.year, one.series, one.number))
        for _, group in groupby(ordered, key=lambda one: (one.year, one.series)):
            vouchers = list(group)
            for start in range(0, len(vouchers), _MOST_VOUCHERS):
                some = vouchers[start : start + _MOST_VOUCHERS]
                try:
                    made = self._renderer.render([filed(one) for one in some])
                except ValueError as error:
                    raise ErpError(problem(Failure.UNEXPECTED, f"file not made: {error}")) from error
                await self._book.close(made.name, made.content, [one.id for one in some])

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """The step, tried again while it may pass and is known to have done nothing. Raises `ErpError`."""
        for wait in self._waits:
            try:
                return await step()
            except ErpError as error:
                if error.outcome_unknown or not error.problem.row.retry:
                    raise
            await asyncio.sleep(wait)
        return await step()


def _in_force(voucher: Voucher) -> bool:
    return voucher.reverses is None and voucher.reversed_by is None


def _told(kept: Voucher | KeyTaken, wanted: NewVoucher) -> Booked | ErpError:
    """How recording ended. What stands under the key with the same amount is the expense, whatever names changed."""
    standing = kept.standing if isinstance(kept, KeyTaken) else kept
    if standing.key != wanted.key or standing.total != wanted.total or not _in_force(standing):
        return ErpError(_elsewhere(_name(standing)))
    return _booked(standing, already_there=isinstance(kept, KeyTaken) or kept.already_there)


def _elsewhere(name: str | None) -> Problem:
    return problem(Failure.BOOKED_ELSEWHERE, reference=name or "?")


def _booked(voucher: Voucher, *, already_there: bool) -> Booked:
    return Booked(voucher.id, _name(voucher), True, None, voucher.recorded_at, already_there)


def _reversed(counter: Voucher, *, already_there: bool) -> Reversed:
    return Reversed(counter.id, _name(counter), None, counter.date, already_there)


def _refused(reference: str, message: str) -> ErpError:
    return ErpError(problem(Failure.REVERSAL_REFUSED, reference=reference, message=message))


def _no_payables() -> ErpError:
    return ErpError(problem(Failure.METHOD_NOT_SUPPORTED, method="accounts payable"))


def _ref(voucher: Voucher) -> DocumentRef:
    return DocumentRef(DocumentKind.JOURNAL_ENTRY, voucher.id)


def _name(voucher: Voucher) -> str:
    return f"{voucher.series}{voucher.number}"
