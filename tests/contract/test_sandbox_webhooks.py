"""Webhook deliveries: bodies, signatures, retries, faults."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from pleo_sandbox.app import create_app
from pleo_sandbox.config import DEMO_COMPANY_ID, SandboxConfig
from pleo_sandbox.core.signing import signature
from tests.contract.contracts import schema_breaches
from tests.contract.desk import Desk

ID, TIMESTAMP = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
EXPORT_BODY = (
    b'{"data":{"companyId":"b5fdaec1-1b43-4b62-996a-b0471c3bb336","createdAt":"2025-05-23T15:21:32Z",'
    b'"createdBy":"e3118b03-691c-4bd4-944e-1a9c1f1031b7","expiresIn":3600,"id":"b4c4d068-ebbe-45b7-b562-2f16f0deb8b9",'
    b'"numberOfItems":1,"status":"pending"},"eventId":"a257a31e-e8a6-4c36-a98d-451250e5b5c4",'
    b'"eventType":"v1.export-job.created"}'
)
VENDOR_BODY = (
    b'{"data":{"id":"c27ed4d6-3d3d-458e-8f3f-735fdf32a3bc","companyId":"00000000-0000-0000-0000-000000000000",'
    b'"name":"Pleo Technologies GmbH","country":"DE","registrationNumber":"","taxRegistrationNumber":"DE36538686",'
    b'"code":null,"state":"DRAFT","defaultCurrency":"EUR","createdBy":"22aff90a-a53d-4f0c-851f-dd4cc85ac947",'
    b'"createdAt":"2025-02-21T10:05:43.530450712Z","updatedAt":"2025-02-21T10:05:43.530450712Z","deletedAt":null},'
    b'"eventType":"v1.vendor.created","eventId":"13d8550d-dd22-46e9-ae18-c171846ba373"}'
)


@pytest.mark.parametrize(
    ("secret", "body", "expected"),
    [
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (SECRET, EXPORT_BODY, "v1,MjviwgOhN7hbTf3Uk/YhFn2SqLYRepOT0G7aKI9O98c="),
        (SECRET, VENDOR_BODY, "v1,x7XsyUhJBIaX8Rp/cfMip5nK0GAkZ8FjFD6STf8xRMA="),
    ],
)
def test_the_published_vectors(secret: str, body: bytes, expected: str):
    assert signature(secret, ID, TIMESTAMP, body) == expected


class Receiver:
    """Takes deliveries and answers as scripted, 202 once the script has run out."""

    def __init__(self) -> None:
        self.script: list[int | Exception] = []
        self.got: list[httpx.Request] = []

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        step = self.script.pop(0) if self.script else 202
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def subscribed(receiver: Receiver) -> AsyncIterator[Desk]:
    config = SandboxConfig(webhook_retry_seconds=(0, 0, 0))
    desk = Desk(create_app(config, webhook_transport=httpx.MockTransport(receiver.handle)))
    await desk.connect()
    await _subscribe(desk)
    yield desk
    await desk.close()


async def _subscribe(desk: Desk, **more: object) -> str:
    wish = {
        "endpointUrl": "https://bridge.example/hooks/1",
        "eventTypes": ["v1.export-job.created", "v1.vendor.created"],
        **more,
    }
    return str((await desk.pleo.post("/v1/subscriptions", json=wish)).json()["data"]["id"])


async def _secret(desk: Desk) -> tuple[str, str]:
    subscription = (await desk.pleo.get("/v1/subscriptions")).json()["data"][0]["id"]
    return subscription, (await desk.pleo.get(f"/v1/subscriptions/{subscription}/secret")).json()["data"]["secretKey"]


async def _deliveries(desk: Desk) -> list[dict[str, object]]:
    await desk.sandbox.dispatcher.settle()
    found: list[dict[str, object]] = (await desk.control.get("/sandbox/deliveries")).json()
    return found


def _signed_with(secret: str, request: httpx.Request) -> bool:
    message = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.content
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
    return expected in request.headers["webhook-signature"].split(" ")


async def test_an_export_is_announced_with_the_members_of_the_sample(subscribed: Desk, receiver: Receiver):
    job = await subscribed.export("card_purchase")
    (delivery,) = await _deliveries(subscribed)
    assert delivery["state"] == "delivered"
    (request,) = receiver.got
    body = json.loads(request.content)
    sample = json.loads(EXPORT_BODY)
    assert list(body) == list(sample)
    assert list(body["data"]) == list(sample["data"])
    assert (body["data"]["id"], body["data"]["companyId"]) == (job["id"], DEMO_COMPANY_ID)
    assert b", " not in request.content
    assert schema_breaches("platform", "/components/schemas/ExportJobCreatedEvent", body) == []
    assert request.headers["content-type"] == "application/json"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 10
    assert request.headers["webhook-id"].startswith("msg_")
    assert _signed_with((await _secret(subscribed))[1], request)
    assert "authorization" not in request.headers


async def test_a_failed_delivery_is_sent_again_under_the_same_id(subscribed: Desk, receiver: Receiver):
    receiver.script = [500, httpx.ConnectError("refused")]
    await subscribed.export("card_purchase")
    (delivery,) = await _deliveries(subscribed)
    assert delivery["state"] == "delivered"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, None, 202]
    assert len({request.headers["webhook-id"] for request in receiver.got}) == 1
    secret = (await _secret(subscribed))[1]
    assert all(_signed_with(secret, request) for request in receiver.got)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 503])
async def test_anything_but_2xx_is_a_failure(subscribed: Desk, receiver: Receiver, status: int):
    receiver.script = [status] * 3
    await subscribed.export("card_purchase")
    (delivery,) = await _deliveries(subscribed)
    assert delivery["state"] == "failed"
    assert len(receiver.got) == 3


async def test_410_switches_the_subscription_off(subscribed: Desk, receiver: Receiver):
    receiver.script = [410]
    await subscribed.export("card_purchase")
    (delivery,) = await _deliveries(subscribed)
    assert (delivery["state"], len(receiver.got)) == ("gone", 1)
    (subscription,) = (await subscribed.pleo.get("/v1/subscriptions")).json()["data"]
    assert subscription["status"] == "INACTIVE"


async def test_an_inactive_subscription_gets_nothing(subscribed: Desk, receiver: Receiver):
    subscription, _ = await _secret(subscribed)
    wish = {"endpointUrl": "https://x.example", "eventTypes": ["v1.export-job.created"], "status": "INACTIVE"}
    await subscribed.pleo.put(f"/v1/subscriptions/{subscription}", json=wish)
    await subscribed.export("card_purchase")
    assert await _deliveries(subscribed) == []


async def test_another_companys_events_stay_there(subscribed: Desk, receiver: Receiver):
    other = (await subscribed.control.get("/sandbox/companies")).json()[1]["id"]
    await subscribed.export("card_purchase", company_id=other)
    assert await _deliveries(subscribed) == []


async def test_custom_headers_and_basic_are_sent(subscribed: Desk, receiver: Receiver):
    auth = {"type": "BASIC", "credentials": {"username": "u", "password": "p:w"}}
    await _subscribe(subscribed, endpointUrl="https://second.example", customHeaders={"x-key": "k"}, endpointAuth=auth)
    await subscribed.export("card_purchase")
    await subscribed.sandbox.dispatcher.settle()
    second = next(request for request in receiver.got if request.url.host == "second.example")
    assert second.headers["x-key"] == "k"
    assert second.headers["authorization"] == "Basic " + base64.b64encode(b"u:p:w").decode()


async def test_rotation_signs_with_both_secrets_for_a_while(subscribed: Desk, receiver: Receiver):
    subscription, old = await _secret(subscribed)
    rotate = f"/sandbox/subscriptions/{subscription}/rotate-secret"
    assert (await subscribed.control.post(rotate, json={"overlap_seconds": 100})).status_code == 200
    _, new = await _secret(subscribed)
    assert new != old
    job = await subscribed.export("card_purchase")
    await subscribed.sandbox.dispatcher.settle()
    assert _signed_with(old, receiver.got[0])
    assert _signed_with(new, receiver.got[0])
    await subscribed.control.post(f"/sandbox/jobs/{job['id']}/cancel")
    await subscribed.control.post("/sandbox/clock", json={"seconds": 100})
    await subscribed.export()
    await subscribed.sandbox.dispatcher.settle()
    assert not _signed_with(old, receiver.got[1])
    assert _signed_with(new, receiver.got[1])


async def test_a_webhook_can_get_lost(subscribed: Desk, receiver: Receiver):
    await subscribed.fault("lose_webhook")
    await subscribed.export("card_purchase")
    (delivery,) = await _deliveries(subscribed)
    assert (delivery["state"], receiver.got) == ("lost", [])
    await subscribed.control.post(f"/sandbox/deliveries/{delivery['id']}/resend")
    await subscribed.sandbox.dispatcher.settle()
    assert [request.headers["webhook-id"] for request in receiver.got] == [delivery["id"]]


async def test_a_webhook_can_come_twice(subscribed: Desk, receiver: Receiver):
    await subscribed.fault("duplicate_webhook", copies=2)
    await subscribed.export("card_purchase")
    await subscribed.sandbox.dispatcher.settle()
    assert len(receiver.got) == 3
    assert len({(request.headers["webhook-id"], request.content) for request in receiver.got}) == 1


async def test_a_webhook_can_come_late(subscribed: Desk, receiver: Receiver):
    await subscribed.fault("delay_webhook", seconds=0.2)
    started = time.monotonic()
    await subscribed.export("card_purchase")
    assert receiver.got == []
    await subscribed.sandbox.dispatcher.settle()
    assert len(receiver.got) == 1
    assert time.monotonic() - started >= 0.2


async def test_any_event_can_be_announced(subscribed: Desk, receiver: Receiver):
    data = json.loads(VENDOR_BODY)["data"]
    body = {"company_id": DEMO_COMPANY_ID, "event_type": "v1.vendor.created", "data": data}
    assert (await subscribed.control.post("/sandbox/events", json=body)).status_code == 202
    await subscribed.control.post("/sandbox/events", json={**body, "wrapped": True})
    await subscribed.sandbox.dispatcher.settle()
    bare, wrapped = (json.loads(request.content) for request in receiver.got)
    assert bare["data"] == data
    assert wrapped["payload"]["eventType"] == "v1.vendor.created"
    assert schema_breaches("platform", "/components/schemas/VendorCreatedEvent", bare) == []


async def test_the_older_spelling_reaches_the_same_subscription(subscribed: Desk, receiver: Receiver):
    await subscribed.export("card_purchase", event_type="v1.export.job-created")
    await subscribed.sandbox.dispatcher.settle()
    assert json.loads(receiver.got[0].content)["eventType"] == "v1.export.job-created"
