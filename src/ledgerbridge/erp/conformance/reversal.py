# ruff: noqa: S101
"""Taking back what was booked: by one counter-entry, whatever happens on the way."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.payables import Document
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import JournalEntry, PostingKey
from ledgerbridge.erp.conformance.bench import (
    PLEO_COMPANY,
    Bench,
    Fate,
    Fault,
    Killed,
    Lack,
    Step,
    entry,
    files_for,
    meets,
    needs,
    receipts,
    without,
)
from ledgerbridge.erp.conformance.payables import bill, payment, vendor
from ledgerbridge.erp.port import Booked, DocumentRef, Erp, ErpError, Reversed

REASON = "Booked on the wrong cost centre"


class Reversal:
    """Journal entries taken back (EXP-IDEM-07)."""

    @pytest.mark.rule("EXP-IDEM-07")
    async def test_an_entry_is_taken_back_by_a_linked_counter_entry_and_may_be_booked_anew(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        async with bench.opened() as erp:
            wanted, booked = await _booked(erp, bench)
            made = await _reversed(erp, booked.ref, wanted)
            assert (made.already_there, made.date) == (False, wanted.date)
            assert not any((await bench.net_of(wanted.key.accounting_entry_id)).values()), "the books are as before"
            assert not await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)
            if erp.capabilities.lists_entries:
                listed = await erp.entries(wanted.date, wanted.date, PLEO_COMPANY)
                assert wanted.key not in [one.key for one in listed]
            (counter,) = [
                one for one in await bench.entries(wanted.key.accounting_entry_id) if one.id not in (booked.id,)
            ]
            assert (counter.id, counter.number, counter.final) == (made.id, made.number, True)
            assert all(said in counter.text for said in (REASON, booked.number or "", wanted.key.accounting_entry_id))

            assert await _reversed(erp, booked.ref, wanted) == replace(made, already_there=True)
            assert len(await bench.entries(wanted.key.accounting_entry_id)) == 2

            chart = await bench.chart()
            second = entry(chart, bench.facts, id_=wanted.key.accounting_entry_id, revision=2, net="80.00", vat="20.00")
            again = await erp.book(second, files_for(bench, 10), final=True)
            (found,) = await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)
        assert (found.booked.id, found.key.revision) == (again.id, 2)
        net = await bench.net_of(wanted.key.accounting_entry_id)
        assert {account: amount for account, amount in net.items() if amount} == {
            bench.facts.expense: Decimal("80.00"),
            bench.facts.vat: Decimal("20.00"),
            bench.facts.wallet: Decimal("-100.00"),
        }

    @pytest.mark.rule("EXP-IDEM-07")
    async def test_a_draft_is_taken_away_and_nothing_is_countered(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        needs(bench, "drafts")
        async with bench.opened() as erp:
            wanted, booked = await _booked(erp, bench, final=False)
            assert await _reversed(erp, booked.ref, wanted) == Reversed(None, None, None, None)
            assert not await bench.entries(wanted.key.accounting_entry_id)
            assert await _reversed(erp, booked.ref, wanted) == Reversed(None, None, None, None, already_there=True)

    async def test_a_draft_somebody_worked_on_is_left_to_them(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        without(bench, Lack.HANDS)
        needs(bench, "drafts")
        async with bench.opened() as erp:
            wanted, booked = await _booked(erp, bench, final=False)
            await bench.change_amounts(booked.id)
            error = await _refusal(erp, booked.ref, wanted)
        assert error.problem.failure is Failure.REVERSAL_REFUSED
        assert len(await bench.entries(wanted.key.accounting_entry_id)) == 1

    @pytest.mark.rule("EXP-IDEM-02")
    @pytest.mark.parametrize("other", ["entry", pytest.param("revision", marks=pytest.mark.long)])
    async def test_a_document_that_is_not_that_of_the_key_is_never_touched(self, bench: Bench, other: str) -> None:
        needs(bench, "can_reverse")
        async with bench.opened() as erp:
            wanted, booked = await _booked(erp, bench)
            strange = {
                "entry": PostingKey(PLEO_COMPANY, f"x{wanted.key.accounting_entry_id}"),
                "revision": replace(wanted.key, revision=2),
            }[other]
            with pytest.raises(ErpError) as refused:
                await erp.reverse(booked.ref, strange, reason=REASON, day=None)
            assert len(await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)) == 1
        assert refused.value.problem.failure is Failure.REVERSAL_REFUSED
        assert not refused.value.outcome_unknown

    async def test_what_a_person_took_back_is_recognised(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        without(bench, Lack.HANDS)
        async with bench.opened() as erp:
            wanted, booked = await _booked(erp, bench)
            await bench.reverse(booked.id)
            made = await _reversed(erp, booked.ref, wanted)
        assert made.already_there
        assert made.id in {one.id for one in await bench.entries(wanted.key.accounting_entry_id)} - {booked.id}
        assert len(await bench.entries(wanted.key.accounting_entry_id)) == 2

    @pytest.mark.rule("EXP-PERIOD-05")
    async def test_a_closed_period_refuses_or_the_counter_entry_goes_where_the_caller_says(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        closing = bench.facts.closable_date
        async with bench.opened() as erp:
            wanted, booked = await _booked(erp, bench, date=closing)
            await bench.set_period(closing, open_=False)
            try:
                error = await _refusal(erp, booked.ref, wanted)
                assert error.problem.failure is Failure.REVERSAL_PERIOD_CLOSED
                assert str(booked.number) in error.problem.text
                assert len(await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)) == 1
                made = await _reversed(erp, booked.ref, wanted, day=bench.facts.open_date)
            finally:
                await bench.set_period(closing, open_=True)
            assert made.date == bench.facts.open_date
            assert not await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)

    @pytest.mark.rule("EXP-REC-04")
    @pytest.mark.parametrize(
        ("step", "fate"),
        [
            (Step.CREATE, Fate.REPLY_LOST),
            (Step.CREATE, Fate.TWICE),
            (Step.POST, Fate.KILLED),
            pytest.param(Step.CREATE, Fate.BUSY, marks=pytest.mark.long),
            pytest.param(Step.POST, Fate.BUSY, marks=pytest.mark.long),
            pytest.param(Step.CREATE, Fate.KILLED, marks=pytest.mark.long),
            pytest.param(Step.POST, Fate.REPLY_LOST, marks=pytest.mark.long),
        ],
    )
    async def test_whatever_happens_to_a_write_one_counter_entry_stands(
        self, bench: Bench, step: Step, fate: Fate
    ) -> None:
        needs(bench, "can_reverse")
        meets(bench, Fault(step, fate))
        async with bench.opened() as erp:
            wanted, booked = await _booked(erp, bench)
        async with bench.opened(Fault(step, fate)) as erp:
            if fate is Fate.KILLED:
                with pytest.raises(Killed):
                    await _reversed(erp, booked.ref, wanted)
            else:
                made = await _reversed(erp, booked.ref, wanted)
                # Of two requests we see the second answer: that it was there.
                assert fate is Fate.TWICE or not made.already_there
        async with bench.opened() as erp:
            made = await _reversed(erp, booked.ref, wanted)
        standing = await bench.entries(wanted.key.accounting_entry_id)
        assert {one.id for one in standing} == {booked.id, made.id}
        assert all(one.final for one in standing)

    @pytest.mark.rule("EXP-REC-04")
    async def test_a_counter_entry_that_may_have_arrived_is_not_sent_again(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        without(bench, Lack.DOUBT)
        async with bench.opened() as erp:
            wanted, booked = await _booked(erp, bench)
        async with bench.opened(Fault(Step.CREATE, Fate.NEVER_ARRIVED)) as erp:
            error = await _refusal(erp, booked.ref, wanted)
        assert error.outcome_unknown
        assert error.problem.failure is Failure.REVERSAL_UNKNOWN
        assert len(await bench.entries(wanted.key.accounting_entry_id)) == 1

    @pytest.mark.rule("EXP-REC-04")
    async def test_two_at_once_take_it_back_once(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        async with bench.opened() as one, bench.opened() as other:
            wanted, booked = await _booked(one, bench)
            await asyncio.gather(*(_reversed(erp, booked.ref, wanted) for erp in (one, other)), return_exceptions=True)
            await _reversed(one, booked.ref, wanted)
        standing = await bench.entries(wanted.key.accounting_entry_id)
        assert len([each for each in standing if each.final]) == 2
        assert not any((await bench.net_of(wanted.key.accounting_entry_id)).values())


class ReversalOfBills:
    """Bills taken back, with the payment from the same item."""

    @pytest.mark.rule("EXP-IDEM-07", "EXP-AP-10")
    async def test_a_bill_and_its_own_payment_are_taken_back_and_both_may_come_anew(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        wanted = bill(chart, facts, await vendor(bench), number="INV-1", paid=True)
        id_ = wanted.key.accounting_entry_id
        again = bill(
            chart, facts, wanted.vendor, number="INV-1", paid=True, net="80.00", vat="20.00", id_=id_, revision=2
        )
        async with bench.opened() as erp:
            booked = await erp.book(wanted, receipts(10), final=True)
            made = await _reversed(erp, booked.ref, wanted)
            assert (made.already_there, made.date) == (False, wanted.entry.date)
            assert made.number
            assert not await erp.find(id_, PLEO_COMPANY)
            assert not any((await bench.net_of(id_)).values()), "the books are as before"
            assert (await _reversed(erp, booked.ref, wanted)).already_there
            second = await erp.book(again, (), final=True)
            (found,) = await erp.find(id_, PLEO_COMPANY)
        assert (found.booked.id, found.key.revision, found.complete) == (second.id, 2, True)
        (standing,) = await bench.bills(id_)
        assert (standing.paid, standing.owed) == (True, Decimal("100.00"))
        assert (await bench.net_of(id_))[facts.wallet] == Decimal("-100.00")

    @pytest.mark.rule("EXP-IDEM-07")
    async def test_a_draft_bill_is_taken_away_with_its_payment(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        needs(bench, "vendor_bills")
        needs(bench, "drafts")
        wanted = bill(await bench.chart(), bench.facts, await vendor(bench), paid=True)
        async with bench.opened() as erp:
            booked = await erp.book(wanted, (), final=False)
            assert (await _reversed(erp, booked.ref, wanted)).id is None
        assert not await bench.bills(wanted.key.accounting_entry_id)
        assert not await bench.entries(wanted.key.accounting_entry_id)

    @pytest.mark.rule("EXP-AP-04")
    async def test_a_bill_that_something_else_pays_stands_until_that_is_taken_apart(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        needs(bench, "vendor_bills")
        owed = bill(await bench.chart(), bench.facts, await vendor(bench))
        paid = payment(await bench.chart(), bench.facts, owed.vendor, owed.total)
        async with bench.opened() as erp:
            refs = [(await erp.book(each, (), final=True)).ref for each in (owed, paid)]
            assert await erp.settle(refs)
            documents: tuple[Document, ...] = (owed, paid)
            for ref, document in zip(refs, documents, strict=True):
                error = await _refusal(erp, ref, document)
                assert error.problem.failure is Failure.REVERSAL_MATCHED
            assert (await bench.bills(owed.key.accounting_entry_id))[0].paid
            assert await erp.reopen(refs[:1])
            await _reversed(erp, refs[1], paid)
            await _reversed(erp, refs[0], owed)
        assert not await bench.bills(owed.key.accounting_entry_id)
        for document in documents:
            assert not any((await bench.net_of(document.key.accounting_entry_id)).values())

    @pytest.mark.rule("EXP-PERIOD-05")
    async def test_a_bill_of_a_closed_period_stands_as_before(self, bench: Bench) -> None:
        needs(bench, "can_reverse")
        needs(bench, "vendor_bills")
        closing = bench.facts.closable_date
        wanted = bill(await bench.chart(), bench.facts, await vendor(bench), paid=True, date=closing)
        async with bench.opened() as erp:
            booked = await erp.book(wanted, (), final=True)
            await bench.set_period(closing, open_=False)
            try:
                error = await _refusal(erp, booked.ref, wanted, day=bench.facts.open_date)
            finally:
                await bench.set_period(closing, open_=True)
            assert error.problem.failure is Failure.REVERSAL_OF_BILL_PERIOD_CLOSED
            (found,) = await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)
            assert found.complete, "and is paid as before"
            await _reversed(erp, booked.ref, wanted)

    @pytest.mark.rule("EXP-REC-04", "EXP-AP-10")
    @pytest.mark.parametrize(
        ("step", "fate"),
        [
            (Step.CANCEL_BILL, Fate.REPLY_LOST),
            pytest.param(Step.CANCEL_BILL, Fate.NEVER_ARRIVED, marks=pytest.mark.long),
            pytest.param(Step.CANCEL_BILL, Fate.KILLED, marks=pytest.mark.long),
            pytest.param(Step.CREATE, Fate.KILLED, marks=pytest.mark.long),
            pytest.param(Step.POST, Fate.KILLED, marks=pytest.mark.long),
        ],
    )
    async def test_whatever_happens_on_the_way_a_bill_and_its_payment_are_taken_back_once(
        self, bench: Bench, step: Step, fate: Fate
    ) -> None:
        needs(bench, "can_reverse")
        needs(bench, "vendor_bills")
        if fate is Fate.NEVER_ARRIVED:
            without(bench, Lack.BILL_STEPS)
        wanted = bill(await bench.chart(), bench.facts, await vendor(bench), paid=True)
        async with bench.opened() as erp:
            booked = await erp.book(wanted, (), final=True)
        async with bench.opened(Fault(step, fate)) as erp:
            if fate is Fate.KILLED:
                with pytest.raises(Killed):
                    await _reversed(erp, booked.ref, wanted)
            else:
                assert not (await _reversed(erp, booked.ref, wanted)).already_there
        async with bench.opened() as erp:
            await _reversed(erp, booked.ref, wanted)
            assert not await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)
        assert not await bench.bills(wanted.key.accounting_entry_id)
        assert not any((await bench.net_of(wanted.key.accounting_entry_id)).values())
        assert len(await bench.entries(wanted.key.accounting_entry_id)) == 2, "the payment and what took it back"


async def _booked(
    erp: Erp, bench: Bench, *, final: bool = True, date: dt.date | None = None
) -> tuple[JournalEntry, Booked]:
    wanted = entry(await bench.chart(), bench.facts, date=date)
    return wanted, await erp.book(wanted, (), final=final)


async def _reversed(erp: Erp, ref: DocumentRef, wanted: Document, day: dt.date | None = None) -> Reversed:
    return await erp.reverse(ref, wanted.key, reason=REASON, day=day)


async def _refusal(erp: Erp, ref: DocumentRef, wanted: Document, day: dt.date | None = None) -> ErpError:
    with pytest.raises(ErpError) as caught:
        await _reversed(erp, ref, wanted, day)
    return caught.value
