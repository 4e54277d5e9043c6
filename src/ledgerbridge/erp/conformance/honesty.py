# ruff: noqa: S101
"""What an ERP claims it keeps, and what it does not claim it refuses as a whole.

The service decides by what is claimed. A capability that is claimed and kept in part costs money; one that is not
claimed and answered all the same does, too: an empty list reads as "nothing was booked", a file that is silently
dropped as "it hangs there".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from uuid import uuid4

import pytest

from ledgerbridge.bookkeeping.master_data import ErpVendor, NewVendor, VendorLookup
from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.problem import Kind
from ledgerbridge.erp.conformance.bench import (
    CAPABLE,
    NOT_CAPABLE,
    PLEO_COMPANY,
    Bench,
    Lack,
    account,
    entry,
    failure_of,
    files_for,
    lacks,
    needs,
    receipts,
    without,
)
from ledgerbridge.erp.port import Attachment, ErpError, Wanted

MOST_WRITERS = 4


class Honesty:
    """Capabilities are what they say."""

    async def test_the_opened_company_claims_what_the_bench_was_told(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            assert erp.capabilities == bench.capabilities

    async def test_capabilities_agree_with_each_other(self, bench: Bench) -> None:
        claimed = bench.capabilities
        assert claimed.parallel_writers >= 1
        assert claimed.batch == 1 or claimed.batch >= 8, "a batch is worth its tests from eight on"
        assert claimed.can_probe or not claimed.can_reverse, "what cannot be found cannot be taken back safely"
        assert claimed.vendors or not claimed.vendor_bills, "bills name vendors"
        assert claimed.attachments or not claimed.several_attachments
        assert claimed.attachments or claimed.max_attachment_bytes is None
        assert claimed.attachment_types is None or all(
            "/" in one and one == one.lower() for one in claimed.attachment_types
        )

    async def test_the_bench_lacks_only_what_is_not_there(self, bench: Bench) -> None:
        facts, missing = bench.facts, lacks(bench)
        async with bench.opened() as erp:
            chart, taxes = await erp.chart(), await erp.tax_codes()
        assert len(facts.dimensions) >= (2 if bench.capabilities.dimensions else 0), "name values of two dimensions"
        assert bool(chart.dimensions) == bench.capabilities.dimensions
        assert bool(taxes) == bench.capabilities.tax_codes
        assert (facts.wants_party is None) == (Lack.PARTIES in missing)
        assert any(one.party_required for one in chart.accounts) == (Lack.PARTIES not in missing)
        assert any(one.is_reverse_charge for one in chart.taxes) == (Lack.REVERSE_CHARGE not in missing)
        if bench.capabilities.attachments:
            assert (facts.oversize is None) == (Lack.SIZE_LIMIT in missing)
            assert bench.capabilities.max_attachment_bytes is None or Lack.SIZE_LIMIT not in missing
        secrets = bench.adapter.secret_fields() & bench.settings.keys()
        assert bool(secrets) == (Lack.SECRETS not in missing)
        if not bench.capabilities.files:
            ours = {Lack.DOUBT, Lack.HANDS, Lack.OFFLINE}
            assert not ours & missing, "only a book of our own is certain, at hand, and changed by nobody else"

    @pytest.mark.rule("EXP-REC-04")
    async def test_without_a_probe_nothing_is_said_of_what_stands(self, bench: Bench) -> None:
        """An empty answer would be taken for "nothing was booked", and the item booked twice."""
        _claims_not(bench, "can_probe")
        async with bench.opened() as erp:
            await _refused(erp.find(str(uuid4()), PLEO_COMPANY))

    async def test_without_a_list_of_entries_none_is_given(self, bench: Bench) -> None:
        _claims_not(bench, "lists_entries")
        day = bench.facts.open_date
        async with bench.opened() as erp:
            await _refused(erp.entries(day, day, PLEO_COMPANY))

    async def test_without_reversals_what_was_booked_stands(self, bench: Bench) -> None:
        _claims_not(bench, "can_reverse")
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            booked = await erp.book(wanted, (), final=True)
            await _refused(erp.reverse(booked.ref, wanted.key, reason="Wrong", day=None))
        (standing,) = await bench.entries(wanted.key.accounting_entry_id)
        assert (standing.id, standing.final) == (booked.id, True)

    async def test_without_drafts_a_draft_is_final_or_refused(self, bench: Bench) -> None:
        _claims_not(bench, "drafts")
        wanted = entry(await bench.chart(), bench.facts)
        booked, doubt = None, False
        async with bench.opened() as erp:
            try:
                booked = await erp.book(wanted, (), final=False)
            except ErpError as error:
                doubt = error.outcome_unknown
        assert not doubt
        standing = await bench.entries(wanted.key.accounting_entry_id)
        assert [(one.id, one.final) for one in standing] == ([(booked.id, True)] if booked else [])
        assert booked is None or booked.final

    @pytest.mark.rule("EXP-ATT-07")
    async def test_without_files_an_entry_with_one_is_refused_and_not_booked_without(self, bench: Bench) -> None:
        _claims_not(bench, "attachments")
        await _not_booked(bench, receipts(100))

    @pytest.mark.rule("EXP-ATT-06")
    async def test_where_one_file_is_taken_a_second_is_never_dropped(self, bench: Bench) -> None:
        needs(bench, "attachments")
        _claims_not(bench, "several_attachments")
        await _not_booked(bench, receipts(100, 200))

    @pytest.mark.rule("EXP-ATT-07")
    async def test_every_type_of_file_that_is_claimed_is_taken_and_no_other(self, bench: Bench) -> None:
        needs(bench, "attachments")
        types = bench.capabilities.attachment_types
        if types is None:
            pytest.skip(f"{NOT_CAPABLE}attachment_types")
        chart = await bench.chart()
        for type_ in sorted(types):
            wanted = entry(chart, bench.facts)
            file = replace(receipts(500)[0], name=f"R-1.{type_.rpartition('/')[2]}", type=type_)
            async with bench.opened() as erp:
                booked = await erp.book(wanted, [file], final=True)
            assert [content for _, content in await bench.files(booked.id)] == [file.file.whole()], type_
        await _not_booked(bench, [replace(receipts(100)[0], name="R-1.bin", type="application/x-unheard-of")])

    async def test_without_dimensions_a_line_with_one_is_refused(self, bench: Bench) -> None:
        _claims_not(bench, "dimensions")
        wanted = entry(await bench.chart(), bench.facts, dimensions=[("CC", "CC01")])
        async with bench.opened() as erp:
            assert not await erp.dimensions()
            error = await failure_of(erp, wanted)
        assert not error.outcome_unknown
        assert not await bench.entries(wanted.key.accounting_entry_id)

    @pytest.mark.rule("VEN-066")
    async def test_without_vendors_none_is_listed_found_or_made(self, bench: Bench) -> None:
        """An empty list of vendors would archive those of Pleo."""
        _claims_not(bench, "vendors")
        async with bench.opened() as erp:
            await _refused(erp.vendors())
            await _refused(erp.find_vendors(VendorLookup(codes=("V1",))))
            await _refused(erp.create_vendor(NewVendor(str(uuid4()), "Nobody")))

    async def test_without_bills_none_is_booked_or_settled(self, bench: Bench) -> None:
        _claims_not(bench, "vendor_bills")
        chart = await bench.chart()
        whole = entry(chart, bench.facts, dimensions=())
        owed = replace(whole.lines[2], account=account(chart, bench.facts.wallet), vendor="1")
        nobody = ErpVendor("1", "V1", "Nobody", None, None, None, None, None, active=True)
        wanted = Bill(replace(whole, lines=(*whole.lines[:2], owed)), nobody, number="INV-1")
        async with bench.opened() as erp:
            await _refused(erp.preflight(bills=True))
            await _refused(erp.book(wanted, (), final=True))
            booked = await erp.book(entry(chart, bench.facts), (), final=True)
            await _refused(erp.settle([booked.ref]))
        assert not await bench.entries(wanted.key.accounting_entry_id)

    async def test_without_batches_several_at_once_are_refused(self, bench: Bench) -> None:
        if bench.capabilities.batch > 1:
            pytest.skip(f"{CAPABLE}batch")
        chart = await bench.chart()
        wanted = [entry(chart, bench.facts) for _ in range(2)]
        async with bench.opened() as erp:
            await _refused(erp.book_many([Wanted(one) for one in wanted], final=True))
        for one in wanted:
            assert not await bench.entries(one.key.accounting_entry_id)

    async def test_as_many_writers_as_are_claimed_book_side_by_side(self, bench: Bench) -> None:
        needs(bench, "parallel_writers")
        writers = min(bench.capabilities.parallel_writers, MOST_WRITERS)
        chart = await bench.chart()
        wanted = [entry(chart, bench.facts) for _ in range(writers)]
        async with bench.opened() as erp:
            booked = await asyncio.gather(*(erp.book(one, files_for(bench, 50), final=True) for one in wanted))
        assert len({one.number for one in booked}) == writers
        for one, made in zip(wanted, booked, strict=True):
            (standing,) = await bench.entries(one.key.accounting_entry_id)
            assert (standing.id, standing.final, standing.total) == (made.id, True, one.total)

    async def test_booking_into_files_is_handed_over_twice_without_harm(self, bench: Bench) -> None:
        needs(bench, "files")
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            booked = await erp.book(wanted, (), final=True)
            await erp.hand_over()
            await erp.hand_over()
            assert (await erp.book(wanted, (), final=True)).id == booked.id
        (standing,) = await bench.entries(wanted.key.accounting_entry_id)
        assert (standing.id, standing.total) == (booked.id, wanted.total)

    async def test_the_largest_file_that_is_claimed_is_taken(self, bench: Bench) -> None:
        needs(bench, "attachments", "max_attachment_bytes")
        largest = bench.capabilities.max_attachment_bytes
        assert largest is not None
        assert bench.facts.oversize is not None
        assert bench.facts.oversize > largest
        without(bench, Lack.SIZE_LIMIT)
        async with bench.opened() as erp:
            booked = await erp.book(entry(await bench.chart(), bench.facts), receipts(largest), final=True)
        assert [len(content) for _, content in await bench.files(booked.id)] == [largest]


def _claims_not(bench: Bench, capability: str) -> None:
    """Skip where the capability is claimed: other suites show that it is kept."""
    if getattr(bench.capabilities, capability):
        pytest.skip(f"{CAPABLE}{capability}")


async def _refused(call: Awaitable[object]) -> None:
    """The call is refused for good, in so many words."""
    with pytest.raises(ErpError) as caught:
        await call
    assert not caught.value.outcome_unknown
    assert caught.value.problem.row.kind in (Kind.CONFIG, Kind.DATA)
    assert not caught.value.problem.row.retry


async def _not_booked(bench: Bench, files: list[Attachment]) -> None:
    wanted = entry(await bench.chart(), bench.facts)
    async with bench.opened() as erp:
        error = await failure_of(erp, wanted, files)
    assert not error.outcome_unknown
    assert not await bench.entries(wanted.key.accounting_entry_id)
