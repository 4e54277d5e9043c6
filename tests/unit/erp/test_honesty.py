"""The suite notices an ERP that claims what it does not keep, and one that half does what it does not claim."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ledgerbridge.bookkeeping.master_data import ErpVendor, MasterDimension, NewVendor, VendorLookup
from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.words import Chart, JournalEntry, PostingKey
from ledgerbridge.erp import conformance
from ledgerbridge.erp.conformance.bench import Facts, Lack, Standing
from ledgerbridge.erp.port import Attachment, Booked, Capabilities, DocumentRef, Erp, ErpError, Found, Keyed, Reversed
from ledgerbridge.erp.unsupported import unsupported
from tests.support.erp_double import Books, DoubleAdapter, DoubleErp

CLAIMED = Capabilities(
    vendors=False,
    vendor_bills=False,
    drafts=False,
    attachments=True,
    several_attachments=True,
    computes_tax_on_journal_entries=False,
    can_probe=True,
    can_reverse=True,
    parallel_writers=2,
    lists_entries=True,
)


class Claiming(DoubleErp):
    """An ERP that refuses what it does not claim, and answers all the same where `lie` names it."""

    def __init__(self, books: Books, lie: str | None) -> None:
        super().__init__(books)
        self._lie = lie

    def _may(self, capability: str) -> bool:
        """Whether it goes on as if it could; a refusal where it is honest."""
        if not getattr(self.capabilities, capability) and self._lie != capability:
            raise unsupported(capability, capability)
        return bool(getattr(self.capabilities, capability))

    async def chart(self) -> Chart:
        chart = await super().chart()
        return chart if self.capabilities.dimensions else replace(chart, dimensions=())

    async def dimensions(self) -> Sequence[MasterDimension]:
        return await super().dimensions() if self.capabilities.dimensions else []

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        return await super().find(accounting_entry_id, company_id) if self._may("can_probe") else []

    async def entries(self, first: dt.date, last: dt.date, company_id: str) -> Sequence[Keyed]:
        return await super().entries(first, last, company_id) if self._may("lists_entries") else []

    async def reverse(self, document: DocumentRef, key: PostingKey, *, reason: str, day: dt.date | None) -> Reversed:
        self._may("can_reverse")
        del self._books.entries[document.id]
        return Reversed(None, None, None, None)

    async def vendors(self) -> Sequence[ErpVendor]:
        return await super().vendors() if self._may("vendors") else []

    async def find_vendors(self, wanted: VendorLookup) -> Sequence[ErpVendor]:
        return await super().find_vendors(wanted) if self._may("vendors") else []

    async def create_vendor(self, vendor: NewVendor) -> ErpVendor:
        self._may("vendors")
        return await super().create_vendor(vendor)

    async def preflight(self, *, final: bool = False, bills: bool = False) -> None:
        if bills:
            self._may("vendor_bills")

    async def settle(self, documents: Sequence[DocumentRef]) -> bool:
        return self._may("vendor_bills")

    async def book_many(self, wanted: Sequence[Any], *, final: bool) -> Sequence[Booked | ErpError]:
        if self.capabilities.batch < 2 and self._lie != "batch":
            raise unsupported("batch", "a batch")
        return [await self.book(one.document, one.attachments, final=final) for one in wanted]

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        if isinstance(document, Bill):
            self._may("vendor_bills")
            document = document.entry
        assert isinstance(document, JournalEntry)
        if any(line.dimensions for line in document.lines):
            self._may("dimensions")
        if attachments and not self._may("attachments"):
            attachments = ()
        if len(attachments) > 1 and not self._may("several_attachments"):
            attachments = attachments[:1]
        types = self.capabilities.attachment_types
        if types is not None and {one.type for one in attachments} - types:
            self._may_not_type()
            attachments = ()
        final = final or (not self.capabilities.drafts and self._lie != "drafts")
        return await super().book(document, attachments, final=final)

    def _may_not_type(self) -> None:
        if self._lie != "attachment_types":
            raise unsupported("attachment_types", "a file")


class ClaimingBench:
    """The bench of the double, whose capabilities and lies a test chooses."""

    def __init__(self, lie: str | None = None, **claims: Any) -> None:
        self.capabilities = replace(CLAIMED, **claims)
        self.books = Books(capabilities=self.capabilities)
        self.adapter = DoubleAdapter(self.books)
        self.settings: dict[str, Any] = {"api_key": "x"}
        self.lacks = frozenset({Lack.PARTIES, Lack.SIZE_LIMIT})
        self._lie = lie
        today = self.books.chart.periods[-1].start
        self.facts = Facts(
            name="Demo ApS",
            registration_number=None,
            currency="DKK",
            journal="EXP",
            expense="6000",
            vat="1300",
            wallet="5820",
            wants_party=None,
            tax="I25 Purchase VAT 25%",
            reverse_charge="RC25 Reverse charge 25%",
            dimensions=[("CC", "CC01"), ("PRJ", "PRJ01")] if self.capabilities.dimensions else [],
            open_date=today,
            closed_date=today,
            closable_date=today,
            oversize=None,
            tax_numbers=(),
        )

    @asynccontextmanager
    async def opened(self, fault: object = None) -> AsyncIterator[Erp]:
        erp: Any = Claiming(self.books, self._lie)
        yield erp

    async def chart(self) -> Chart:
        async with self.opened() as erp:
            return await erp.chart()

    async def entries(self, accounting_entry_id: str) -> Sequence[Standing]:
        return [
            Standing(one.id, one.final, f"JE-{one.id}", "", Decimal(one.entry.total), len(one.entry.lines))
            for one in self.books.all_of(accounting_entry_id)
        ]

    async def files(self, erp_id: str) -> Sequence[tuple[str, bytes]]:
        entry = self.books.entries[erp_id]
        return list(zip(entry.files, self.books.received[entry.entry.key.accounting_entry_id], strict=True))


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "test_without_a_probe_nothing_is_said_of_what_stands": ("can_probe", {"can_probe": False, "can_reverse": False}),
    "test_without_a_list_of_entries_none_is_given": ("lists_entries", {"lists_entries": False}),
    "test_without_reversals_what_was_booked_stands": ("can_reverse", {"can_reverse": False}),
    "test_without_drafts_a_draft_is_final_or_refused": ("drafts", {}),
    "test_without_files_an_entry_with_one_is_refused_and_not_booked_without": (
        "attachments",
        {"attachments": False, "several_attachments": False},
    ),
    "test_where_one_file_is_taken_a_second_is_never_dropped": ("several_attachments", {"several_attachments": False}),
    "test_every_type_of_file_that_is_claimed_is_taken_and_no_other": (
        "attachment_types",
        {"attachment_types": frozenset({"application/pdf", "image/png"})},
    ),
    "test_without_dimensions_a_line_with_one_is_refused": ("dimensions", {"dimensions": False}),
    "test_without_vendors_none_is_listed_found_or_made": ("vendors", {}),
    "test_without_bills_none_is_booked_or_settled": ("vendor_bills", {}),
    "test_without_batches_several_at_once_are_refused": ("batch", {}),
}
"""What an ERP lies about, and what it claims, for the case that notices it."""


@pytest.mark.parametrize("case", CASES)
async def test_an_honest_erp_passes_and_one_that_answers_all_the_same_fails(case: str) -> None:
    lie, claims = CASES[case]
    suite: Any = conformance.Honesty()
    await getattr(suite, case)(ClaimingBench(**claims))
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await getattr(suite, case)(ClaimingBench(lie, **claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"can_probe": False},
        {"vendor_bills": True},
        {"attachments": False},
        {"batch": 3},
        {"parallel_writers": 0},
        {"attachment_types": frozenset({"Application/PDF"})},
    ],
    ids=str,
)
async def test_claims_that_contradict_each_other_fail(claims: dict[str, Any]) -> None:
    suite = conformance.Honesty()
    await suite.test_capabilities_agree_with_each_other(ClaimingBench())  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        await suite.test_capabilities_agree_with_each_other(ClaimingBench(**claims))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "lacks", [set(), {Lack.PARTIES, Lack.SIZE_LIMIT, Lack.DOUBT}, {Lack.PARTIES, Lack.SIZE_LIMIT, Lack.REVERSE_CHARGE}]
)
async def test_a_bench_that_excuses_itself_fails(lacks: set[Lack]) -> None:
    suite, bench = conformance.Honesty(), ClaimingBench()
    await suite.test_the_bench_lacks_only_what_is_not_there(bench)  # type: ignore[arg-type]
    bench.lacks = frozenset(lacks)
    with pytest.raises(AssertionError):
        await suite.test_the_bench_lacks_only_what_is_not_there(bench)  # type: ignore[arg-type]


async def test_what_was_claimed_elsewhere_is_not_what_the_company_claims() -> None:
    suite, bench = conformance.Honesty(), ClaimingBench()
    await suite.test_the_opened_company_claims_what_the_bench_was_told(bench)  # type: ignore[arg-type]
    bench.capabilities = replace(bench.capabilities, drafts=True)
    with pytest.raises(AssertionError):
        await suite.test_the_opened_company_claims_what_the_bench_was_told(bench)  # type: ignore[arg-type]


async def test_writers_side_by_side_are_counted() -> None:
    suite: Any = conformance.Honesty()
    await suite.test_as_many_writers_as_are_claimed_book_side_by_side(ClaimingBench())
    with pytest.raises(pytest.skip.Exception, match="not capable: parallel_writers"):
        await suite.test_as_many_writers_as_are_claimed_book_side_by_side(ClaimingBench(parallel_writers=1))
