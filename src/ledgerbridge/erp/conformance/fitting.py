# ruff: noqa: S101
"""Whether a document would be taken, asked before: the same words as when it is sent, and nothing written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.words import Account, Chart, JournalEntry
from ledgerbridge.erp.conformance.bench import Bench, Facts, Lack, account, entry, needs, without
from ledgerbridge.erp.conformance.payables import bill, vendor
from ledgerbridge.erp.port import Erp, ErpError

GONE = Account("99999999", "9999", "Gone")


def _on_gone_dimension(chart: Chart, facts: Facts) -> JournalEntry:
    (code, _), *others = facts.dimensions
    return entry(chart, facts, dimensions=[(code, "gone"), *others])


WRONG: Mapping[str, Callable[[Chart, Facts], JournalEntry]] = {
    "closed-period": lambda chart, facts: entry(chart, facts, date=facts.closed_date),
    "no-period": lambda chart, facts: entry(chart, facts, date=facts.open_date.replace(year=2099)),
    "unknown-account": lambda chart, facts: entry(chart, facts, expense=GONE, dimensions=()),
    "account-of-parties": lambda chart, facts: entry(
        chart, facts, expense=account(chart, facts.wants_party or ""), dimensions=()
    ),
    "unknown-dimension-value": _on_gone_dimension,
    "unbalanced": lambda chart, facts: replace(good := entry(chart, facts), lines=good.lines[:2]),
    "other-currency": lambda chart, facts: replace(entry(chart, facts), currency="XXX"),
}
WRONG_BILLS: Mapping[str, Callable[[Bill], Bill]] = {
    "unknown-vendor": lambda good: replace(
        good,
        vendor=replace(good.vendor, id="99999999"),
        entry=replace(
            good.entry,
            lines=tuple(line if line.vendor is None else replace(line, vendor="99999999") for line in good.entry.lines),
        ),
        payment=None,
    ),
    "unknown-payable-account": lambda good: replace(
        good,
        entry=replace(
            good.entry,
            lines=tuple(line if line.vendor is None else replace(line, account=GONE) for line in good.entry.lines),
        ),
        payment=None,
    ),
    "unknown-expense-account": lambda good: replace(
        good,
        entry=replace(
            good.entry,
            lines=tuple(replace(line, account=GONE) if line.vendor is None else line for line in good.entry.lines),
        ),
    ),
    "payment-from-an-unknown-account": lambda good: replace(
        good,
        payment=good.payment
        and replace(
            good.payment,
            lines=tuple(replace(line, account=GONE) if line.vendor is None else line for line in good.payment.lines),
        ),
    ),
}


class Fits:
    """What `fits` says is what `book` does."""

    @pytest.mark.parametrize(
        ("wrong", "final"),
        [*((wrong, True) for wrong in WRONG), ("unknown-account", False), ("account-of-parties", False)],
    )
    async def test_an_entry_that_will_be_refused_is_known_before_in_the_same_words(
        self, bench: Bench, wrong: str, final: bool
    ) -> None:
        facts = bench.facts
        if wrong == "account-of-parties":
            without(bench, Lack.PARTIES)
        if wrong == "unknown-dimension-value":
            needs(bench, "dimensions")
        async with bench.opened() as erp:
            await _refused_alike(bench, erp, WRONG[wrong](await bench.chart(), facts), final=final)

    @pytest.mark.parametrize("wrong", WRONG_BILLS)
    async def test_a_bill_that_will_be_refused_is_known_before_in_the_same_words(
        self, bench: Bench, wrong: str
    ) -> None:
        needs(bench, "vendor_bills")
        good = bill(await bench.chart(), bench.facts, await vendor(bench), paid=True)
        async with bench.opened() as erp:
            await _refused_alike(bench, erp, WRONG_BILLS[wrong](good), final=True)

    async def test_a_bill_in_a_closed_period_is_known_before(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        facts = bench.facts
        wanted = bill(await bench.chart(), facts, await vendor(bench), date=facts.closed_date)
        async with bench.opened() as erp:
            await _refused_alike(bench, erp, wanted, final=True)

    async def test_a_bill_that_seems_to_be_there_already_is_known_before(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts, owed_to = await bench.chart(), bench.facts, await vendor(bench)
        async with bench.opened() as erp:
            await erp.book(bill(chart, facts, owed_to, number="TWICE-1"), (), final=True)
            again = bill(chart, facts, owed_to, number="TWICE-1")
            told = await erp.fits(again, final=True)
            refused = None
            try:
                await erp.book(again, (), final=True)
            except ErpError as error:  # not every ERP minds
                refused = error.problem
            assert (told and told.text) == (refused and refused.text)

    async def test_what_fits_is_booked_and_fits_still_when_it_stands(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            wanted: list[Document] = [entry(await bench.chart(), bench.facts)]
            if bench.capabilities.vendor_bills:
                wanted.append(bill(await bench.chart(), bench.facts, await vendor(bench), paid=True))
            for each in wanted:
                assert await erp.fits(each, final=True) is None
                assert not await _standing(bench, each)
                if bench.capabilities.drafts:
                    await erp.book(each, (), final=False)
                    assert await erp.fits(each, final=True) is None
                await erp.book(each, (), final=True)
                stands = await _standing(bench, each)
                assert await erp.fits(each, final=True) is None
                assert await _standing(bench, each) == stands

    async def test_an_entry_that_stands_with_another_amount_is_known_before(self, bench: Bench) -> None:
        chart, facts = await bench.chart(), bench.facts
        first = entry(chart, facts)
        other = entry(chart, facts, id_=first.key.accounting_entry_id, net="80.00", vat="20.00")
        async with bench.opened() as erp:
            await erp.book(first, (), final=True)
            stands = await _standing(bench, first)
            told = await erp.fits(other, final=True)
            with pytest.raises(ErpError) as caught:
                await erp.book(other, (), final=True)
            assert told is not None
            assert (told.failure, told.text) == (caught.value.problem.failure, caught.value.problem.text)
            assert await _standing(bench, first) == stands


async def _refused_alike(bench: Bench, erp: Erp, wanted: Document, *, final: bool) -> None:
    told = await erp.fits(wanted, final=final)
    assert not await _standing(bench, wanted)
    with pytest.raises(ErpError) as caught:
        await erp.book(wanted, (), final=final)
    assert told is not None
    assert (told.failure, told.text) == (caught.value.problem.failure, caught.value.problem.text)


async def _standing(bench: Bench, wanted: Document) -> list[tuple[str, bool, Decimal]]:
    """All that carries the key, drafts included."""
    key = wanted.key.accounting_entry_id
    found = [(one.id, one.final, one.total) for one in await bench.entries(key)]
    if bench.capabilities.vendor_bills:
        found += [(one.id, one.final, one.owed) for one in await bench.bills(key)]
    return found
