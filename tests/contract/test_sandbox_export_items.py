"""Job items (control layer), export items (data layer) and partial updates."""

from __future__ import annotations

from typing import Any

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID
from pleo_sandbox.seeds import named
from tests.contract.desk import Desk, booked, refused

STRANGER = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"


async def _all(desk: Desk, path: str, **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        page = (await desk.pleo.get(path, params=params)).json()
        rows += page["data"]
        if not page["pagination"]["hasNextPage"]:
            return rows
        params["after"] = page["pagination"]["endCursor"]


async def test_both_layers_agree_for_every_seed(connected: Desk):
    job = await connected.started("all")
    items = await _all(connected, f"/v3/export-jobs/{job['id']}/items")
    payloads = await _all(connected, "/v3/export-items", job_id=job["id"])
    assert len(items) == len(named("all")) == job["numberOfItems"]
    assert [i["accountingEntryId"] for i in items] == [p["accountingEntryId"] for p in payloads]
    assert {item["status"] for item in items} == {"pending"}
    assert all(payload["companyId"] == DEMO_COMPANY_ID for payload in payloads)


async def test_outcomes_are_kept_as_sent(connected: Desk):
    job = await connected.started("card_purchase", "refund")
    first, second = (item["accountingEntryId"] for item in job["items"])
    answer = (await connected.report(job["id"], booked(first), refused(second))).json()
    assert answer["errors"] == []
    assert answer["data"] == await _all(connected, f"/v3/export-jobs/{job['id']}/items")
    good, bad = answer["data"]
    assert {name: good[name] for name in booked(first)} == booked(first)
    assert {name: bad[name] for name in refused(second)} == refused(second)
    assert good["failureReasonType"] is None


async def test_items_can_be_filtered_by_status(connected: Desk):
    job = await connected.started("card_purchase", "refund", "fee")
    await connected.report(job["id"], booked(job["items"][1]["accountingEntryId"]))
    path = f"/v3/export-jobs/{job['id']}/items"
    assert len(await _all(connected, path, status="pending")) == 2
    assert len(await _all(connected, path, status="successful")) == 1
    for bad in ("done", "pending,failed"):
        assert (await connected.raw.get(path, params={"status": bad})).status_code == 400
    twice = [("status", "pending"), ("status", "failed")]
    assert (await connected.raw.get(path, params=twice)).status_code == 400


async def test_an_update_can_be_partial(connected: Desk):
    job = await connected.started("card_purchase", "refund", "fee")
    first, second, third = (item["accountingEntryId"] for item in job["items"])
    await connected.fault("refuse_items", entry_ids=[third], error_type="ACCOUNTING_ENTRY_UPDATE_FAILED")
    await connected.report(job["id"], booked(first))
    await connected.fault("refuse_items", entry_ids=[third])
    answer = await connected.report(job["id"], booked(first), booked(STRANGER), refused(second), booked(third))
    assert answer.status_code == 200
    assert [item["accountingEntryId"] for item in answer.json()["data"]] == [second]
    assert {error["accountingEntryId"]: error["type"] for error in answer.json()["errors"]} == {
        first: "EXPORT_ENTRY_STATUS_UPDATE_FAILED",
        STRANGER: "ACCOUNTING_ENTRY_DOES_NOT_EXIST",
        third: "ACCOUNTING_ENTRY_UPDATE_FAILED",
    }
    again = await connected.report(job["id"], booked(third))
    assert again.json()["errors"] == []


@pytest.mark.parametrize("outcome", [booked, refused])
async def test_a_final_item_never_changes(connected: Desk, outcome: Any):
    job = await connected.started("card_purchase")
    entry = job["items"][0]["accountingEntryId"]
    before = (await connected.report(job["id"], outcome(entry))).json()["data"]
    for update in (booked(entry, 2), refused(entry), {"accountingEntryId": entry, "status": "in_progress"}):
        answer = (await connected.report(job["id"], update)).json()
        assert answer["data"] == []
        assert answer["errors"][0]["type"] == "EXPORT_ENTRY_STATUS_UPDATE_FAILED"
    assert await _all(connected, f"/v3/export-jobs/{job['id']}/items") == before


async def test_the_same_entry_twice_counts_once(connected: Desk):
    job = await connected.started("card_purchase")
    entry = job["items"][0]["accountingEntryId"]
    answer = (await connected.report(job["id"], booked(entry, 1), booked(entry, 2))).json()
    assert [item["externalId"] for item in answer["data"]] == ["JE-1"]
    assert len(answer["errors"]) == 1


@pytest.mark.parametrize("status", ["pending", "abandoned"])
async def test_an_integration_cannot_set_these(connected: Desk, status: str):
    job = await connected.started("card_purchase")
    update = {"accountingEntryId": job["items"][0]["accountingEntryId"], "status": status}
    assert len((await connected.report(job["id"], update)).json()["errors"]) == 1


async def test_in_progress_comes_before_an_outcome(connected: Desk):
    job = await connected.started("card_purchase")
    entry = job["items"][0]["accountingEntryId"]
    update = {"accountingEntryId": entry, "status": "in_progress"}
    assert (await connected.report(job["id"], update)).json()["data"][0]["status"] == "in_progress"
    assert (await connected.report(job["id"], booked(entry))).json()["data"][0]["status"] == "successful"


async def test_a_hundred_is_the_limit(connected: Desk):
    entries = await connected.queue("mileage", copies=101)
    job = await connected.started(entry_ids=[entry["id"] for entry in entries])
    updates = [booked(entry["id"]) for entry in entries]
    too_many = await connected.raw.put(f"/v3/export-jobs/{job['id']}/items", json=updates)
    assert (too_many.status_code, too_many.json()["type"]) == (413, "EXPORT_JOB_ITEMS_UPDATE_LIMIT")
    assert (await connected.job(job["id"]))["status"] == "in_progress"
    hundred = (await connected.report(job["id"], *updates[:100])).json()
    assert (len(hundred["data"]), hundred["errors"]) == (100, [])
    await connected.report(job["id"], updates[100])
    assert (await connected.event(job["id"], "completed")).status_code == 202


@pytest.mark.parametrize(
    "element",
    [
        None,
        "x",
        {},
        {"status": "successful"},
        {"accountingEntryId": "1", "status": "successful"},
        {"accountingEntryId": STRANGER},
        {"accountingEntryId": STRANGER, "status": "done"},
        {"accountingEntryId": STRANGER, "status": "failed", "failureReasonType": "job_expired"},
        {"accountingEntryId": STRANGER, "status": "successful", "externalId": None},
        {"accountingEntryId": STRANGER, "status": "successful", "externalId": 17},
        {"accountingEntryId": STRANGER, "status": "successful", "exportedAt": "yesterday"},
    ],
)
async def test_a_bad_element_refuses_the_whole_batch(connected: Desk, element: object):
    job = await connected.started("card_purchase")
    entry = job["items"][0]["accountingEntryId"]
    answer = await connected.raw.put(f"/v3/export-jobs/{job['id']}/items", json=[booked(entry), element])
    assert answer.status_code == 400
    items = await _all(connected, f"/v3/export-jobs/{job['id']}/items")
    assert [item["status"] for item in items] == ["pending"]


@pytest.mark.parametrize("body", [[], {}, None, "x"])
async def test_a_batch_must_be_a_filled_list(connected: Desk, body: object):
    job = await connected.started("card_purchase")
    assert (await connected.raw.put(f"/v3/export-jobs/{job['id']}/items", json=body)).status_code == 400


async def test_items_move_only_while_the_job_is_in_progress(connected: Desk):
    job = await connected.export("card_purchase")
    entry = job["items"][0]["accountingEntryId"]
    early = await connected.report(job["id"], booked(entry))
    assert (early.status_code, early.json()["type"]) == (422, "EXPORT_JOB_STATUS_UNPROCESSABLE")
    await connected.event(job["id"], "started")
    await connected.report(job["id"], booked(entry))
    await connected.event(job["id"], "completed")
    late = await connected.report(job["id"], booked(entry))
    assert (late.status_code, late.json()["type"]) == (422, "EXPORT_JOB_STATUS_UNPROCESSABLE")


async def test_payloads_are_there_only_while_the_job_is_open(connected: Desk):
    job = await connected.export("card_purchase")
    params = {"job_id": job["id"]}
    assert (await connected.pleo.get("/v3/export-items", params=params)).status_code == 200
    await connected.event(job["id"], "started")
    assert (await connected.pleo.get("/v3/export-items", params=params)).status_code == 200
    await connected.event(job["id"], "failed", failureReasonType="validation_failure", failureReason="x")
    closed = await connected.pleo.get("/v3/export-items", params=params)
    assert (closed.status_code, closed.json()["type"]) == (422, "EXPORT_JOB_STATUS_UNPROCESSABLE")


async def test_the_job_must_be_named(connected: Desk):
    answer = await connected.pleo.get("/v3/export-items")
    assert (answer.status_code, answer.json()["type"]) == (400, "REQUIRED_PARAMETER_MISSING")


async def test_vendor_and_bookkeeping_come_with_vendor_based_jobs_only(connected: Desk):
    plain = await connected.export("card_purchase")
    (payload,) = await _all(connected, "/v3/export-items", job_id=plain["id"])
    assert (payload["bookkeeping"], payload["vendor"]) == (None, None)
    await connected.control.post(f"/sandbox/jobs/{plain['id']}/cancel")
    vendor_based = await connected.export(vendor_based=True)
    (payload,) = await _all(connected, "/v3/export-items", job_id=vendor_based["id"])
    assert payload["bookkeeping"] == {"method": "journal"}
    assert vendor_based["vendorBasedBookkeeping"] is True


async def test_a_payload_does_not_change_while_its_job_runs(connected: Desk):
    job = await connected.started("card_purchase")
    entry = job["items"][0]["accountingEntryId"]
    locked = await connected.control.post(f"/sandbox/expenses/{entry}/unexport", json={"changes": {"note": "new"}})
    assert locked.status_code == 400
    before = await _all(connected, "/v3/export-items", job_id=job["id"])
    await connected.report(job["id"], booked(entry))
    await connected.event(job["id"], "completed")
    changed = await connected.control.post(f"/sandbox/expenses/{entry}/unexport", json={"changes": {"note": "new"}})
    assert changed.json()["state"] == "unexported"
    again = await connected.export()
    after = await _all(connected, "/v3/export-items", job_id=again["id"])
    assert after[0]["accountingEntryId"] == before[0]["accountingEntryId"]
    assert (before[0]["note"], after[0]["note"]) == ("Annual licence", "new")


async def test_exported_entries_can_be_exported_again(connected: Desk):
    job = await connected.started("card_purchase")
    entry = job["items"][0]["accountingEntryId"]
    await connected.report(job["id"], booked(entry))
    await connected.event(job["id"], "completed")
    assert (await connected.export())["numberOfItems"] == 0
    for open_job in (await connected.control.get("/sandbox/jobs")).json():
        if open_job["status"] == "pending":
            await connected.control.post(f"/sandbox/jobs/{open_job['id']}/cancel")
    again = await connected.export(entry_ids=[entry])
    assert [item["accountingEntryId"] for item in again["items"]] == [entry]
    assert again["id"] != job["id"]
