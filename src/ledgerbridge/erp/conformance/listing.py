# ruff: noqa: S101
"""The list of what carries our keys in a period, by which our ledger is compared with the books."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from ledgerbridge.erp.conformance.bench import PLEO_COMPANY, Bench, Lack, entry, needs, without
from ledgerbridge.erp.conformance.payables import bill, vendor
from ledgerbridge.erp.port import Erp, Keyed

_DAY = dt.timedelta(days=1)


class Listing:
    """Every document in force with a key of ours, once, in the period it is posted in."""

    @pytest.mark.rule("EXP-IDEM-02", "EXP-POST-03")
    async def test_lists_final_entries_and_drafts_as_they_were_booked(self, bench: Bench) -> None:
        needs(bench, "lists_entries")
        async with bench.opened() as erp:
            chart = await bench.chart()
            final = entry(chart, bench.facts, net="1234.50", vat="0.05")
            booked = await erp.book(final, (), final=True)
            (listed,) = await _of(erp, bench, final.key.accounting_entry_id)
            assert listed == Keyed(final.key, booked.ref, booked.number, True, "1234.55", final.date)
            if bench.capabilities.drafts:
                draft = entry(chart, bench.facts, revision=3)
                booked = await erp.book(draft, (), final=False)
                (listed,) = await _of(erp, bench, draft.key.accounting_entry_id)
                assert listed == Keyed(draft.key, booked.ref, None, False, "125.00", draft.date)

    async def test_a_period_is_from_its_first_to_its_last_day(self, bench: Bench) -> None:
        needs(bench, "lists_entries")
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts, date=bench.facts.open_date + 2 * _DAY)
            await erp.book(wanted, (), final=True)
            id_, day = wanted.key.accounting_entry_id, wanted.date
            assert len(await _of(erp, bench, id_, day - _DAY, day)) == 1
            assert len(await _of(erp, bench, id_, day, day + _DAY)) == 1
            assert not await _of(erp, bench, id_, day - _DAY, day - _DAY)
            assert not await _of(erp, bench, id_, day + _DAY, day + _DAY)

    async def test_a_copy_made_by_hand_is_listed_beside_the_original(self, bench: Bench) -> None:
        needs(bench, "lists_entries")
        without(bench, Lack.HANDS)
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            booked = await erp.book(wanted, (), final=True)
            copy = await bench.copy(booked.id)
            listed = await _of(erp, bench, wanted.key.accounting_entry_id)
        assert {one.ref.id for one in listed} == {booked.id, copy}

    @pytest.mark.rule("EXP-IDEM-07")
    async def test_what_was_taken_back_is_not_listed_and_neither_is_what_took_it_back(self, bench: Bench) -> None:
        needs(bench, "lists_entries")
        without(bench, Lack.HANDS)
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            await bench.reverse((await erp.book(wanted, (), final=True)).id)
            assert not await _of(erp, bench, wanted.key.accounting_entry_id)

    @pytest.mark.rule("EXP-IDEM-02")
    async def test_a_key_typed_into_the_text_counts_for_nothing(self, bench: Bench) -> None:
        needs(bench, "lists_entries")
        async with bench.opened() as erp:
            chart = await bench.chart()
            wanted = entry(chart, bench.facts)
            await erp.book(wanted, (), final=True)
            (standing,) = await bench.entries(wanted.key.accounting_entry_id)
            other = entry(chart, bench.facts, text=f"as in {standing.text}")
            await erp.book(other, (), final=True)
            assert len(await _of(erp, bench, wanted.key.accounting_entry_id)) == 1
            assert len(await _of(erp, bench, other.key.accounting_entry_id)) == 1

    @pytest.mark.rule("EXP-AP-05", "EXP-AP-10")
    async def test_a_bill_and_its_own_payment_are_listed_as_such(self, bench: Bench) -> None:
        needs(bench, "lists_entries")
        needs(bench, "vendor_bills")
        async with bench.opened() as erp:
            wanted = bill(await bench.chart(), bench.facts, await vendor(bench), paid=True)
            booked = await erp.book(wanted, (), final=True)
            listed = await _of(erp, bench, wanted.key.accounting_entry_id)
        (own,) = [one for one in listed if not one.own_payment]
        (payment,) = [one for one in listed if one.own_payment]
        assert own == Keyed(wanted.key, booked.ref, booked.number, True, f"{wanted.total:.2f}", wanted.entry.date)
        assert (payment.key, payment.final, Decimal(payment.total)) == (wanted.key, True, wanted.total)

    async def test_a_bill_taken_back_is_not_listed(self, bench: Bench) -> None:
        needs(bench, "lists_entries")
        needs(bench, "vendor_bills")
        async with bench.opened() as erp:
            wanted = bill(await bench.chart(), bench.facts, await vendor(bench))
            booked = await erp.book(wanted, (), final=True)
            assert len(await _of(erp, bench, wanted.key.accounting_entry_id)) == 1
            await bench.cancel_bill(booked.id)
            assert not await _of(erp, bench, wanted.key.accounting_entry_id)


async def _of(
    erp: Erp, bench: Bench, accounting_entry_id: str, first: dt.date | None = None, last: dt.date | None = None
) -> list[Keyed]:
    """What the list of a period, by default of the open day, tells of one accounting entry."""
    day = bench.facts.open_date
    listed = await erp.entries(first or day, last or day, PLEO_COMPANY)
    return [one for one in listed if one.key.accounting_entry_id == accounting_entry_id]
