"""Webhook subscriptions: looked for, put right, created once, removed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.subscriptions import EVENT_TYPES, SubscriptionsApi

URL = "https://bridge.example/webhooks/pleo/abc"


def ok(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.mark.rule("HOOK-012")
def test_the_versioned_names() -> None:
    assert EVENT_TYPES == ("v1.export-job.created", "v1.vendor.created")


@pytest.mark.rule("HOOK-001", "HOOK-002", "HOOK-005")
async def test_creating_one_is_a_post_answered_with_200_and_data(stage, sample) -> None:
    body = {"data": sample.subscription()}
    sample.check_answer("POST", "/v1/subscriptions", 200, body)
    stage.answers(ok(body))
    made = await SubscriptionsApi(stage.client).create(URL, [*EVENT_TYPES, EVENT_TYPES[0]])
    assert made.id == sample.entry(13)
    assert stage.bodies == [{"endpointUrl": URL, "eventTypes": list(EVENT_TYPES)}]
    assert stage.requests[0].headers["Authorization"] == "Bearer access-token-1"


@pytest.mark.rule("HOOK-004")
async def test_all_pages_are_listed_in_either_form_of_event_types(stage, sample) -> None:
    text = sample.subscription(eventTypes="v1.export-job.created")
    stage.answers(ok(sample.page(sample.subscription(), after="AB")), ok(sample.page(text)))
    listed = await SubscriptionsApi(stage.client, page_size=1).list_all()
    assert [one.event_types for one in listed] == [list(EVENT_TYPES), ["v1.export-job.created"]]


@pytest.mark.rule("HOOK-004")
async def test_an_existing_one_that_serves_is_reused(stage, sample) -> None:
    stage.answers(ok(sample.page(sample.subscription(endpointUrl="https://other.example"), sample.subscription())))
    assert (await SubscriptionsApi(stage.client).ensure(URL)).id == sample.entry(13)
    assert [request.method for request in stage.requests] == ["GET"]


@pytest.mark.rule("HOOK-004", "HOOK-009")
@pytest.mark.parametrize("wrong", [{"status": "INACTIVE"}, {"eventTypes": ["v1.vendor.created"]}])
async def test_an_existing_one_is_put_right_with_the_full_object(stage, sample, wrong) -> None:
    stage.answers(ok(sample.page(sample.subscription(**wrong))), ok({"data": sample.subscription()}))
    await SubscriptionsApi(stage.client).ensure(URL)
    assert [request.method for request in stage.requests] == ["GET", "PUT"]
    assert stage.requests[1].url.path == f"/v1/subscriptions/{sample.entry(13)}"
    assert stage.bodies == [{"endpointUrl": URL, "eventTypes": list(EVENT_TYPES), "status": "ACTIVE"}]


@pytest.mark.rule("HOOK-004")
@pytest.mark.parametrize(
    "others", [[], [{"endpointUrl": "https://other.example"}], [{"deletedAt": "2025-06-01T10:00:00Z"}]]
)
async def test_without_one_of_ours_one_is_created(stage, sample, others) -> None:
    listed = [sample.subscription(**other) for other in others]
    stage.answers(ok(sample.page(*listed)), ok({"data": sample.subscription()}))
    await SubscriptionsApi(stage.client).ensure(URL)
    assert [request.method for request in stage.requests] == ["GET", "POST"]


@pytest.mark.rule("LIMIT-030", "LIMIT-031", "HOOK-004")
@pytest.mark.parametrize(
    "lost", [httpx.ReadTimeout("x"), (502, b""), (200, b"cut"), (200, b'{"data": {}}'), (200, b"{}")]
)
async def test_after_a_lost_reply_it_is_looked_for_and_not_created_twice(stage, sample, lost) -> None:
    reply = httpx.Response(lost[0], content=lost[1]) if isinstance(lost, tuple) else lost
    stage.answers(ok(sample.page()), reply, ok(sample.page(sample.subscription())))
    assert (await SubscriptionsApi(stage.client).ensure(URL)).id == sample.entry(13)
    assert [request.method for request in stage.requests] == ["GET", "POST", "GET"]


@pytest.mark.rule("LIMIT-030")
async def test_when_it_is_not_there_either_the_outcome_stays_unknown(stage, sample) -> None:
    stage.answers(ok(sample.page()), httpx.ReadTimeout("x"), ok(sample.page()))
    with pytest.raises(errors.OutcomeUnknown):
        await SubscriptionsApi(stage.client).ensure(URL)


@pytest.mark.rule("HOOK-008")
@pytest.mark.parametrize("url", ["http://bridge.example/x", "bridge.example", ""])
async def test_a_webhook_url_is_https(stage, url) -> None:
    with pytest.raises(ValueError, match="webhook URL"):
        await SubscriptionsApi(stage.client).create(url)


async def test_a_subscription_to_nothing_is_not_made(stage) -> None:
    with pytest.raises(ValueError, match="event type"):
        await SubscriptionsApi(stage.client).create(URL, [])


@pytest.mark.rule("HOOK-006")
async def test_the_secret_is_read_apart(stage, sample) -> None:
    stage.answers(ok({"data": {"secretKey": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}}))
    secret = await SubscriptionsApi(stage.client).secret(sample.entry(13))
    assert secret == "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    assert stage.requests[0].url.path == f"/v1/subscriptions/{sample.entry(13)}/secret"


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"data": {"secretKey": ""}}, {"data": []}])
async def test_a_missing_secret_is_an_error(stage, sample, body) -> None:
    stage.answers(ok(body))
    with pytest.raises(errors.UnreadableAnswer):
        await SubscriptionsApi(stage.client).secret(sample.entry(13))


@pytest.mark.parametrize("status", [204, 404])
async def test_deleting_one_that_is_gone_is_done(stage, sample, status) -> None:
    stage.answers(httpx.Response(status))
    await SubscriptionsApi(stage.client).delete(sample.entry(13))
    assert (stage.requests[0].method, stage.requests[0].url.path) == ("DELETE", f"/v1/subscriptions/{sample.entry(13)}")
