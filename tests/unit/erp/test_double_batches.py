"""The double takes batches as an adapter must, as far as it goes: it has no wire to break and judges no accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from ledgerbridge.bookkeeping.words import Chart, JournalEntry
from ledgerbridge.erp import conformance
from ledgerbridge.erp.conformance.bench import Facts, Fault, Standing
from ledgerbridge.erp.port import Erp
from tests.support.double_chart import CODES
from tests.support.erp_double import CAPABILITIES, Books, DoubleAdapter


class DoubleBench:
    """Looks into the memory of the double instead of asking it."""

    def __init__(self) -> None:
        self.books = Books(capabilities=replace(CAPABILITIES, batch=10))
        self.adapter = DoubleAdapter(self.books)
        self.capabilities = self.books.capabilities
        self.settings: dict[str, Any] = {}
        open_ = [period for period in self.books.chart.periods if period.open]
        closed = [period for period in self.books.chart.periods if not period.open]
        self.facts = Facts(
            name=self.books.company.name,
            registration_number=self.books.company.registration_number,
            currency=self.books.company.currency,
            journal="EXP",
            expense=CODES["expense"],
            vat=CODES["input_vat"],
            wallet=CODES["wallet"],
            wants_party=None,
            tax="I25 Purchase VAT 25%",
            reverse_charge="RC25 Reverse charge 25%",
            dimensions=[("CC", "CC02"), ("PRJ", "PRJ01")],
            open_date=open_[0].start,
            closed_date=closed[-1].start,
            closable_date=open_[-1].start,
            oversize=None,
            tax_numbers=(),
        )

    @asynccontextmanager
    async def opened(self, fault: Fault | None = None) -> AsyncIterator[Erp]:
        assert fault is None
        async with self.adapter.open(self.settings) as erp:
            yield erp

    async def chart(self) -> Chart:
        return self.books.chart

    async def entries(self, accounting_entry_id: str) -> Sequence[Standing]:
        return [
            Standing(one.id, one.final, f"JE-{one.id}" if one.final else None, "", one.entry.total, len(lines))
            for one in self.books.all_of(accounting_entry_id)
            if isinstance(one.document, JournalEntry) and (lines := one.document.lines)
        ]

    async def set_period(self, date: dt.date, *, open_: bool) -> None:
        chart = self.books.chart
        changed = [
            replace(period, open=open_) if period.start <= date <= period.end else period for period in chart.periods
        ]
        self.books.chart = replace(chart, periods=tuple(changed))


@pytest.fixture
def bench() -> DoubleBench:
    return DoubleBench()


class TestBatches:
    """Those of the suite that need neither a fault on the wire nor a judgement of accounts."""

    suite = conformance.Batches

    test_each_is_booked_once_and_found_by_a_second_call = suite.test_each_is_booked_once_and_found_by_a_second_call
    test_as_many_as_it_takes_go_in_at_once = suite.test_as_many_as_it_takes_go_in_at_once
    test_drafts_stay_drafts_until_they_are_wanted_final = suite.test_drafts_stay_drafts_until_they_are_wanted_final
    test_two_writers_book_each_entry_once = suite.test_two_writers_with_overlapping_batches_at_once_book_each_entry_once
    test_a_closed_period_is_told_of_those_it_closes = suite.test_a_closed_period_is_told_of_those_it_closes
