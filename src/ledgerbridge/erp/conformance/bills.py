# ruff: noqa: S101
"""Vendor bills, credit notes and the payment from the same item."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import EntryLine
from ledgerbridge.erp.conformance.bench import (
    BILL_STEPS,
    PLEO_COMPANY,
    Bench,
    Fate,
    Fault,
    Killed,
    Lack,
    Step,
    account,
    failure_of,
    lacks,
    meets,
    needs,
    receipts,
    without,
)
from ledgerbridge.erp.conformance.payables import bill, tax_called, taxed, vendor
from ledgerbridge.erp.port import DocumentKind, ErpError


class Bills:
    """What a bill is in the books."""

    @pytest.mark.rule("EXP-AP-05", "EXP-AP-07", "EXP-ATT-04", "EXP-POST-06")
    async def test_a_final_bill_owes_the_vendor_what_the_item_says(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        wanted = bill(chart, facts, await vendor(bench), number="INV 4711")
        async with bench.opened() as erp:
            booked = await erp.book(wanted, receipts(3_000), final=True)
            (found,) = await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)
        (standing,) = await bench.bills(wanted.key.accounting_entry_id)
        assert (standing.id, standing.final, standing.paid) == (booked.id, True, False)
        assert (booked.kind, booked.number, booked.final) == (DocumentKind.BILL, standing.number, True)
        assert standing.booked == _per_account(wanted.entry.lines)
        assert (standing.owed, standing.supplier_number) == (wanted.total, "INV 4711")
        assert standing.date == wanted.entry.date
        assert [content for _, content in await bench.bill_files(booked.id)] == [receipts(3_000)[0].file.whole()]
        assert not await bench.entries(wanted.key.accounting_entry_id)
        assert (found.booked, found.complete) == (replace(booked, already_there=True), True)
        assert Decimal(found.total) == wanted.total

    @pytest.mark.rule("EXP-AP-05", "EXP-TAX-08")
    @pytest.mark.parametrize("credit_note", [False, True], ids=["bill", "credit_note"])
    @pytest.mark.parametrize("tax", ["plain", "reverse_charge"])
    async def test_vat_stands_to_the_cent_as_on_the_receipt(self, bench: Bench, tax: str, credit_note: bool) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        chosen = tax_called(chart, facts.tax if tax == "plain" else facts.reverse_charge)
        lines = taxed(chart, facts, "200.00", "49.97", chosen)
        wanted = bill(chart, facts, await vendor(bench), lines=lines, credit_note=credit_note)
        async with bench.opened() as erp:
            await erp.book(wanted, (), final=True)
        (standing,) = await bench.bills(wanted.key.accounting_entry_id)
        assert standing.booked == _per_account(wanted.entry.lines)
        assert standing.taxes == _told(wanted.entry.lines)

    @pytest.mark.rule("EXP-TAX-08")
    async def test_vat_without_a_code_stands_on_the_account_pleo_named(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        (base, vat) = taxed(chart, facts, "80.00", "19.99", tax_called(chart, facts.tax))
        lines = [replace(base, taxes=()), replace(vat, taxes=(), account=account(chart, facts.vat))]
        wanted = bill(chart, facts, await vendor(bench), lines=lines)
        async with bench.opened() as erp:
            await erp.book(wanted, (), final=True)
        (standing,) = await bench.bills(wanted.key.accounting_entry_id)
        assert (standing.booked, standing.taxes) == (_per_account(wanted.entry.lines), [])

    @pytest.mark.rule("EXP-SPLIT-04", "EXP-AP-05")
    async def test_split_lines_stand_on_one_bill_a_negative_one_included(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        plain, reverse = tax_called(chart, facts.tax), tax_called(chart, facts.reverse_charge)
        lines = [
            *taxed(chart, facts, "200.00", "49.99", plain, dimensions=facts.dimensions),
            *taxed(chart, facts, "-40.00", "-9.98", plain, dimensions=facts.dimensions),
            *taxed(chart, facts, "10.00", "0.00", plain),
            *taxed(chart, facts, "33.33", "8.34", reverse),
        ]
        wanted = bill(chart, facts, await vendor(bench), lines=lines)
        async with bench.opened() as erp:
            await erp.book(wanted, (), final=True)
        (standing,) = await bench.bills(wanted.key.accounting_entry_id)
        assert (standing.owed, standing.booked) == (wanted.total, _per_account(wanted.entry.lines))
        assert standing.taxes == _told(wanted.entry.lines)

    @pytest.mark.rule("EXP-AP-06")
    async def test_a_refund_is_a_credit_note(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        wanted = bill(chart, facts, await vendor(bench), credit_note=True)
        async with bench.opened() as erp:
            await erp.book(wanted, (), final=True)
            (found,) = await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)
        (standing,) = await bench.bills(wanted.key.accounting_entry_id)
        assert (standing.owed, standing.booked) == (-wanted.total, _per_account(wanted.entry.lines))
        assert Decimal(found.total) == wanted.total

    @pytest.mark.rule("EXP-AP-02", "EXP-AP-04", "EXP-AP-10")
    @pytest.mark.parametrize("credit_note", [False, True], ids=["bill", "credit_note"])
    async def test_a_bill_paid_by_the_same_item_is_paid(self, bench: Bench, credit_note: bool) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        wanted = bill(chart, facts, await vendor(bench), paid=True, credit_note=credit_note)
        async with bench.opened() as erp:
            booked = await erp.book(wanted, receipts(10), final=True)
            (found,) = await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)
        (standing,) = await bench.bills(wanted.key.accounting_entry_id)
        (paying,) = await bench.entries(wanted.key.accounting_entry_id)
        assert (standing.paid, paying.final, paying.total) == (True, True, wanted.total)
        assert (found.booked.id, found.complete) == (booked.id, True)

    @pytest.mark.rule("EXP-POST-03", "EXP-AP-10")
    async def test_a_draft_bill_and_its_payment_are_drafts_and_not_matched(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        needs(bench, "drafts")
        chart, facts = await bench.chart(), bench.facts
        wanted = bill(chart, facts, await vendor(bench), paid=True)
        async with bench.opened() as erp:
            draft = await erp.book(wanted, (), final=False)
            (found,) = await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)
            (standing,) = await bench.bills(wanted.key.accounting_entry_id)
            (paying,) = await bench.entries(wanted.key.accounting_entry_id)
            assert (standing.final, paying.final, draft.final, draft.number) == (False, False, False, None)
            assert (standing.owed, found.complete) == (wanted.total, False)
            booked = await erp.book(wanted, (), final=True)
        (standing,) = await bench.bills(wanted.key.accounting_entry_id)
        assert (booked.id, booked.already_there, standing.paid) == (draft.id, True, True)

    async def test_a_cancelled_bill_is_gone_and_may_be_booked_again(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        first = bill(chart, facts, await vendor(bench), number="4712")
        again = bill(
            chart, facts, first.vendor, number="4712", net="80.00", id_=first.key.accounting_entry_id, revision=2
        )
        async with bench.opened() as erp:
            booked = await erp.book(first, (), final=True)
            with pytest.raises(ErpError) as caught:
                await erp.book(again, (), final=True)
            assert caught.value.problem.failure is Failure.BOOKED_ELSEWHERE
            await bench.cancel_bill(booked.id)
            assert not await erp.find(first.key.accounting_entry_id, PLEO_COMPANY)
            await erp.book(again, (), final=True)
            (found,) = await erp.find(first.key.accounting_entry_id, PLEO_COMPANY)
        assert (found.key.revision, Decimal(found.total)) == (2, again.total)

    @pytest.mark.rule("EXP-IDEM-02")
    async def test_an_entry_under_the_key_keeps_a_bill_away_and_the_reverse(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        owed = bill(chart, facts, await vendor(bench), paid=True)
        entered = bill(chart, facts, owed.vendor, paid=True)
        async with bench.opened() as erp:
            await erp.book(owed, (), final=True)
            assert owed.payment is not None
            first = await failure_of(erp, replace(owed.payment, key=owed.key))
            assert entered.payment is not None
            await erp.book(entered.payment, (), final=True)
            with pytest.raises(ErpError) as second:
                await erp.book(entered, (), final=True)
        assert {first.problem.failure, second.value.problem.failure} == {Failure.BOOKED_ELSEWHERE}
        assert not await bench.bills(entered.key.accounting_entry_id)

    async def test_a_bill_in_a_closed_period_fails_and_leaves_nothing(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        wanted = bill(chart, facts, await vendor(bench), paid=True, date=facts.closed_date)
        async with bench.opened() as erp:
            with pytest.raises(ErpError) as caught:
                await erp.book(wanted, (), final=True)
        assert caught.value.problem.failure is Failure.PERIOD_CLOSED
        assert not await bench.bills(wanted.key.accounting_entry_id)
        assert not await bench.entries(wanted.key.accounting_entry_id)

    async def test_a_payment_that_is_refused_takes_the_bill_away_again(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        chart, facts = await bench.chart(), bench.facts
        wanted = bill(chart, facts, await vendor(bench), paid=True)
        assert wanted.payment is not None
        gone = replace(wanted.payment.lines[1], account=replace(account(chart, facts.wallet), id="99999999"))
        wanted = replace(wanted, payment=replace(wanted.payment, lines=(wanted.payment.lines[0], gone)))
        async with bench.opened() as erp:
            with pytest.raises(ErpError) as caught:
                await erp.book(wanted, receipts(10), final=True)
        assert caught.value.problem.failure is Failure.ACCOUNT_UNKNOWN
        assert not caught.value.outcome_unknown
        assert not await bench.bills(wanted.key.accounting_entry_id)
        assert not await bench.entries(wanted.key.accounting_entry_id)


class BillsOnce:
    """Whatever happens on the way, one bill with one payment (EXP-REC-04, EXP-IDEM-02)."""

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-04")
    @pytest.mark.parametrize("step", BILL_STEPS)
    @pytest.mark.parametrize("fate", [Fate.REPLY_LOST, Fate.TIMED_OUT, Fate.BUSY])
    async def test_a_write_with_a_bad_fate_is_made_good_in_the_same_call(
        self, bench: Bench, step: Step, fate: Fate
    ) -> None:
        await _once(bench, Fault(step, fate), raises=None)

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-04")
    @pytest.mark.parametrize("step", BILL_STEPS)
    async def test_after_our_death_a_second_call_finishes_bill_payment_and_match(
        self, bench: Bench, step: Step
    ) -> None:
        await _once(bench, Fault(step, Fate.KILLED), raises=Killed)

    @pytest.mark.rule("EXP-REC-04")
    @pytest.mark.parametrize("step", [Step.CREATE_BILL, Step.CREATE, Step.POST_BILL])
    async def test_a_request_that_arrives_twice_books_once(self, bench: Bench, step: Step) -> None:
        await _once(bench, Fault(step, Fate.TWICE), raises=None)

    @pytest.mark.rule("EXP-REC-04")
    @pytest.mark.parametrize("step", [Step.CREATE_BILL, Step.ATTACH, Step.CREATE])
    async def test_a_write_that_may_have_arrived_is_not_repeated(self, bench: Bench, step: Step) -> None:
        error = await _once(bench, Fault(step, Fate.NEVER_ARRIVED), raises=ErpError)
        assert isinstance(error, ErpError)
        assert error.outcome_unknown

    @pytest.mark.rule("EXP-REC-04")
    @pytest.mark.parametrize("step", [Step.POST, Step.MATCH])
    async def test_once_the_bill_is_final_a_busy_erp_leaves_the_outcome_unknown(self, bench: Bench, step: Step) -> None:
        error = await _once(bench, Fault(step, Fate.BUSY, times=1_000), raises=ErpError)
        assert isinstance(error, ErpError)
        assert error.outcome_unknown

    @pytest.mark.rule("EXP-REC-04")
    async def test_two_writers_at_once_book_one_bill_and_pay_it_once(self, bench: Bench) -> None:
        needs(bench, "vendor_bills")
        wanted = bill(await bench.chart(), bench.facts, await vendor(bench), number="4713", paid=True)
        async with bench.opened() as one, bench.opened() as other:
            results = await asyncio.gather(
                *(erp.book(wanted, (), final=True) for erp in (one, other)), return_exceptions=True
            )
            assert all(isinstance(result, ErpError) for result in results if isinstance(result, BaseException))
            await one.book(wanted, (), final=True)
        await _assert_whole(bench, wanted)


async def _once(bench: Bench, fault: Fault, raises: type[BaseException] | None) -> BaseException | None:
    """Book under a fault, then once more without: one paid bill with its files once."""
    needs(bench, "vendor_bills")
    if fault.step not in (Step.CREATE_BILL, Step.ATTACH):
        without(bench, Lack.BILL_STEPS)
    if fault.step is Step.ATTACH:
        meets(bench, fault)
    files = receipts(3_000, 50)
    wanted = bill(await bench.chart(), bench.facts, await vendor(bench), number="4714", paid=True)
    caught = None
    async with bench.opened(fault) as erp:
        if raises is None:
            assert (await erp.book(wanted, files, final=True)).final
            await _assert_whole(bench, wanted)
        else:
            with pytest.raises(raises) as seen:
                await erp.book(wanted, files, final=True)
            caught = seen.value
    async with bench.opened() as erp:
        if raises is not None:
            assert not any(
                found.complete for found in await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)
            ) or (fault.step is Step.MATCH or Lack.BILL_STEPS in lacks(bench))
        booked = await erp.book(wanted, files, final=True)
    assert (await bench.bills(wanted.key.accounting_entry_id))[0].id == booked.id
    await _assert_whole(bench, wanted)
    assert sorted(await bench.bill_files(booked.id)) == sorted((file.name, file.file.whole()) for file in files)
    return caught


async def _assert_whole(bench: Bench, wanted: Bill) -> None:
    (standing,) = await bench.bills(wanted.key.accounting_entry_id)
    (paying,) = await bench.entries(wanted.key.accounting_entry_id)
    assert (standing.paid, paying.final) == (True, True)
    assert standing.booked == _per_account(wanted.entry.lines)


def _per_account(lines: Sequence[EntryLine]) -> dict[str, Decimal]:
    net: dict[str, Decimal] = {}
    for line in lines:
        net[line.account.code] = net.get(line.account.code, Decimal(0)) + line.debit - line.credit
    return {code: amount for code, amount in net.items() if amount}


def _told(lines: Sequence[EntryLine]) -> list[tuple[str, str, Decimal]]:
    """What the VAT return must be told of these lines."""
    return sorted(
        (tax.tax_id, tax.kind, line.debit - line.credit) for line in lines for tax in line.taxes if line.vendor is None
    )
