"""Bills a person went on with in Tryton: taken back by a credit note, which copies our key, or made final early."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.erp.conformance.bench import PLEO_COMPANY
from ledgerbridge.erp.conformance.payables import bill, vendor
from ledgerbridge.erp.port import Booked, Found
from tests.support.tryton_bench import TrytonBench


async def wanted_bill(bench: TrytonBench) -> Bill:
    return bill(await bench.chart(), bench.facts, await vendor(bench), number="INV-77")


async def booked(bench: TrytonBench, wanted: Bill) -> Booked:
    async with bench.opened() as erp:
        return await erp.book(wanted, (), final=True)


async def found(bench: TrytonBench, wanted: Bill) -> list[Found]:
    async with bench.opened() as erp:
        return list(await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY))


@pytest.mark.parametrize("refund", [True, False], ids=["refunded", "credited"])
@pytest.mark.rule("EXP-IDEM-07", "EXP-REC-04")
async def test_a_bill_taken_back_by_a_credit_note_is_not_booked_any_more(bench: TrytonBench, refund: bool) -> None:
    wanted = await wanted_bill(bench)
    first = await booked(bench, wanted)
    await bench.credit_bill(first.id, refund=refund)
    assert await found(bench, wanted) == []
    again = await booked(bench, wanted)
    assert again.id != first.id
    assert not again.already_there
    assert [each.booked.id for each in await found(bench, wanted)] == [again.id]


@pytest.mark.rule("EXP-REC-04")
async def test_a_credit_note_over_half_a_bill_leaves_the_bill_in_force(bench: TrytonBench) -> None:
    wanted = await wanted_bill(bench)
    first = await booked(bench, wanted)
    await bench.credit_bill(first.id, factor=Decimal("0.5"))
    assert [each.booked.id for each in await found(bench, wanted)] == [first.id]
    assert (await booked(bench, wanted)).id == first.id


@pytest.mark.rule("EXP-REC-04")
async def test_a_credit_note_still_in_draft_takes_nothing_back(bench: TrytonBench) -> None:
    wanted = await wanted_bill(bench)
    first = await booked(bench, wanted)
    await bench.credit_bill(first.id, post=False)
    assert [each.booked.id for each in await found(bench, wanted)] == [first.id]
    assert (await booked(bench, wanted)).id == first.id


async def test_a_credit_note_taken_back_itself_leaves_the_bill_in_force(bench: TrytonBench) -> None:
    wanted = await wanted_bill(bench)
    first = await booked(bench, wanted)
    credit = await bench.credit_bill(first.id)
    await bench.credit_bill(credit)
    assert [each.booked.id for each in await found(bench, wanted)] == [first.id]


@pytest.mark.rule("EXP-AP-10", "EXP-REC-04")
async def test_a_bill_somebody_made_final_before_its_payment_was_written_gets_it(bench: TrytonBench) -> None:
    wanted = bill(await bench.chart(), bench.facts, await vendor(bench), number="INV-78", paid=True)
    first = await booked(bench, replace(wanted, payment=None))
    assert (await booked(bench, wanted)).id == first.id
    (standing,) = await bench.bills(wanted.key.accounting_entry_id)
    (paying,) = await bench.entries(wanted.key.accounting_entry_id)
    assert (standing.paid, paying.final, paying.total) == (True, True, wanted.total)
