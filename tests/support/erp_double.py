"""An ERP in memory, for tests that count calls or break things on purpose. Books like the real one: by key, once.

It obeys the port and refuses unbalanced entries, closed periods and unknown keys; the real Tryton has its own tests.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
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
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Chart, JournalEntry, PostingKey
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.adapter import SettingField, SettingKind, SettingsError
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
from tests.support.double_chart import CODES as CODES
from tests.support.double_chart import default_chart
from tests.support.double_master import Master
from tests.support.double_payables import Entry, Matches

T = TypeVar("T")

CAPABILITIES = Capabilities(
    vendors=False,
    vendor_bills=False,
    drafts=True,
    attachments=True,
    several_attachments=True,
    computes_tax_on_journal_entries=False,
    can_probe=True,
    can_reverse=True,
    parallel_writers=1,
    lists_entries=True,
)
PAYABLES = replace(CAPABILITIES, vendors=True, vendor_bills=True)
"""What `Books(capabilities=PAYABLES)` can do besides."""


@dataclass
class Books:
    """State and switches of one double; shared by every opening of it."""

    company: ErpCompany = field(default_factory=lambda: ErpCompany("1", "Demo ApS", "41414141", "DKK"))
    chart: Chart = field(default_factory=default_chart)
    more_companies: list[ErpCompany] = field(default_factory=list)
    """Others that the access may choose; what is opened is always `company`."""
    refused_keys: set[str] = field(default_factory=set)
    """Keys that `companies` finds wrong."""
    capabilities: Capabilities = CAPABILITIES
    entries: dict[str, Entry] = field(default_factory=dict)
    matches: Matches = field(default_factory=Matches)
    """What settles what."""
    matching_limits: str | None = None
    """As the port's; it is only told of, nothing is withheld."""
    calls: Counter[str] = field(default_factory=Counter)
    offered: list[tuple[str, ...]] = field(default_factory=list)
    """Names of the files that came with each booking."""
    received: dict[str, list[bytes]] = field(default_factory=dict)
    """The files that came with the newest booking of each accounting entry."""
    before: dict[str, list[BaseException]] = field(default_factory=dict)
    """Raised, one a call, before the named operation has any effect."""
    after: dict[str, list[BaseException]] = field(default_factory=dict)
    """Raised, one a call, after its effect: the reply is lost."""
    locked: bool = False
    """Nobody may take a match apart."""
    slow: float = 0
    """Seconds every booking takes."""
    slow_lists: float = 0
    """Seconds every list of master data takes."""
    _master: Master | None = None
    meanwhile: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """What happens elsewhere, once, while the named operation is under way."""

    @property
    def bills(self) -> list[Entry]:
        return [one for one in self.entries.values() if one.bill]

    @property
    def payments(self) -> list[Entry]:
        """Journal entries that name a vendor."""
        return [one for one in self.entries.values() if not one.bill and one.payable_lines()]

    def owed(self, vendor: str) -> Decimal:
        """What is still to be paid to a vendor."""
        return self.matches.owed(self.entries.values(), vendor)

    @property
    def master(self) -> Master:
        """What the lists of master data show; made from the chart when first asked for."""
        if self._master is None:
            self._master = Master.of(self.chart)
        return self._master

    def of(self, accounting_entry_id: str) -> list[Entry]:
        """Entries in force that carry an accounting entry, any revision."""
        return [one for one in self.all_of(accounting_entry_id) if one.taken_back is None]

    def all_of(self, accounting_entry_id: str) -> list[Entry]:
        """The same, and those that were taken back."""
        return [one for one in self.entries.values() if one.entry.key.accounting_entry_id == accounting_entry_id]


FORM = (
    SettingField("base_url", "Address", "Where the books are.", SettingKind.URL, place=True),
    SettingField("database", "Database", "", SettingKind.TEXT, place=True),
    SettingField("api_key", "Key", "", SettingKind.SECRET),
    SettingField("company", "Company", "", SettingKind.COMPANY),
    SettingField("branch", "Branch", "", SettingKind.NUMBER, required=False),
)
"""What a person is asked for. `check_settings` takes whatever comes."""


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


def truncated() -> ErpError:
    """A page of a list did not come; what was read before it counts for nothing."""
    return ErpError(problem(Failure.ERP_UNREACHABLE, "the list broke off after a page"))


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

    def seen(self, key: str) -> Sequence[ErpCompany]:
        """What a key may work in."""
        if key in self._books.refused_keys:
            raise SettingsError({"api_key": "This key is refused."})
        return self._call("companies", lambda: [self._books.company, *self._books.more_companies])

    async def company(self) -> ErpCompany:
        return self._call("company", lambda: self._books.company)

    async def preflight(self, *, final: bool = False, bills: bool = False) -> None:
        self._call("preflight", lambda: None)
        if bills:
            self._call("preflight_bills", lambda: None)

    async def chart(self) -> Chart:
        await self._wait("chart")
        return self._call("chart", lambda: self._books.chart)

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        await self._wait("find")
        return self._call("find", lambda: [self._found(one) for one in self._books.of(accounting_entry_id)])

    async def entries(self, first: date, last: date, company_id: str) -> Sequence[Keyed]:
        await self._wait("entries")
        return self._call("entries", lambda: [one for one in self._keyed() if first <= one.date <= last])

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        assert isinstance(document, JournalEntry) or self.capabilities.vendor_bills
        self._books.offered.append(tuple(file.name for file in attachments))
        self._books.received[document.key.accounting_entry_id] = [one.file.whole() for one in attachments]
        await asyncio.sleep(self._books.slow)
        await self._wait("book")
        return self._call("book", lambda: self._book(document, attachments, final))

    async def book_many(self, wanted: Sequence[Wanted], *, final: bool) -> Sequence[Booked | ErpError]:
        """Counted and broken as a whole by `book_many`, each document of it by `book`."""
        assert 0 < len(wanted) <= self.capabilities.batch
        if waiting := self._books.before.get("book_many"):
            raise waiting.pop(0)
        found: list[Booked | ErpError] = []
        for one in wanted:
            try:
                found.append(await self.book(one.document, one.attachments, final=final))
            except ErpError as error:
                found.append(error)
        return list(self._call("book_many", lambda: found))

    async def fits(self, document: Document, *, final: bool) -> Problem | None:
        await self._wait("fits")
        return self._call("fits", lambda: self._objection(document))

    async def reverse(self, document: DocumentRef, key: PostingKey, *, reason: str, day: date | None) -> Reversed:
        assert self.capabilities.can_reverse
        await asyncio.sleep(self._books.slow)
        await self._wait("reverse")
        return self._call("reverse", lambda: self._reverse(document, key, reason, day))

    async def settle(self, documents: Sequence[DocumentRef]) -> bool:
        await self._wait("settle")
        return self._call("settle", lambda: self._books.matches.settle(self._named(documents)))

    async def reopen(self, documents: Sequence[DocumentRef]) -> bool:
        await self._wait("reopen")
        return self._call(
            "reopen", lambda: not self._books.locked and self._books.matches.reopen(self._named(documents))
        )

    async def matching_limits(self) -> str | None:
        return self._call("matching_limits", lambda: self._books.matching_limits)

    async def accounts(self) -> Sequence[MasterAccount]:
        return await self._list("accounts", lambda master: master.accounts)

    async def tax_codes(self) -> Sequence[MasterTaxCode]:
        return await self._list("tax_codes", lambda master: master.tax_codes)

    async def dimensions(self) -> Sequence[MasterDimension]:
        return await self._list("dimensions", lambda master: master.dimensions)

    async def dimension_values(self, dimension_id: str) -> Sequence[MasterValue]:
        return await self._list("dimension_values", lambda master: master.values.get(dimension_id, []))

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

    async def hand_over(self, *, now: bool = False) -> None:
        """Nothing."""

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

    def _book(self, document: Document, attachments: Sequence[Attachment], final: bool) -> Booked:
        newest = max(map(int, self._books.entries), default=999)
        wanted = Entry(str(newest + 1), document, tuple(file.name for file in attachments), final)
        self._check(wanted)
        for one in self._books.of(wanted.entry.key.accounting_entry_id):
            if one.entry.key.revision == wanted.entry.key.revision:
                if final and not one.final:
                    one.final = True
                    self._match(one)
                return replace(self._booked(one), already_there=True)
        self._books.entries[wanted.id] = wanted
        self._match(wanted)
        return self._booked(wanted)

    def _reverse(self, document: DocumentRef, key: PostingKey, reason: str, day: date | None) -> Reversed:
        one = self._books.entries.get(document.id)
        if one is None:
            return Reversed(None, None, None, None, already_there=True)
        if (one.ref, one.entry.key) != (document, key):
            raise ErpError(problem(Failure.REVERSAL_REFUSED, reference=document.id, message="It is another's."))
        if not one.final:
            del self._books.entries[one.id]
            return Reversed(None, None, None, None)
        already_there = one.taken_back is not None
        if not already_there:
            self._may_reverse(one, day or one.entry.date)
            self._books.matches.reopen([one])
            one.taken_back = f"{one.id}-counter"
            one.reasons.append(reason)
        ref = DocumentRef(DocumentKind.JOURNAL_ENTRY, f"{one.id}-counter")
        return Reversed(ref.id, f"REV-{one.id}", self.url(ref), day or one.entry.date, already_there)

    def _may_reverse(self, one: Entry, when: date) -> None:
        if self._books.matches.with_others(one):
            raise ErpError(problem(Failure.REVERSAL_MATCHED, reference=one.id))
        if not any(period.open and period.start <= when <= period.end for period in self._books.chart.periods):
            raise ErpError(problem(Failure.REVERSAL_PERIOD_CLOSED, reference=one.id, date=when))

    def _check(self, wanted: Entry) -> None:
        bill = wanted.bill
        for entry in (wanted.entry, bill.payment if bill else None):
            if entry is None:
                continue
            if sum(line.debit - line.credit for line in entry.lines) != 0:
                raise refused("unbalanced")
            period = next(period for period in self._books.chart.periods if period.start <= entry.date <= period.end)
            if not period.open:
                raise ErpError(problem(Failure.PERIOD_CLOSED, date=entry.date))
        if bill and not any(line.vendor == bill.vendor.id for line in wanted.entry.lines):
            raise refused("a bill without a line that owes its vendor")

    def _objection(self, document: Document) -> Problem | None:
        try:
            self._check(Entry("0", document, (), final=False))
        except ErpError as error:
            return error.problem
        return None

    def _match(self, one: Entry) -> None:
        """A bill that brings its payment is matched with it at once (EXP-AP-10)."""
        if one.bill and one.bill.payment:
            self._books.matches.settle([one])

    def _named(self, documents: Sequence[DocumentRef]) -> list[Entry]:
        found = [self._books.entries[ref.id] for ref in documents]
        if any(one.ref != ref for one, ref in zip(found, documents, strict=True)):
            raise unreadable()
        return found

    def _booked(self, one: Entry) -> Booked:
        number = f"{'BILL' if one.bill else 'JE'}-{one.id}" if one.final else None
        return Booked(one.id, number, one.final, self.url(one.ref), utcnow(), kind=one.ref.kind)

    def _keyed(self) -> Iterator[Keyed]:
        for one in self._books.entries.values():
            if one.taken_back is not None:
                continue
            number = self._booked(one).number
            yield Keyed(one.entry.key, one.ref, number, one.final, f"{one.document.total:.2f}", one.entry.date)
            if one.bill and (payment := one.bill.payment):
                ref = DocumentRef(DocumentKind.JOURNAL_ENTRY, f"{one.id}-payment")
                yield Keyed(payment.key, ref, number, one.final, f"{payment.total:.2f}", payment.date, own_payment=True)

    def _found(self, one: Entry) -> Found:
        return Found(one.entry.key, self._booked(one), f"{one.entry.total:.2f}", complete=one.final)


class DoubleAdapter:
    """The adapter of kind `double`, for a registry in tests."""

    kind = "double"
    name = "Double books"
    about = "Books in memory, for tests."

    def __init__(self, books: Books) -> None:
        self.books = books

    def form(self) -> tuple[SettingField, ...]:
        return FORM

    async def companies(self, settings: dict[str, Any], observe: object = None) -> Sequence[ErpCompany]:
        erp = DoubleErp(self.books)
        if missing := [
            one.name for one in FORM if one.required and one.name != "company" and not settings.get(one.name)
        ]:
            raise SettingsError(dict.fromkeys(missing, "Enter it."))
        return erp.seen(str(settings["api_key"]))

    def check_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        return dict(settings)

    def secret_fields(self) -> frozenset[str]:
        return frozenset({"api_key"})

    @asynccontextmanager
    async def open(
        self, settings: dict[str, Any], observe: object = None, *, book: object = None
    ) -> AsyncIterator[DoubleErp]:
        yield DoubleErp(self.books)
