"""Webhook subscriptions: CRUD, refusals, visibility, audit trail."""

from __future__ import annotations

import base64

import pytest

from pleo_sandbox.config import SECOND_COMPANY_ID
from tests.contract.desk import Desk

EVENT = "v1.export-job.created"
VENDOR = "v1.vendor.created"
WISH = {"endpointUrl": "https://bridge.example/webhooks/pleo/abc", "eventTypes": [EVENT, VENDOR]}


async def _made(desk: Desk, **changes: object) -> dict[str, object]:
    answer = await desk.pleo.post("/v1/subscriptions", json={**WISH, **changes})
    assert answer.status_code == 200
    made: dict[str, object] = answer.json()["data"]
    return made


async def test_a_subscription_lives_and_ends(connected: Desk):
    made = await _made(connected)
    path = f"/v1/subscriptions/{made['id']}"
    assert made["status"] == "ACTIVE"
    assert "secretKey" not in made
    assert (await connected.pleo.get(path)).json()["data"] == made
    secret = (await connected.pleo.get(f"{path}/secret")).json()["data"]["secretKey"]
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 24
    changed = (await connected.pleo.put(path, json={**WISH, "eventTypes": [EVENT], "status": "INACTIVE"})).json()
    assert (changed["data"]["status"], changed["data"]["eventTypes"]) == ("INACTIVE", [EVENT])
    assert (await connected.pleo.put(path, json=WISH)).json()["data"]["status"] == "ACTIVE"
    trail = (await connected.pleo.get(f"{path}/activities")).json()["data"]
    assert [activity["operationType"] for activity in trail] == ["CREATE", "UPDATE", "UPDATE"]
    only = (await connected.pleo.get(f"{path}/activities", params={"operation_types": "CREATE"})).json()["data"]
    assert len(only) == 1
    assert (await connected.pleo.delete(path)).status_code == 204
    for suffix in ("", "/secret", "/activities"):
        assert (await connected.pleo.get(path + suffix)).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"endpointUrl": "http://bridge.example/hook"},
        {"endpointUrl": "ftp://bridge.example/hook"},
        {"endpointUrl": "https://bridge.example/ho ok"},
        {"endpointUrl": "nonsense"},
        {"endpointUrl": None},
        {"eventTypes": EVENT},
        {"eventTypes": []},
        {"eventTypes": [EVENT, EVENT]},
        {"eventTypes": ["v1.export.job-created"]},
        {"eventTypes": [1]},
        {"status": "PAUSED"},
        {"customHeaders": {"x-a": 1}},
        {"customHeaders": {"x a": "1"}},
        {"customHeaders": {"x-a": "1\r\nx-b: 2"}},
        {"endpointAuth": {"type": "BEARER"}},
        {"endpointAuth": {"type": "BASIC"}},
        {"endpointAuth": {"type": "BASIC", "credentials": {"username": "u"}}},
    ],
)
async def test_a_bad_subscription_is_refused(connected: Desk, changes: dict[str, object]):
    assert (await connected.raw.post("/v1/subscriptions", json={**WISH, **changes})).status_code == 400
    assert (await connected.pleo.get("/v1/subscriptions")).json()["data"] == []


@pytest.mark.parametrize("url", ["http://localhost:8080/x", "http://127.0.0.1/x", "http://[::1]:9/x"])
async def test_http_is_allowed_on_this_machine(connected: Desk, url: str):
    assert (await _made(connected, endpointUrl=url))["endpointUrl"] == url


async def test_export_events_need_an_export_scope(desk: Desk):
    await desk.connect(scope=["companies:read"])
    assert (await desk.pleo.post("/v1/subscriptions", json={**WISH, "eventTypes": [EVENT]})).status_code == 403


async def test_passwords_are_never_shown(connected: Desk):
    auth = {"type": "BASIC", "credentials": {"username": "u", "password": "very-secret"}}
    await _made(connected, endpointAuth=auth)
    assert "very-secret" not in (await connected.pleo.get("/v1/subscriptions")).text


async def test_the_list_is_filtered_and_paged(connected: Desk):
    for number in range(5):
        status = "ACTIVE" if number % 2 else "INACTIVE"
        await _made(connected, status=status, eventTypes=[EVENT] if number < 4 else [VENDOR])

    async def count(**params: object) -> int:
        return int((await connected.pleo.get("/v1/subscriptions", params=params)).json()["pagination"]["total"])

    assert await count() == 5
    assert await count(status="INACTIVE") == 3
    assert await count(event_types=[VENDOR]) == 1
    assert await count(event_types=[EVENT, VENDOR]) == 5
    first = (await connected.pleo.get("/v1/subscriptions")).json()
    assert len(first["data"]) == 3
    rest = await connected.pleo.get("/v1/subscriptions", params={"after": first["pagination"]["endCursor"]})
    assert len(rest.json()["data"]) == 2


async def test_others_do_not_see_it(connected: Desk):
    made = await _made(connected)
    await connected.connect(SECOND_COMPANY_ID)
    assert (await connected.pleo.get("/v1/subscriptions")).json()["data"] == []
    for method in ("GET", "DELETE"):
        answer = await connected.raw.request(method, f"/v1/subscriptions/{made['id']}")
        assert answer.status_code == 404
    assert (await connected.raw.put(f"/v1/subscriptions/{made['id']}", json=WISH)).status_code == 404
