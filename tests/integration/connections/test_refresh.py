"""Token pairs: refreshed in time, by one at a time, and used only once they are stored."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.credentials import IDLE, OAuthCredential, refresh_if_idle, renewed
from ledgerbridge.connections.errors import GrantEnded
from ledgerbridge.pleo.errors import Unauthorised
from ledgerbridge.pleo.installations import InstallationsApi
from ledgerbridge.pleo.transport import PleoClient
from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID
from tests.integration.connections.conftest import House, Rewriting
from tests.integration.connections.steps import live_header, make_due, works


@pytest.mark.rule("AUTH-041", "AUTH-042", "AUTH-053")
@pytest.mark.parametrize(
    ("expires_in", "seconds_left", "refreshes"),
    [(900, 91, 0), (900, 89, 1), (300, 61, 0), (300, 59, 1), (7200, 725, 0), (7200, 715, 1)],
)
async def test_a_pair_is_refreshed_in_the_last_tenth_or_minute_of_its_life(
    house: House, expires_in: int, seconds_left: float, refreshes: int
) -> None:
    outcome = await house.connect()
    now = utcnow()
    house = house.with_room(now=lambda: now)
    await house.change(
        outcome.connection_id, expires_in=expires_in, expires_at=now + dt.timedelta(seconds=seconds_left)
    )

    header = await OAuthCredential(house.room, outcome.connection_id).header()

    assert house.pleo.token_calls("refresh_token") == refreshes
    assert header in live_header(house.pleo)


async def test_a_very_short_token_is_used_for_half_its_life(house: House) -> None:
    outcome = await house.connect()
    await house.change(outcome.connection_id, expires_in=20, expires_at=utcnow() + dt.timedelta(seconds=15))
    await OAuthCredential(house.room, outcome.connection_id).header()
    assert house.pleo.token_calls("refresh_token") == 0


@pytest.mark.rule("EXP-PRE-05", "AUTH-050", "AUTH-051", "AUTH-055")
async def test_every_refresh_uses_the_newest_token_and_stores_both_new_ones(house: House) -> None:
    outcome = await house.connect()
    seen = set()
    for generation in range(3):
        row = await house.credential(outcome.connection_id)
        seen.add((row.access_token_sealed, row.refresh_token_sealed))
        await make_due(house, outcome.connection_id)
        assert await works(house, outcome.connection_id)
        after = await house.credential(outcome.connection_id)
        assert after.generation == row.generation + 1, generation
        assert after.expires_at is not None
        assert after.expires_at > utcnow() + dt.timedelta(seconds=800)

    assert house.pleo.token_calls("refresh_token") == 3
    assert len(seen) == 3
    assert [family.ended_because for family in house.pleo.families] == [None]


@pytest.mark.rule("AUTH-058")
async def test_an_answer_without_a_refresh_token_leaves_the_previous_one(make_house: Any) -> None:
    def without(request: httpx.Request, body: Any) -> Any:
        if request.url.path == "/oauth/token" and b"grant_type=refresh_token" in request.content:
            del body["refresh_token"]
        return body

    async with make_house(transport=Rewriting(without)) as house:
        outcome = await house.connect()
        before = await house.credential(outcome.connection_id)
        await make_due(house, outcome.connection_id)
        assert await works(house, outcome.connection_id)
        after = await house.credential(outcome.connection_id)
        opened = [
            house.room.vault.open(
                row.refresh_token_sealed, table="credentials", column="refresh_token_sealed", row=outcome.connection_id
            )
            for row in (before, after)
        ]
        assert opened[0] == opened[1]
        assert after.generation == before.generation + 1


@pytest.mark.rule("AUTH-052")
async def test_two_service_instances_with_many_tasks_refresh_once(house: House, make_house: Any) -> None:
    outcome = await house.connect()
    await make_due(house, outcome.connection_id)
    house.pleo.fault("slow", "POST", "/oauth/token", seconds=0.5)
    ready = threading.Barrier(2)

    async def instance() -> list[str]:
        async with make_house() as other:
            credential = OAuthCredential(other.room, outcome.connection_id)
            separate = [OAuthCredential(other.room, outcome.connection_id) for _ in range(4)]
            await asyncio.to_thread(ready.wait, 90)
            return await asyncio.gather(*(one.header() for one in [credential, credential, *separate]))

    results = await asyncio.gather(*(asyncio.to_thread(asyncio.run, instance()) for _ in range(2)))

    assert house.pleo.token_calls("refresh_token") == 1
    assert {header for headers in results for header in headers} == live_header(house.pleo)
    assert (await house.credential(outcome.connection_id)).refresh_holder is None


@pytest.mark.rule("AUTH-052")
async def test_companies_do_not_wait_for_each_others_refresh(house: House) -> None:
    one, other = await house.connect(DEMO_COMPANY_ID), await house.connect(SECOND_COMPANY_ID)
    for outcome in (one, other):
        await make_due(house, outcome.connection_id)
    await house.change(one.connection_id, refresh_holder="somebody", refresh_until=utcnow() + dt.timedelta(seconds=600))
    async with asyncio.timeout(120):
        assert await works(house, other.connection_id)


@pytest.mark.rule("AUTH-054")
async def test_a_401_is_answered_with_one_refresh_and_one_repeat(house: House) -> None:
    outcome = await house.connect()
    house.pleo.control("POST", "/tokens/expire", company_id=DEMO_COMPANY_ID)
    house.pleo.forget()

    assert await works(house, outcome.connection_id)

    assert house.pleo.token_calls("refresh_token") == 1
    assert house.pleo.calls("GET", "/v1/installations/me") == 2


@pytest.mark.rule("AUTH-054", "AUTH-052")
async def test_a_401_after_somebody_else_refreshed_takes_the_stored_token(house: House) -> None:
    outcome = await house.connect()
    slow, quick = [await open_pleo(house.room, outcome.connection_id) for _ in range(2)]
    await InstallationsApi(slow).get()
    generation = (await house.credential(outcome.connection_id)).generation
    await renewed(house.room, outcome.connection_id, generation)
    await InstallationsApi(quick).get()
    house.pleo.forget()

    assert (await InstallationsApi(slow).get()).works

    assert house.pleo.token_calls("refresh_token") == 0
    assert house.pleo.calls("GET", "/v1/installations/me") == 2


@pytest.mark.rule("AUTH-054")
async def test_a_401_that_a_refresh_does_not_cure_is_final(house: House) -> None:
    outcome = await house.connect()
    house.pleo.fault("status", "GET", "/v1/installations/me", status=401, times=None)
    house.pleo.forget()

    with pytest.raises(Unauthorised):
        await works(house, outcome.connection_id)

    assert house.pleo.token_calls("refresh_token") == 1
    assert house.pleo.calls("GET", "/v1/installations/me") == 2


@pytest.mark.rule("AUTH-092")
async def test_a_403_neither_refreshes_nor_repeats(house: House) -> None:
    outcome = await house.connect()
    house.pleo.fault("status", "GET", "/v1/installations/me", status=403, times=None)
    house.pleo.forget()
    with pytest.raises(Exception, match="403"):
        await works(house, outcome.connection_id)
    assert house.pleo.token_calls("refresh_token") == 0
    assert house.pleo.calls("GET", "/v1/installations/me") == 1


@pytest.mark.rule("AUTH-051")
async def test_no_call_uses_the_new_token_before_it_is_stored(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = await house.connect()
    await make_due(house, outcome.connection_id)
    stored = await house.credential(outcome.connection_id)
    used: list[int] = []
    real: Callable[..., Any] = PleoClient.send

    async def watching(client: PleoClient, call: Any) -> Any:
        answer = await real(client, call)
        used.append((await house.credential(outcome.connection_id)).generation)
        return answer

    monkeypatch.setattr(PleoClient, "send", watching)
    await works(house, outcome.connection_id)
    assert used == [stored.generation + 1]


@pytest.mark.rule("AUTH-044")
async def test_a_quiet_connection_is_refreshed_after_thirty_days(house: House) -> None:
    outcome = await house.connect()
    assert not await refresh_if_idle(house.room, outcome.connection_id)

    await house.change(outcome.connection_id, refreshed_at=utcnow() - IDLE)

    assert await refresh_if_idle(house.room, outcome.connection_id)
    assert house.pleo.token_calls("refresh_token") == 1
    assert not await refresh_if_idle(house.room, outcome.connection_id)


async def test_a_connection_nobody_made_has_no_credential(house: House) -> None:
    with pytest.raises(GrantEnded):
        await OAuthCredential(house.room, uuid.uuid4()).header()
