"""Lost replies, outages and crashes: each item ends in the books once, or in front of the bookkeeper with a reason."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import select, update

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports.context import Patience
from ledgerbridge.exports.ledger import FenceLost
from ledgerbridge.store.tables import ExportItem, ExportJob, ItemState, JobEvent, Lease, Posting, PostingState
from tests.support.erp_double import Later, down, lost_reply, refused, unreadable
from tests.support.rig import Killed, Rig, company_rig


async def _timeline(rig: Rig) -> list[str]:
    async with rig.db.reading() as session:
        return list(await session.scalars(select(JobEvent.name).order_by(JobEvent.id)))


def _events(rig: Rig) -> list[str]:
    return [
        call["body"].split('"event":')[1].split('"')[1]
        for call in rig.pleo.requests("/v3/export-job-events")
        if call["status"] == 202
    ]


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-01", "EXP-REC-01")
async def test_a_lost_reply_of_the_erp_never_books_twice(rig: Rig) -> None:
    rig.books.after["book"] = [lost_reply()]

    job_id = await rig.export("card_purchase", "fee")

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert len(rig.books.entries) == 2


@pytest.mark.rule("EXP-REC-04")
async def test_an_outcome_nobody_can_learn_is_told_and_probed_at_the_next_export(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase")
    job_id = rig.pleo.export(ids)
    rig.books.after["book"] = [lost_reply()]
    rig.books.before["book"] = Later(1, [lost_reply() for _ in range(8)])
    rig.books.before["find"] = [unreadable() for _ in range(9)]

    await rig.look()

    (item,) = rig.pleo.job(job_id)["items"]
    assert (item["status"], item["failureReasonType"]) == ("failed", "accounting_system_timeout")
    assert f"PLEO:{ids[0]}" in item["failureReason"]
    async with rig.db.reading() as session:
        assert await session.scalar(select(Posting.state)) == PostingState.UNKNOWN

    rig.books.before.clear()
    again = rig.pleo.export(ids)
    await rig.look()

    assert rig.pleo.job(again)["status"] == "completed"
    assert rig.entries_of(ids[0]) == 1


@pytest.mark.rule("EXP-REC-02", "EXP-REC-03", "EXP-START-04", "EXP-DETECT-06", "EXP-CTRL-03", "EXP-CTRL-04")
@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_killed_run_is_resumed_without_a_second_start(rig: Rig, where: str) -> None:
    ids = rig.pleo.queue("card_purchase", "fee", "out_of_pocket")
    job_id = rig.pleo.export(ids)
    getattr(rig.books, where)["book"] = Later(1, [Killed()])
    with pytest.raises(Killed):
        await rig.look()

    await rig.expire_lease()
    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert _events(rig) == ["started", "completed"]
    assert [rig.entries_of(entry) for entry in ids] == [1, 1, 1]
    asked = [call for call in rig.pleo.requests("/v3/export-jobs") if call["path"] == "/v3/export-jobs"]
    assert ["statuses", "in_progress"] in asked[-1]["query"]
    assert ["statuses", "in_progress"] not in asked[0]["query"]


@pytest.mark.rule("EXP-ERR-02")
async def test_an_erp_that_stays_down_in_the_middle_fails_the_rest_with_words(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=4))
    rig.books.before["book"] = Later(2, [down() for _ in range(500)])

    await rig.look()

    job = rig.pleo.job(job_id)
    assert job["status"] == "completed_with_errors"
    outcomes = sorted((item["status"], item["failureReasonType"] or "") for item in job["items"])
    assert outcomes == [("failed", "accounting_system_unreachable")] * 2 + [("successful", "")] * 2
    assert len(rig.books.entries) == 2


async def test_a_short_outage_in_the_middle_is_waited_out(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=3))
    rig.books.before["book"] = Later(1, [down(), down(), down()])

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert len(rig.books.entries) == 3


@pytest.mark.rule("EXP-DATA-05")
async def test_a_refusal_fails_one_item_with_the_erps_own_words(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=3))
    rig.books.before["book"] = [refused("Account 6000 is blocked for journal EXP.")]

    await rig.look()

    job = rig.pleo.job(job_id)
    failed = [item for item in job["items"] if item["status"] == "failed"]
    assert len(failed) == 1
    assert "Account 6000 is blocked for journal EXP." in failed[0]["failureReason"]
    assert failed[0]["failureReasonType"] == "accounting_system_validation_failure"


async def test_a_bug_in_one_item_does_not_stop_the_others_and_is_probed(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=3))
    rig.books.after["book"] = [KeyError("a bug after the effect")]

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert len(rig.books.entries) == 3


async def test_a_refused_key_in_the_middle_stops_the_job(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=4))
    rig.books.before["book"] = Later(1, [ErpError(problem(Failure.ERP_AUTHENTICATION))])

    await rig.look()

    job = rig.pleo.job(job_id)
    assert job["status"] == "completed_with_errors"
    assert sum(item["status"] == "successful" for item in job["items"]) == 1
    assert rig.books.calls["book"] == 2


@pytest.mark.rule("EXP-PERIOD-04")
async def test_a_period_that_closes_while_posting_is_looked_up_again(rig: Rig) -> None:
    await rig.configure(closed_period="today")
    job_id = rig.pleo.export(rig.pleo.queue("card_purchase"))
    rig.books.before["book"] = [ErpError(problem(Failure.PERIOD_CLOSED, date="2026-11-05"))]

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert rig.books.calls["chart"] == 2


# ------------------------------------------------------------------ Pleo's side


@pytest.mark.rule("EXP-START-05")
async def test_a_refused_start_reads_the_job_again_and_leaves_it(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("card_purchase"))
    rig.pleo.fault("status", path="/v3/export-job-events", method="POST", status=422)
    rig.pleo.forget()

    await rig.look()

    assert rig.pleo.calls() == [
        "GET /v3/export-jobs",
        "POST /v3/export-job-events",
        f"GET /v3/export-jobs/{job_id}",
    ]
    assert rig.books.entries == {}


async def test_a_lost_reply_to_started_is_read_back_and_not_sent_twice(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("card_purchase"))
    rig.pleo.fault("drop", path="/v3/export-job-events", method="POST", after_effect=True)

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert _events(rig)[-1] == "completed"
    started = [call for call in rig.pleo.requests("/v3/export-job-events") if "started" in call["body"]]
    assert len(started) == 1


@pytest.mark.rule("EXP-DONE-04", "LIMIT-030")
async def test_a_lost_reply_to_completed_is_read_back_and_not_sent_twice(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("card_purchase"))
    rig.pleo.fault("drop", path="/v3/export-job-events", method="POST", after_effect=True, skip=1)

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    finals = [call for call in rig.pleo.requests("/v3/export-job-events") if "completed" in call["body"]]
    assert len(finals) == 1
    assert (await _timeline(rig))[-1] == "completed"


@pytest.mark.rule("EXP-UPD-08")
async def test_a_lost_reply_to_an_update_does_not_lose_the_outcome(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("card_purchase", "bad_no_account"))
    rig.pleo.fault("drop", path=f"/v3/export-jobs/{job_id}/items", method="PUT", after_effect=True)

    await rig.look()

    job = rig.pleo.job(job_id)
    assert job["status"] == "completed_with_errors"
    assert {item["status"] for item in job["items"]} == {"successful", "failed"}


@pytest.mark.rule("EXP-UPD-07")
async def test_a_refused_outcome_is_sent_once_more(rig: Rig) -> None:
    ids = rig.pleo.queue("fee", copies=3)
    job_id = rig.pleo.export(ids)
    rig.pleo.fault("refuse_items", entry_ids=[ids[1]], times=1)

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    bodies = [call["body"] for call in rig.pleo.requests() if call["method"] == "PUT"]
    assert [sum(entry in body for entry in ids) for body in bodies] == [3, 1], "an accepted outcome was sent again"


@pytest.mark.rule("EXP-UPD-07", "EXP-DONE-05", "EXP-DONE-08")
async def test_a_job_with_an_outcome_pleo_never_takes_is_failed_after_the_rest_is_reported(rig: Rig) -> None:
    ids = rig.pleo.queue("fee", copies=3)
    job_id = rig.pleo.export(ids)
    rig.pleo.fault("refuse_items", entry_ids=[ids[1]], times=None)

    await rig.look()

    job = rig.pleo.job(job_id)
    assert job["status"] == "failed"
    assert "outcome of 1 items" in job["failureReason"]
    items = rig.pleo.items(job_id)
    assert [items[entry]["status"] for entry in ids] == ["successful", "abandoned", "successful"]
    async with rig.db.reading() as session:
        rows = {row.accounting_entry_id: row for row in await session.scalars(select(ExportItem))}
    assert rows[ids[1]].report_refusal == "ACCOUNTING_ENTRY_UPDATE_FAILED"
    assert rows[ids[1]].state == ItemState.BOOKED


@pytest.mark.rule("EXP-RATE-04", "LIMIT-002")
async def test_rate_limits_and_server_faults_are_waited_out(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("card_purchase"))
    rig.pleo.fault("status", path="/v3/export-items", status=429, retry_after=0, times=2)
    rig.pleo.fault("status", path=f"/v3/export-jobs/{job_id}/items", status=503, times=2)

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"


@pytest.mark.rule("EXP-EXPIRE-03")
@pytest.mark.parametrize("how", ["cancel", "expire"])
async def test_a_job_that_ends_under_us_is_stopped_and_what_was_booked_is_known(rig: Rig, how: str) -> None:
    ids = rig.pleo.queue("fee", copies=3)
    job_id = rig.pleo.export(ids)
    rig.books.after["book"] = Later(1, [Killed()])
    with pytest.raises(Killed):
        await rig.look()
    await rig.expire_lease()
    if how == "cancel":
        rig.pleo.control("POST", f"/jobs/{job_id}/cancel")
    else:
        rig.pleo.control("POST", "/clock", {"seconds": 3700})

    await rig.look()

    async with rig.db.reading() as session:
        job = (await session.scalars(select(ExportJob))).one()
    assert job.closed_at is not None
    assert job.failure_type == ("canceled_by_user" if how == "cancel" else "job_expired")
    assert len(rig.books.entries) == 2
    again = rig.pleo.export(ids)
    await rig.look()
    assert rig.pleo.job(again)["status"] == "completed"
    assert [rig.entries_of(entry) for entry in ids] == [1, 1, 1]


@pytest.mark.rule("EXP-CTRL-08")
async def test_a_vanished_job_is_closed(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("card_purchase"))
    rig.pleo.fault("status", path=f"/v3/export-jobs/{job_id}/items", status=404)
    rig.pleo.fault("status", path=f"/v3/export-jobs/{job_id}", status=404)

    await rig.look()

    assert (await _timeline(rig))[-1] == "vanished"
    assert rig.books.entries == {}


@pytest.mark.rule("EXP-EXPIRE-01", "EXP-EXPIRE-02", "EXP-UPD-12")
async def test_a_slow_job_reports_well_inside_its_expiry(database_url: str, sandbox_url: str) -> None:
    patience = Patience(pause=(0.05,), report_share=0.25)
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with company_rig(database_url, sandbox_url, patience=patience) as rig:
        job_id = rig.pleo.export(rig.pleo.queue("fee", copies=12), expires_in=4)
        rig.books.slow = 0.4
        await rig.look()
        job = rig.pleo.job(job_id)
        assert job["status"] == "completed"
        puts = [call for call in rig.pleo.calls() if call.startswith("PUT")]
        assert len(puts) >= 3


@pytest.mark.rule("EXP-UPD-12", "EXP-REC-04")
async def test_an_item_in_doubt_is_not_reported_while_it_is_looked_for(database_url: str, sandbox_url: str) -> None:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    patience = Patience(pause=(0.01, 0.01, 0.01, 0.01), report_share=0)  # every look is a reason to report
    async with company_rig(database_url, sandbox_url, patience=patience) as rig:
        ids = rig.pleo.queue("fee", "fee")
        rig.pleo.export(ids)
        rig.books.after["book"] = [lost_reply()]
        rig.books.before["find"] = [unreadable(), unreadable()]
        await rig.look()
        reports = [call["body"] for call in rig.pleo.requests("/v3/export-jobs") if call["method"] == "PUT"]
    (told,) = [body for body in reports if ids[0] in body]
    assert f"PLEO:{ids[0]}" not in told
    assert '"externalId":"' in told


# ------------------------------------------------------------------ one at a time


@pytest.mark.rule("EXP-ORDER-01", "EXP-START-01")
async def test_jobs_are_worked_oldest_first_and_one_after_the_other(rig: Rig) -> None:
    first = rig.pleo.export(rig.pleo.queue("fee"))
    rig.pleo.control("POST", "/clock", {"seconds": 5})
    second = rig.pleo.export(rig.pleo.queue("fee"), alongside=True)

    await rig.look()

    sent = [call["body"] for call in rig.pleo.requests("/v3/export-job-events")]
    order = [(first in body, "started" in body) for body in sent]
    assert order == [(True, True), (True, False), (False, True), (False, False)]
    assert rig.pleo.job(second)["status"] == "completed"


@pytest.mark.rule("EXP-ORDER-02")
async def test_two_workers_never_work_one_company_at_once(rig: Rig) -> None:
    job_id = rig.pleo.export(rig.pleo.queue("fee", copies=5))
    rig.books.slow = 0.05

    await asyncio.gather(rig.look(), rig.look("webhook"))

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert _events(rig) == ["started", "completed"]
    assert rig.books.calls["book"] == 5


async def test_a_worker_that_lost_its_lease_posts_nothing_more(rig: Rig) -> None:
    rig.pleo.export(rig.pleo.queue("fee", copies=50))
    rig.books.slow = 0.2
    run = asyncio.create_task(rig.look())
    for _ in range(1000):
        if rig.books.calls["book"]:
            break
        await asyncio.sleep(0.02)
    async with rig.db.transaction() as session:
        await session.execute(update(Lease).values(fence=Lease.fence + 1, holder="another"))
    asked = rig.books.calls["book"]
    with pytest.raises(FenceLost):
        await run

    assert 0 < asked < 49
    assert rig.books.calls["book"] <= asked + 1, "one may have been on its way, no more"
