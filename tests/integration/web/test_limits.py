"""Limits on strangers: they end the noise, and a genuine delivery or administrator never pays for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx

from ledgerbridge.app import app_of
from ledgerbridge.web.limiting import ALLOWED, Limit, Limiter
from tests.integration.web.conftest import TOKEN, Face
from tests.integration.web.mailbox import JSON, Box, export_event


def tightened(face: Face, **allowed: str) -> Face:
    """The same face with smaller allowances."""
    chosen = {**ALLOWED, **{Limit(name): text for name, text in allowed.items()}}
    services = replace(face.services, limiter=Limiter(face.services.metrics.limited, chosen))
    app = app_of(services)
    for client in (face.browser, face.admin, face.anybody):
        client._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return replace(face, services=services)


def at(face: Face, address: str) -> httpx.AsyncClient:
    """Somebody at another address."""
    app: Any = app_of(face.services)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1)),
        base_url=face.services.settings.public_url,
    )


def too_many(answer: httpx.Response) -> None:
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def limited(face: Face, limit: str) -> float:
    found = face.services.metrics.registry.get_sample_value("ledgerbridge_requests_limited_total", {"limit": limit})
    return found or 0


async def test_pressing_connect_without_end_is_a_page_that_asks_to_wait(face: Face) -> None:
    face = tightened(face, connect="3/minute")
    for _ in range(3):
        assert (await face.anybody.get("/connect")).status_code == 302
    page = await face.anybody.get("/connect")
    too_many(page)
    assert page.headers["content-type"].startswith("text/html")
    assert "Wait" in page.text
    assert "set-cookie" not in page.headers
    assert limited(face, "connect") == 1
    async with at(face, "203.0.113.9") as other:
        assert (await other.get("/connect")).status_code == 302


async def test_calling_back_without_end_is_refused_before_anything_is_looked_up(face: Face) -> None:
    face = tightened(face, callback="3/minute")
    for _ in range(3):
        assert (await face.anybody.get("/oauth/callback?state=guess&code=x")).status_code == 400
    too_many(await face.anybody.get("/oauth/callback?state=guess&code=x"))


async def test_wrong_administrators_are_slowed_and_a_right_one_at_their_address_is_not(face: Face) -> None:
    face = tightened(face, admin="3/minute")
    for number in range(3):
        answer = await face.anybody.get("/admin/api/audit", headers={"Authorization": f"Bearer wrong-{number}"})
        assert answer.status_code == 401
    answer = await face.anybody.get("/admin/api/audit")
    too_many(answer)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:ledgerbridge:problem:too-many-requests"
    assert (await face.admin.get("/admin/api/audit")).status_code == 200
    assert (await face.anybody.get("/admin/api/audit", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200


async def test_unknown_paths_and_false_signatures_are_slowed_and_proven_subscriptions_are_not(box: Box) -> None:
    box.face = tightened(box.face, webhook="4/minute")
    anybody = box.face.anybody
    body = export_event()
    assert (await box.send(body)).status_code == 202
    forged = {**box.signed(body), "webhook-signature": "v1,AAAA"}
    statuses = [
        (await anybody.post(f"/webhooks/pleo/guess-{n}", content=b"{}", headers=JSON)).status_code for n in range(2)
    ]
    statuses += [(await box.send(body, forged)).status_code for _ in range(2)]
    assert statuses == [404, 404, 401, 401]
    answer = await anybody.post("/webhooks/pleo/guess", content=b"{}", headers=JSON)
    too_many(answer)
    assert answer.headers["content-type"] == "application/problem+json"
    # The very same address goes on delivering what is signed, and forging stays without effect.
    burst = [export_event() for _ in range(20)]
    answers = await asyncio.gather(*(box.send(one) for one in burst))
    assert {one.status_code for one in answers} == {202}
    too_many(await box.send(body, forged))
    assert len(await box.stored()) == 21


async def test_a_subscription_that_is_new_to_the_process_is_heard_at_a_quiet_address(box: Box) -> None:
    box.face = tightened(box.face, webhook="2/minute")
    async with at(box.face, "203.0.113.9") as attacker:
        for _ in range(4):
            await attacker.post("/webhooks/pleo/guess", content=b"{}", headers=JSON)
        too_many(await attacker.post(box.path, content=b"{}", headers=JSON))
    assert (await box.send(export_event())).status_code == 202


async def test_what_may_be_pleos_is_not_counted_against_it(box: Box) -> None:
    box.face = tightened(box.face, webhook="2/minute")
    unreadable = b'{"eventType": 7}'
    for _ in range(5):
        assert (await box.send(unreadable)).status_code == 400
    assert (await box.send(export_event())).status_code == 202


async def test_even_believed_deliveries_have_a_bound_of_their_own(box: Box) -> None:
    box.face = tightened(box.face, deliveries="5/minute")
    answers = [await box.send(export_event()) for _ in range(6)]
    assert [one.status_code for one in answers] == [202] * 5 + [429]
    too_many(answers[-1])
    assert len(await box.stored()) == 5
