"""API keys: the second kind of credential behind the same interface."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ledgerbridge.connections import activation, configuration, erp_binding, uninstall, watch
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.api_keys import connect_with_key, replace_key
from ledgerbridge.connections.connect import ConnectOutcome
from ledgerbridge.connections.errors import ConnectRefused
from ledgerbridge.pleo.errors import Unauthorised
from ledgerbridge.pleo.installations import InstallationsApi
from pleo_sandbox.config import DEMO_COMPANY_ID, ORGANISATION_ID, SECOND_COMPANY_ID
from tests.integration.connections.conftest import CONFIG, ERP_SETTINGS, House, Rewriting


def new_key(house: House, company_id: str = DEMO_COMPANY_ID) -> str:
    key: str = house.pleo.control("POST", "/api-keys", company_id=company_id)["key"]
    return key


def revoke(house: House, key: str) -> None:
    del house.pleo.running.sandbox.world.credentials.api_keys[key]


async def activated(house: House, outcome: ConnectOutcome) -> None:
    await erp_binding.bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")
    await configuration.put(house.room, outcome.connection_id, CONFIG, "admin:test")
    await activation.activate(house.room, outcome.connection_id, "admin:test")


@pytest.mark.rule("AUTH-101", "AUTH-104", "VEN-017")
async def test_a_key_is_proven_with_test_calls_and_bound_to_its_company(house: House) -> None:
    key = new_key(house)

    outcome = await connect_with_key(house.room, f"  {key}\n", "admin:test")

    row = await house.row(outcome.connection_id)
    assert (row.company_id, row.auth_method, row.status) == (DEMO_COMPANY_ID, "api_key", "setting_up")
    credential = await house.credential(outcome.connection_id)
    assert credential.access_token_sealed is None
    assert key.encode() not in (credential.api_key_sealed or b"")
    assert key not in repr(outcome)
    first = [one.path for one in house.pleo.running.sandbox.world.recorder.requests][:2]
    assert first == ["/v1/installations/me", "/v1/introspect"]
    assert house.pleo.token_calls("refresh_token") == house.pleo.token_calls("authorization_code") == 0


@pytest.mark.rule("AUTH-101")
@pytest.mark.parametrize("key", ["pleo_never_issued", "", "with blank", "with:colon-in-it", "ümlaut-is-not-a-key"])
async def test_a_key_pleo_does_not_take_connects_nothing(house: House, key: str) -> None:
    with pytest.raises(ConnectRefused) as caught:
        await connect_with_key(house.room, key, "admin:test")
    assert caught.value.code == "key_refused"
    assert await watch.watched(house.room) == []


@pytest.mark.rule("AUTH-102")
async def test_the_installation_is_made_by_us_and_activated(house: House) -> None:
    outcome = await connect_with_key(house.room, new_key(house), "admin:test")
    assert house.pleo.installations == []

    await activated(house, outcome)

    assert [one.status for one in house.pleo.installations] == ["ACTIVATED"]
    assert house.pleo.calls("POST", "/v1/installations/me") == 1
    await activation.activate(house.room, outcome.connection_id, "admin:test")
    assert house.pleo.calls("POST", "/v1/installations/me") == 1
    assert await watch.check(house.room, outcome.connection_id) is watch.Verdict.WELL


@pytest.mark.rule("AUTH-102", "LIMIT-030")
async def test_a_lost_reply_to_making_the_installation_makes_no_second_one(house: House) -> None:
    outcome = await connect_with_key(house.room, new_key(house), "admin:test")
    house.pleo.fault("drop", "POST", "/v1/installations/me", after_effect=True)
    await activated(house, outcome)
    assert house.pleo.calls("POST", "/v1/installations/me") == 1


@pytest.mark.rule("AUTH-103")
async def test_a_key_can_be_replaced_while_the_connection_lives(house: House) -> None:
    old = new_key(house)
    outcome = await connect_with_key(house.room, old, "admin:test")
    await activated(house, outcome)
    running = await open_pleo(house.room, outcome.connection_id)
    await InstallationsApi(running).get()

    again = await replace_key(house.room, outcome.connection_id, new_key(house), "admin:test")
    revoke(house, old)

    assert (again.connection_id, again.status) == (outcome.connection_id, "active")
    assert (await InstallationsApi(running).get()).works, "a client opened before finds the new key after a 401"


@pytest.mark.rule("AUTH-103")
async def test_a_replacement_that_does_not_work_leaves_the_old_key(house: House) -> None:
    outcome = await connect_with_key(house.room, new_key(house), "admin:test")
    before = (await house.credential(outcome.connection_id)).api_key_sealed
    for key, code in (
        ("pleo_never_issued", "key_refused"),
        (new_key(house, SECOND_COMPANY_ID), "key_of_other_company"),
    ):
        with pytest.raises(ConnectRefused) as caught:
            await replace_key(house.room, outcome.connection_id, key, "admin:test")
        assert caught.value.code == code
    assert (await house.credential(outcome.connection_id)).api_key_sealed == before


@pytest.mark.rule("AUTH-066")
async def test_a_key_does_not_take_a_working_connection_over(house: House) -> None:
    await house.active()
    with pytest.raises(ConnectRefused) as caught:
        await connect_with_key(house.room, new_key(house), "admin:test")
    assert caught.value.code == "connected_elsewhere"


async def test_a_key_that_was_revoked_pauses_work_and_keeps_it(house: House) -> None:
    key = new_key(house)
    outcome = await connect_with_key(house.room, key, "admin:test")
    await activated(house, outcome)
    revoke(house, key)

    with pytest.raises(Unauthorised):
        await InstallationsApi(await open_pleo(house.room, outcome.connection_id)).get()
    assert await watch.check(house.room, outcome.connection_id) is watch.Verdict.PAUSED

    assert (await house.credential(outcome.connection_id)).api_key_sealed is not None
    assert (await replace_key(house.room, outcome.connection_id, new_key(house), "admin:test")).status == "active"


async def test_disconnecting_wipes_the_key(house: House) -> None:
    outcome = await connect_with_key(house.room, new_key(house), "admin:test")
    await activated(house, outcome)
    await uninstall.disconnect(house.room, outcome.connection_id, "admin:test")
    assert (await house.credential(outcome.connection_id)).api_key_sealed is None
    assert house.pleo.installations == []


@pytest.mark.rule("AUTH-065", "AUTH-101")
@pytest.mark.parametrize(
    ("subject", "code"),
    [
        (f"urn:pleo:organisation:{ORGANISATION_ID}", "organisation"),
        (f"urn:pleo:team:{ORGANISATION_ID}", "company_unclear"),
        (None, "company_unclear"),
    ],
)
async def test_a_key_that_is_not_a_companys_connects_nothing(make_house: Any, subject: str | None, code: str) -> None:
    def other(request: httpx.Request, body: Any) -> Any:
        if request.url.path == "/v1/introspect":
            body["data"]["subjectURN"] = subject
        return body

    async with make_house(transport=Rewriting(other)) as house:
        with pytest.raises(ConnectRefused) as caught:
            await connect_with_key(house.room, new_key(house), "admin:test")
        assert caught.value.code == code
        assert await watch.watched(house.room) == []
