"""The Export API: what is asked, what is read, what is sent."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.export import ExportApi, missing_contra_accounts
from ledgerbridge.pleo.reports import ITEM_FAILURE_TYPES, JOB_FAILURE_TYPES, MAX_REASON, ItemUpdate, JobEvent

RULES = Path(__file__).parents[3] / "docs" / "pleo" / "rules" / "export.md"
PLEOS_OWN = {"authentication_failure", "service_unreachable", "service_timeout", "job_expired", "canceled_by_user"}


def ok(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def test_the_samples_of_these_tests_are_the_contracts(sample) -> None:
    job, item = sample.job(), sample.job_item()
    sample.check_answer("GET", "/v3/export-jobs", 200, sample.page(job, after="ABC"))
    sample.check_answer("GET", f"/v3/export-jobs/{sample.job_id}", 200, {"data": job})
    sample.check_answer("GET", f"/v3/export-jobs/{sample.job_id}/items", 200, sample.page(item))
    sample.check_answer("GET", "/v3/export-items", 200, sample.page(sample.item()))


# ------------------------------------------------------------------ detect


@pytest.mark.rule("EXP-DETECT-01", "EXP-ENT-03", "EXP-ENT-05", "EXP-PRE-01")
async def test_detection_asks_for_pending_jobs_of_one_company_and_changes_nothing(stage, sample) -> None:
    stage.answers(ok(sample.page(sample.job())))
    (job,) = await ExportApi(stage.client).list_jobs(sample.company, ["pending"])
    assert (job.id, job.company_id, job.number_of_items) == (sample.job_id, sample.company, 1)
    (request,) = stage.requests
    assert (request.method, request.url.path) == ("GET", "/v3/export-jobs")
    assert request.url.params.multi_items() == [
        ("company_id", sample.company),
        ("statuses", "pending"),
        ("limit", "100"),
    ]


async def test_after_a_restart_both_statuses_are_asked_for(stage, sample) -> None:
    stage.answers(ok(sample.page()))
    await ExportApi(stage.client).list_jobs(sample.company, ["pending", "in_progress"])
    assert stage.requests[0].url.params.get_list("statuses") == ["pending", "in_progress"]


@pytest.mark.rule("EXP-DETECT-09")
async def test_jobs_of_all_pages_come_oldest_first(stage, sample) -> None:
    def job(number: int, created: str) -> dict[str, Any]:
        return sample.job(id=sample.entry(number), createdAt=created)

    stage.answers(
        ok(sample.page(job(1, "2025-06-01T10:00:00Z"), job(2, "2025-06-01T09:59:59.999999999Z"), after="A")),
        ok(sample.page(job(4, "2025-06-01T08:00:00Z"), job(3, "2025-06-01T10:00:00+02:00"))),
    )
    jobs = await ExportApi(stage.client, page_size=2).list_jobs(sample.company, ["pending"])
    assert [int(job.id[-1]) for job in jobs] == [3, 4, 2, 1]


@pytest.mark.rule("EXP-DETECT-07")
async def test_finished_jobs_are_ignored_even_when_pleo_sends_them(stage, sample) -> None:
    finished = [sample.job(status=status) for status in ("failed", "completed", "completed_with_errors")]
    stage.answers(ok(sample.page(*finished)))
    assert await ExportApi(stage.client).list_jobs(sample.company, ["pending"]) == ()


async def test_no_jobs_is_nothing_to_do(stage, sample) -> None:
    stage.answers(ok(sample.page()))
    assert await ExportApi(stage.client).list_jobs(sample.company, ["pending"]) == ()


@pytest.mark.rule("EXP-ENT-03")
@pytest.mark.parametrize(("company", "statuses"), [("", ["pending"]), ("c", [])])
async def test_a_list_over_all_companies_or_statuses_is_never_asked_for(stage, company, statuses) -> None:
    with pytest.raises(ValueError, match="needs a company"):
        await ExportApi(stage.client).list_jobs(company, statuses)


async def test_a_job_nobody_can_read_stops_the_list_rather_than_change_the_order(stage, sample) -> None:
    bad = sample.job()
    del bad["createdAt"]
    stage.answers(ok(sample.page(bad, sample.job())))
    with pytest.raises(errors.UnreadableAnswer, match="createdAt is missing"):
        await ExportApi(stage.client).list_jobs(sample.company, ["pending"])


@pytest.mark.rule("EXP-EXPIRE-02")
async def test_one_job_with_everything_that_later_checks_need(stage, sample) -> None:
    stage.answers(
        ok({"data": sample.job(vendorBasedBookkeeping=True, expiresIn=900, createdBy=sample.entry(3), new=[1])})
    )
    job = await ExportApi(stage.client).get_job(sample.job_id)
    assert stage.requests[0].url.path == f"/v3/export-jobs/{sample.job_id}"
    assert (job.vendor_based_bookkeeping, job.expires_in, job.created_by) == (True, 900, sample.entry(3))
    assert job.is_interactive is True
    assert not job.finished


@pytest.mark.parametrize("ask", ["job", "items"])
async def test_an_unknown_job_is_not_found(stage, sample, ask) -> None:
    stage.answers(ok({"type": "EXPORT_NOT_FOUND"}, 404))
    api = ExportApi(stage.client)
    question = api.get_job(sample.job_id) if ask == "job" else anext(api.job_items(sample.job_id))
    with pytest.raises(errors.NotFound) as caught:
        await question
    assert caught.value.is_type("EXPORT_NOT_FOUND")


@pytest.mark.parametrize("body", [{}, [], {"data": None}, {"data": {"id": 7}}])
async def test_an_answer_that_is_no_job_is_not_one(stage, sample, body) -> None:
    stage.answers(ok(body))
    with pytest.raises(errors.UnreadableAnswer):
        await ExportApi(stage.client).get_job(sample.job_id)


@pytest.mark.parametrize("job_id", ["", ".."])
async def test_an_id_that_would_change_the_path_is_not_sent(stage, job_id) -> None:
    with pytest.raises(ValueError, match="not a usable id"):
        await ExportApi(stage.client).get_job(job_id)


# ------------------------------------------------------------------ events


@pytest.mark.rule("EXP-START-02")
async def test_started_is_one_post_with_two_members(stage, sample) -> None:
    stage.answers(httpx.Response(202))
    await ExportApi(stage.client).send_event(sample.job_id, "started")
    assert stage.requests[0].url.path == "/v3/export-job-events"
    assert stage.bodies == [{"jobId": sample.job_id, "event": "started"}]


@pytest.mark.rule("EXP-DONE-03")
async def test_failed_carries_reason_and_type(stage, sample) -> None:
    stage.answers(httpx.Response(202))
    await ExportApi(stage.client).send_event(
        sample.job_id, "failed", failure_reason="No journal.\n Choose one.", failure_reason_type="missing_configuration"
    )
    assert stage.bodies == [
        {
            "jobId": sample.job_id,
            "event": "failed",
            "failureReason": "No journal. Choose one.",
            "failureReasonType": "missing_configuration",
        }
    ]


@pytest.mark.rule("EXP-DONE-03")
@pytest.mark.parametrize(
    ("event", "reason", "kind"),
    [
        ("failed", None, None),
        ("failed", "why", None),
        ("failed", " \n", "validation_failure"),
        ("completed_with_errors", "why", "validation_failure"),
        ("completed", "why", None),
        ("started", None, "validation_failure"),
        ("canceled", None, None),
    ],
)
async def test_reasons_go_with_failed_always_and_only(stage, sample, event, reason, kind) -> None:
    with pytest.raises(ValueError):
        await ExportApi(stage.client).send_event(sample.job_id, event, failure_reason=reason, failure_reason_type=kind)


def enumerated(rule: str) -> set[str]:
    (line,) = (line for line in RULES.read_text().splitlines() if line.startswith(f"- **{rule}**"))
    return set(re.findall(r"`([a-z_]+)`", line))


@pytest.mark.rule("EXP-ERR-03", "EXP-ERR-04", "EXP-ERR-05", "EXP-ERR-06")
async def test_the_two_enumerations_are_pleos_and_never_mixed(stage, sample) -> None:
    assert enumerated("EXP-ERR-03") == ITEM_FAILURE_TYPES
    assert enumerated("EXP-ERR-04") - PLEOS_OWN == JOB_FAILURE_TYPES
    api = ExportApi(stage.client)
    for kind in (ITEM_FAILURE_TYPES - JOB_FAILURE_TYPES) | PLEOS_OWN:
        with pytest.raises(ValueError, match="failure type"):
            await api.send_event(sample.job_id, "failed", failure_reason="x", failure_reason_type=kind)
    for kind in (JOB_FAILURE_TYPES - ITEM_FAILURE_TYPES) | PLEOS_OWN:
        with pytest.raises(ValueError, match="failure type"):
            ItemUpdate.failed(sample.entry(), reason="x", reason_type=kind)


@pytest.mark.parametrize("event", [event for event in get_args(JobEvent) if event != "failed"])
async def test_a_refused_transition_is_typed_and_not_repeated(stage, sample, event) -> None:
    stage.answers(ok({"type": "INVALID_EXPORT_JOB_STATUS_CHANGE"}, 422))
    with pytest.raises(errors.Unprocessable) as caught:
        await ExportApi(stage.client).send_event(sample.job_id, event)
    assert caught.value.is_type("invalid_export_job_status_change")


@pytest.mark.rule("LIMIT-030", "LIMIT-031")
async def test_an_event_whose_reply_was_lost_is_not_sent_again(stage, sample) -> None:
    stage.answers(httpx.ReadTimeout(""))
    with pytest.raises(errors.OutcomeUnknown):
        await ExportApi(stage.client).send_event(sample.job_id, "started")


@pytest.mark.rule("EXP-DONE-04")
async def test_an_event_refused_for_now_is_tried_again_and_accepted_once(stage, sample) -> None:
    stage.answers(httpx.Response(429), httpx.Response(202))
    await ExportApi(stage.client).send_event(sample.job_id, "completed")
    assert len(stage.requests) == 2


# ------------------------------------------------------------------ the two layers


@pytest.mark.rule("EXP-CTRL-01")
async def test_the_control_layer_page_by_page(stage, sample) -> None:
    stage.answers(
        ok(sample.page(sample.job_item(1), sample.job_item(2, status="successful", externalId="JE-1"), after="A")),
        ok(sample.page(sample.job_item(3, status="something_new"))),
    )
    read = [page async for page in ExportApi(stage.client, page_size=2).job_items(sample.job_id)]
    assert [[item.status for item in page] for page in read] == [["pending", "successful"], ["something_new"]]
    assert read[0][1].external_id == "JE-1"
    assert stage.requests[0].url.path == f"/v3/export-jobs/{sample.job_id}/items"


@pytest.mark.rule("EXP-DATA-01", "EXP-DATA-05", "EXP-PRE-01")
async def test_the_data_layer_gives_raw_and_read_and_one_bad_item_harms_no_other(stage, sample) -> None:
    bad = sample.item(2, date="yesterday")
    stage.answers(ok(sample.page(sample.item(1), bad, "rubbish", after="A")), ok(sample.page(sample.item(3))))
    items = [item async for page in ExportApi(stage.client).export_items(sample.job_id) for item in page]
    assert [item.accounting_entry_id for item in items] == [sample.entry(1), sample.entry(2), None, sample.entry(3)]
    assert [item.item is not None for item in items] == [True, False, False, True]
    assert "date" in items[1].problem.text
    assert items[0].raw == sample.item(1)
    assert stage.requests[0].url.path == "/v3/export-items"
    assert [request.url.params["job_id"] for request in stage.requests] == [sample.job_id] * 2


async def test_the_data_of_a_finished_job_is_refused(stage, sample) -> None:
    stage.answers(ok({"type": "EXPORT_JOB_STATUS_UNPROCESSABLE"}, 422))
    with pytest.raises(errors.Unprocessable):
        [page async for page in ExportApi(stage.client).export_items(sample.job_id)]


@pytest.mark.rule("LIMIT-011", "LIMIT-012")
@pytest.mark.parametrize("kind", ["MISSING_CONTRA_ACCOUNTS", "missing_contra_accounts"])
async def test_missing_contra_accounts_name_their_currencies(stage, sample, kind) -> None:
    stage.answers(ok({"type": kind, "message": "No contra account for EUR, USD expenses (EUR)"}, 400))
    with pytest.raises(errors.BadRequest) as caught:
        [page async for page in ExportApi(stage.client).export_items(sample.job_id)]
    assert missing_contra_accounts(caught.value) == ("EUR", "USD")


def test_other_refusals_are_not_missing_contra_accounts() -> None:
    assert missing_contra_accounts(errors.BadRequest("op", status=400, kind="bad_request", message="EUR")) is None
    assert missing_contra_accounts(errors.BadRequest("op", status=400, kind="MISSING_CONTRA_ACCOUNTS")) == ()


# ------------------------------------------------------------------ updates


@pytest.mark.rule("EXP-UPD-04", "EXP-UPD-05", "EXP-UPD-06", "EXP-UPD-10", "EXP-UPD-07")
async def test_an_update_is_the_contracts_shape_without_nulls(stage, sample) -> None:
    at = datetime(2025, 6, 1, 11, 59, 59, 123456, tzinfo=UTC)
    refusal = {"accountingEntryId": sample.entry(4), "type": "ACCOUNTING_ENTRY_DOES_NOT_EXIST", "message": "?"}
    answer = {"data": [sample.job_item(n, status="successful") for n in (1, 2, 3)], "errors": [refusal]}
    sample.check_answer("PUT", f"/v3/export-jobs/{sample.job_id}/items", 200, answer)
    stage.answers(ok(answer))
    reported = await ExportApi(stage.client).update_items(
        sample.job_id,
        [
            ItemUpdate.successful(sample.entry(1), external_id="JE-1", external_url="https://erp/1", exported_at=at),
            ItemUpdate.successful(sample.entry(2), external_id=None, external_url=None, exported_at=None),
            ItemUpdate.failed(sample.entry(3), reason="Account 4\n999 unknown", reason_type="account_unknown"),
            ItemUpdate.in_progress(sample.entry(4)),
            ItemUpdate.in_progress(sample.entry(5)),
        ],
    )
    assert (stage.requests[0].method, stage.requests[0].url.path) == ("PUT", f"/v3/export-jobs/{sample.job_id}/items")
    assert stage.bodies == [
        [
            {
                "accountingEntryId": sample.entry(1),
                "status": "successful",
                "externalId": "JE-1",
                "externalUrl": "https://erp/1",
                "exportedAt": "2025-06-01T11:59:59Z",
            },
            {"accountingEntryId": sample.entry(2), "status": "successful"},
            {
                "accountingEntryId": sample.entry(3),
                "status": "failed",
                "failureReason": "Account 4 999 unknown",
                "failureReasonType": "account_unknown",
            },
            {"accountingEntryId": sample.entry(4), "status": "in_progress"},
            {"accountingEntryId": sample.entry(5), "status": "in_progress"},
        ]
    ]
    assert [item.accounting_entry_id for item in reported.updated] == [sample.entry(n) for n in (1, 2, 3)]
    assert [(error.accounting_entry_id, error.type) for error in reported.errors] == [
        (sample.entry(4), "ACCOUNTING_ENTRY_DOES_NOT_EXIST")
    ]
    assert reported.unanswered == (sample.entry(5),)


@pytest.mark.rule("EXP-UPD-02", "LIMIT-004")
async def test_a_hundred_items_go_in_one_update_and_no_more(stage, sample) -> None:
    updates = [ItemUpdate.in_progress(sample.entry(n)) for n in range(101)]
    stage.answers(ok({"data": [sample.job_item(n) for n in range(100)], "errors": []}))
    api = ExportApi(stage.client)
    assert (await api.update_items(sample.job_id, updates[:100])).unanswered == ()
    with pytest.raises(ValueError, match="LIMIT-004"):
        await api.update_items(sample.job_id, updates)
    assert len(stage.requests) == 1


async def test_an_empty_update_makes_no_call_and_a_double_one_is_refused(stage, sample) -> None:
    api = ExportApi(stage.client)
    assert (await api.update_items(sample.job_id, [])).updated == ()
    with pytest.raises(ValueError, match="twice"):
        await api.update_items(sample.job_id, [ItemUpdate.in_progress(sample.entry())] * 2)


@pytest.mark.rule("EXP-UPD-07")
@pytest.mark.parametrize("answer", [{}, {"data": None, "errors": None}, {"data": ["?", {}], "errors": [7]}])
async def test_an_answer_that_says_nothing_leaves_every_entry_unanswered(stage, sample, answer) -> None:
    stage.answers(ok(answer))
    reported = await ExportApi(stage.client).update_items(sample.job_id, [ItemUpdate.in_progress(sample.entry())])
    assert reported.unanswered == (sample.entry(),)


async def test_a_transient_failure_of_an_update_is_retried(stage, sample) -> None:
    stage.answers(httpx.Response(502), ok({"data": [sample.job_item()], "errors": []}))
    await ExportApi(stage.client).update_items(sample.job_id, [ItemUpdate.in_progress(sample.entry())])
    assert len(stage.requests) == 2


@pytest.mark.rule("EXP-UPD-02")
@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (413, "EXPORT_JOB_ITEMS_UPDATE_LIMIT", errors.TooManyItems),
        (422, "EXPORT_JOB_STATUS_UNPROCESSABLE", errors.Unprocessable),
        (404, "EXPORT_NOT_FOUND", errors.NotFound),
    ],
)
async def test_a_refused_update_is_typed(stage, sample, status, kind, error) -> None:
    stage.answers(ok({"type": kind}, status))
    with pytest.raises(error):
        await ExportApi(stage.client).update_items(sample.job_id, [ItemUpdate.in_progress(sample.entry())])


@pytest.mark.rule("EXP-UPD-06")
@pytest.mark.parametrize(
    "members",
    [
        {"status": "abandoned"},
        {"status": "failed"},
        {"status": "failed", "failure_reason_type": "account_unknown"},
        {"status": "failed", "failure_reason_type": "account_unknown", "failure_reason": " "},
        {"status": "failed", "failure_reason_type": "account_unknown", "failure_reason": "x", "external_id": "1"},
        {"status": "successful", "failure_reason": "x"},
        {"status": "in_progress", "external_id": "1"},
        {"status": "successful", "accounting_entry_id": ""},
    ],
)
def test_an_update_that_contradicts_itself_cannot_be_made(sample, members) -> None:
    with pytest.raises(ValueError):
        ItemUpdate(**{"accounting_entry_id": sample.entry(), **members})


async def test_reasons_are_cut_to_what_people_read_and_never_break_the_call(stage, sample) -> None:
    stage.answers(ok({"data": [sample.job_item()], "errors": []}))
    reason = "Å\0\ud800" + "x" * 5000
    await ExportApi(stage.client).update_items(
        sample.job_id, [ItemUpdate.failed(sample.entry(), reason=reason, reason_type="validation_failure")]
    )
    sent = stage.bodies[0][0]["failureReason"]
    assert sent.startswith("Å?x")
    assert sent.endswith("…")
    assert len(sent) == MAX_REASON
