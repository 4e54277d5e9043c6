# ruff: noqa: S101
"""Several entries in one call: each as if booked alone, whatever happens to the others or on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Account, JournalEntry
from ledgerbridge.erp.conformance.bench import (
    Bench,
    Fate,
    Fault,
    Killed,
    Lack,
    Step,
    entry,
    meets,
    needs,
    receipts,
    without,
)
from ledgerbridge.erp.port import Attachment, Booked, ErpError, Wanted

SEVERAL = 4


class Batches:
    """Several entries in one call (EXP-REC-04, EXP-IDEM-02)."""

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-04")
    async def test_each_is_booked_once_and_found_by_a_second_call(self, bench: Bench) -> None:
        wanted = await _several(bench)
        async with bench.opened() as erp:
            first = _booked(await erp.book_many(wanted, final=True))
            second = _booked(await erp.book_many(wanted, final=True))
        assert [one.already_there for one in first] == [False] * SEVERAL
        assert [one.already_there for one in second] == [True] * SEVERAL
        assert [(one.ref, one.number, one.final) for one in second] == [
            (one.ref, one.number, one.final) for one in first
        ]
        await _stand_once(bench, wanted, first)
        assert len({one.number for one in first}) == SEVERAL

    async def test_as_many_as_it_takes_go_in_at_once(self, bench: Bench) -> None:
        wanted = await _several(bench, bench.capabilities.batch)
        async with bench.opened() as erp:
            booked = _booked(await erp.book_many(wanted, final=not bench.capabilities.drafts))
        assert len({one.id for one in booked}) == bench.capabilities.batch

    @pytest.mark.rule("EXP-POST-03")
    async def test_drafts_stay_drafts_until_they_are_wanted_final(self, bench: Bench) -> None:
        needs(bench, "drafts")
        wanted = await _several(bench)
        async with bench.opened() as erp:
            drafts = _booked(await erp.book_many(wanted, final=False))
            await _stand_once(bench, wanted, drafts)
            booked = _booked(await erp.book_many(wanted, final=True))
        assert [(one.final, one.number) for one in drafts] == [(False, None)] * SEVERAL
        assert [(one.id, one.already_there) for one in booked] == [(draft.id, True) for draft in drafts]
        await _stand_once(bench, wanted, booked)

    @pytest.mark.rule("EXP-ATT-03")
    async def test_each_has_its_own_files(self, bench: Bench) -> None:
        needs(bench, "several_attachments")
        plain = await _several(bench, 3)
        wanted = [replace(one, attachments=receipts(*[100 + at] * at)) for at, one in enumerate(plain)]
        async with bench.opened() as erp:
            booked = _booked(await erp.book_many(wanted, final=True))
            await erp.book_many(wanted, final=True)
        for one, made in zip(wanted, booked, strict=True):
            assert sorted(await bench.files(made.id)) == sorted(map(_as_hung, one.attachments))

    async def test_what_one_is_refused_for_costs_the_others_nothing(self, bench: Bench) -> None:
        needs(bench, "batch")
        facts, chart = bench.facts, await bench.chart()
        closed = Failure.PERIOD_CLOSED
        gone = entry(chart, facts, expense=Account("99999999", "9999", "Gone"), dimensions=())
        good = entry(chart, facts)
        cases: list[tuple[JournalEntry, Failure | None]] = [
            (good, None),
            (entry(chart, facts, date=facts.closed_date), closed),
            (gone, Failure.ACCOUNT_UNKNOWN),
            (entry(chart, facts), None),
            (replace(entry(chart, facts), lines=good.lines[:2]), Failure.UNEXPECTED),
            (replace(entry(chart, facts), currency="XXX"), Failure.CURRENCY_MISMATCH),
            (entry(chart, facts, date=facts.open_date.replace(year=2099)), closed),
            (entry(chart, facts), None),
        ]
        async with bench.opened() as erp:
            outcomes = await erp.book_many([Wanted(one) for one, _ in cases], final=True)
        for (one, failure), outcome in zip(cases, outcomes, strict=True):
            standing = await bench.entries(one.key.accounting_entry_id)
            if failure is None:
                assert isinstance(outcome, Booked)
                assert [(each.id, each.final) for each in standing] == [(outcome.id, True)]
            else:
                assert isinstance(outcome, ErpError)
                assert (outcome.problem.failure, outcome.outcome_unknown, list(standing)) == (failure, False, [])

    @pytest.mark.rule("EXP-ATT-14")
    async def test_a_file_that_is_refused_takes_only_its_own_entry_away(self, bench: Bench) -> None:
        needs(bench, "attachments")
        without(bench, Lack.SIZE_LIMIT)
        assert bench.facts.oversize, "the bench names no size that is sure to be refused"
        good, bad, other = await _several(bench, 3)
        bad = replace(bad, attachments=receipts(bench.facts.oversize))
        async with bench.opened() as erp:
            outcomes = await erp.book_many([good, bad, other], final=True)
        assert isinstance(outcomes[1], ErpError)
        assert outcomes[1].problem.failure is Failure.RECEIPT_TOO_LARGE
        await _stand_once(bench, [good, other], _booked([outcomes[0], outcomes[2]]))
        assert not await bench.entries(bad.document.key.accounting_entry_id)

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-07")
    async def test_what_stands_already_is_continued_and_what_stands_otherwise_is_left_alone(self, bench: Bench) -> None:
        needs(bench, "drafts")
        draft, final, changed, other_revision, fresh, more = await _several(bench, 6)
        outdated = replace(changed, document=_with_total(changed.document, "200.00"))
        newer = replace(other_revision, document=_revised(other_revision.document))
        async with bench.opened() as erp:
            begun = await erp.book(draft.document, (), final=False)
            done = await erp.book(final.document, (), final=True)
            await erp.book(outdated.document, (), final=True)
            await erp.book(other_revision.document, (), final=True)
            outcomes = await erp.book_many([fresh, draft, final, changed, newer, more], final=True)
        fresh_, continued, found, *refused, more_ = outcomes
        both = _booked([continued, found])
        assert [(one.id, one.final, one.already_there) for one in both] == [
            (begun.id, True, True),
            (done.id, True, True),
        ]
        assert [one.problem.failure for one in refused if isinstance(one, ErpError)] == [Failure.BOOKED_ELSEWHERE] * 2
        await _stand_once(bench, [fresh, more], _booked([fresh_, more_]))
        for one in (changed, newer):
            assert len(await bench.entries(one.document.key.accounting_entry_id)) == 1

    @pytest.mark.rule("EXP-REC-04")
    async def test_one_accounting_entry_wanted_twice_at_once_stands_once(self, bench: Bench) -> None:
        one, other, last = await _several(bench, 3)
        async with bench.opened() as erp:
            outcomes = await erp.book_many(
                [one, other, replace(one, document=_revised(one.document)), last], final=True
            )
        first, second, third, fourth = outcomes
        await _stand_once(bench, [one, other, last], _booked([first, second, fourth]))
        assert isinstance(third, ErpError)
        assert third.problem.failure is Failure.BOOKED_ELSEWHERE

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-04")
    @pytest.mark.parametrize(
        ("fate", "step", "spared"),
        [
            (Fate.REPLY_LOST, Step.CREATE_MANY, 0),
            (Fate.BUSY, Step.CREATE_MANY, 0),
            (Fate.SLOW, Step.CREATE_MANY, 0),
            (Fate.TWICE, Step.CREATE_MANY, 0),
            (Fate.REPLY_LOST, Step.ATTACH, 1),
            (Fate.TIMED_OUT, Step.POST, 0),
            (Fate.REPLY_LOST, Step.POST, 2),
            (Fate.BUSY, Step.POST, 2),
        ],
    )
    async def test_a_write_with_a_bad_fate_is_made_good_in_the_same_call(
        self, bench: Bench, fate: Fate, step: Step, spared: int
    ) -> None:
        meets(bench, Fault(step, fate))
        wanted = await _several(bench, files=step is Step.ATTACH)
        async with bench.opened(Fault(step, fate, spared=spared)) as erp:
            booked = _booked(await erp.book_many(wanted, final=True))
        if fate is not Fate.TWICE:  # then the answer we see is that of the second request, which found them
            assert [one.already_there for one in booked] == [False] * SEVERAL
        await _stand_once(bench, wanted, booked)

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-04")
    @pytest.mark.parametrize(("step", "spared"), [(Step.CREATE_MANY, 0), (Step.ATTACH, 1), (Step.POST, 2)])
    async def test_after_our_death_a_second_call_finishes_all(self, bench: Bench, step: Step, spared: int) -> None:
        meets(bench, Fault(step, Fate.KILLED))
        wanted = await _several(bench, files=step is Step.ATTACH)
        async with bench.opened(Fault(step, Fate.KILLED, spared=spared)) as erp:
            with pytest.raises(Killed):
                await erp.book_many(wanted, final=True)
        async with bench.opened() as erp:
            booked = _booked(await erp.book_many(wanted, final=True))
        await _stand_once(bench, wanted, booked)

    @pytest.mark.rule("EXP-REC-04")
    async def test_a_create_that_may_have_arrived_leaves_just_those_in_doubt_that_are_not_seen(
        self, bench: Bench
    ) -> None:
        without(bench, Lack.DOUBT)
        wanted = await _several(bench)
        async with bench.opened() as erp:
            standing = await erp.book(wanted[2].document, (), final=True)
        async with bench.opened(Fault(Step.CREATE_MANY, Fate.NEVER_ARRIVED)) as erp:
            outcomes = await erp.book_many(wanted, final=True)
        assert outcomes[2] == replace(standing, already_there=True)
        lost = [one for at, one in enumerate(outcomes) if at != 2]
        assert [one.outcome_unknown for one in lost if isinstance(one, ErpError)] == [True] * (SEVERAL - 1)
        for one in wanted:
            assert len(await bench.entries(one.document.key.accounting_entry_id)) == (one is wanted[2])
        async with bench.opened() as erp:
            await _stand_once(bench, wanted, _booked(await erp.book_many(wanted, final=True)))

    @pytest.mark.rule("EXP-REC-04")
    async def test_a_post_that_may_have_arrived_leaves_in_doubt_just_what_may_stand(self, bench: Bench) -> None:
        needs(bench, "drafts")
        without(bench, Lack.POSTING)
        wanted = await _several(bench)
        async with bench.opened(Fault(Step.POST, Fate.NEVER_ARRIVED, times=7, spared=2)) as erp:
            outcomes = await erp.book_many(wanted, final=True)
        assert isinstance(outcomes[2], ErpError)
        assert outcomes[2].outcome_unknown
        for one, outcome in zip(wanted, outcomes, strict=True):
            stands = bool(await bench.entries(one.document.key.accounting_entry_id))
            assert stands == (isinstance(outcome, Booked) or outcome.outcome_unknown)
        async with bench.opened() as erp:
            await _stand_once(bench, wanted, _booked(await erp.book_many(wanted, final=True)))

    async def test_a_busy_erp_is_waited_for_within_bounds_and_leaves_nothing(self, bench: Bench) -> None:
        without(bench, Lack.DOUBT)
        wanted = await _several(bench)
        async with bench.opened(Fault(Step.CREATE_MANY, Fate.BUSY, times=1_000)) as erp:
            outcomes = await erp.book_many(wanted, final=True)
        assert _failures(outcomes) == [(Failure.ERP_BUSY, False)] * SEVERAL
        for one in wanted:
            assert not await bench.entries(one.document.key.accounting_entry_id)

    async def test_an_erp_too_busy_to_post_keeps_no_draft(self, bench: Bench) -> None:
        needs(bench, "drafts")
        without(bench, Lack.POSTING)
        wanted = await _several(bench)
        async with bench.opened(Fault(Step.POST, Fate.BUSY, times=1_000, spared=1)) as erp:
            first, *others = await erp.book_many(wanted, final=True)
        assert _failures(others) == [(Failure.ERP_BUSY, False)] * (SEVERAL - 1)
        await _stand_once(bench, wanted[:1], _booked([first]))
        for one in wanted[1:]:
            assert not await bench.entries(one.document.key.accounting_entry_id)

    @pytest.mark.rule("EXP-REC-04")
    async def test_two_writers_with_overlapping_batches_at_once_book_each_entry_once(self, bench: Bench) -> None:
        wanted = await _several(bench, 6)
        async with bench.opened() as one, bench.opened() as other:
            mine, theirs = await asyncio.gather(
                one.book_many(wanted[:4], final=True), other.book_many(list(reversed(wanted[1:])), final=True)
            )
        booked = [each for each in (*mine, *theirs) if isinstance(each, Booked)]
        async with bench.opened() as erp:
            settled = _booked(await erp.book_many(wanted, final=True))
        await _stand_once(bench, wanted, settled)
        assert {each.id for each in booked if each.final} <= {each.id for each in settled}

    async def test_a_closed_period_is_told_of_those_it_closes(self, bench: Bench) -> None:
        needs(bench, "batch")
        chart, facts = await bench.chart(), bench.facts
        open_ = [entry(chart, facts) for _ in range(2)]
        closing = [entry(chart, facts, date=facts.closable_date) for _ in range(2)]
        await bench.set_period(facts.closable_date, open_=False)
        try:
            async with bench.opened() as erp:
                outcomes = await erp.book_many([Wanted(one) for one in (*open_, *closing)], final=True)
        finally:
            await bench.set_period(facts.closable_date, open_=True)
        assert _failures(outcomes[2:]) == [(Failure.PERIOD_CLOSED, False)] * 2
        await _stand_once(bench, [Wanted(one) for one in open_], _booked(outcomes[:2]))


async def _several(bench: Bench, number: int = SEVERAL, *, files: bool = False) -> list[Wanted]:
    needs(bench, "batch")
    if files:
        needs(bench, "attachments")
    chart = await bench.chart()
    return [
        Wanted(entry(chart, bench.facts, net=f"{100 + at}.00"), receipts(200 + at) if files else ())
        for at in range(number)
    ]


async def _stand_once(bench: Bench, wanted: Sequence[Wanted], booked: Sequence[Booked]) -> None:
    """Each of these entries stands just once, as told, with its files."""
    for one, told in zip(wanted, booked, strict=True):
        (standing,) = await bench.entries(one.document.key.accounting_entry_id)
        assert (standing.id, standing.final, standing.number) == (told.id, told.final, told.number)
        assert standing.total == one.document.total
        if one.attachments:
            assert sorted(await bench.files(told.id)) == sorted(map(_as_hung, one.attachments))


def _as_hung(file: Attachment) -> tuple[str, bytes]:
    return (file.name, file.file.whole())


def _booked(outcomes: Sequence[Booked | ErpError]) -> list[Booked]:
    for one in outcomes:
        if isinstance(one, ErpError):
            raise one
    return [one for one in outcomes if isinstance(one, Booked)]


def _failures(outcomes: Sequence[Booked | ErpError]) -> list[tuple[Failure, bool]]:
    return [(one.problem.failure, one.outcome_unknown) for one in outcomes if isinstance(one, ErpError)]


def _with_total(document: object, net: str) -> JournalEntry:
    assert isinstance(document, JournalEntry)
    first, second, third = document.lines
    both = Decimal(net) + second.debit
    taxes = (replace(first.taxes[0], amount=Decimal(net)),)
    lines = (replace(first, debit=Decimal(net), taxes=taxes), second, replace(third, credit=both))
    return replace(document, lines=lines)


def _revised(document: object) -> JournalEntry:
    assert isinstance(document, JournalEntry)
    return replace(document, key=replace(document.key, revision=document.key.revision + 1))
