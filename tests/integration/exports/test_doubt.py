"""An attempt that may have booked: asked about before anything else, and never reported as what nobody knows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import select, update

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports.context import Patience
from ledgerbridge.exports.ledger import FenceLost
from ledgerbridge.store.tables import ExportItem, ItemState, Lease, Posting, PostingState
from tests.support.erp_double import CAPABILITIES, Later, down, lost_reply, refused, unreadable
from tests.support.rig import Killed, Rig, company_rig

DOUBT = "we cannot tell whether it was booked"


async def _killed_after_booking(rig: Rig, ids: list[str]) -> str:
    """A run that died when the first item stood in the ERP and nobody had written that down; the job's id."""
    job_id = rig.pleo.export(ids)
    rig.books.after["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    await rig.expire_lease()
    return job_id


async def _postings(rig: Rig) -> list[str]:
    async with rig.db.reading() as session:
        return list(await session.scalars(select(Posting.state)))


# ------------------------------------------------------------------ an ERP that cannot be searched


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-01")
async def test_where_nobody_can_look_an_interrupted_booking_is_never_sent_again(rig: Rig) -> None:
    rig.books.capabilities = replace(CAPABILITIES, can_probe=False)
    ids = rig.pleo.queue("fee")
    job_id = await _killed_after_booking(rig, ids)

    await rig.look()
    again = rig.pleo.export(ids)
    await rig.look()

    assert rig.books.calls["book"] == 1
    for job in (job_id, again):
        item = rig.pleo.items(job)[ids[0]]
        assert item["status"] == "failed"
        assert DOUBT in item["failureReason"]
    assert await _postings(rig) == [PostingState.UNKNOWN]


@pytest.mark.rule("EXP-REC-04")
async def test_where_nobody_can_look_a_lost_reply_waits_for_a_person(rig: Rig) -> None:
    rig.books.capabilities = replace(CAPABILITIES, can_probe=False)
    rig.books.after["book"] = [lost_reply()]

    job_id = await rig.export("fee")

    assert rig.books.calls["book"] == 1
    assert [DOUBT in item["failureReason"] for item in rig.pleo.items(job_id).values()] == [True]


async def test_where_nobody_can_look_an_outage_before_the_write_is_waited_out(rig: Rig) -> None:
    rig.books.capabilities = replace(CAPABILITIES, can_probe=False)
    rig.books.before["book"] = [down(), down()]

    job_id = await rig.export("fee")

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert len(rig.books.entries) == 1


# ------------------------------------------------------------------ an ERP that can


@pytest.mark.rule("EXP-REC-04")
async def test_an_entry_that_stands_is_not_failed_for_a_receipt_that_has_gone_since(rig: Rig) -> None:
    ids = rig.pleo.queue("receipt_jpeg")
    job_id = await _killed_after_booking(rig, ids)
    rig.pleo.fault("status", path="/files/**", status=404, times=None)

    await rig.look()

    assert rig.pleo.items(job_id)[ids[0]]["status"] == "successful"
    assert await _postings(rig) == [PostingState.BOOKED]


async def test_a_draft_that_may_lack_its_receipts_is_not_called_unbooked(rig: Rig) -> None:
    await rig.configure(posting_mode="draft")
    ids = rig.pleo.queue("receipt_jpeg")
    job_id = await _killed_after_booking(rig, ids)
    rig.pleo.fault("status", path="/files/**", status=404, times=None)

    await rig.look()

    item = rig.pleo.items(job_id)[ids[0]]
    assert item["status"] == "failed"
    assert DOUBT in item["failureReason"]
    assert await _postings(rig) == [PostingState.UNKNOWN]


@pytest.mark.rule("EXP-IDEM-06", "EXP-IDEM-07")
async def test_a_changed_expense_is_compared_with_what_an_unconfirmed_attempt_booked(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    rig.pleo.export(ids)
    rig.books.after["book"] = [lost_reply()]
    rig.books.before["book"] = Later(1, [lost_reply() for _ in range(8)])
    rig.books.before["find"] = [down() for _ in range(500)]
    await rig.look()
    rig.books.before.clear()
    rig.pleo.control("POST", f"/expenses/{ids[0]}/unexport", {"changes": {"type": "personal_spend"}})

    again = rig.pleo.export(ids)
    await rig.look()

    item = rig.pleo.items(again)[ids[0]]
    assert item["status"] == "failed"
    assert "with other contents" in item["failureReason"]
    assert rig.entries_of(ids[0]) == 1


@pytest.mark.rule("EXP-ERR-01", "EXP-REC-01")
async def test_an_outage_after_a_crash_leaves_the_interrupted_item_in_doubt_and_only_that_one(rig: Rig) -> None:
    ids = rig.pleo.queue("fee", copies=3)
    job_id = await _killed_after_booking(rig, ids)
    rig.books.before["find"] = [down() for _ in range(500)]

    await rig.look()

    reasons = [item["failureReason"] for item in rig.pleo.items(job_id).values()]
    assert sorted(DOUBT in reason for reason in reasons) == [False, False, True]
    assert sum(reason.startswith("Failed to reach") for reason in reasons) == 2


@pytest.mark.rule("EXP-DATA-05")
async def test_an_entry_that_cannot_be_looked_up_does_not_stop_the_others(rig: Rig) -> None:
    ids = rig.pleo.queue("fee")
    rig.pleo.export(ids)
    await rig.look()
    others = rig.pleo.queue("fee", copies=2)
    rig.books.before["find"] = [unreadable()]

    job_id = rig.pleo.export(ids + others)
    await rig.look()

    items = rig.pleo.items(job_id)
    assert [items[entry]["status"] for entry in others] == ["successful", "successful"]
    assert items[ids[0]]["status"] == "failed"
    assert DOUBT in items[ids[0]]["failureReason"]


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-01")
async def test_a_write_that_may_still_be_under_way_is_looked_for_and_not_repeated(
    database_url: str, sandbox_url: str
) -> None:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with company_rig(database_url, sandbox_url, patience=Patience(pause=(0.01, 0.01), settling=60)) as rig:
        ids = rig.pleo.queue("fee")
        job_id = rig.pleo.export(ids)
        rig.books.before["book"] = [lost_reply()]
        await rig.look()

        assert (rig.books.calls["book"], rig.books.calls["find"]) == (1, 2)
        assert DOUBT in rig.pleo.items(job_id)[ids[0]]["failureReason"]
        async with rig.db.transaction() as session:
            await session.execute(update(Posting).values(intended_at=Posting.intended_at - dt.timedelta(minutes=2)))

        again = rig.pleo.export(ids)
        await rig.look()

        assert rig.pleo.items(again)[ids[0]]["status"] == "successful"
        assert rig.entries_of(ids[0]) == 1


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-01")
async def test_a_write_is_waited_for_from_when_its_reply_was_lost_however_long_booking_had_taken_by_then(
    database_url: str, sandbox_url: str
) -> None:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with company_rig(database_url, sandbox_url, patience=Patience(pause=(0.01, 0.01), settling=60)) as rig:
        job_id = rig.pleo.export(rig.pleo.queue("fee"))

        async def two_minutes_pass() -> None:
            async with rig.db.transaction() as session:
                await session.execute(update(Posting).values(intended_at=Posting.intended_at - dt.timedelta(minutes=2)))

        rig.books.meanwhile["book"] = two_minutes_pass
        rig.books.before["book"] = [lost_reply()]
        await rig.look()

        assert (rig.books.calls["book"], rig.books.calls["find"]) == (1, 2)
        assert [DOUBT in item["failureReason"] for item in rig.pleo.items(job_id).values()] == [True]


# ------------------------------------------------------------------ a worker that lost its lease


@pytest.mark.rule("EXP-ORDER-02")
async def test_a_worker_that_lost_its_lease_while_booking_does_not_overwrite_the_next_ones_outcome(rig: Rig) -> None:
    ids = rig.pleo.queue("fee")
    rig.pleo.export(ids)

    async def taken_over() -> None:
        async with rig.db.transaction() as session:
            await session.execute(update(Lease).values(fence=Lease.fence + 1, holder="another"))
            await session.execute(update(Posting).values(state=PostingState.BOOKED, erp_number="JE-7"))
            await session.execute(update(ExportItem).values(state=ItemState.BOOKED))

    rig.books.meanwhile["book"] = taken_over
    rig.books.before["book"] = [refused()]
    with pytest.raises(FenceLost):
        await rig.look()

    async with rig.db.reading() as session:
        assert await session.scalar(select(ExportItem.state)) == ItemState.BOOKED
    assert await _postings(rig) == [PostingState.BOOKED]


@pytest.mark.rule("EXP-ORDER-02", "EXP-DONE-04")
async def test_a_worker_that_lost_its_lease_does_not_end_the_job(rig: Rig) -> None:
    rig.pleo.export(rig.pleo.queue("bad_no_account"))

    async def taken_over() -> None:
        async with rig.db.transaction() as session:
            await session.execute(update(Lease).values(fence=Lease.fence + 1, holder="another"))

    rig.books.meanwhile["chart"] = taken_over
    rig.books.before["chart"] = [ErpError(problem(Failure.ERP_AUTHENTICATION))]
    rig.pleo.forget()
    with pytest.raises(FenceLost):
        await rig.look()

    assert rig.pleo.calls().count("POST /v3/export-job-events") == 1
