"""One entry per key in a real Tryton, which has no unique reference: reversals, copies, stray drafts, other writers."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import JournalEntry
from ledgerbridge.erp.conformance.bench import PLEO_COMPANY, entry, failure_of, receipts
from ledgerbridge.erp.port import Booked, Erp
from tests.support.tryton_bench import TrytonBench


async def posted(erp: Erp, bench: TrytonBench) -> tuple[JournalEntry, Booked]:
    wanted = entry(await bench.chart(), bench.facts)
    return wanted, await erp.book(wanted, (), final=True)


async def found(erp: Erp, wanted: JournalEntry) -> list[str]:
    return [each.booked.id for each in await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)]


@pytest.mark.rule("EXP-REC-04")
async def test_a_reversal_taken_back_leaves_the_entry_in_force(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        wanted, booked = await posted(erp, bench)
        mirror = await bench.copy(booked.id, reversing=True)
        await bench.post(mirror)
        assert await found(erp, wanted) == []
        await bench.reverse(mirror)
        assert await found(erp, wanted) == [booked.id]
        assert (await erp.book(wanted, (), final=True)).id == booked.id


@pytest.mark.rule("EXP-REC-04")
async def test_a_mirror_that_is_not_posted_reverses_nothing_yet(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        wanted, booked = await posted(erp, bench)
        mirror = await bench.copy(booked.id, reversing=True)
        again = await erp.book(wanted, (), final=True)
    assert again.id == booked.id
    assert {each.id for each in await bench.entries(wanted.key.accounting_entry_id)} == {booked.id, mirror}


@pytest.mark.rule("EXP-REC-04")
async def test_a_correction_of_half_the_amount_is_no_reversal(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        wanted, booked = await posted(erp, bench)
        await bench.post(await bench.copy(booked.id, reversing=True, factor=Decimal("0.5")))
        assert await found(erp, wanted) == [booked.id]


@pytest.mark.rule("EXP-REC-04")
async def test_a_storno_with_negative_amounts_is_a_reversal(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        wanted, booked = await posted(erp, bench)
        storno = await bench.copy(booked.id, factor=Decimal(-1))
        await bench.send("PUT", f"model/account.move/{storno}", {"origin": f"account.move,{booked.id}"})
        await bench.post(storno)
        assert await found(erp, wanted) == []


@pytest.mark.rule("EXP-REC-04")
async def test_two_posted_entries_are_left_for_a_person(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        wanted, booked = await posted(erp, bench)
        copy = await bench.copy(booked.id)
        await bench.post(copy)
        error = await failure_of(erp, wanted)
    numbers = {each.number for each in await bench.entries(wanted.key.accounting_entry_id)}
    assert len(numbers) == 2
    assert error.problem.failure is Failure.ERP_REFUSED
    assert all(str(number) in error.problem.text for number in numbers)


@pytest.mark.rule("EXP-REC-04")
async def test_a_second_draft_of_ours_is_cleared_away(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        wanted = entry(await bench.chart(), bench.facts)
        draft = await erp.book(wanted, (), final=False)
        await bench.copy(draft.id, user="erp_integration")
        booked = await erp.book(wanted, (), final=True)
    (standing,) = await bench.entries(wanted.key.accounting_entry_id)
    assert (standing.id, standing.final) == (booked.id, True)


async def test_a_key_is_looked_for_in_its_own_company_only(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        wanted, _ = await posted(erp, bench)
    elsewhere = bench.settings | {"company": bench.at.other_company}
    async with bench.adapter.open(elsewhere) as erp:
        assert await found(erp, wanted) == []


async def test_a_draft_somebody_worked_on_survives_the_failure_of_its_item(bench: TrytonBench) -> None:
    oversize = bench.facts.oversize
    assert oversize
    async with bench.opened() as erp:
        chart = await bench.chart()
        touched, untouched = entry(chart, bench.facts), entry(chart, bench.facts)
        for wanted in (touched, untouched):
            draft = await erp.book(wanted, (), final=False)
            if wanted is touched:
                (move,) = await bench.search("account.move", [["id", "=", int(draft.id)]], "lines.debit")
                await bench.send("PUT", f"model/account.move.line/{move['lines'][0]['id']}", {"description": "checked"})
            assert (await failure_of(erp, wanted, receipts(oversize))).problem.failure is Failure.RECEIPT_TOO_LARGE
    assert len(await bench.entries(touched.key.accounting_entry_id)) == 1
    assert not await bench.entries(untouched.key.accounting_entry_id)


@pytest.mark.rule("EXP-REC-04")
async def test_many_writers_wait_for_the_numbering_and_all_get_through(bench: TrytonBench) -> None:
    async def write(wanted: JournalEntry) -> Booked:
        async with bench.adapter.open(bench.settings) as erp:
            return await erp.book(wanted, receipts(20), final=True)

    chart = await bench.chart()
    wanted = [entry(chart, bench.facts) for _ in range(6)]
    booked = await asyncio.gather(*map(write, wanted))
    assert len({each.number for each in booked}) == len(wanted)
    for each in wanted:
        assert [standing.final for standing in await bench.entries(each.key.accounting_entry_id)] == [True]


@pytest.mark.rule("EXP-VALID-04")
async def test_a_company_with_all_periods_closed_is_seen_before_any_item(bench: TrytonBench) -> None:
    company = bench.at.other_company
    domain = [["company", "=", company], ["state", "=", "open"]]
    periods = [row["id"] for row in await bench.search("account.period", domain, "id")]
    settings = bench.settings | {"company": company}
    try:
        for period in periods:
            await bench.send("POST", f"model/account.period/{period}/close", {})
        async with bench.adapter.open(settings) as erp:
            with pytest.raises(Exception, match="no open period") as caught:
                await erp.preflight()
    finally:
        for period in periods:
            await bench.send("POST", f"model/account.period/{period}/reopen", {})
    assert caught.value.problem.failure is Failure.ERP_LOCKED  # type: ignore[attr-defined]
