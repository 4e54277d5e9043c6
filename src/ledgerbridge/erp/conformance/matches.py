# ruff: noqa: S101
"""Bills and payments from different items and jobs, matched and taken apart again."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.words import JournalEntry
from ledgerbridge.erp.conformance.bench import Bench, Fate, Fault, Step, needs
from ledgerbridge.erp.conformance.payables import bill, payment, vendor


class Matches:
    """Matching (EXP-AP-02, EXP-AP-04)."""

    @pytest.mark.rule("EXP-AP-02", "EXP-AP-04")
    @pytest.mark.parametrize("bill_first", [True, False], ids=["bill_first", "payment_first"])
    async def test_a_bill_and_a_payment_of_two_jobs_are_settled(self, bench: Bench, bill_first: bool) -> None:
        needs(bench, "vendor_bills")
        owed, paid = await self._halves(bench)
        async with bench.opened() as erp:
            halves: tuple[Document, Document] = (owed, paid) if bill_first else (paid, owed)
            refs = [(await erp.book(each, (), final=True)).ref for each in halves]
            assert not (await bench.bills(owed.key.accounting_entry_id))[0].paid
            assert await erp.settle(refs)
            (standing,) = await bench.bills(owed.key.accounting_entry_id)
            assert (standing.paid, standing.matched) == (True, bench.facts.reconciles)
            assert await erp.settle(refs)
            (found,) = await erp.find(owed.key.accounting_entry_id, owed.key.company_id)
        assert found.complete

    @pytest.mark.rule("EXP-AP-04")
    async def test_several_bills_are_settled_by_one_payment(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        owed_to = await vendor(bench)
        owed = [bill(chart, facts, owed_to, net=net) for net in ("100.00", "50.00", "0.01")]
        paid = payment(chart, facts, owed_to, sum((each.total for each in owed), Decimal(0)))
        async with bench.opened() as erp:
            refs = [(await erp.book(each, (), final=True)).ref for each in owed]
            done = await erp.settle([*refs, (await erp.book(paid, (), final=True)).ref])
        standing = [(await bench.bills(each.key.accounting_entry_id))[0] for each in owed]
        # Where the ERP notes a payment on one bill only, they stay open for a person, and say so.
        assert done == facts.reconciles
        assert [each.paid for each in standing] == [facts.reconciles] * len(owed)

    @pytest.mark.rule("EXP-AP-06", "EXP-AP-04")
    async def test_a_credit_note_settles_a_bill(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        owed_to = await vendor(bench)
        owed, back = (bill(chart, facts, owed_to, credit_note=credit_note) for credit_note in (False, True))
        async with bench.opened() as erp:
            refs = [(await erp.book(each, (), final=True)).ref for each in (owed, back)]
            assert await erp.settle(refs)
        for each in (owed, back):
            assert (await bench.bills(each.key.accounting_entry_id))[0].paid

    @pytest.mark.rule("EXP-AP-04")
    async def test_what_does_not_balance_is_left_as_it_is(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        owed = bill(chart, facts, await vendor(bench))
        short = payment(chart, facts, owed.vendor, owed.total - Decimal("0.01"))
        strange = payment(chart, facts, await vendor(bench), owed.total)
        async with bench.opened() as erp:
            refs = [(await erp.book(each, (), final=True)).ref for each in (owed, short, strange)]
            assert not await erp.settle(refs[:1])
            assert not await erp.settle(refs[:2])
            assert not await erp.settle([refs[0], refs[2]])
        assert not (await bench.bills(owed.key.accounting_entry_id))[0].paid

    @pytest.mark.rule("EXP-AP-04")
    @pytest.mark.parametrize("draft", ["bill", "payment"])
    async def test_a_draft_is_not_settled(self, bench: Bench, draft: str) -> None:
        needs(bench, "vendor_bills")
        needs(bench, "drafts")
        owed, paid = await self._halves(bench)
        async with bench.opened() as erp:
            refs = [
                (await erp.book(owed, (), final=draft != "bill")).ref,
                (await erp.book(paid, (), final=draft != "payment")).ref,
            ]
            assert not await erp.settle(refs)
            assert await erp.reopen(refs)
            await erp.book(owed, (), final=True)
            await erp.book(paid, (), final=True)
            assert await erp.settle(refs)

    @pytest.mark.rule("EXP-AP-02", "EXP-AP-04")
    async def test_a_returned_payment_leaves_the_bill_owed_again(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        owed, paid = await self._halves(bench)
        back = payment(await bench.chart(), bench.facts, owed.vendor, -owed.total)
        async with bench.opened() as erp:
            assert (await erp.matching_limits() is None) == bench.facts.reconciles
            refs = [(await erp.book(each, (), final=True)).ref for each in (owed, paid, back)]
            assert await erp.settle(refs[:2])
            for _ in range(2):
                assert await erp.reopen(refs[1:2])
                assert not (await bench.bills(owed.key.accounting_entry_id))[0].paid
            assert await erp.settle(refs[1:])
            (standing,) = await bench.bills(owed.key.accounting_entry_id)
            assert (standing.paid, standing.final) == (False, True)
            again = payment(await bench.chart(), bench.facts, owed.vendor, owed.total)
            assert await erp.settle([refs[0], (await erp.book(again, (), final=True)).ref])
        assert (await bench.bills(owed.key.accounting_entry_id))[0].paid

    @pytest.mark.rule("EXP-AP-04")
    @pytest.mark.parametrize("fate", [Fate.REPLY_LOST, Fate.TIMED_OUT, Fate.NEVER_ARRIVED, Fate.BUSY])
    async def test_a_match_whose_reply_is_lost_is_made_once(self, bench: Bench, fate: Fate) -> None:
        needs(bench, "vendor_bills")
        owed, paid = await self._halves(bench)
        async with bench.opened(Fault(Step.MATCH, fate)) as erp:
            refs = [(await erp.book(each, (), final=True)).ref for each in (owed, paid)]
            assert await erp.settle(refs)
        assert (await bench.bills(owed.key.accounting_entry_id))[0].paid

    @pytest.mark.rule("EXP-AP-04")
    async def test_two_at_once_match_once(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        owed, paid = await self._halves(bench)
        async with bench.opened() as one, bench.opened() as other:
            refs = [(await one.book(each, (), final=True)).ref for each in (owed, paid)]
            done = await asyncio.gather(*(erp.settle(refs) for erp in (one, other)))
        assert all(done)
        assert (await bench.bills(owed.key.accounting_entry_id))[0].paid

    async def _halves(self, bench: Bench) -> tuple[Bill, JournalEntry]:
        chart, facts = await bench.chart(), bench.facts
        owed = bill(chart, facts, await vendor(bench))
        return owed, payment(chart, facts, owed.vendor, owed.total)
