# ruff: noqa: S101
"""One entry, booked, with its files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.conformance.bench import (
    PLEO_COMPANY,
    Bench,
    Lack,
    entry,
    failure_of,
    files_for,
    needs,
    receipts,
    without,
)


class Booking:
    """One entry, booked."""

    @pytest.mark.rule("EXP-POST-04", "EXP-POST-06", "EXP-IDEM-02")
    async def test_a_final_entry_stands_posted_with_its_number(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            booked = await erp.book(wanted, (), final=True)
        (standing,) = await bench.entries(wanted.key.accounting_entry_id)
        assert (booked.id, booked.number, booked.final, booked.already_there) == (
            standing.id,
            standing.number,
            True,
            False,
        )
        assert (standing.final, standing.total, standing.lines) == (True, wanted.total, len(wanted.lines))
        assert booked.number
        assert booked.booked_at.utcoffset() is not None

    @pytest.mark.rule("EXP-POST-03", "EXP-POST-04", "EXP-POST-06")
    async def test_a_draft_stays_a_draft(self, bench: Bench) -> None:
        needs(bench, "drafts")
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            files = files_for(bench, 100)
            booked = await erp.book(wanted, files, final=False)
        (standing,) = await bench.entries(wanted.key.accounting_entry_id)
        assert (standing.final, standing.id) == (False, booked.id)
        assert (booked.final, booked.number) == (False, None)
        assert [content for _, content in await bench.files(booked.id)] == [one.file.whole() for one in files]

    @pytest.mark.rule("EXP-POST-03")
    async def test_a_draft_now_wanted_final_is_posted(self, bench: Bench) -> None:
        needs(bench, "drafts")
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            draft = await erp.book(wanted, (), final=False)
            booked = await erp.book(wanted, (), final=True)
        (standing,) = await bench.entries(wanted.key.accounting_entry_id)
        assert (booked.id, booked.final, standing.final) == (draft.id, True, True)
        assert booked.already_there

    async def test_the_link_names_the_entry_and_no_secret(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            booked = await erp.book(wanted, (), final=True)
            assert booked.url == erp.url(booked.ref)
        if booked.url is not None:
            secrets = [bench.settings[name] for name in bench.adapter.secret_fields()]
            assert booked.id in booked.url
            assert not any(secret in booked.url for secret in secrets)

    async def test_any_text_a_person_can_type_is_booked(self, bench: Bench) -> None:
        texts = (
            "Smørrebrød, Łódź, 東京, 🧾 café",
            "two\nlines\tand\r\na tab, a \x00 NUL and a lone \ud800 surrogate",
            "%_\\ 'quotes\" [brackets] #2 <b>html</b>",
            "long " + "é" * 5_000,
            "",
        )
        async with bench.opened() as erp:
            chart = await bench.chart()
            for text in texts:
                wanted = entry(chart, bench.facts, text=text)
                booked = await erp.book(wanted, (), final=True)
                (standing,) = await bench.entries(wanted.key.accounting_entry_id)
                assert standing.id == booked.id
                assert len(await erp.find(wanted.key.accounting_entry_id, PLEO_COMPANY)) == 1

    async def test_an_entry_with_every_dimension_is_booked(self, bench: Bench) -> None:
        needs(bench, "dimensions")
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            booked = await erp.book(wanted, (), final=True)
        assert booked.final

    async def test_an_entry_with_some_of_the_dimensions_is_booked_with_these(self, bench: Bench) -> None:
        needs(bench, "dimensions")
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts, dimensions=bench.facts.dimensions[:1])
            booked = await erp.book(wanted, (), final=True)
        assert booked.final


class Files:
    """Receipts on the entry."""

    @pytest.mark.rule("EXP-ATT-03", "EXP-ATT-04", "EXP-ATT-06")
    async def test_every_file_hangs_on_the_entry_byte_by_byte(self, bench: Bench) -> None:
        needs(bench, "attachments", "several_attachments")
        files = receipts(1, 70_000, 900_000)
        if bench.capabilities.attachment_types is None or "image/jpeg" in bench.capabilities.attachment_types:
            files.append(replace(receipts(5)[0], name="kvittering æøå 🧾.jpg", type="image/jpeg"))
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            booked = await erp.book(wanted, files, final=True)
        assert sorted(await bench.files(booked.id)) == sorted((file.name, file.file.whole()) for file in files)

    @pytest.mark.rule("EXP-ATT-03", "EXP-ATT-04")
    async def test_one_file_hangs_on_the_entry_byte_by_byte(self, bench: Bench) -> None:
        needs(bench, "attachments")
        (file,) = receipts(200_000)
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            booked = await erp.book(wanted, [file], final=True)
        assert list(await bench.files(booked.id)) == [(file.name, file.file.whole())]

    @pytest.mark.rule("EXP-ATT-11")
    async def test_an_entry_without_files_is_booked(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            booked = await erp.book(entry(await bench.chart(), bench.facts), (), final=True)
        assert not await bench.files(booked.id)

    @pytest.mark.rule("EXP-ATT-07", "EXP-ATT-14")
    async def test_a_file_too_large_fails_the_item_and_leaves_nothing(self, bench: Bench) -> None:
        needs(bench, "attachments")
        without(bench, Lack.SIZE_LIMIT)
        assert bench.facts.oversize, "the bench names no size that is sure to be refused"
        files = receipts(bench.facts.oversize)
        if bench.capabilities.several_attachments:
            files = receipts(10, bench.facts.oversize)
        async with bench.opened() as erp:
            wanted = entry(await bench.chart(), bench.facts)
            error = await failure_of(erp, wanted, files)
        assert error.problem.failure is Failure.RECEIPT_TOO_LARGE
        assert error.problem.row.item_type == "receipt_file_size_limit_exceeded"
        assert files[-1].name in error.problem.text
        assert not await bench.entries(wanted.key.accounting_entry_id)
