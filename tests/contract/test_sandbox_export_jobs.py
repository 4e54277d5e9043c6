"""Export jobs: creation, the state machine, expiry, visibility, refusals."""

from __future__ import annotations

import asyncio

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, ORGANISATION_ID, SECOND_COMPANY_ID
from tests.contract.desk import Desk, booked, refused

UNKNOWN = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"


async def test_a_job_is_done(connected: Desk):
    job = await connected.export("card_purchase", "refund")
    assert job["status"] == "pending"
    fresh = await connected.job(job["id"])
    assert (fresh["numberOfItems"], fresh["expiresIn"], fresh["isInteractive"]) == (2, 3600, True)
    assert fresh["startedAt"] is None
    assert (await connected.event(job["id"], "started")).content == b""
    running = await connected.job(job["id"])
    assert running["status"] == "in_progress"
    assert running["startedAt"] is not None
    updates = [booked(item["accountingEntryId"], n) for n, item in enumerate(job["items"])]
    await connected.report(job["id"], *updates)
    assert (await connected.event(job["id"], "completed")).status_code == 202
    done = await connected.job(job["id"])
    assert done["status"] == "completed"
    assert done["completedAt"] is not None
    states = {entry["state"] for entry in await _entries(connected)}
    assert states == {"exported"}
    assert await connected.remarks() == []


async def _entries(desk: Desk) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (
        await desk.control.get("/sandbox/expenses", params={"company_id": DEMO_COMPANY_ID})
    ).json()
    return found


async def _wrong(desk: Desk, job_id: str, event: str) -> bool:
    answer = await desk.event(job_id, event)
    return (answer.status_code, answer.json().get("type")) == (422, "INVALID_EXPORT_JOB_STATUS_CHANGE")


async def test_a_pending_job_can_only_be_started(connected: Desk):
    job = await connected.export("card_purchase")
    for event in ("failed", "completed", "completed_with_errors"):
        assert await _wrong(connected, job["id"], event)
    assert (await connected.job(job["id"]))["status"] == "pending"


async def test_a_job_is_started_once(connected: Desk):
    job = await connected.started("card_purchase")
    assert await _wrong(connected, job["id"], "started")


@pytest.mark.parametrize("final", ["failed", "completed", "completed_with_errors"])
async def test_a_finished_job_stays_as_it_is(connected: Desk, final: str):
    job = await connected.started("card_purchase")
    entry = job["items"][0]["accountingEntryId"]
    await connected.report(job["id"], booked(entry) if final == "completed" else refused(entry))
    reason = {"failureReasonType": "validation_failure", "failureReason": "x"} if final == "failed" else {}
    assert (await connected.event(job["id"], final, **reason)).status_code == 202
    for event in ("started", "failed", "completed", "completed_with_errors"):
        assert await _wrong(connected, job["id"], event)
    assert (await connected.job(job["id"]))["status"] == final


async def test_completion_must_be_true(connected: Desk):
    job = await connected.started("card_purchase", "refund")
    first, second = (item["accountingEntryId"] for item in job["items"])
    assert await _wrong(connected, job["id"], "completed")
    assert await _wrong(connected, job["id"], "completed_with_errors")
    await connected.report(job["id"], booked(first))
    assert await _wrong(connected, job["id"], "completed")
    await connected.report(job["id"], refused(second))
    assert await _wrong(connected, job["id"], "completed")
    assert (await connected.event(job["id"], "completed_with_errors")).status_code == 202
    states = {entry["id"]: entry["state"] for entry in await _entries(connected)}
    assert states == {first: "exported", second: "unexported"}


async def test_errors_must_be_true_too(connected: Desk):
    job = await connected.started("card_purchase")
    await connected.report(job["id"], booked(job["items"][0]["accountingEntryId"]))
    assert await _wrong(connected, job["id"], "completed_with_errors")


async def test_an_empty_job_completes(connected: Desk):
    job = await connected.export(entry_ids=[])
    assert (await connected.event(job["id"], "started")).status_code == 202
    assert (await connected.event(job["id"], "completed")).status_code == 202
    items = (await connected.pleo.get(f"/v3/export-jobs/{job['id']}/items")).json()
    assert items["data"] == []
    assert "endCursor" not in items["pagination"]


async def test_failing_abandons_what_is_unfinished(connected: Desk):
    job = await connected.started("card_purchase", "refund", "fee")
    first, second, _ = (item["accountingEntryId"] for item in job["items"])
    await connected.report(job["id"], booked(first), {"accountingEntryId": second, "status": "in_progress"})
    reason = {"failureReasonType": "accounting_system_unreachable", "failureReason": "The ERP does not answer."}
    assert (await connected.event(job["id"], "failed", **reason)).status_code == 202
    failed = await connected.job(job["id"])
    assert (failed["failureReasonType"], failed["failureReason"]) == tuple(reason.values())
    after = (await connected.control.get(f"/sandbox/jobs/{job['id']}")).json()
    assert [item["status"] for item in after["items"]] == ["successful", "abandoned", "abandoned"]
    assert [entry["state"] for entry in await _entries(connected)] == ["exported", "unexported", "unexported"]
    again = await connected.export()
    assert again["numberOfItems"] == 2


@pytest.mark.parametrize("start", [True, False])
async def test_a_job_expires_after_its_last_action(connected: Desk, start: bool):
    job = await (connected.started if start else connected.export)("card_purchase")
    await connected.control.post("/sandbox/clock", json={"seconds": 3500})
    await connected.connect()
    assert (await connected.job(job["id"]))["status"] == ("in_progress" if start else "pending")
    await connected.control.post("/sandbox/clock", json={"seconds": 101})
    await connected.connect()
    gone = await connected.job(job["id"])
    assert (gone["status"], gone["failureReasonType"]) == ("failed", "job_expired")
    assert gone["expiredAt"] is not None
    items = (await connected.pleo.get(f"/v3/export-jobs/{job['id']}/items")).json()["data"]
    assert [item["status"] for item in items] == ["abandoned"]
    assert await _wrong(connected, job["id"], "started")


async def test_item_updates_wind_the_clock_and_reads_do_not(connected: Desk):
    job = await connected.started("card_purchase", "refund", expires_in=100)
    first, second = (item["accountingEntryId"] for item in job["items"])
    await connected.control.post("/sandbox/clock", json={"seconds": 90})
    await connected.report(job["id"], booked(first))
    await connected.control.post("/sandbox/clock", json={"seconds": 90})
    assert (await connected.job(job["id"]))["status"] == "in_progress"
    await connected.control.post("/sandbox/clock", json={"seconds": 11})
    assert (await connected.job(job["id"]))["failureReasonType"] == "job_expired"
    late = await connected.report(job["id"], booked(second))
    assert (late.status_code, late.json()["type"]) == (422, "EXPORT_JOB_STATUS_UNPROCESSABLE")


async def test_the_bookkeeper_can_cancel(connected: Desk):
    job = await connected.started("card_purchase")
    assert (await connected.control.post(f"/sandbox/jobs/{job['id']}/cancel")).status_code == 200
    cancelled = await connected.job(job["id"])
    assert (cancelled["status"], cancelled["failureReasonType"]) == ("failed", "canceled_by_user")
    assert (await connected.control.post(f"/sandbox/jobs/{job['id']}/cancel")).status_code == 422


async def test_two_workers_cannot_both_start_a_job(connected: Desk):
    job = await connected.export("card_purchase")
    answers = await asyncio.gather(*(connected.event(job["id"], "started") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] + [422] * 7


async def test_pleos_own_way_of_making_a_job(connected: Desk):
    entries = [entry["id"] for entry in await connected.queue("card_purchase", "refund")]
    body = {"companyId": DEMO_COMPANY_ID, "accountingEntryIds": entries, "options": {"vendorBasedBookkeeping": True}}
    made = await connected.pleo.post("/v3/export-jobs", json=body)
    assert made.status_code == 201
    assert made.json()["data"]["vendorBasedBookkeeping"] is True
    second = await connected.pleo.post("/v3/export-jobs", json=body)
    assert (second.status_code, second.json()["type"]) == (409, "EXPORT_ALREADY_IN_PROGRESS")


@pytest.mark.parametrize(
    "changes",
    [
        {"accountingEntryIds": None},
        {"accountingEntryIds": ["x"]},
        {"accountingEntryIds": [UNKNOWN]},
        {"accountingEntryIds": [UNKNOWN, UNKNOWN]},
        {"companyId": "x"},
        {"isInteractive": "yes"},
        {"employeeId": "x"},
        {"options": []},
        {"options": {"vendorBasedBookkeeping": 1}},
    ],
)
async def test_a_bad_job_is_refused(connected: Desk, changes: dict[str, object]):
    body = {"companyId": DEMO_COMPANY_ID, "accountingEntryIds": [], **changes}
    assert (await connected.raw.post("/v3/export-jobs", json=body)).status_code == 400
    assert (await connected.pleo.get("/v3/export-jobs")).json()["data"] == []


async def test_contra_accounts_are_needed(connected: Desk):
    path = f"/sandbox/companies/{DEMO_COMPANY_ID}/contra-accounts"
    job = await connected.started("card_purchase", "out_of_pocket")
    await connected.control.put(path, json={"contra_accounts": {}})
    answer = await connected.pleo.get("/v3/export-items", params={"job_id": job["id"]})
    assert (answer.status_code, answer.json()["type"]) == (400, "MISSING_CONTRA_ACCOUNTS")
    assert "DKK" in answer.json()["message"]
    await connected.control.post(f"/sandbox/jobs/{job['id']}/cancel")
    entries = [item["accountingEntryId"] for item in job["items"]]
    body = {"companyId": DEMO_COMPANY_ID, "accountingEntryIds": entries}
    assert (await connected.pleo.post("/v3/export-jobs", json=body)).json()["type"] == "MISSING_CONTRA_ACCOUNTS"
    only_own_money = {**body, "accountingEntryIds": entries[1:]}
    assert (await connected.pleo.post("/v3/export-jobs", json=only_own_money)).status_code == 201


async def test_missing_contra_accounts_can_be_switched_on(connected: Desk):
    job = await connected.started("card_purchase")
    await connected.fault("missing_contra_accounts", path="/v3/export-items")
    answer = await connected.pleo.get("/v3/export-items", params={"job_id": job["id"]})
    assert answer.json()["type"] == "MISSING_CONTRA_ACCOUNTS"
    assert (await connected.pleo.get("/v3/export-items", params={"job_id": job["id"]})).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"jobId": UNKNOWN},
        {"event": "started"},
        {"jobId": UNKNOWN, "event": "canceled"},
        {"jobId": "1", "event": "started"},
        {"jobId": UNKNOWN, "event": "failed", "failureReasonType": "account_unknown"},
        {"jobId": UNKNOWN, "event": "failed", "failureReason": None},
        {"exportJobId": UNKNOWN, "event": "started"},
    ],
)
async def test_a_bad_event_is_400(connected: Desk, body: object):
    assert (await connected.raw.post("/v3/export-job-events", json=body)).status_code == 400


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"\xff", "application/json"),
        (b'{"jobId": NaN}', "application/json"),
        (b"{}", "text/plain"),
        (b"{}", "application/json;charset=latin-1"),
    ],
)
async def test_a_body_that_is_no_json_is_400(connected: Desk, content: bytes, content_type: str):
    headers = {"content-type": content_type}
    answer = await connected.raw.post("/v3/export-job-events", content=content, headers=headers)
    assert answer.status_code == 400


async def test_an_unknown_job_is_404_everywhere(connected: Desk):
    answers = [
        await connected.event(UNKNOWN, "started"),
        await connected.pleo.get(f"/v3/export-jobs/{UNKNOWN}"),
        await connected.pleo.get(f"/v3/export-jobs/{UNKNOWN}/items"),
        await connected.report(UNKNOWN, booked(UNKNOWN)),
        await connected.pleo.get("/v3/export-items", params={"job_id": UNKNOWN}),
        await connected.raw.get("/v3/export-jobs/17"),
    ]
    assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {(404, "EXPORT_NOT_FOUND")}


async def test_another_companys_job_does_not_exist(connected: Desk):
    job = await connected.started("card_purchase")
    entry = job["items"][0]["accountingEntryId"]
    await connected.connect(SECOND_COMPANY_ID)
    answers = [
        await connected.event(job["id"], "failed"),
        await connected.pleo.get(f"/v3/export-jobs/{job['id']}"),
        await connected.pleo.get(f"/v3/export-jobs/{job['id']}/items"),
        await connected.report(job["id"], booked(entry)),
        await connected.pleo.get("/v3/export-items", params={"job_id": job["id"]}),
        await connected.pleo.get("/v3/export-jobs", params={"company_id": DEMO_COMPANY_ID}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert (await connected.pleo.get("/v3/export-jobs")).json()["data"] == []
    body = {"companyId": DEMO_COMPANY_ID, "accountingEntryIds": [entry]}
    assert (await connected.pleo.post("/v3/export-jobs", json=body)).status_code == 404


async def test_an_organisation_must_name_the_company(desk: Desk):
    await desk.connect()
    await desk.export("card_purchase")
    await desk.connect(f"urn:pleo:organisation:{ORGANISATION_ID}")
    refused_list = await desk.pleo.get("/v3/export-jobs")
    assert (refused_list.status_code, refused_list.json()["type"]) == (400, "REQUIRED_PARAMETER_MISSING")
    named = await desk.pleo.get("/v3/export-jobs", params={"company_id": DEMO_COMPANY_ID})
    assert len(named.json()["data"]) == 1


async def test_jobs_are_listed_newest_first_and_filtered(connected: Desk):
    jobs = [await connected.export("card_purchase", alongside=True) for _ in range(3)]
    await connected.event(jobs[0]["id"], "started")
    listed = (await connected.pleo.get("/v3/export-jobs")).json()["data"]
    assert [job["id"] for job in listed] == [job["id"] for job in reversed(jobs)]
    assert len({job["createdAt"] for job in listed}) == 3
    params = {"statuses": ["pending", "in_progress"], "company_id": DEMO_COMPANY_ID}
    assert len((await connected.pleo.get("/v3/export-jobs", params=params)).json()["data"]) == 3
    pending = (await connected.pleo.get("/v3/export-jobs", params={"statuses": "pending"})).json()["data"]
    assert {job["status"] for job in pending} == {"pending"}
    oldest_first = {"sorting_keys": "createdAt", "sorting_order": "ASC"}
    listed = (await connected.pleo.get("/v3/export-jobs", params=oldest_first)).json()["data"]
    assert [job["id"] for job in listed] == [job["id"] for job in jobs]
    for bad in ({"statuses": "pending,in_progress"}, {"company_id": "x"}):
        assert (await connected.raw.get("/v3/export-jobs", params=bad)).status_code == 400


async def test_the_published_order_of_reading_earns_no_remark(connected: Desk):
    job = await connected.started("type")
    params: dict[str, str] = {}
    while True:
        items = await connected.pleo.get(f"/v3/export-jobs/{job['id']}/items", params=params)
        pagination = items.json()["pagination"]
        if not pagination["hasNextPage"]:
            break
        params = {"after": pagination["endCursor"]}
    await connected.pleo.get("/v3/export-items", params={"job_id": job["id"]})
    assert await connected.remarks() == []


async def test_an_entry_is_in_one_unfinished_job_at_most(connected: Desk):
    job = await connected.export("card_purchase")
    body = {"company_id": DEMO_COMPANY_ID, "entry_ids": [job["items"][0]["accountingEntryId"]], "alongside": True}
    assert (await connected.control.post("/sandbox/exports", json=body)).status_code == 400


async def test_what_pages_forbid_and_the_api_lets_pass_is_remarked(connected: Desk):
    older = await connected.export("card_purchase")
    newer = await connected.export("refund", alongside=True)
    await connected.pleo.get("/v3/export-items", params={"job_id": newer["id"]})
    await connected.event(newer["id"], "started")
    entry = newer["items"][0]["accountingEntryId"]
    await connected.report(newer["id"], {"accountingEntryId": entry, "status": "failed"})
    await connected.event(newer["id"], "failed")
    await connected.raw.get("/v3/export-jobs", params={"companyId": DEMO_COMPANY_ID})
    await connected.event(older["id"], "started")
    bare = {"accountingEntryId": older["items"][0]["accountingEntryId"], "status": "successful"}
    await connected.report(older["id"], bare)
    assert await connected.remarks() == [
        "data_layer_before_start",
        "data_layer_before_control_layer",
        "started_out_of_turn",
        "failed_without_reason",
        "job_failed_without_reason",
        "unknown_query_parameter",
        "successful_without_external_id",
    ]


async def test_an_export_of_very_many_is_asked_for_in_brief_and_served_whole(connected: Desk):
    assert await connected.queue("card_purchase", copies=120, brief=True) == []
    job = await connected.export(brief=True)
    assert "items" not in job
    assert job["numberOfItems"] == 120
    last = (await connected.pleo.get(f"/v3/export-jobs/{job['id']}/items", params={"offset": 119})).json()
    assert (len(last["data"]), last["pagination"]["total"]) == (1, 120)
