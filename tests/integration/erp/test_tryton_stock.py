"""A Tryton without our add-on: a payment is noted on its bill, so that nobody pays it twice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.erp import conformance
from ledgerbridge.erp.conformance.bench import PLEO_COMPANY
from ledgerbridge.erp.conformance.payables import bill, payment, vendor
from ledgerbridge.erp.port import Booked
from tests.support.clones import TrytonServers
from tests.support.tryton_bench import TrytonBench


async def wanted_bill(bench: TrytonBench, **more: Any) -> Bill:
    return bill(await bench.chart(), bench.facts, more.pop("owed_to", None) or await vendor(bench), **more)


async def booked(bench: TrytonBench, wanted: Bill) -> Booked:
    async with bench.opened() as erp:
        return await erp.book(wanted, (), final=True)


@pytest.fixture(scope="module")
def bench(stock_bench: TrytonBench) -> TrytonBench:
    return stock_bench


@pytest.mark.rule("EXP-AP-02", "EXP-AP-04", "EXP-AP-05", "EXP-AP-06", "EXP-AP-07", "EXP-AP-10", "EXP-ATT-04")
@pytest.mark.rule("EXP-IDEM-02", "EXP-POST-03", "EXP-POST-06", "EXP-SPLIT-04", "EXP-TAX-08")
@pytest.mark.long
class TestBills(conformance.Bills):
    pass


@pytest.mark.rule("EXP-IDEM-04", "EXP-REC-04")
@pytest.mark.long
class TestBillsOnce(conformance.BillsOnce):
    pass


@pytest.mark.rule("EXP-AP-02", "EXP-AP-04", "EXP-AP-06")
@pytest.mark.long
class TestMatches(conformance.Matches):
    pass


@pytest.mark.rule("EXP-AP-04")
async def test_the_set_up_passes_and_says_what_stays_for_a_person(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        await erp.preflight(final=True, bills=True)
        assert "matching" in str(await erp.matching_limits())


@pytest.mark.long
@pytest.mark.rule("EXP-AP-04")
async def test_what_a_person_takes_off_the_bill_is_due_again_and_noted_once_more(bench: TrytonBench) -> None:
    owed = await wanted_bill(bench, paid=True)
    made = await booked(bench, owed)
    await bench.take_payments_off(made.id)
    async with bench.opened() as erp:
        (found,) = await erp.find(owed.key.accounting_entry_id, PLEO_COMPANY)
        assert not found.complete
        await erp.book(owed, (), final=True)
        (found,) = await erp.find(owed.key.accounting_entry_id, PLEO_COMPANY)
        assert found.complete
    assert (await bench.bills(owed.key.accounting_entry_id))[0].paid


@pytest.mark.long
@pytest.mark.rule("EXP-AP-04")
async def test_a_payment_noted_on_another_bill_stays_there(bench: TrytonBench) -> None:
    one = await wanted_bill(bench)
    other = await wanted_bill(bench, owed_to=one.vendor)
    paid = payment(await bench.chart(), bench.facts, one.vendor, one.total)
    back = payment(await bench.chart(), bench.facts, one.vendor, -one.total)
    async with bench.opened() as erp:
        first, second, third, fourth = [(await erp.book(each, (), final=True)).ref for each in (one, other, paid, back)]
        assert await erp.settle([first, third])
        assert not await erp.settle([second, third])
        assert not await erp.settle([third, fourth])
    assert (await bench.bills(one.key.accounting_entry_id))[0].paid
    assert not (await bench.bills(other.key.accounting_entry_id))[0].paid


@pytest.mark.long
@pytest.mark.rule("EXP-AP-04")
async def test_a_part_payment_a_person_noted_is_never_counted_twice(bench: TrytonBench) -> None:
    owed = await wanted_bill(bench)
    part = payment(await bench.chart(), bench.facts, owed.vendor, Decimal("25.00"))
    whole = payment(await bench.chart(), bench.facts, owed.vendor, owed.total)
    async with bench.opened() as erp:
        bill_, small, large = [(await erp.book(each, (), final=True)).ref for each in (owed, part, whole)]
        await bench.note_payment(bill_.id, small.id)
        assert not await erp.settle([bill_, large])
    assert not (await bench.bills(owed.key.accounting_entry_id))[0].paid


@pytest.mark.long
@pytest.mark.rule("EXP-AP-04")
async def test_several_payments_are_noted_on_one_bill(bench: TrytonBench) -> None:
    owed = await wanted_bill(bench)
    parts = [
        payment(await bench.chart(), bench.facts, owed.vendor, amount) for amount in (Decimal("25.00"), Decimal(100))
    ]
    async with bench.opened() as erp:
        refs = [(await erp.book(each, (), final=True)).ref for each in (owed, *parts)]
        assert await erp.settle(refs)
        assert await erp.reopen(refs[1:2])
        assert not (await bench.bills(owed.key.accounting_entry_id))[0].paid
        assert await erp.settle(refs)
    assert (await bench.bills(owed.key.accounting_entry_id))[0].paid


@pytest.mark.long
@pytest.mark.rule("EXP-AP-04")
async def test_a_module_installed_later_matches_what_was_noted_and_takes_both_apart(
    bench: TrytonBench, tryton_servers: TrytonServers
) -> None:
    owed = await wanted_bill(bench)
    paid = payment(await bench.chart(), bench.facts, owed.vendor, owed.total)
    async with bench.opened() as erp:
        refs = [(await erp.book(each, (), final=True)).ref for each in (owed, paid)]
        assert await erp.settle(refs)
    template = tryton_servers.template
    template.add_to(bench.at.database)
    with template.start(bench.at.database) as server:
        at = replace(bench.at, base_url=server.base_url, keys=server.keys)
        later = TrytonBench(at, replace(bench.facts, reconciles=True))
        async with later.opened() as erp:
            assert await erp.matching_limits() is None
            assert await erp.settle(refs)
            (standing,) = await later.bills(owed.key.accounting_entry_id)
            assert (standing.paid, standing.matched) == (True, True)
            assert await erp.reopen(refs[1:])
            (standing,) = await later.bills(owed.key.accounting_entry_id)
            assert (standing.paid, standing.matched) == (False, False)
