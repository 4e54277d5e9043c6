"""Going live: everything checked, everything repeatable, Pleo told last."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections import erp_binding, subscriptions
from ledgerbridge.connections.activation import activate, finish, give_up, pause, resume
from ledgerbridge.connections.errors import ActivationRefused, ConnectionUnknown, Refused
from ledgerbridge.erp.port import ErpCompany
from ledgerbridge.store.tables import Connection, ConnectionStatus
from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.integration.connections.conftest import ERP_SETTINGS, House
from tests.support.erp_double import down

ACTIVATE = ("POST", "/v1/installations/me:activate")


async def refused(house: House, connection_id: uuid.UUID, **more: Any) -> ActivationRefused:
    before = (await house.row(connection_id)).status
    with pytest.raises(ActivationRefused) as caught:
        await activate(house.room, connection_id, "admin:test", **more)
    assert (await house.row(connection_id)).status == before
    assert house.looks.asked == []
    return caught.value


@pytest.mark.rule("AUTH-070", "HOOK-003")
async def test_subscription_then_first_syncs_then_pleo_then_one_look(house: House) -> None:
    outcome = await house.configured()
    for one in house.pleo.subscriptions:
        house.pleo.running.sandbox.world.subscriptions.switch_off(one)
    queued: list[uuid.UUID] = []

    async def first_syncs(session: AsyncSession, connection_id: uuid.UUID) -> None:
        assert [one.wish.status for one in house.pleo.subscriptions] == ["ACTIVE"]
        queued.append(connection_id)

    syncing = house.with_room(first_syncs=first_syncs)
    begun = await activate(syncing.room, outcome.connection_id, "admin:test")

    assert queued == [outcome.connection_id]
    assert begun.under_way
    assert house.pleo.installations[0].status == "AUTHORIZED"
    assert house.looks.asked == []
    row = await house.row(outcome.connection_id)
    assert (row.status, row.activating_since is not None, row.activating_by) == ("setting_up", True, "admin:test")

    activated = await finish(syncing.room, outcome.connection_id, "admin:test")

    assert (activated.first_time, activated.installation_status) == (True, "ACTIVATED")
    assert house.pleo.installations[0].status == "ACTIVATED"
    assert house.looks.asked == [outcome.connection_id]
    row = await house.row(outcome.connection_id)
    assert (row.status, row.installation_status, row.activated_at is not None) == ("active", "ACTIVATED", True)
    assert (row.activating_since, row.activating_by) == (None, None)


async def test_a_connection_that_is_active_or_paused_needs_no_first_syncs_again(house: House) -> None:
    outcome = await house.active()

    async def first_syncs(*_: object) -> None:
        raise AssertionError("queued again")

    syncing = house.with_room(first_syncs=first_syncs)
    assert not (await activate(syncing.room, outcome.connection_id, "admin:test")).under_way
    await pause(house.room, outcome.connection_id, "admin:test", "Year end.")
    assert not (await activate(syncing.room, outcome.connection_id, "admin:test")).under_way
    assert (await house.row(outcome.connection_id)).status == "active"


async def test_an_activation_that_is_given_up_says_why_and_can_be_begun_again(house: House) -> None:
    outcome = await house.configured()

    async def first_syncs(*_: object) -> None:
        return None

    syncing = house.with_room(first_syncs=first_syncs)
    await activate(syncing.room, outcome.connection_id, "admin:test")
    await give_up(syncing.room, outcome.connection_id, ActivationRefused("installation_off", "Pleo shows it as off."))
    row = await house.row(outcome.connection_id)
    assert (row.status, row.status_reason, row.activating_since) == ("setting_up", "Pleo shows it as off.", None)
    assert row.activation_refusal == {"code": "installation_off", "text": "Pleo shows it as off."}

    await activate(syncing.room, outcome.connection_id, "admin:test")
    row = await house.row(outcome.connection_id)
    assert (row.activating_since is not None, row.activation_refusal) == (True, None)


@pytest.mark.rule("AUTH-071")
async def test_activating_twice_tells_pleo_once(house: House) -> None:
    outcome = await house.configured()
    for first_time in (True, False):
        activated = await activate(house.room, outcome.connection_id, "admin:test")
        assert activated.first_time is first_time
    assert house.pleo.calls(*ACTIVATE) == 1


@pytest.mark.rule("AUTH-071")
@pytest.mark.parametrize(("status", "calls"), [("AUTHORIZED", 1), ("PENDING_INTEGRATION", 1), ("ACTIVATED", 0)])
async def test_pleo_is_told_only_where_it_waits_for_it(house: House, status: str, calls: int) -> None:
    outcome = await house.configured()
    house.pleo.installations[0].status = status
    await activate(house.room, outcome.connection_id, "admin:test")
    assert house.pleo.calls(*ACTIVATE) == calls


@pytest.mark.parametrize("status", ["INACTIVE", "ERROR"])
async def test_an_installation_that_is_off_is_not_activated_but_explained(house: House, status: str) -> None:
    outcome = await house.configured()
    house.pleo.installations[0].status = status
    said = await refused(house, outcome.connection_id)
    assert said.code == "installation_off"
    assert status in said.text
    assert house.pleo.calls(*ACTIVATE) == 0


async def test_an_app_registered_without_activation_needs_none(house: House) -> None:
    house.pleo.control("POST", "/clients", client_id=house.room.settings.pleo_client_id, needs_activation=False)
    outcome = await house.configured()
    await activate(house.room, outcome.connection_id, "admin:test")
    assert house.pleo.calls(*ACTIVATE) == 0
    assert (await house.row(outcome.connection_id)).status == "active"


@pytest.mark.rule("LIMIT-030", "LIMIT-031")
async def test_a_lost_reply_to_the_activation_is_looked_up_not_repeated(house: House) -> None:
    outcome = await house.configured()
    house.pleo.fault("drop", *ACTIVATE, after_effect=True)
    assert (await activate(house.room, outcome.connection_id, "admin:test")).installation_status == "ACTIVATED"
    assert house.pleo.calls(*ACTIVATE) == 1


async def test_a_lost_activation_is_refused_in_words_and_works_the_next_time(house: House) -> None:
    outcome = await house.configured()
    house.pleo.fault("drop", *ACTIVATE, after_effect=False)
    assert (await refused(house, outcome.connection_id)).code == "pleo_unavailable"
    await activate(house.room, outcome.connection_id, "admin:test")
    assert (await house.row(outcome.connection_id)).status == "active"


async def test_what_is_missing_is_named(house: House) -> None:
    outcome = await house.connect()
    said = await refused(house, outcome.connection_id)
    assert said.code == "not_configured"
    assert "accounting system" in said.text
    assert "configuration" in said.text

    await erp_binding.bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")
    said = await refused(house, outcome.connection_id)
    assert "accounting system" not in said.text
    assert house.pleo.calls(*ACTIVATE) == 0


@pytest.mark.parametrize("call", ["company", "preflight", "chart"])
async def test_an_erp_that_is_not_ready_stops_the_activation(house: House, call: str) -> None:
    outcome = await house.configured()
    house.books.before[call] = [down()]
    assert (await refused(house, outcome.connection_id)).code == "erp_unreachable"
    assert house.pleo.calls(*ACTIVATE) == 0


async def test_another_erp_company_stops_the_activation(house: House) -> None:
    outcome = await house.configured()
    house.books.company = ErpCompany("1", "Other ApS", "99", "DKK")
    said = await refused(house, outcome.connection_id)
    assert said.code == "erp_company_changed"
    assert "Other ApS (99)" in said.text


async def test_a_configuration_the_erp_has_outgrown_stops_the_activation(house: House) -> None:
    outcome = await house.configured()
    house.books.chart = replace(house.books.chart, journals=())
    said = await refused(house, outcome.connection_id)
    assert (said.code, [fault.path for fault in said.faults]) == ("configuration_outdated", ["journal"])


@pytest.mark.parametrize("status", [ConnectionStatus.RECONNECT_NEEDED, ConnectionStatus.DISCONNECTED])
async def test_a_connection_without_access_must_reconnect_first(house: House, status: ConnectionStatus) -> None:
    outcome = await house.configured()
    await house.change(outcome.connection_id, Connection, status=status)
    assert (await refused(house, outcome.connection_id)).code == "reconnect_needed"


async def test_a_grant_that_ends_during_activation_is_said(house: House) -> None:
    outcome = await house.configured()
    house.pleo.control("POST", "/tokens/revoke", company_id=DEMO_COMPANY_ID)
    with pytest.raises(ActivationRefused) as caught:
        await activate(house.room, outcome.connection_id, "admin:test")
    assert caught.value.code == "reconnect_needed"
    assert (await house.row(outcome.connection_id)).status == "reconnect_needed"


async def test_an_installation_that_is_gone_is_said(house: House) -> None:
    outcome = await house.configured()
    house.pleo.fault("status", "GET", "/v1/installations/me", status=404)
    assert (await refused(house, outcome.connection_id)).code == "installation_gone"
    assert house.pleo.calls("POST", "/v1/installations/me") == 0


@pytest.mark.parametrize("step", ["subscription", "activation"])
async def test_it_resumes_after_a_crash_at_any_step(house: House, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    outcome = await house.configured()

    async def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "subscription":
            patch.setattr(subscriptions, "ensure", crash)
        else:
            patch.setattr(house.looks.__class__, "__call__", crash)
        with pytest.raises(KeyboardInterrupt):
            await activate(house.room, outcome.connection_id, "admin:test")
    assert (await house.row(outcome.connection_id)).status == "setting_up"

    await activate(house.room, outcome.connection_id, "admin:test")

    assert (await house.row(outcome.connection_id)).status == "active"
    assert house.pleo.calls(*ACTIVATE) == 1
    assert len(house.pleo.subscriptions) == 1
    assert house.looks.asked == [outcome.connection_id]


async def test_pausing_and_going_on(house: House) -> None:
    outcome = await house.active()
    await pause(house.room, outcome.connection_id, "admin:test", "Year end.")
    row = await house.row(outcome.connection_id)
    assert (row.status, row.status_reason, row.paused_by) == ("paused", "Year end.", "operator")
    assert (await house.credential(outcome.connection_id)).refresh_token_sealed is not None

    await resume(house.room, outcome.connection_id, "admin:test")
    await resume(house.room, outcome.connection_id, "admin:test")

    row = await house.row(outcome.connection_id)
    assert (row.status, row.status_reason, row.paused_by) == ("active", None, None)
    assert house.looks.asked == [outcome.connection_id]


async def test_activating_lifts_a_pause(house: House) -> None:
    outcome = await house.active()
    await pause(house.room, outcome.connection_id, "admin:test", "Year end.")
    await activate(house.room, outcome.connection_id, "admin:test")
    assert (await house.row(outcome.connection_id)).status == "active"


async def test_what_is_not_active_can_be_neither_paused_nor_resumed(house: House) -> None:
    outcome = await house.configured()
    with pytest.raises(Refused, match="setting_up"):
        await pause(house.room, outcome.connection_id, "admin:test", "")
    with pytest.raises(Refused, match="setting_up"):
        await resume(house.room, outcome.connection_id, "admin:test")
    with pytest.raises(ConnectionUnknown):
        await activate(house.room, uuid.uuid4(), "admin:test")
