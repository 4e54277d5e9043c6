"""The daily look: Pleo says nothing when a customer leaves, so we ask."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import activation, connect, uninstall
from ledgerbridge.connections.credentials import IDLE
from ledgerbridge.connections.watch import Verdict, check, watched
from ledgerbridge.ops.retention import clear_away
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.store.tables import BrowserSession, ConnectAttempt, Connection
from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID
from tests.integration.connections.conftest import BROWSER, House

READ = ("GET", "/v1/installations/me")


@pytest.mark.rule("AUTH-083", "HOOK-010")
async def test_a_connection_that_is_well_stays_as_it_is(house: House) -> None:
    outcome = await house.active()
    assert await check(house.room, outcome.connection_id) is Verdict.WELL
    row = await house.row(outcome.connection_id)
    assert (row.status, row.installation_status) == ("active", "ACTIVATED")
    assert house.looks.asked == []
    assert house.pleo.calls("GET", "/v1/subscriptions") == 1


@pytest.mark.rule("AUTH-083")
@pytest.mark.parametrize("status", ["INACTIVE", "ERROR"])
async def test_an_installation_that_is_off_pauses_work_and_asks_to_reconnect(house: House, status: str) -> None:
    outcome = await house.active()
    house.pleo.installations[0].status = status
    house.pleo.installations[0].error_code = "NOT_ENTITLED"

    assert await check(house.room, outcome.connection_id) is Verdict.PAUSED

    row = await house.row(outcome.connection_id)
    assert (row.status, row.paused_by, row.installation_status) == ("paused", "watch", status)
    assert "NOT_ENTITLED" in (row.status_reason or "")
    assert "Connect" in (row.status_reason or "")
    assert (await house.credential(outcome.connection_id)).refresh_token_sealed is not None


@pytest.mark.rule("AUTH-083")
@pytest.mark.parametrize("answer", [401, 403, 404])
async def test_an_answer_that_shuts_us_out_pauses_work(house: House, answer: int) -> None:
    outcome = await house.active()
    house.pleo.fault("status", *READ, status=answer, times=2)

    assert await check(house.room, outcome.connection_id) is Verdict.PAUSED

    row = await house.row(outcome.connection_id)
    assert (row.status, row.paused_by) == ("paused", "watch")
    assert str(answer) in (row.status_reason or "")


@pytest.mark.rule("AUTH-082", "AUTH-059")
async def test_a_customer_who_disconnected_in_pleo_is_noticed(house: House) -> None:
    outcome = await house.active()
    house.pleo.control("POST", "/installations/disconnect", company_id=DEMO_COMPANY_ID)

    assert await check(house.room, outcome.connection_id) is Verdict.ENDED

    row = await house.row(outcome.connection_id)
    assert row.status == "reconnect_needed"
    assert (await house.credential(outcome.connection_id)).access_token_sealed is None


async def test_work_goes_on_when_pleo_wants_us_again(house: House) -> None:
    outcome = await house.active()
    house.pleo.installations[0].status = "INACTIVE"
    await check(house.room, outcome.connection_id)
    house.pleo.installations[0].status = "ACTIVATED"

    assert await check(house.room, outcome.connection_id) is Verdict.RESUMED

    assert (await house.row(outcome.connection_id)).status == "active"
    assert house.looks.asked == [outcome.connection_id]


async def test_a_pause_by_an_operator_is_not_lifted(house: House) -> None:
    outcome = await house.active()
    await activation.pause(house.room, outcome.connection_id, "admin:test", "Year end.")
    assert await check(house.room, outcome.connection_id) is Verdict.WELL
    row = await house.row(outcome.connection_id)
    assert (row.status, row.status_reason) == ("paused", "Year end.")


@pytest.mark.parametrize("answer", [503, 429, *(pytest.param(answer, marks=pytest.mark.long) for answer in (500, 502))])
async def test_pleo_in_trouble_says_nothing_about_a_connection(house: House, answer: int) -> None:
    outcome = await house.active()
    house.pleo.fault("status", *READ, status=answer, times=None, retry_after=0)
    with pytest.raises(PleoError):
        await check(house.room, outcome.connection_id)
    assert (await house.row(outcome.connection_id)).status == "active"


@pytest.mark.rule("HOOK-010", "HOOK-003")
async def test_a_subscription_that_was_lost_is_made_again_and_jobs_are_looked_for(house: House) -> None:
    outcome = await house.active()
    house.pleo.running.sandbox.world.subscriptions._subscriptions.clear()

    assert await check(house.room, outcome.connection_id) is Verdict.MENDED

    assert [one.wish.status for one in house.pleo.subscriptions] == ["ACTIVE"]
    assert house.looks.asked == [outcome.connection_id]


async def test_one_that_is_still_being_set_up_is_neither_paused_nor_subscribed(house: House) -> None:
    outcome = await house.connect()
    house.pleo.fault("status", *READ, status=404)
    house.pleo.forget()
    await check(house.room, outcome.connection_id)
    assert (await house.row(outcome.connection_id)).status == "setting_up"
    assert house.pleo.calls("GET", "/v1/subscriptions") == 0


@pytest.mark.rule("AUTH-044")
async def test_a_quiet_connection_gets_a_young_pair(house: House) -> None:
    outcome = await house.active()
    await house.change(outcome.connection_id, refreshed_at=utcnow() - IDLE)
    assert await check(house.room, outcome.connection_id) is Verdict.WELL
    assert house.pleo.token_calls("refresh_token") == 1


async def test_every_living_connection_is_watched_whatever_its_state(house: House) -> None:
    one, other = await house.active(), await house.connect(SECOND_COMPANY_ID)
    assert await watched(house.room) == [one.connection_id, other.connection_id]
    await uninstall.disconnect(house.room, one.connection_id, "admin:test")
    assert await watched(house.room) == [other.connection_id]
    await house.change(other.connection_id, Connection, environment="production")
    assert await watched(house.room) == []


async def test_old_attempts_and_sessions_are_forgotten(house: House) -> None:
    outcome = await house.connect()
    await connect.begin(house.room, BROWSER)

    async def left() -> list[int]:
        tables: list[type[Any]] = [ConnectAttempt, BrowserSession]
        async with house.room.db.transaction() as session:
            return [await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]

    await clear_away(house.room)
    assert await left() == [2, 1]
    await clear_away(house.with_room(now=lambda: utcnow() + dt.timedelta(minutes=11)).room)
    assert await left() == [0, 1]
    await clear_away(house.with_room(now=lambda: outcome.session.expires_at + dt.timedelta(seconds=1)).room)
    assert await left() == [0, 0]


@pytest.mark.rule("AUTH-070", "AUTH-071")
async def test_consent_given_anew_without_us_is_answered_with_a_new_activation(house: House) -> None:
    outcome = await house.active()
    house.pleo.installations[0].status = "AUTHORIZED"
    assert await check(house.room, outcome.connection_id) is Verdict.RESUMED
    assert house.pleo.installations[0].status == "ACTIVATED"
    assert (await house.row(outcome.connection_id)).installation_status == "ACTIVATED"
    assert house.looks.asked == [outcome.connection_id]


async def test_whoever_the_check_asked_to_reconnect_can_do_so_in_any_browser(house: House) -> None:
    outcome = await house.active()
    house.pleo.installations[0].status = "ERROR"
    await check(house.room, outcome.connection_id)

    again = await house.connect()

    assert (again.connection_id, again.status) == (outcome.connection_id, "active")
    assert house.pleo.installations[0].status == "ACTIVATED"
