"""Webhook subscriptions: looked for before made, mended, their secret read apart and kept sealed."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from typing import Any

import pytest
from sqlalchemy import select

from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.subscriptions import ensure, secret_for
from ledgerbridge.pleo.subscriptions import SubscriptionsApi
from ledgerbridge.store.tables import Subscription
from ledgerbridge.store.vault import hash_token
from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.integration.connections.conftest import House

CREATE = ("POST", "/v1/subscriptions")


async def stored(house: House, connection_id: uuid.UUID) -> Subscription:
    async with house.room.db.transaction() as session:
        return await session.get_one(Subscription, connection_id)


@pytest.mark.rule("HOOK-001", "HOOK-005", "HOOK-006", "HOOK-007", "HOOK-012")
async def test_one_subscription_for_both_events_on_a_path_of_its_own(house: House) -> None:
    outcome = await house.connect()

    (made,) = house.pleo.subscriptions
    assert made.wish.event_types == ("v1.export-job.created", "v1.vendor.created")
    prefix, _, token = made.wish.endpoint_url.rpartition("/")
    assert prefix == "http://127.0.0.1:8080/webhooks/pleo"
    assert len(token) >= 43
    row = await stored(house, outcome.connection_id)
    assert row.path_token_hash == hash_token(token)
    assert (row.pleo_id, row.event_types) == (made.id, list(made.wish.event_types))
    assert await secret_for(house.room, outcome.connection_id) == made.secret
    assert made.secret.encode() not in (row.secret_sealed or b"")
    assert token.encode() not in row.path_token_hash + row.path_token_sealed


@pytest.mark.rule("HOOK-012")
async def test_the_event_names_come_from_the_settings(make_house: Any) -> None:
    async with make_house(pleo_event_types=("v1.export-job.created",)) as house:
        await house.connect()
        assert house.pleo.subscriptions[0].wish.event_types == ("v1.export-job.created",)


@pytest.mark.rule("HOOK-004", "LIMIT-030")
async def test_a_subscription_that_is_well_is_reused(house: House) -> None:
    outcome = await house.connect()
    house.pleo.forget()

    assert await ensure(house.room, outcome.connection_id) is False

    assert len(house.pleo.subscriptions) == 1
    assert house.pleo.calls(*CREATE) == 0
    assert house.pleo.calls("GET", f"/v1/subscriptions/{house.pleo.subscriptions[0].id}/secret") == 0


@pytest.mark.rule("HOOK-009", "HOOK-010")
async def test_one_that_was_switched_off_is_put_back_whole(house: House) -> None:
    outcome = await house.connect()
    (made,) = house.pleo.subscriptions
    house.pleo.running.sandbox.world.subscriptions.switch_off(made)
    url = made.wish.endpoint_url

    assert await ensure(house.room, outcome.connection_id) is True

    (mended,) = house.pleo.subscriptions
    assert (mended.id, mended.wish.status, mended.wish.endpoint_url) == (made.id, "ACTIVE", url)
    assert len(mended.wish.event_types) == 2


@pytest.mark.rule("HOOK-010", "HOOK-006")
async def test_one_that_is_gone_is_made_again_on_the_same_path_with_its_new_secret(house: House) -> None:
    outcome = await house.connect()
    (old,) = house.pleo.subscriptions
    await SubscriptionsApi(await open_pleo(house.room, outcome.connection_id)).delete(old.id)

    assert await ensure(house.room, outcome.connection_id) is True

    (new,) = house.pleo.subscriptions
    assert new.id != old.id
    assert new.wish.endpoint_url == old.wish.endpoint_url
    assert await secret_for(house.room, outcome.connection_id) == new.secret != old.secret


async def test_events_that_were_added_to_the_settings_are_subscribed_too(house: House, make_house: Any) -> None:
    async with make_house(pleo_event_types=("v1.export-job.created",)) as narrow:
        outcome = await narrow.connect()
    assert await ensure(house.room, outcome.connection_id) is True
    assert len(house.pleo.subscriptions[0].wish.event_types) == 2


@pytest.mark.rule("HOOK-004", "LIMIT-030")
async def test_a_lost_reply_to_the_creation_makes_no_second_one(house: House) -> None:
    house.pleo.fault("drop", *CREATE, after_effect=True)
    outcome = await house.connect()
    assert outcome.subscribed
    assert len(house.pleo.subscriptions) == 1
    assert house.pleo.calls(*CREATE) == 1


async def test_doubles_of_our_path_are_removed_and_strangers_left(house: House) -> None:
    outcome = await house.connect()
    (mine,) = house.pleo.subscriptions
    api = SubscriptionsApi(await open_pleo(house.room, outcome.connection_id))
    await api.create(mine.wish.endpoint_url)
    stranger = await api.create("https://elsewhere.example/hook")

    await ensure(house.room, outcome.connection_id)

    assert {one.id for one in house.pleo.subscriptions} == {mine.id, stranger.id}


async def test_replicas_that_subscribe_at_once_settle_on_one_that_can_be_verified(house: House) -> None:
    outcome = await house.connect()
    for one in house.pleo.subscriptions:
        await SubscriptionsApi(await open_pleo(house.room, outcome.connection_id)).delete(one.id)
    await asyncio.gather(*(ensure(house.room, outcome.connection_id) for _ in range(3)))

    await ensure(house.room, outcome.connection_id)

    (left,) = house.pleo.subscriptions
    assert (await stored(house, outcome.connection_id)).pleo_id == left.id
    assert await secret_for(house.room, outcome.connection_id) == left.secret


@pytest.mark.rule("HOOK-037")
async def test_a_rotated_secret_is_re_read_once_in_five_minutes(house: House) -> None:
    outcome = await house.connect()
    (made,) = house.pleo.subscriptions
    later = house.with_room(now=lambda: utcnow() + dt.timedelta(minutes=5, seconds=1))
    path = f"/v1/subscriptions/{made.id}/secret"
    old = made.secret
    house.pleo.control("POST", f"/subscriptions/{made.id}/rotate-secret", overlap_seconds=0)
    house.pleo.forget()

    assert await secret_for(house.room, outcome.connection_id, re_read=True) == old, "read a moment ago"
    assert house.pleo.calls("GET", path) == 0

    answers = await asyncio.gather(*(secret_for(later.room, outcome.connection_id, re_read=True) for _ in range(5)))

    assert made.secret in answers
    assert house.pleo.calls("GET", path) == 1
    assert await secret_for(later.room, outcome.connection_id) == made.secret != old


@pytest.mark.rule("HOOK-037")
async def test_a_re_read_that_fails_keeps_the_stored_secret(house: House) -> None:
    outcome = await house.connect()
    secret = house.pleo.subscriptions[0].secret
    house.pleo.control("POST", "/tokens/revoke", company_id=DEMO_COMPANY_ID)
    later = house.with_room(now=lambda: utcnow() + dt.timedelta(minutes=6))
    assert await secret_for(later.room, outcome.connection_id, re_read=True) == secret


async def test_nobody_has_a_secret_without_a_subscription(house: House) -> None:
    assert await secret_for(house.room, uuid.uuid4()) is None
    assert await secret_for(house.room, uuid.uuid4(), re_read=True) is None
    async with house.room.db.transaction() as session:
        assert not list(await session.scalars(select(Subscription)))
