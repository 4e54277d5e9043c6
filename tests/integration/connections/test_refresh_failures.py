"""Refreshes that fail: three kinds of failure that are never mixed up, and crashes at any moment."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import credentials, refresh, uninstall
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.credentials import drain
from ledgerbridge.connections.errors import ClientRejected, GrantEnded, RefreshUnavailable
from ledgerbridge.pleo.installations import InstallationsApi
from ledgerbridge.store.tables import AuditRecord, ConfigVersion, ErpBinding
from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID
from tests.integration.connections.conftest import House
from tests.integration.connections.steps import make_due, works


@pytest.mark.rule("AUTH-056", "AUTH-059", "AUTH-084")
async def test_a_refused_grant_ends_the_connection_and_keeps_what_the_customer_set(house: House) -> None:
    outcome = await house.active()
    house.pleo.control("POST", "/tokens/revoke", company_id=DEMO_COMPANY_ID)
    await make_due(house, outcome.connection_id)

    with pytest.raises(GrantEnded):
        await works(house, outcome.connection_id)

    row, credential = await house.row(outcome.connection_id), await house.credential(outcome.connection_id)
    assert row.status == "reconnect_needed"
    assert "Connect" in (row.status_reason or "")
    assert (credential.access_token_sealed, credential.refresh_token_sealed) == (None, None)
    async with house.room.db.transaction() as session:
        assert await session.scalar(select(ConfigVersion.version)) == 1
        assert (await session.get_one(ErpBinding, outcome.connection_id)).settings_sealed is not None
        assert await session.scalar(select(AuditRecord.action).where(AuditRecord.action == "grant_ended"))

    calls = house.pleo.token_calls("refresh_token")
    assert calls == 1
    with pytest.raises(GrantEnded):
        await works(house, outcome.connection_id)
    assert house.pleo.token_calls("refresh_token") == calls
    assert house.refreshes == ["refused"]


@pytest.mark.rule("AUTH-056")
@pytest.mark.parametrize("status", [400, 403, 404, 422])
async def test_other_client_errors_of_the_token_endpoint_are_terminal_too(house: House, status: int) -> None:
    outcome = await house.connect()
    await make_due(house, outcome.connection_id)
    house.pleo.fault("status", "POST", "/oauth/token", status=status)
    with pytest.raises(GrantEnded):
        await works(house, outcome.connection_id)
    assert house.pleo.token_calls("refresh_token") == 1


@pytest.mark.rule("AUTH-057", "AUTH-056")
@pytest.mark.parametrize("trouble", [{"status": 500}, {"status": 503}, {"status": 408}, {"status": 429}])
async def test_a_token_endpoint_in_trouble_is_tried_again_and_then_works(house: House, trouble: dict[str, int]) -> None:
    outcome = await house.connect()
    await make_due(house, outcome.connection_id)
    house.pleo.fault("status", "POST", "/oauth/token", after_effect=False, times=2, **trouble)

    assert await works(house, outcome.connection_id)

    assert house.pleo.token_calls("refresh_token") == 3
    assert house.refreshes == ["renewed"]


@pytest.mark.rule("AUTH-057")
async def test_a_token_endpoint_that_stays_down_costs_no_connection(house: House) -> None:
    outcome = await house.active()
    await make_due(house, outcome.connection_id, seconds_left=-1)
    house.pleo.fault("status", "POST", "/oauth/token", status=503, after_effect=False, times=None)

    with pytest.raises(RefreshUnavailable):
        await works(house, outcome.connection_id)

    tries = house.pleo.token_calls("refresh_token")
    assert 1 < tries <= 6
    row, credential = await house.row(outcome.connection_id), await house.credential(outcome.connection_id)
    assert (row.status, credential.refresh_holder, credential.refresh_until) == ("active", None, None)
    assert credential.refresh_token_sealed is not None

    house.pleo.control("DELETE", "/faults")
    assert await works(house, outcome.connection_id)


async def test_a_token_that_is_due_but_valid_is_used_on_while_the_token_endpoint_is_down(house: House) -> None:
    outcome = await house.connect()
    await make_due(house, outcome.connection_id, seconds_left=50)
    house.pleo.fault("status", "POST", "/oauth/token", status=503, after_effect=False, times=None)
    pleo = await open_pleo(house.room, outcome.connection_id)

    for _ in range(3):
        assert (await InstallationsApi(pleo).get()).works

    assert house.pleo.token_calls("refresh_token") == 4, "tried again for every call"


@pytest.mark.rule("AUTH-057a")
async def test_our_own_rejected_client_disconnects_nobody(
    make_house: Any, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = [await house.active(), await house.connect(SECOND_COMPANY_ID)]
    before = [await house.credential(one.connection_id) for one in outcomes]
    async with make_house(pleo_client_secret="rotated away") as broken:
        for outcome in outcomes:
            await make_due(house, outcome.connection_id, seconds_left=-1)
            with caplog.at_level(logging.ERROR), pytest.raises(ClientRejected):
                await works(broken, outcome.connection_id)
        assert broken.refreshes == ["client_rejected", "client_rejected"]

    for outcome, old in zip(outcomes, before, strict=True):
        row = await house.credential(outcome.connection_id)
        assert (row.refresh_token_sealed, row.generation) == (old.refresh_token_sealed, old.generation)
    assert [(await house.row(one.connection_id)).status for one in outcomes] == ["active", "setting_up"]
    assert "client id or secret" in caplog.text
    assert await works(house, outcomes[0].connection_id)


@pytest.mark.rule("AUTH-052")
async def test_the_claim_of_a_crashed_process_runs_out_and_is_taken_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = await house.connect()
    await make_due(house, outcome.connection_id)
    async with house.room.db.transaction() as session:
        row = await session.get_one(type(await house.credential(outcome.connection_id)), outcome.connection_id)
        row.refresh_holder, row.refresh_until = "crashed", utcnow() + dt.timedelta(seconds=2)

    assert await works(house, outcome.connection_id)

    assert utcnow() >= row.refresh_until, "did not wait for the living claim"
    assert house.pleo.token_calls("refresh_token") == 1


async def test_a_waiter_gives_up_in_words_when_a_claim_never_ends(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = await house.connect()
    monkeypatch.setattr(credentials, "PATIENCE", 0.2)
    await make_due(house, outcome.connection_id, seconds_left=-1)
    await house.change(outcome.connection_id, refresh_holder="other", refresh_until=utcnow() + dt.timedelta(seconds=60))
    with pytest.raises(RefreshUnavailable, match="too long"):
        await works(house, outcome.connection_id)
    assert house.pleo.token_calls("refresh_token") == 0


async def test_a_long_refresh_keeps_its_claim_alive(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = await house.connect()
    monkeypatch.setattr(refresh, "CLAIM_SECONDS", 1.5)
    await make_due(house, outcome.connection_id)
    house.pleo.fault("slow", "POST", "/oauth/token", seconds=3)

    both = await asyncio.gather(works(house, outcome.connection_id), works(house, outcome.connection_id))

    assert all(both)
    assert house.pleo.token_calls("refresh_token") == 1


@pytest.mark.rule("AUTH-051")
async def test_cancelling_the_caller_does_not_lose_the_new_pair(house: House) -> None:
    outcome = await house.connect()
    await make_due(house, outcome.connection_id)
    generation = (await house.credential(outcome.connection_id)).generation
    house.pleo.fault("slow", "POST", "/oauth/token", seconds=0.7)

    caller = asyncio.create_task(works(house, outcome.connection_id))
    await house.pleo.refresh_under_way()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await drain(house.room)

    assert (await house.credential(outcome.connection_id)).generation == generation + 1
    assert await works(house, outcome.connection_id)
    assert house.pleo.token_calls("refresh_token") == 1


@pytest.mark.rule("AUTH-051")
async def test_a_new_pair_is_stored_even_when_the_database_fails_at_first(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = await house.connect()
    await make_due(house, outcome.connection_id)
    real, failures = refresh.put_pair, [OperationalError("update", {}, Exception("gone")) for _ in range(2)]

    def failing(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        real(*arguments)

    monkeypatch.setattr(refresh, "put_pair", failing)

    assert await works(house, outcome.connection_id)
    assert house.pleo.token_calls("refresh_token") == 1


@pytest.mark.rule("AUTH-057")
async def test_a_lost_answer_is_asked_for_again_and_a_pair_that_is_gone_ends_honestly(house: House) -> None:
    outcome = await house.active()
    await make_due(house, outcome.connection_id)
    house.pleo.fault("drop", "POST", "/oauth/token", after_effect=True)

    with pytest.raises(GrantEnded):
        await works(house, outcome.connection_id)

    async with house.room.db.transaction() as session:
        record = await session.scalar(select(AuditRecord).where(AuditRecord.action == "grant_ended"))
    assert record is not None
    assert record.detail["after_lost_reply"] is True
    assert (await house.connect()).status == "active"


async def test_a_refresh_that_ends_after_a_disconnect_brings_no_token_back(house: House) -> None:
    outcome = await house.active()
    await make_due(house, outcome.connection_id)
    house.pleo.fault("slow", "POST", "/oauth/token", seconds=1)
    caller = asyncio.create_task(works(house, outcome.connection_id))
    await house.pleo.refresh_under_way()
    await uninstall._wipe(house.room, outcome.connection_id, "admin:test", None, {})
    with pytest.raises(GrantEnded):
        await caller

    row = await house.credential(outcome.connection_id)
    assert (row.access_token_sealed, row.refresh_token_sealed) == (None, None)
    assert (await house.row(outcome.connection_id)).status == "disconnected"


async def test_a_refusal_of_the_old_pair_does_not_end_a_connection_made_anew_meanwhile(house: House) -> None:
    outcome = await house.connect()
    await make_due(house, outcome.connection_id)
    house.pleo.fault("slow", "POST", "/oauth/token", seconds=1)
    house.pleo.control("POST", "/tokens/revoke", company_id=DEMO_COMPANY_ID)
    caller = asyncio.create_task(works(house, outcome.connection_id))
    await house.pleo.refresh_under_way()
    again = await house.connect()

    assert await caller, "the caller goes on with the new pair"
    assert again.connection_id == outcome.connection_id
    assert (await house.row(outcome.connection_id)).status == "setting_up"
    assert await works(house, outcome.connection_id)


@pytest.mark.rule("AUTH-043")
async def test_a_refresh_token_is_used_however_old_and_its_end_is_survived(house: House) -> None:
    outcome = await house.active()
    await make_due(house, outcome.connection_id)
    house.pleo.control("POST", "/clock", seconds=61 * 86400)

    with pytest.raises(GrantEnded):
        await works(house, outcome.connection_id)

    assert house.pleo.token_calls("refresh_token") == 1
    assert (await house.connect()).connection_id == outcome.connection_id
