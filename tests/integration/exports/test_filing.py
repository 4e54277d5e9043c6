"""Exports to accounting that takes files: every item a voucher, every voucher in a file, whatever comes in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import psycopg
import pytest
from sqlalchemy import select, update

from ledgerbridge import faults
from ledgerbridge.connections import erasure, uninstall
from ledgerbridge.connections.access import open_erp
from ledgerbridge.connections.erp_binding import bind
from ledgerbridge.connections.errors import BindingRefused
from ledgerbridge.erp.files.target import FileEvery
from ledgerbridge.erp.port import ErpCompany
from ledgerbridge.exports import filing
from ledgerbridge.exports.reverse import reverse
from ledgerbridge.ops import gauges
from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.store.leases import acquire, release
from ledgerbridge.store.tables import (
    AuditRecord,
    ErpBinding,
    ExportJob,
    HandoverState,
    Posting,
    ReversalState,
    Voucher,
    VoucherFile,
)
from tests.support.files_double import FilesDouble, chart
from tests.support.rig import Killed, Rig, company_rig

PLAIN = {"tax": {"mode": "explicit", "codes": {}}, "dimensions": None, "changed_reexport": "reverse_and_rebook"}
MONTHS_AGO = "alter table vouchers disable trigger vouchers_stand; \
    update vouchers set recorded_at = recorded_at - interval '2 days'; \
    alter table vouchers enable trigger vouchers_stand"


@pytest.fixture
def adapter() -> FilesDouble:
    return FilesDouble()


@pytest.fixture
async def rig(database_url: str, sandbox_url: str, adapter: FilesDouble) -> AsyncIterator[Rig]:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with company_rig(database_url, sandbox_url, books=adapter.books, adapter=adapter) as made:
        await made.configure(**PLAIN)
        yield made


async def vouchers(rig: Rig) -> list[Voucher]:
    async with rig.db.reading() as session:
        mine = select(Voucher).where(Voucher.connection_id == rig.connection_id)
        return list(await session.scalars(mine.order_by(Voucher.year, Voucher.number)))


async def files(rig: Rig) -> list[tuple[str, list[str]]]:
    """Each file by name with the vouchers in it, in the order in which they were made."""
    async with rig.db.reading() as session:
        mine = select(VoucherFile.name, VoucherFile.content).where(VoucherFile.connection_id == rig.connection_id)
        rows = (await session.execute(mine.order_by(VoucherFile.made_at))).all()
    return [(name, [json.loads(line)["voucher"] for line in bytes(content).splitlines()]) for name, content in rows]


async def postings(rig: Rig) -> list[tuple[str, str | None, str | None]]:
    async with rig.db.reading() as session:
        mine = select(Posting).where(Posting.connection_id == rig.connection_id).order_by(Posting.intended_at)
        return [(one.state, one.erp_number, one.reversal_number) for one in await session.scalars(mine)]


async def test_at_the_end_of_a_job_every_voucher_is_in_a_file_and_pleo_is_told_its_number(rig: Rig) -> None:
    job = await rig.export("fee", copies=3)
    assert rig.pleo.job(job)["status"] == "completed"
    made = await vouchers(rig)
    assert [(one.series, one.number) for one in made] == [("EXP", 1), ("EXP", 2), ("EXP", 3)]
    assert {item["externalId"] for item in rig.pleo.job(job)["items"]} == {"EXP1", "EXP2", "EXP3"}
    ((_, inside),) = await files(rig)
    assert inside == ["EXP1", "EXP2", "EXP3"]
    assert {one[0] for one in await postings(rig)} == {"booked"}
    await rig.export("fee")
    assert [inside for _, inside in await files(rig)] == [["EXP1", "EXP2", "EXP3"], ["EXP4"]]


async def test_a_file_that_cannot_be_made_costs_no_item_its_outcome_and_comes_later(
    rig: Rig, adapter: FilesDouble, database_url: str
) -> None:
    adapter.renderer.broken = True
    job = await rig.export("fee")
    assert rig.pleo.job(job)["status"] == "completed"
    assert await files(rig) == []
    assert await filing.queue_filing(rig.context) == 0, "it was left by nobody yet"
    metrics = Metrics()
    await gauges.read(metrics, rig.db, rig.context.queue)
    assert metrics.registry.get_sample_value("ledgerbridge_vouchers_waiting") == 1
    with psycopg.connect(database_url) as line:
        line.execute(MONTHS_AGO)
    assert await filing.queue_filing(rig.context) == 1
    adapter.renderer.broken = False
    await filing.file_later(rig.context, rig.connection_id)
    assert [inside for _, inside in await files(rig)] == [["EXP1"]]
    assert await filing.queue_filing(rig.context) == 0


async def test_a_worker_that_dies_after_the_voucher_books_it_no_second_time(rig: Rig) -> None:
    rig.pleo.export(rig.pleo.queue("fee", copies=2))

    def die(point: str) -> None:
        if point == "commit connections.voucher_book:StoredBook.record after":
            raise Killed

    faults.install(die)
    with pytest.raises(Killed):
        await rig.look()
    faults.install(None)
    await rig.expire_lease()
    assert len(await vouchers(rig)) == 2
    assert {one[0] for one in await postings(rig)} == {"intended"}
    await rig.look("recovery")
    assert len(await vouchers(rig)) == 2
    assert sorted(await postings(rig)) == [("booked", "EXP1", None), ("booked", "EXP2", None)]
    assert [inside for _, inside in await files(rig)] == [["EXP1", "EXP2"]]


async def test_a_job_that_pleo_ended_while_vouchers_wait_still_leaves_with_the_round(
    rig: Rig, database_url: str
) -> None:
    job = rig.pleo.export(rig.pleo.queue("fee"))

    def end(point: str) -> None:
        if point == "commit connections.voucher_book:StoredBook.record after":
            rig.pleo.control("POST", f"/jobs/{job}/cancel")

    faults.install(end)
    await rig.look()
    faults.install(None)
    assert rig.pleo.job(job)["status"] == "failed"
    with psycopg.connect(database_url) as line:
        line.execute(MONTHS_AGO)
    assert await filing.queue_filing(rig.context) == (0 if await files(rig) else 1)
    await filing.file_later(rig.context, rig.connection_id)
    assert [inside for _, inside in await files(rig)] == [["EXP1"]]


async def test_what_is_taken_back_is_in_a_file_at_once_and_booked_anew_under_a_number_of_its_own(rig: Rig) -> None:
    entries = rig.pleo.queue("fee")
    job = rig.pleo.export(entries)
    await rig.look()
    async with rig.db.reading() as session:
        row = (await session.scalars(select(ExportJob).where(ExportJob.connection_id == rig.connection_id))).one()
    for _ in range(2):
        state = await reverse(rig.context, row, entries[0], reason="Wrong account", actor="admin:ada")
        assert state is ReversalState.REVERSED
    assert [inside for _, inside in await files(rig)] == [["EXP1"], ["EXP2"]]
    assert await postings(rig) == [("reversed", "EXP1", "EXP2")]
    again = rig.pleo.export(entries)
    await rig.look()
    assert rig.pleo.job(again)["items"][0]["externalId"] == "EXP3"
    made = await vouchers(rig)
    assert [(one.number, one.revision, one.takes_back) for one in made] == [
        (1, 1, False), (2, 1, True), (3, 2, False),
    ]  # fmt: skip
    assert [inside for _, inside in await files(rig)] == [["EXP1"], ["EXP2"], ["EXP3"]]
    assert job != again
    await uninstall.end(rig.context.connections, rig.connection_id, "admin:ada")
    assert (await erasure.remove(rig.db, rig.connection_id))["vouchers"]
    assert await vouchers(rig) == [], "years later nothing of it is left"


async def test_one_file_a_day_waits_for_the_end_of_its_day_unless_the_company_is_left(
    rig: Rig, adapter: FilesDouble, database_url: str
) -> None:
    adapter.every = FileEvery.DAY
    await rig.export("fee")
    await rig.export("fee")
    assert await files(rig) == []
    await filing.file_later(rig.context, rig.connection_id)
    assert await files(rig) == []
    with psycopg.connect(database_url) as line:
        line.execute(MONTHS_AGO)
    await filing.file_later(rig.context, rig.connection_id)
    assert [inside for _, inside in await files(rig)] == [["EXP1", "EXP2"]]
    await rig.export("fee")
    async with open_erp(rig.context.connections, rig.connection_id) as erp:
        await erp.hand_over(now=True)
    assert [inside for _, inside in await files(rig)] == [["EXP1", "EXP2"], ["EXP3"]]


async def test_a_connection_that_moves_numbers_anew_and_back_where_it_was(
    rig: Rig, adapter: FilesDouble, database_url: str
) -> None:
    async def bound_to(company: ErpCompany) -> None:
        adapter.books.company = company
        values = {"company_ref": chart(company).company_id, "company_name": company.name,
                  "registration_number": company.registration_number}  # fmt: skip
        async with rig.db.transaction() as session:
            mine = ErpBinding.connection_id == rig.connection_id
            await session.execute(update(ErpBinding).where(mine).values(values))

    here = adapter.books.company
    await rig.export("fee")
    await bound_to(replace(here, name="Other ApS", registration_number="42424242"))
    adapter.renderer.broken = True
    await rig.export("fee")
    with psycopg.connect(database_url) as line:
        line.execute(MONTHS_AGO)
    assert await filing.queue_filing(rig.context) == 1
    await bound_to(here)
    assert await filing.queue_filing(rig.context) == 0, "a file can be made of them only where they belong"
    await bound_to(replace(here, name="Other ApS", registration_number="42424242"))
    adapter.renderer.broken = False
    await filing.file_later(rig.context, rig.connection_id)
    await bound_to(here)
    await rig.export("fee")
    assert sorted((one.series, one.number) for one in await vouchers(rig)) == [("EXP", 1), ("EXP", 1), ("EXP", 2)]
    assert [inside for _, inside in await files(rig)] == [["EXP1"], ["EXP1"], ["EXP2"]]


async def test_binding_another_company_leaves_no_voucher_of_this_one_behind(rig: Rig, adapter: FilesDouble) -> None:
    adapter.every = FileEvery.DAY
    await rig.export("fee")
    room, mine, there = rig.context.connections, rig.connection_id, {"api_key": "x"}
    adapter.books.company = ErpCompany("42424242", "Other ApS", "42424242", "DKK")
    with pytest.raises(BindingRefused, match="confirm the change"):
        await bind(room, mine, adapter.kind, there, "admin:ada")
    await bind(room, mine, adapter.kind, there, "admin:ada", confirm_company_change=True)
    assert [inside for _, inside in await files(rig)] == [["EXP1"]]
    await rig.export("fee")
    assert [(one.series, one.number) for one in await vouchers(rig)] == [("EXP", 1), ("EXP", 1)]


async def test_what_waits_leaves_in_the_format_it_was_booked_for(rig: Rig, adapter: FilesDouble) -> None:
    """Another template or a smaller chart might have no place for what stands in these vouchers."""
    room, mine = rig.context.connections, rig.connection_id
    await bind(room, mine, adapter.kind, {"api_key": "x"}, "admin:ada")
    adapter.every = FileEvery.DAY
    await rig.export("fee")
    await bind(room, mine, adapter.kind, {"api_key": "x"}, "admin:ada")
    assert await files(rig) == [], "nothing has changed"
    await bind(room, mine, adapter.kind, {"api_key": "y"}, "admin:ada")
    assert [inside for _, inside in await files(rig)] == [["EXP1"]]


async def test_a_company_is_not_left_while_an_export_still_books_there(rig: Rig, adapter: FilesDouble) -> None:
    """Its vouchers would be in the book of the company that was left, where nobody makes files any more."""
    adapter.every = FileEvery.DAY
    room, mine, access = rig.context.connections, rig.connection_id, {"api_key": "x"}
    here = adapter.books.company
    await bind(room, mine, adapter.kind, access, "admin:ada")
    working = await acquire(rig.db, mine, "worker/1", 30)
    assert working is not None
    adapter.books.company = replace(here, currency="SEK")
    assert await bind(room, mine, adapter.kind, access, "admin:ada"), "the same company, another chart"
    adapter.books.company = ErpCompany("42424242", "Other ApS", "42424242", "DKK")
    with pytest.raises(BindingRefused, match="being worked right now") as caught:
        await bind(room, mine, adapter.kind, access, "admin:ada", confirm_company_change=True)
    assert caught.value.code == "export_running"
    await release(rig.db, working)
    await bind(room, mine, adapter.kind, access, "admin:ada", confirm_company_change=True)
    after = await acquire(rig.db, mine, "worker/2", 30)
    assert after is not None, "exports go on at once"


async def test_a_registration_number_spelt_another_way_is_the_same_book(
    rig: Rig, adapter: FilesDouble, database_url: str
) -> None:
    room, mine, access = rig.context.connections, rig.connection_id, {"api_key": "x"}
    await bind(room, mine, adapter.kind, access, "admin:ada")
    adapter.every = FileEvery.DAY
    await rig.export("fee")
    adapter.books.company = replace(adapter.books.company, registration_number="4141 41-41")
    await bind(room, mine, adapter.kind, access, "admin:ada")
    with psycopg.connect(database_url) as line:
        line.execute(MONTHS_AGO)
    assert await filing.queue_filing(rig.context) == 1
    await rig.export("fee")
    assert [(one.series, one.number) for one in await vouchers(rig)] == [("EXP", 1), ("EXP", 2)]
    assert [inside for _, inside in await files(rig)] == [["EXP1", "EXP2"]]


async def test_a_connection_that_ends_leaves_every_voucher_in_a_file_that_stays_until_somebody_took_it(
    rig: Rig, adapter: FilesDouble
) -> None:
    adapter.every = FileEvery.DAY
    await rig.export("fee", copies=2)
    room, mine = rig.context.connections, rig.connection_id
    assert await uninstall.end(room, mine, "admin:ada")
    assert [inside for _, inside in await files(rig)] == [["EXP1", "EXP2"]]
    assert all(one.body["lines"] for one in await vouchers(rig))
    assert await told_at_the_end(rig) == {"files_left": 1}
    async with rig.db.transaction() as session:
        taken = update(VoucherFile).where(VoucherFile.connection_id == mine)
        await session.execute(taken.values(handover_state=HandoverState.DONE))
    await erasure.erase(rig.db, mine)
    assert [(one.number, one.body) for one in await vouchers(rig)] == [(1, {}), (2, {})]
    assert {one[0] for one in await postings(rig)} == {"booked"}


async def test_a_connection_ends_though_no_file_can_be_made_and_what_waits_is_told_and_kept(
    rig: Rig, adapter: FilesDouble
) -> None:
    adapter.renderer.broken = True
    await rig.export("fee")
    assert await uninstall.end(rig.context.connections, rig.connection_id, "admin:ada")
    assert await told_at_the_end(rig) == {"vouchers_waiting": 1}
    (kept,) = await vouchers(rig)
    assert kept.body["lines"]


async def told_at_the_end(rig: Rig) -> dict[str, int]:
    async with rig.db.reading() as session:
        ended = (AuditRecord.connection_id == rig.connection_id, AuditRecord.action == "disconnected")
        return dict((await session.scalars(select(AuditRecord.detail).where(*ended))).one())


async def test_two_workers_that_make_files_at_once_put_no_voucher_into_two(rig: Rig, adapter: FilesDouble) -> None:
    adapter.every = FileEvery.DAY
    await rig.export("fee", copies=3)
    adapter.every = FileEvery.JOB

    await asyncio.gather(*(filing.file_later(rig.context, rig.connection_id) for _ in range(4)))
    assert [inside for _, inside in await files(rig)] == [["EXP1", "EXP2", "EXP3"]]
