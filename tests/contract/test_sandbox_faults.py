"""Faults: each strikes where, when and as often as it was told."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import httpx
import pytest

from pleo_sandbox.app import create_app
from pleo_sandbox.config import SandboxConfig
from pleo_sandbox.core.faults import Fault
from tests.contract.desk import Desk, booked

INTROSPECT = "/v1/introspect"


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_burst_ends_by_itself(connected: Desk, status: int):
    await connected.fault("status", path=INTROSPECT, status=status, times=2)
    got = [(await connected.pleo.get(INTROSPECT)).status_code for _ in range(3)]
    assert got == [status, status, 200]


async def test_retry_after_comes_in_both_forms(connected: Desk):
    await connected.fault("status", status=429, retry_after=7)
    assert (await connected.pleo.get(INTROSPECT)).headers["retry-after"] == "7"
    await connected.fault("status", status=429, retry_after="date:30")
    moment = parsedate_to_datetime((await connected.pleo.get(INTROSPECT)).headers["retry-after"])
    assert 25 < moment.timestamp() - time.time() <= 31


async def test_a_fault_can_wait_its_turn(connected: Desk):
    await connected.fault("status", path="/v1/**", skip=1)
    assert [(await connected.pleo.get(INTROSPECT)).status_code for _ in range(3)] == [200, 503, 200]


async def test_a_fault_without_count_lasts_until_cleared(connected: Desk):
    fault = await connected.fault("status", times=None)
    assert {(await connected.pleo.get(INTROSPECT)).status_code for _ in range(4)} == {503}
    assert (await connected.control.get("/sandbox/faults")).json()[0]["hits"] == 4
    await connected.control.delete(f"/sandbox/faults/{fault['id']}")
    assert (await connected.pleo.get(INTROSPECT)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "hit"),
    [
        ("*", "**", True),
        ("get", "/v3/export-jobs/*/items", True),
        ("PUT", "/v3/export-jobs/*/items", False),
        ("*", "/v3/export-jobs/*", False),
        ("*", "/v3/export-jobs/**", True),
        ("*", "/v3/export-jobs", False),
        ("*", "/v3/export.jobs/*/items", False),
    ],
)
def test_a_pattern_aims(method: str, path: str, hit: bool):
    assert Fault("status", method=method, path=path).aims_at("GET", "/v3/export-jobs/17/items") is hit


async def test_a_reply_can_be_lost_after_the_effect(connected: Desk):
    job = await connected.started("card_purchase")
    await connected.fault("drop", method="PUT", path="/v3/export-jobs/*/items")
    with pytest.raises(httpx.RemoteProtocolError):
        await connected.report(job["id"], booked(job["items"][0]["accountingEntryId"]))
    items = (await connected.pleo.get(f"/v3/export-jobs/{job['id']}/items")).json()["data"]
    assert [item["status"] for item in items] == ["successful"]


async def test_a_reply_can_be_lost_before_the_effect(connected: Desk):
    job = await connected.export("card_purchase")
    await connected.fault("drop", path="/v3/export-job-events", after_effect=False)
    with pytest.raises(httpx.RemoteProtocolError):
        await connected.event(job["id"], "started")
    assert (await connected.job(job["id"]))["status"] == "pending"


async def test_a_lost_refresh_answer_costs_the_family(connected: Desk):
    pair = await connected.connect()
    await connected.fault("drop", path="/oauth/token")
    with pytest.raises(httpx.RemoteProtocolError):
        await connected.refresh(pair["refresh_token"])
    assert (await connected.refresh(pair["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_reply_can_be_cut_off(connected: Desk):
    await connected.fault("truncate", path=INTROSPECT)
    with pytest.raises(httpx.RemoteProtocolError):
        await connected.pleo.get(INTROSPECT)


async def test_a_reply_can_be_malformed(connected: Desk):
    await connected.fault("malformed", path=INTROSPECT)
    headers = {"authorization": connected.pleo.headers["authorization"]}
    answer = await connected.control.get(INTROSPECT, headers=headers)
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()


@pytest.mark.parametrize("after_effect", [True, False])
async def test_a_reply_can_be_slow(connected: Desk, after_effect: bool):
    await connected.fault("slow", path=INTROSPECT, seconds=0.15, after_effect=after_effect)
    started = time.monotonic()
    await connected.pleo.get(INTROSPECT)
    assert time.monotonic() - started >= 0.15


async def test_recordings_say_what_struck(connected: Desk):
    await connected.fault("status", path=INTROSPECT)
    await connected.pleo.get(INTROSPECT)
    await connected.fault("drop", path=INTROSPECT)
    with pytest.raises(httpx.RemoteProtocolError):
        await connected.pleo.get(INTROSPECT)
    recorded = (await connected.control.get("/sandbox/requests", params={"path_prefix": INTROSPECT})).json()
    assert [(entry["status"], entry["fault"]) for entry in recorded] == [(503, "status"), (0, "drop")]


@pytest.mark.parametrize(
    "body", [{"kind": "earthquake"}, {"kind": "status", "retry_after": "soon"}, {"kind": "status", "tmies": 1}]
)
async def test_a_bad_fault_is_refused(desk: Desk, body: dict[str, object]):
    assert (await desk.control.post("/sandbox/faults", json=body)).status_code in (400, 422)
    assert (await desk.control.get("/sandbox/faults")).json() == []


async def test_a_rate_limit_can_be_held():
    desk = Desk(create_app(SandboxConfig(requests_per_minute=3)))
    await desk.connect()
    got = [(await desk.pleo.get(INTROSPECT)).status_code for _ in range(5)]
    assert got == [200, 200, 200, 429, 429]
    await desk.close()
