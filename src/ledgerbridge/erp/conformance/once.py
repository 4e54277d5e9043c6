# ruff: noqa: S101
"""Whatever happens on the way, one entry."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.conformance.bench import (
    BOOKING_STEPS,
    Bench,
    Fate,
    Fault,
    Killed,
    Lack,
    Step,
    entry,
    failure_of,
    files_for,
    meets,
    needs,
    without,
)
from ledgerbridge.erp.port import ErpError


class ExactlyOnce:
    """Whatever happens on the way, one entry (EXP-REC-04, EXP-IDEM-02)."""

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-04")
    async def test_booking_again_changes_nothing(self, bench: Bench) -> None:
        files = files_for(bench, 300, 200)
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            first = await erp.book(wanted, files, final=True)
            second = await erp.book(wanted, files, final=True)
        assert second == replace(first, already_there=True)
        assert len(await bench.entries(wanted.key.accounting_entry_id)) == 1
        assert len(await bench.files(first.id)) == len(files)

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-04")
    @pytest.mark.parametrize("step", BOOKING_STEPS)
    @pytest.mark.parametrize("fate", [Fate.REPLY_LOST, Fate.TIMED_OUT, Fate.BUSY, Fate.SLOW])
    async def test_a_write_with_a_bad_fate_is_made_good_in_the_same_call(
        self, bench: Bench, step: Step, fate: Fate
    ) -> None:
        await _once(bench, Fault(step, fate), raises=None)

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-04")
    @pytest.mark.parametrize("step", [Step.CREATE, Step.POST])
    async def test_a_request_that_arrives_twice_books_once(self, bench: Bench, step: Step) -> None:
        await _once(bench, Fault(step, Fate.TWICE), raises=None)

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-04")
    @pytest.mark.parametrize("step", BOOKING_STEPS)
    async def test_after_our_death_a_second_call_finishes_the_entry(self, bench: Bench, step: Step) -> None:
        await _once(bench, Fault(step, Fate.KILLED), raises=Killed)

    @pytest.mark.rule("EXP-REC-04")
    @pytest.mark.parametrize("step", [Step.CREATE, Step.ATTACH])
    async def test_a_write_that_may_have_arrived_is_not_repeated(self, bench: Bench, step: Step) -> None:
        error = await _once(bench, Fault(step, Fate.NEVER_ARRIVED), raises=ErpError)
        assert isinstance(error, ErpError)
        assert error.outcome_unknown
        assert error.problem.failure is Failure.OUTCOME_UNKNOWN

    @pytest.mark.rule("EXP-REC-04")
    async def test_two_writers_at_once_post_one_entry(self, bench: Bench) -> None:
        async with bench.opened() as one, bench.opened() as other:
            wanted = entry(await bench.chart(), bench.facts)
            results = await asyncio.gather(
                *(erp.book(wanted, (), final=True) for erp in (one, other)), return_exceptions=True
            )
        (standing,) = await bench.entries(wanted.key.accounting_entry_id)
        assert standing.final
        booked = [result for result in results if not isinstance(result, BaseException)]
        assert {result.id for result in booked} <= {standing.id}
        assert all(isinstance(result, ErpError) for result in results if isinstance(result, BaseException))

    @pytest.mark.rule("EXP-REC-04")
    async def test_a_second_writer_while_the_first_waits_for_a_slow_answer_books_nothing_more(
        self, bench: Bench
    ) -> None:
        without(bench, Lack.DOUBT)
        async with bench.opened(Fault(Step.CREATE, Fate.SLOW)) as slow, bench.opened() as other:
            wanted = entry(await bench.chart(), bench.facts)
            results = await asyncio.gather(
                *(erp.book(wanted, (), final=True) for erp in (slow, other)), return_exceptions=True
            )
            assert all(isinstance(result, ErpError) for result in results if isinstance(result, BaseException))
            booked = await other.book(wanted, (), final=True)
        (standing,) = await bench.entries(wanted.key.accounting_entry_id)
        assert (standing.id, standing.final) == (booked.id, True)

    async def test_a_busy_erp_is_waited_for_within_bounds(self, bench: Bench) -> None:
        without(bench, Lack.DOUBT)
        async with bench.opened(Fault(Step.CREATE, Fate.BUSY, times=1_000)) as erp:
            wanted = entry(await bench.chart(), bench.facts)
            error = await failure_of(erp, wanted)
        assert error.problem.failure is Failure.ERP_BUSY
        assert error.problem.row.retry
        assert not error.outcome_unknown
        assert not await bench.entries(wanted.key.accounting_entry_id)

    async def test_a_busy_erp_leaves_no_draft(self, bench: Bench) -> None:
        needs(bench, "drafts")
        without(bench, Lack.POSTING)
        async with bench.opened(Fault(Step.POST, Fate.BUSY, times=1_000)) as erp:
            wanted = entry(await bench.chart(), bench.facts)
            error = await failure_of(erp, wanted, files_for(bench, 10))
        assert error.problem.failure is Failure.ERP_BUSY
        assert not await bench.entries(wanted.key.accounting_entry_id)

    async def test_a_draft_a_bookkeeper_changed_is_left_alone(self, bench: Bench) -> None:
        needs(bench, "drafts")
        without(bench, Lack.HANDS)
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            draft = await erp.book(wanted, (), final=False)
            await bench.change_amounts(draft.id)
            error = await failure_of(erp, wanted)
        assert error.problem.failure is Failure.BOOKED_ELSEWHERE
        assert draft.id in error.problem.text
        (standing,) = await bench.entries(wanted.key.accounting_entry_id)
        assert (standing.id, standing.final) == (draft.id, False)

    async def test_a_draft_of_an_attempt_before_the_expense_changed_is_replaced(self, bench: Bench) -> None:
        needs(bench, "drafts")
        async with bench.opened() as erp:
            chart = await bench.chart()
            outdated = entry(chart, bench.facts)
            await erp.book(outdated, (), final=False)
            changed = entry(chart, bench.facts, id_=outdated.key.accounting_entry_id, net="125.00", vat="0.01")
            changed = replace(changed, lines=(changed.lines[0], replace(changed.lines[2], credit=Decimal("125.00"))))
            booked = await erp.book(changed, (), final=True)
        (standing,) = await bench.entries(outdated.key.accounting_entry_id)
        assert (standing.id, standing.final, standing.lines) == (booked.id, True, 2)

    async def test_a_copy_made_by_hand_is_neither_booked_nor_deleted(self, bench: Bench) -> None:
        needs(bench, "drafts")
        without(bench, Lack.HANDS)
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            booked = await erp.book(wanted, (), final=True)
            copy = await bench.copy(booked.id)
            again = await erp.book(wanted, (), final=True)
        standing = {each.id: each.final for each in await bench.entries(wanted.key.accounting_entry_id)}
        assert (again.id, standing) == (booked.id, {booked.id: True, copy: False})


async def _once(bench: Bench, fault: Fault, raises: type[BaseException] | None) -> BaseException | None:
    """Book under a fault, then once more without: one posted entry with each of its files once."""
    meets(bench, fault)
    files = files_for(bench, 3_000, 50)
    caught = None
    async with bench.opened(fault) as erp:
        wanted = entry(await bench.chart(), bench.facts)
        if raises is None:
            assert (await erp.book(wanted, files, final=True)).final
        else:
            with pytest.raises(raises) as seen:
                await erp.book(wanted, files, final=True)
            caught = seen.value
    async with bench.opened() as erp:
        booked = await erp.book(wanted, files, final=True)
    (standing,) = await bench.entries(wanted.key.accounting_entry_id)
    assert (standing.id, standing.final) == (booked.id, True)
    assert sorted(await bench.files(booked.id)) == sorted((file.name, file.file.whole()) for file in files)
    return caught
