"""An ERP in memory, for tests that count calls or break things on purpose. Books like the real one: by key, once.

It obeys the port and refuses unbalanced entries, closed periods and unknown keys; the real Tryton has its own tests.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar

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
from ledgerbridge.bookkeeping.words import (
    Account,
    Chart,
    Dimension,
    ErpTax,
    Journal,
    JournalEntry,
    Period,
    TaxComponent,
)
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
)
from tests.support.double_master import Master

T = TypeVar("T")

CAPABILITIES = Capabilities(
    vendors=False,
    vendor_bills=False,
    drafts=True,
    attachments=True,
    several_attachments=True,
    computes_tax_on_journal_entries=False,
    can_probe=True,
    can_reverse=False,
    parallel_writers=1,
)

CODES = {
    "expense": "6000",
    "travel": "6100",
    "wallet": "5820",
    "out_of_pocket": "6810",
    "contra": "5840",
    "external_reimbursement": "5850",
    "payable": "6800",
    "input_vat": "1300",
    "output_vat": "2300",
}


def month_periods(today: dt.date, closed_before: dt.date) -> tuple[Period, ...]:
    """Monthly periods of last, this and next year; those ending before `closed_before` are closed."""
    periods = []
    for year in (today.year - 1, today.year, today.year + 1):
        for month in range(1, 13):
            start = dt.date(year, month, 1)
            end = (dt.date(year + month // 12, month % 12 + 1, 1)) - dt.timedelta(days=1)
            periods.append(Period(f"{year}{month:02}", f"{year}-{month:02}", start, end, open=end >= closed_before))
    return tuple(periods)


def default_chart() -> Chart:
    """Chart of a Danish company with the sandbox's tax and dimension codes."""
    today = utcnow().date()
    return Chart(
        currency="DKK",
        accounts=tuple(
            Account(
                str(number),
                code,
                name.replace("_", " ").title(),
                needs_dimensions=code.startswith("6") and code < "6500",
            )
            for number, (name, code) in enumerate(CODES.items(), 1)
        ),
        journals=(Journal("1", "EXP", "Expense"),),
        taxes=(
            ErpTax("1", "I25", "I25 Purchase VAT 25%", (TaxComponent("1", Decimal("0.25"), "1300"),)),
            ErpTax("2", "I0", "I0 Exempt / no VAT", (TaxComponent("2", Decimal(0), "1300"),)),
            ErpTax(
                "3",
                "RC25",
                "RC25 Reverse charge 25%",
                (TaxComponent("4", Decimal("0.25"), "1300"), TaxComponent("5", Decimal("-0.25"), "2300")),
            ),
        ),
        dimensions=(
            Dimension("1", "CC", "Cost centre", {f"CC{n:02}": str(n) for n in range(1, 5)}, required=True),
            Dimension("2", "PRJ", "Project", {f"PRJ{n:02}": str(n) for n in range(1, 4)}, required=True),
        ),
        periods=month_periods(today, today.replace(day=1)),
    )


@dataclass
class Entry:
    """What stands in the double's books."""

    id: str
    entry: JournalEntry
    files: tuple[str, ...]
    final: bool


@dataclass
class Books:
    """State and switches of one double; shared by every opening of it."""

    company: ErpCompany = field(default_factory=lambda: ErpCompany("1", "Demo ApS", "41414141", "DKK"))
    chart: Chart = field(default_factory=default_chart)
    capabilities: Capabilities = CAPABILITIES
    entries: dict[str, Entry] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    offered: list[tuple[str, ...]] = field(default_factory=list)
    """Names of the files that came with each booking."""
    before: dict[str, list[BaseException]] = field(default_factory=dict)
    """Raised, one a call, before the named operation has any effect."""
    after: dict[str, list[BaseException]] = field(default_factory=dict)
    """Raised, one a call, after its effect: the reply is lost."""
    slow: float = 0
    """Seconds every booking takes."""
    slow_lists: float = 0
    """Seconds every list of master data takes."""
    _master: Master | None = None
    meanwhile: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """What happens elsewhere, once, while the named operation is under way."""

    @property
    def master(self) -> Master:
        """What the lists of master data show; made from the chart when first asked for."""
        if self._master is None:
            self._master = Master.of(self.chart)
        return self._master

    def of(self, accounting_entry_id: str) -> list[Entry]:
        """Entries carrying an accounting entry, any revision."""
        return [one for one in self.entries.values() if one.entry.key.accounting_entry_id == accounting_entry_id]


class Later(list[BaseException]):
    """Faults that begin after a number of calls went through."""

    def __init__(self, spared: int, faults: list[BaseException]) -> None:
        super().__init__(faults)
        self._spared = spared

    def __bool__(self) -> bool:
        if self._spared:
            self._spared -= 1
            return False
        return len(self) > 0


def down() -> ErpError:
    """The ERP cannot be reached; nothing happened."""
    return ErpError(problem(Failure.ERP_UNREACHABLE, "connection refused"))


def lost_reply() -> ErpError:
    """The ERP may have done it."""
    return ErpError(problem(Failure.ERP_TIMEOUT, "reply lost"), outcome_unknown=True)


def refused(message: str = "No.") -> ErpError:
    """The ERP refused the entry."""
    return ErpError(problem(Failure.ERP_REFUSED, message=message))


def unreadable() -> ErpError:
    """The ERP answered a question in a way we do not understand."""
    return ErpError(problem(Failure.ERP_FAULT, "unreadable answer"))


class DoubleErp:
    def __init__(self, books: Books) -> None:
        self._books = books
        self.capabilities = books.capabilities

    async def company(self) -> ErpCompany:
        return self._call("company", lambda: self._books.company)

    async def preflight(self, *, final: bool = False) -> None:
        self._call("preflight", lambda: None)

    async def chart(self) -> Chart:
        await self._wait("chart")
        return self._call("chart", lambda: self._books.chart)

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        await self._wait("find")
        return self._call("find", lambda: [self._found(one) for one in self._books.of(accounting_entry_id)])

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        assert isinstance(document, JournalEntry)
        self._books.offered.append(tuple(file.name for file in attachments))
        await asyncio.sleep(self._books.slow)
        await self._wait("book")
        return self._call("book", lambda: self._book(document, attachments, final))

    async def settle(self, documents: Sequence[DocumentRef]) -> bool:
        return self._call("settle", lambda: False)

    async def reopen(self, documents: Sequence[DocumentRef]) -> bool:
        return self._call("reopen", lambda: False)

    async def accounts(self) -> Sequence[MasterAccount]:
        return await self._list("accounts", lambda master: master.accounts)

    async def tax_codes(self) -> Sequence[MasterTaxCode]:
        return await self._list("tax_codes", lambda master: master.tax_codes)

    async def dimensions(self) -> Sequence[MasterDimension]:
        return await self._list("dimensions", lambda master: master.dimensions)

    async def dimension_values(self, dimension_id: str) -> Sequence[MasterValue]:
        return await self._list("dimension_values", lambda master: master.values[dimension_id])

    async def vendors(self) -> Sequence[ErpVendor]:
        return await self._list("vendors", lambda master: master.vendors)

    async def find_vendors(self, wanted: VendorLookup) -> Sequence[ErpVendor]:
        return await self._list("find_vendors", lambda master: master.find(wanted))

    async def create_vendor(self, vendor: NewVendor) -> ErpVendor:
        await self._wait("create_vendor")
        return self._call("create_vendor", lambda: self._books.master.create(vendor))

    async def _list(self, name: str, rows: Callable[[Master], Sequence[T]]) -> Sequence[T]:
        await asyncio.sleep(self._books.slow_lists)
        await self._wait(name)
        return self._call(name, lambda: list(rows(self._books.master)))

    def url(self, document: DocumentRef) -> str | None:
        return f"https://erp.example/{document.id}"

    async def _wait(self, name: str) -> None:
        if meanwhile := self._books.meanwhile.pop(name, None):
            await meanwhile()

    def _call(self, name: str, effect: Any) -> Any:
        self._books.calls[name] += 1
        if waiting := self._books.before.get(name):
            raise waiting.pop(0)
        result = effect()
        if waiting := self._books.after.get(name):
            raise waiting.pop(0)
        return result

    def _book(self, entry: JournalEntry, attachments: Sequence[Attachment], final: bool) -> Booked:
        if sum(line.debit - line.credit for line in entry.lines) != 0:
            raise refused("unbalanced")
        period = next(period for period in self._books.chart.periods if period.start <= entry.date <= period.end)
        if not period.open:
            raise ErpError(problem(Failure.PERIOD_CLOSED, date=entry.date))
        for one in self._books.of(entry.key.accounting_entry_id):
            if one.entry.key.revision == entry.key.revision:
                return replace(self._booked(one), already_there=True)
        made = Entry(str(1000 + len(self._books.entries)), entry, tuple(file.name for file in attachments), final)
        self._books.entries[made.id] = made
        return self._booked(made)

    def _booked(self, one: Entry) -> Booked:
        url = self.url(DocumentRef(DocumentKind.JOURNAL_ENTRY, one.id))
        return Booked(one.id, f"JE-{one.id}" if one.final else None, one.final, url, utcnow())

    def _found(self, one: Entry) -> Found:
        return Found(one.entry.key, self._booked(one), f"{one.entry.total:.2f}", complete=one.final)


class DoubleAdapter:
    """The adapter of kind `double`, for a registry in tests."""

    kind = "double"

    def __init__(self, books: Books) -> None:
        self.books = books

    def check_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        return dict(settings)

    def secret_fields(self) -> frozenset[str]:
        return frozenset({"api_key"})

    @asynccontextmanager
    async def open(self, settings: dict[str, Any], observe: object = None) -> AsyncIterator[DoubleErp]:
        yield DoubleErp(self.books)
