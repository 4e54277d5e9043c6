"""Which deliveries are believed: by signature over the raw bytes, before anything is parsed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ledgerbridge.store.tables import Connection, Subscription
from tests.integration.web.mailbox import JSON, VECTOR_SECRET, Box, export_event

SPOILT = [
    {"webhook-signature": "v1,g0hM9SsE+OTPJTGttmIKtSyZlE3uFJELVlNIOLJ1OE="},
    {"webhook-signature": "nonsense"},
    {"webhook-signature": ""},
    {"webhook-signature": "v1a,AAAA"},
    {"webhook-timestamp": "yesterday"},
    {"webhook-timestamp": "1614265330"},
    {"webhook-timestamp": "-1"},
    {"webhook-timestamp": "9" * 400},
    {"webhook-id": ""},
    {"webhook-id": "msg_other"},
]


@pytest.mark.rule("HOOK-036")
async def test_a_delivery_that_cannot_be_believed_gets_401_without_detail_and_leaves_nothing(box: Box) -> None:
    body = export_event()
    for spoil in SPOILT:
        answer = await box.send(body, box.signed(body) | spoil)
        assert answer.status_code == 401, spoil
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "Not accepted."
    assert await box.stored() == []
    assert await box.looks_waiting() == 0


@pytest.mark.rule("HOOK-034", "HOOK-036")
async def test_a_missing_header_is_a_refusal(box: Box) -> None:
    body = export_event()
    for missing in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        headers = box.signed(body)
        del headers[missing]
        assert (await box.send(body, headers)).status_code == 401
    assert await box.stored() == []


async def test_a_second_signature_header_cannot_hide_behind_the_first(box: Box) -> None:
    body = export_event()
    headers = [*box.signed(body).items(), ("webhook-signature", "v1,AAAA")]
    answer = await box.face.anybody.post(box.path, content=body, headers=headers)
    assert answer.status_code == 401


@pytest.mark.rule("HOOK-030")
async def test_nothing_is_parsed_before_the_signature_is_checked(box: Box) -> None:
    body = b"{not json"
    assert (await box.send(body, box.signed(export_event()))).status_code == 401
    answer = await box.send(body)
    assert answer.status_code == 400
    assert await box.stored() == []


@pytest.mark.rule("HOOK-032")
async def test_the_published_vector_is_believed_over_its_raw_bytes_only(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = (
        b'{"data":{"companyId":"b5fdaec1-1b43-4b62-996a-b0471c3bb336","createdAt":"2025-05-23T15:21:32Z",'
        b'"createdBy":"e3118b03-691c-4bd4-944e-1a9c1f1031b7","expiresIn":3600,"id":"b4c4d068-ebbe-45b7-b562-2f16f0deb8b9",'
        b'"numberOfItems":1,"status":"pending"},"eventId":"a257a31e-e8a6-4c36-a98d-451250e5b5c4",'
        b'"eventType":"v1.export-job.created"}'
    )
    await box.change(Connection, company_id="b5fdaec1-1b43-4b62-996a-b0471c3bb336")
    sealed = box.face.services.connections.vault.seal(
        VECTOR_SECRET, table="subscriptions", column="secret_sealed", row=box.connection_id
    )
    await box.change(Subscription, secret_sealed=sealed)
    moment = datetime.fromtimestamp(1614265330, UTC)
    monkeypatch.setattr("ledgerbridge.web.hooks.utcnow", lambda: moment)
    headers = {
        **JSON,
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,MjviwgOhN7hbTf3Uk/YhFn2SqLYRepOT0G7aKI9O98c=",
    }
    spaced = json.dumps(json.loads(raw)).encode()
    assert (await box.send(spaced, headers)).status_code == 401
    assert (await box.send(raw, headers)).status_code == 202
    (row,) = await box.stored()
    assert row.event_id == "a257a31e-e8a6-4c36-a98d-451250e5b5c4"
