"""A job from Export to its end, as the bookkeeper and the ERP see it."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from sqlalchemy import select

from ledgerbridge.clock import utcnow
from ledgerbridge.store.tables import DeliveryStatus, ExportItem, ExportJob, JobPhase, Posting, WebhookDelivery
from tests.support.rig import Rig

GOOD = ("card_purchase", "out_of_pocket", "mileage", "per_diem", "refund", "wallet_topup", "fee", "invoice")


@pytest.mark.rule(
    "EXP-START-02", "EXP-START-03", "EXP-UPD-01", "EXP-UPD-03", "EXP-UPD-04", "EXP-DONE-01", "EXP-DONE-02"
)
async def test_every_item_is_booked_once_and_the_job_completes(rig: Rig) -> None:
    job_id = await rig.export(*GOOD)

    job = rig.pleo.job(job_id)
    assert job["status"] == "completed"
    assert len(job["items"]) == len(GOOD)
    for item in job["items"]:
        assert item["status"] == "successful"
        assert rig.entries_of(item["accountingEntryId"]) == 1


@pytest.mark.rule("EXP-START-02", "EXP-DETECT-05", "EXP-ENT-05", "EXP-DATA-01", "EXP-CTRL-01", "EXP-START-07")
async def test_the_calls_of_a_job_come_in_pleos_order(rig: Rig) -> None:
    ids = rig.pleo.queue("card_purchase", "fee")
    job_id = rig.pleo.export(ids)
    rig.pleo.forget()
    await rig.look()

    calls = rig.pleo.requests()
    assert [f"{call['method']} {call['path']}" for call in calls] == [
        "GET /v3/export-jobs",
        "POST /v3/export-job-events",
        f"GET /v3/export-jobs/{job_id}/items",
        "GET /v3/export-items",
        f"PUT /v3/export-jobs/{job_id}/items",
        "POST /v3/export-job-events",
    ]
    assert ["statuses", "pending"] in calls[0]["query"]
    assert ["statuses", "in_progress"] not in calls[0]["query"]
    assert ["company_id", rig.pleo.company_id] in calls[0]["query"]


@pytest.mark.parametrize("count", [0, 1, 101, *(pytest.param(count, marks=pytest.mark.long) for count in (100, 1000))])
@pytest.mark.rule("EXP-UPD-02", "LIMIT-004", "EXP-DONE-04", "EXP-CTRL-02")
async def test_a_clean_job_makes_no_call_too_many(rig: Rig, count: int) -> None:
    """At most 3 + 2 * max(1, ceil(N / p)) + ceil(N / 100) calls for N items and pages of p."""
    ids = rig.pleo.queue("fee", copies=count) if count else []
    job_id = rig.pleo.export(ids)
    rig.pleo.forget()
    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert len(rig.books.entries) == count
    methods = [call.split()[0] for call in rig.pleo.calls()[2:]]
    assert methods == sorted(methods, key=["GET", "PUT", "POST"].index), "a page was read after the first report"
    allowed = 3 + 2 * max(1, math.ceil(count / 100)) + math.ceil(count / 100)
    assert len(rig.pleo.requests("/")) <= allowed


@pytest.mark.rule("EXP-DATA-05", "EXP-DATA-06", "EXP-DATA-07", "EXP-UPD-06", "EXP-ERR-01", "EXP-ERR-02")
async def test_bad_items_fail_with_words_and_good_ones_are_booked(rig: Rig) -> None:
    job_id = await rig.export("bad", "card_purchase")

    job = rig.pleo.job(job_id)
    assert job["status"] == "completed_with_errors"
    for item in job["items"]:
        if item["expectedFailure"] is None:
            assert item["status"] == "successful"
            continue
        assert item["status"] == "failed", item
        assert item["failureReasonType"] == item["expectedFailure"], item
        assert len(item["failureReason"]) > 40
        assert rig.entries_of(item["accountingEntryId"]) == 0


@pytest.mark.rule("EXP-DONE-02", "EXP-DONE-03")
async def test_a_job_whose_items_all_fail_is_failed_with_a_reason(rig: Rig) -> None:
    job_id = await rig.export("bad_no_account", "bad_unknown_type")

    job = rig.pleo.job(job_id)
    assert job["status"] == "failed"
    assert job["failureReasonType"] == "validation_failure"
    assert "2 items" in job["failureReason"]
    assert {item["status"] for item in job["items"]} == {"failed"}


@pytest.mark.rule("EXP-UPD-05", "EXP-POST-06")
async def test_success_carries_the_entrys_number_link_and_time(rig: Rig) -> None:
    job_id = await rig.export("card_purchase")

    (item,) = rig.pleo.job(job_id)["items"]
    assert item["externalId"].startswith("JE-")
    assert item["externalUrl"].startswith("https://erp.example/")
    assert item["exportedAt"].endswith("Z")


@pytest.mark.rule("EXP-POST-01", "EXP-POST-03")
async def test_drafts_are_booked_as_drafts(rig: Rig) -> None:
    await rig.configure(posting_mode="draft")
    await rig.export("card_purchase")

    (entry,) = rig.books.entries.values()
    assert entry.final is False


async def test_a_zero_amount_is_successful_without_an_entry(rig: Rig) -> None:
    job_id = await rig.export("zero_amount")

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert rig.books.entries == {}


@pytest.mark.rule("EXP-ATT-01", "EXP-ATT-03", "EXP-ATT-04", "EXP-ATT-11")
async def test_receipts_travel_in_order_without_a_credential(rig: Rig) -> None:
    job_id = await rig.export("receipt_many", "tax_none")

    assert rig.pleo.job(job_id)["status"] == "completed"
    files = [entry.files for entry in rig.books.entries.values() if len(entry.files) > 1]
    assert len(files) == 1
    assert [name.rsplit("-", 1)[1].split(".")[0] for name in files[0]] == [str(n + 1) for n in range(len(files[0]))]
    fetched = [call for call in rig.pleo.requests("/") if "/files/" in call["path"]]
    assert len(fetched) == len(files[0])
    assert all(name.lower() != "authorization" for call in fetched for name, _ in call["headers"])


@pytest.mark.rule("EXP-PRE-06")
async def test_payloads_are_dropped_when_the_job_is_closed(rig: Rig) -> None:
    job_id = await rig.export("card_purchase", "bad_no_account")

    async with rig.db.reading() as session:
        job = await session.scalar(select(ExportJob).where(ExportJob.pleo_job_id == job_id))
        assert job is not None
        assert job.phase == JobPhase.CLOSED
        items = list(await session.scalars(select(ExportItem).where(ExportItem.job_id == job.id)))
        assert len(items) == 2
        assert all(item.payload is None for item in items)


async def test_every_booked_item_has_a_posting_with_its_configuration_version(rig: Rig) -> None:
    await rig.configure(dimensions=["CC"])
    await rig.export("card_purchase")

    async with rig.db.reading() as session:
        (posting,) = list(await session.scalars(select(Posting)))
    assert posting.config_version == 2
    assert posting.state == "booked"
    assert posting.erp_number in {f"JE-{key}" for key in rig.books.entries}


@pytest.mark.rule("EXP-DETECT-01", "EXP-DETECT-08")
async def test_nothing_to_do_ends_the_look(rig: Rig) -> None:
    rig.pleo.forget()
    await rig.look()

    assert rig.pleo.calls() == ["GET /v3/export-jobs"]


async def test_a_look_to_the_end_settles_the_webhooks_that_came_before_it_and_no_later_one(rig: Rig) -> None:
    async with rig.db.transaction() as session:
        for name, minutes in (("earlier", -1), ("later", 1)):
            session.add(
                WebhookDelivery(
                    connection_id=rig.connection_id,
                    webhook_id=name,
                    event_type="v1.export-job.created",
                    status=DeliveryStatus.QUEUED,
                    received_at=utcnow() + dt.timedelta(minutes=minutes),
                )
            )

    await rig.export("fee")

    async with rig.db.reading() as session:
        rows = await session.scalars(select(WebhookDelivery).where(WebhookDelivery.connection_id == rig.connection_id))
        assert {row.webhook_id: row.status for row in rows} == {"earlier": "done", "later": "queued"}
