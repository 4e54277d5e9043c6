"""Disconnecting: subscriptions, installation, secrets, in this order and from any point again."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select

from ledgerbridge.connections import configuration, sessions, subscriptions
from ledgerbridge.connections.errors import ConnectionUnknown, Refused
from ledgerbridge.connections.uninstall import disconnect
from ledgerbridge.store.tables import AuditRecord, DeliveryStatus, ErpBinding, Subscription, WebhookDelivery
from ledgerbridge.store.vault import hash_token
from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID
from tests.integration.connections.conftest import House

DELETE = ("DELETE", "/v1/installations/me")


async def nothing_secret_left(house: House, connection_id: uuid.UUID) -> bool:
    credential = await house.credential(connection_id)
    async with house.room.db.transaction() as session:
        subscription = await session.get_one(Subscription, connection_id)
        binding = await session.get_one(ErpBinding, connection_id)
    return [
        credential.access_token_sealed,
        credential.refresh_token_sealed,
        credential.api_key_sealed,
        subscription.secret_sealed,
        binding.settings_sealed,
    ] == [None] * 5


@pytest.mark.rule("AUTH-080", "AUTH-081")
async def test_subscriptions_go_first_then_the_installation_then_the_secrets(house: House) -> None:
    outcome = await house.active()
    (subscription,) = house.pleo.subscriptions

    await disconnect(house.room, outcome.connection_id, "admin:test")

    deletions = [one.path for one in house.pleo.running.sandbox.world.recorder.requests if one.method == "DELETE"]
    assert deletions == [f"/v1/subscriptions/{subscription.id}", "/v1/installations/me"]
    assert house.pleo.subscriptions == house.pleo.installations == []
    assert await nothing_secret_left(house, outcome.connection_id)
    row = await house.row(outcome.connection_id)
    assert (row.status, row.disconnected_at is not None) == ("disconnected", True)
    assert not any("revoke" in one.path for one in house.pleo.running.sandbox.world.recorder.requests)


@pytest.mark.rule("AUTH-080")
async def test_the_row_its_configuration_and_the_path_stay_the_sessions_go(house: House) -> None:
    outcome = await house.active()
    token = house.pleo.subscriptions[0].wish.endpoint_url.rpartition("/")[2]

    await disconnect(house.room, outcome.connection_id, "admin:test")

    assert await configuration.current(house.room, outcome.connection_id) is not None
    assert await subscriptions.secret_for(house.room, outcome.connection_id) is None
    assert await sessions.connection_of(house.room, outcome.session.token) is None
    async with house.room.db.transaction() as session:
        kept = await session.get_one(Subscription, outcome.connection_id)
        record = await session.scalar(select(AuditRecord).where(AuditRecord.action == "disconnected"))
    assert kept.path_token_hash == hash_token(token)
    assert kept.ended_at is not None
    assert record is not None
    assert record.actor == "admin:test"


@pytest.mark.rule("AUTH-080")
async def test_a_second_call_does_nothing(house: House) -> None:
    outcome = await house.active()
    await disconnect(house.room, outcome.connection_id, "admin:test")
    house.pleo.forget()
    await disconnect(house.room, outcome.connection_id, "admin:test")
    assert house.pleo.running.sandbox.world.recorder.total > 0
    assert house.pleo.calls(*DELETE) == 0


@pytest.mark.rule("AUTH-080")
async def test_an_installation_that_is_gone_counts_as_deleted(house: House) -> None:
    outcome = await house.active()
    house.pleo.fault("status", *DELETE, status=404)
    await disconnect(house.room, outcome.connection_id, "admin:test")
    assert (await house.row(outcome.connection_id)).status == "disconnected"


@pytest.mark.rule("AUTH-080")
async def test_a_502_is_tried_again(house: House) -> None:
    outcome = await house.active()
    house.pleo.fault("status", *DELETE, status=502, times=2, after_effect=False)
    await disconnect(house.room, outcome.connection_id, "admin:test")
    assert house.pleo.calls(*DELETE) == 3
    assert (await house.row(outcome.connection_id)).status == "disconnected"


@pytest.mark.rule("AUTH-080")
async def test_a_502_that_stays_is_reported_keeps_the_tokens_and_can_be_gone_on_with(house: House) -> None:
    outcome = await house.active()
    house.pleo.fault("status", *DELETE, status=502, times=None, after_effect=False)

    with pytest.raises(Refused) as caught:
        await disconnect(house.room, outcome.connection_id, "admin:test")

    assert caught.value.code == "pleo_unavailable"
    row = await house.row(outcome.connection_id)
    assert (row.status, row.paused_by) == ("paused", "operator")
    assert (await house.credential(outcome.connection_id)).refresh_token_sealed is not None

    house.pleo.control("DELETE", "/faults")
    await disconnect(house.room, outcome.connection_id, "admin:test")
    assert (await house.row(outcome.connection_id)).status == "disconnected"
    assert await nothing_secret_left(house, outcome.connection_id)


async def test_a_lost_reply_to_the_delete_is_not_held_against_us(house: House) -> None:
    outcome = await house.active()
    house.pleo.fault("drop", *DELETE, after_effect=True)
    await disconnect(house.room, outcome.connection_id, "admin:test")
    assert (await house.row(outcome.connection_id)).status == "disconnected"
    assert house.pleo.installations == []


@pytest.mark.rule("AUTH-080", "AUTH-084")
async def test_it_works_when_the_grant_is_dead_already(house: House) -> None:
    outcome = await house.active()
    house.pleo.control("POST", "/installations/disconnect", company_id=DEMO_COMPANY_ID)
    await disconnect(house.room, outcome.connection_id, "admin:test")
    assert (await house.row(outcome.connection_id)).status == "disconnected"
    assert await nothing_secret_left(house, outcome.connection_id)


async def test_without_the_right_to_list_subscriptions_the_installation_still_goes(house: House) -> None:
    outcome = await house.active()
    house.pleo.fault("status", "GET", "/v1/subscriptions", status=403, times=None)
    await disconnect(house.room, outcome.connection_id, "admin:test")
    assert house.pleo.installations == []
    assert (await house.row(outcome.connection_id)).status == "disconnected"


@pytest.mark.rule("EXP-ENT-04")
async def test_other_companies_are_untouched(house: House) -> None:
    one = await house.active()
    other = await house.active(SECOND_COMPANY_ID, database="other")

    await disconnect(house.room, one.connection_id, "admin:test")

    assert (await house.row(other.connection_id)).status == "active"
    assert len(house.pleo.installations) == len(house.pleo.subscriptions) == 1
    assert (await house.credential(other.connection_id)).refresh_token_sealed is not None


async def test_one_that_never_got_an_erp_or_a_subscription_can_go_too(house: House) -> None:
    house.pleo.fault("status", "GET", "/v1/subscriptions", times=6)
    outcome = await house.connect()
    await disconnect(house.room, outcome.connection_id, "admin:test")
    assert (await house.row(outcome.connection_id)).status == "disconnected"
    with pytest.raises(ConnectionUnknown):
        await disconnect(house.room, uuid.uuid4(), "admin:test")


async def test_webhooks_still_waiting_are_settled_because_nobody_will_look_any_more(house: House) -> None:
    outcome = await house.active()
    async with house.room.db.transaction() as session:
        session.add(
            WebhookDelivery(
                connection_id=outcome.connection_id,
                webhook_id="msg_1",
                event_type="v1.export-job.created",
                status=DeliveryStatus.QUEUED,
            )
        )

    await disconnect(house.room, outcome.connection_id, "admin:test")

    async with house.room.db.reading() as session:
        (delivery,) = await session.scalars(select(WebhookDelivery))
    assert (delivery.status, delivery.note) == (DeliveryStatus.DROPPED, "the connection has ended")
    assert delivery.settled_at is not None
