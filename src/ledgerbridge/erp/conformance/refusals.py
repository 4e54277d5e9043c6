# ruff: noqa: S101
"""Refusals, each with its row of the failure table and nothing left behind."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Account
from ledgerbridge.erp.conformance.bench import (
    Bench,
    Lack,
    account,
    entry,
    failure_of,
    needs,
    receipts,
    without,
)


class Refusals:
    """Refusals, each with its row of the failure table and nothing left behind."""

    async def test_a_closed_period(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts, date=bench.facts.closed_date)
            error = await failure_of(erp, wanted)
        assert error.problem.failure is Failure.PERIOD_CLOSED
        assert bench.facts.closed_date.isoformat() in error.problem.text
        assert not await bench.entries(wanted.key.accounting_entry_id)

    async def test_a_date_no_period_was_made_for(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts, date=bench.facts.open_date.replace(year=2099))
            error = await failure_of(erp, wanted)
        assert error.problem.failure is Failure.PERIOD_CLOSED

    @pytest.mark.rule("EXP-ERR-01")
    async def test_an_account_that_is_not_there(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            gone = Account("99999999", "9999", "Gone")
            wanted = entry(await bench.chart(), bench.facts, expense=gone, dimensions=())
            error = await failure_of(erp, wanted)
        assert error.problem.failure is Failure.ACCOUNT_UNKNOWN
        assert "9999" in error.problem.text
        assert not await bench.entries(wanted.key.accounting_entry_id)

    async def test_an_account_that_wants_a_party(self, bench: Bench) -> None:
        without(bench, Lack.PARTIES)
        assert bench.facts.wants_party, "the bench names no account that wants a party"
        async with bench.opened() as erp:
            chart = await bench.chart()
            wanted = entry(chart, bench.facts, expense=account(chart, bench.facts.wants_party), dimensions=())
            error = await failure_of(erp, wanted)
        assert error.problem.failure is Failure.ACCOUNT_NEEDS_PARTY
        assert not await bench.entries(wanted.key.accounting_entry_id)

    async def test_a_value_that_is_not_in_the_dimension(self, bench: Bench) -> None:
        needs(bench, "dimensions")
        code = bench.facts.dimensions[0][0]
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts, dimensions=[(code, "gone"), *bench.facts.dimensions[1:]])
            error = await failure_of(erp, wanted)
        assert error.problem.failure is Failure.TAG_UNKNOWN
        assert not await bench.entries(wanted.key.accounting_entry_id)

    @pytest.mark.rule("EXP-BOOK-06")
    async def test_an_unbalanced_entry_is_refused_before_any_call(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            chart = await bench.chart()
        good = entry(chart, bench.facts)
        bad = [
            replace(good, lines=good.lines[:2]),
            replace(good, lines=(replace(good.lines[0], debit=Decimal("-1.00")), *good.lines[1:])),
            replace(good, lines=(replace(good.lines[0], debit=Decimal("100.005")), *good.lines[1:])),
            replace(good, lines=()),
        ]
        calls: list[str] = []
        async with bench.adapter.open(
            bench.settings, lambda operation, outcome, seconds: calls.append(operation)
        ) as erp:
            for each in bad:
                assert (await failure_of(erp, each)).problem.failure is Failure.UNEXPECTED
        assert not calls

    async def test_an_entry_in_another_currency(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            wanted = replace(entry(await bench.chart(), bench.facts), currency="XXX")
            error = await failure_of(erp, wanted)
        assert error.problem.failure is Failure.CURRENCY_MISMATCH

    async def test_a_failed_item_does_not_keep_its_period_from_being_closed(self, bench: Bench) -> None:
        needs(bench, "attachments")
        without(bench, Lack.SIZE_LIMIT)
        assert bench.facts.oversize, "the bench names no size that is sure to be refused"
        date = bench.facts.closable_date
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts, date=date)
            await failure_of(erp, wanted, receipts(bench.facts.oversize))
            await bench.set_period(date, open_=False)
            try:
                error = await failure_of(erp, wanted)
            finally:
                await bench.set_period(date, open_=True)
        assert error.problem.failure is Failure.PERIOD_CLOSED
