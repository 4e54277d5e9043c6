"""What was booked in a real Tryton is taken back: the suites every adapter passes, and what is Tryton's own.

The marks repeat what the tests of each suite name one by one, so that the rules show in the tests of this repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Money
from ledgerbridge.erp import conformance
from ledgerbridge.erp.conformance.bench import Record, account, entry
from ledgerbridge.erp.conformance.payables import bill, payment, vendor
from ledgerbridge.erp.port import ErpError
from tests.support.tryton_bench import Line, TrytonBench

WHY = "Wrong cost centre"


@pytest.mark.rule("EXP-IDEM-02", "EXP-IDEM-07", "EXP-PERIOD-05", "EXP-REC-04")
class TestReversal(conformance.Reversal):
    pass


@pytest.mark.rule("EXP-AP-04", "EXP-AP-10", "EXP-IDEM-07", "EXP-PERIOD-05", "EXP-REC-04")
class TestReversalOfBills(conformance.ReversalOfBills):
    pass


async def refusal(bench: TrytonBench, ref: object, wanted: object) -> ErpError:
    async with bench.opened() as erp:
        with pytest.raises(ErpError) as caught:
            await erp.reverse(ref, wanted.key, reason=WHY, day=None)  # type: ignore[attr-defined, arg-type]
    return caught.value


@pytest.mark.rule("EXP-IDEM-07", "EXP-TAX-08", "EXP-FX-03")
async def test_taxes_dimensions_and_second_currency_are_taken_back_as_well(bench: TrytonBench) -> None:
    wanted = entry(await bench.chart(), bench.facts)
    foreign = replace(wanted.lines[2], foreign=Money(1_675, "EUR"))
    wanted = replace(wanted, lines=(*wanted.lines[:2], foreign))
    async with bench.opened() as erp:
        booked = await erp.book(wanted, (), final=True)
        made = await erp.reverse(booked.ref, wanted.key, reason=WHY, day=None)
    original, counter = await bench.lines(booked.id), await bench.lines(made.id or "")

    def turned(line: Line) -> Mapping[str, object]:
        return {
            "account": line.account,
            "amount": -line.amount,
            "taxes": [(tax, kind, -amount) for tax, kind, amount in line.taxes],
            "dimensions": [(code, -amount) for code, amount in line.dimensions],
            "complete": line.complete,
            "foreign": line.foreign and (line.foreign[0], -line.foreign[1]),
        }

    assert [vars(line) for line in counter] == [turned(line) for line in original]
    assert any(line.taxes for line in counter)
    assert any(line.dimensions for line in counter)
    assert [line.foreign for line in counter][2] == ("EUR", Decimal("16.75"))


async def test_a_draft_by_hand_that_would_take_it_back_is_left_for_who_made_it(bench: TrytonBench) -> None:
    wanted = entry(await bench.chart(), bench.facts)
    async with bench.opened() as erp:
        booked = await erp.book(wanted, (), final=True)
    draft = await bench.copy(booked.id, reversing=True)

    error = await refusal(bench, booked.ref, wanted)

    assert error.problem.failure is Failure.REVERSAL_REFUSED
    assert f"draft {draft} would take it back" in error.problem.text
    assert {one.id for one in await bench.entries(wanted.key.accounting_entry_id)} == {booked.id, draft}


async def test_what_is_no_longer_possible_in_tryton_is_told_and_leaves_no_draft(bench: TrytonBench) -> None:
    number = await bench.add(Record.ACCOUNT, "5.9.1", "Short-lived")
    async with bench.opened() as erp:
        chart = await erp.chart()
        wanted = entry(chart, bench.facts, expense=account(chart, "5.9.1"))
        booked = await erp.book(wanted, (), final=True)
    await bench.send("PUT", f"model/account.account/{number}", {"end_date": bench.facts.closed_date})

    error = await refusal(bench, booked.ref, wanted)

    assert error.problem.failure is Failure.REVERSAL_REFUSED
    assert str(booked.number) in error.problem.text
    assert not error.outcome_unknown
    assert len(await bench.entries(wanted.key.accounting_entry_id)) == 1


@pytest.mark.rule("EXP-AP-04")
async def test_a_payment_taken_back_is_matched_with_what_took_it_back(bench: TrytonBench) -> None:
    owed_to = await vendor(bench)
    paid = payment(await bench.chart(), bench.facts, owed_to, Decimal(100))
    async with bench.opened() as erp:
        booked = await erp.book(paid, (), final=True)
        made = await erp.reverse(booked.ref, paid.key, reason=WHY, day=None)
    assert await bench.matches([booked.id]) == [{booked.id, made.id}]


@pytest.mark.rule("EXP-AP-10", "EXP-IDEM-07")
async def test_where_payments_are_only_noted_a_bill_goes_with_its_own_all_the_same(stock_bench: TrytonBench) -> None:
    bench = stock_bench
    wanted = bill(await bench.chart(), bench.facts, await vendor(bench), paid=True)
    async with bench.opened() as erp:
        booked = await erp.book(wanted, (), final=True)
        made = await erp.reverse(booked.ref, wanted.key, reason=WHY, day=None)
        assert made.number
        assert (await erp.reverse(booked.ref, wanted.key, reason=WHY, day=None)).already_there
    assert not await bench.bills(wanted.key.accounting_entry_id)
    assert not any((await bench.net_of(wanted.key.accounting_entry_id)).values())


@pytest.mark.rule("EXP-AP-10", "EXP-IDEM-07")
async def test_a_draft_bill_somebody_worked_on_keeps_its_payment(bench: TrytonBench) -> None:
    wanted = bill(await bench.chart(), bench.facts, await vendor(bench), paid=True)
    async with bench.opened() as erp:
        booked = await erp.book(wanted, (), final=False)
    await bench.send("PUT", f"model/account.invoice/{booked.id}", {"comment": "Ask the vendor"})

    error = await refusal(bench, booked.ref, wanted)

    assert error.problem.failure is Failure.REVERSAL_REFUSED
    assert not error.outcome_unknown
    assert len(await bench.entries(wanted.key.accounting_entry_id)) == 1, "the draft of the payment"


@pytest.mark.rule("EXP-AP-10", "EXP-IDEM-07")
async def test_a_bill_whose_payment_is_gone_already_is_never_said_to_stand_as_before(bench: TrytonBench) -> None:
    number = await bench.add(Record.ACCOUNT, "5.9.2", "Short-lived")
    async with bench.opened() as erp:
        chart = await erp.chart()
        wanted = bill(chart, bench.facts, await vendor(bench), paid=True)
        cost, *others = wanted.entry.lines
        moved = replace(cost, account=account(chart, "5.9.2"))
        wanted = replace(wanted, entry=replace(wanted.entry, lines=(moved, *others)))
        booked = await erp.book(wanted, (), final=True)
    await bench.send("PUT", f"model/account.account/{number}", {"end_date": bench.facts.closed_date})

    assert (await refusal(bench, booked.ref, wanted)).outcome_unknown
    assert (await refusal(bench, booked.ref, wanted)).outcome_unknown, "nor when somebody tries again"


@pytest.mark.rule("EXP-IDEM-07")
@pytest.mark.parametrize("sort", ["entry", pytest.param("bill", marks=pytest.mark.long)])
async def test_what_is_taken_back_already_is_recognised_under_an_earlier_revision(
    bench: TrytonBench, sort: str
) -> None:
    chart = await bench.chart()
    wanted = entry(chart, bench.facts) if sort == "entry" else bill(chart, bench.facts, await vendor(bench), paid=True)
    async with bench.opened() as erp:
        booked = await erp.book(wanted, (), final=True)
        await erp.reverse(booked.ref, wanted.key, reason=WHY, day=None)
        as_the_ledger_has_it = replace(wanted.key, revision=2)
        assert (await erp.reverse(booked.ref, as_the_ledger_has_it, reason=WHY, day=None)).already_there


@pytest.mark.parametrize("suite", [TestReversal, TestReversalOfBills])
def test_the_marks_of_a_suite_are_those_of_its_tests(suite: type) -> None:
    named = {rule for test in vars(suite.__mro__[1]).values() for rule in _rules(test)}
    assert set(_rules(suite)) == named


def _rules(marked: object) -> list[str]:
    return [rule for mark in getattr(marked, "pytestmark", []) if mark.name == "rule" for rule in mark.args]
