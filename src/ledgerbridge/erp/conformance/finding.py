# ruff: noqa: S101
"""The probe by key."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.conformance.bench import (
    PLEO_COMPANY,
    Bench,
    Lack,
    entry,
    failure_of,
    needs,
    without,
)


class Finding:
    """The probe by key."""

    @pytest.mark.rule("EXP-REC-04", "EXP-IDEM-02")
    async def test_finds_what_was_booked(self, bench: Bench) -> None:
        needs(bench, "can_probe")
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts, net="1234.50", vat="0.05")
            booked = await erp.book(wanted, (), final=True)
            (found,) = await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)
        assert found.key == wanted.key
        assert found.booked == replace(booked, already_there=True)
        assert (found.total, found.complete) == ("1234.55", True)

    async def test_finds_nothing_for_another_entry(self, bench: Bench) -> None:
        needs(bench, "can_probe")
        async with bench.opened() as erp:
            chart = await bench.chart()
            stem = uuid4().hex
            await erp.book(entry(chart, bench.facts, id_=f"{stem}_b"), (), final=True)
            assert len(await erp.find(f"{stem}_b", PLEO_COMPANY)) == 1
            for other in (f"{stem}Xb", f"{stem[1:]}_b", f"{stem}_", f"{stem}_B", f"{stem}%"):
                assert not await erp.find(other, PLEO_COMPANY)

    @pytest.mark.rule("EXP-IDEM-02")
    async def test_a_key_typed_into_the_text_counts_for_nothing(self, bench: Bench) -> None:
        needs(bench, "can_probe")
        async with bench.opened() as erp:
            chart = await bench.chart()
            victim = entry(chart, bench.facts)
            forged = entry(chart, bench.facts)
            await erp.book(forged, (), final=True)
            (standing,) = await bench.entries(forged.key.accounting_entry_id)
            ending = standing.text.rpartition(" ")[2].replace(
                forged.key.accounting_entry_id, victim.key.accounting_entry_id
            )
            third = entry(chart, bench.facts, text=f"a note ending in {ending}")
            await erp.book(third, (), final=True)
            assert not await erp.find(victim.key.accounting_entry_id, PLEO_COMPANY)
            assert len(await erp.find(third.key.accounting_entry_id, PLEO_COMPANY)) == 1

    @pytest.mark.rule("EXP-IDEM-07")
    async def test_a_reversed_entry_is_gone_and_the_next_revision_may_come(self, bench: Bench) -> None:
        needs(bench, "can_probe")
        without(bench, Lack.HANDS)
        async with bench.opened() as erp:
            chart = await bench.chart()
            first = entry(chart, bench.facts)
            second = entry(chart, bench.facts, id_=first.key.accounting_entry_id, revision=2, net="80.00", vat="20.00")
            booked = await erp.book(first, (), final=True)
            assert (await failure_of(erp, second)).problem.failure is Failure.BOOKED_ELSEWHERE
            await bench.reverse(booked.id)
            assert not await erp.find(first.key.accounting_entry_id, PLEO_COMPANY)
            again = await erp.book(second, (), final=True)
            (found,) = await erp.find(first.key.accounting_entry_id, PLEO_COMPANY)
        assert (found.booked.id, found.key.revision, found.total) == (again.id, 2, "100.00")
