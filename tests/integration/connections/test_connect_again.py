"""A company that is connected already: taken over with all it has, or left to whom it belongs."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from ledgerbridge.connections import (
    activation,
    configuration,
    connect,
    erp_binding,
    sessions,
    uninstall,
    watch,
)
from ledgerbridge.connections.errors import ConnectRefused
from ledgerbridge.store.tables import (
    Connection,
    ConnectionStatus,
    ErpBinding,
)
from pleo_sandbox.config import (
    DEMO_COMPANY_ID,
    SECOND_COMPANY_ID,
)
from tests.integration.connections.conftest import BROWSER, ERP_SETTINGS, House
from tests.integration.connections.steps import count, held, refusal


@pytest.mark.rule("AUTH-066")
async def test_a_working_active_connection_is_left_to_whom_it_belongs(house: House) -> None:
    mine = await house.active()
    before = await house.credential(mine.connection_id)

    assert await house.connect_refused() == "connected_elsewhere"

    after = await house.credential(mine.connection_id)
    assert (after.generation, after.access_token_sealed) == (before.generation, before.access_token_sealed)
    assert (await house.row(mine.connection_id)).status == "active"


async def test_the_browser_that_is_signed_in_may_connect_its_own_company_again(house: House) -> None:
    mine = await house.active()

    again = await house.connect(session_token=mine.session.token)

    assert (again.connection_id, again.created, again.status) == (mine.connection_id, False, "active")
    assert (await configuration.current(house.room, mine.connection_id)).version == 1  # type: ignore[union-attr]
    assert house.looks.asked == [mine.connection_id]


@pytest.mark.rule("AUTH-066")
async def test_a_session_of_another_company_does_not_count(house: House) -> None:
    await house.active()
    other = await house.connect(SECOND_COMPANY_ID)

    assert await house.connect_refused(session_token=other.session.token) == "connected_elsewhere"


async def test_a_connection_whose_grant_is_dead_is_taken_over_with_everything_it_has(house: House) -> None:
    mine = await house.active()
    house.pleo.control("POST", "/tokens/revoke", company_id=DEMO_COMPANY_ID)

    again = await house.connect()

    assert (again.connection_id, again.status) == (mine.connection_id, "active")
    assert (await house.row(mine.connection_id)).status_reason is None
    assert await count(house, ErpBinding) == 1


@pytest.mark.rule("AUTH-066")
async def test_when_pleo_cannot_say_whether_the_old_one_works_it_is_left_alone(house: House) -> None:
    mine = await house.active()
    url = await connect.begin(house.room, BROWSER)
    params = house.pleo.decide(url)
    # The read with the new token passes, every read with the old one fails.
    house.pleo.fault("status", "GET", "/v1/installations/me", skip=1, times=None)

    assert (await refusal(house, params)).code == "cannot_check_now"
    assert (await house.row(mine.connection_id)).status == "active"


async def test_a_customer_who_disconnected_in_pleo_and_comes_back_goes_live_again(house: House) -> None:
    mine = await house.active()
    house.pleo.control("POST", "/installations/disconnect", company_id=DEMO_COMPANY_ID)

    again = await house.connect()

    assert (again.connection_id, again.status) == (mine.connection_id, "active")
    assert house.pleo.installations[0].status == "ACTIVATED"
    assert house.looks.asked == [mine.connection_id]


@pytest.mark.rule("AUTH-059")
async def test_reconnecting_keeps_configuration_and_binding(house: House) -> None:
    mine = await house.active()
    await house.change(mine.connection_id, Connection, status=ConnectionStatus.RECONNECT_NEEDED)

    again = await house.connect()

    assert (again.connection_id, again.status, again.created) == (mine.connection_id, "active", False)


async def test_an_operators_pause_survives_reconnecting(house: House) -> None:
    mine = await house.active()
    await activation.pause(house.room, mine.connection_id, "admin:test", "Looks odd.")
    again = await house.connect(session_token=mine.session.token)
    row = await house.row(mine.connection_id)
    assert (again.status, row.status, row.status_reason) == ("paused", "paused", "Looks odd.")


async def test_a_disconnected_company_comes_back_as_the_same_row_without_its_erp_key(house: House) -> None:
    mine = await house.active()
    await uninstall.disconnect(house.room, mine.connection_id, "admin:test")

    again = await house.connect()

    assert (again.connection_id, again.created, again.status) == (mine.connection_id, False, "setting_up")
    await erp_binding.bind(house.room, mine.connection_id, "double", ERP_SETTINGS, "admin:test")
    assert (await activation.activate(house.room, mine.connection_id, "admin:test")).first_time is False


async def test_of_two_that_connect_again_at_once_the_second_does_not_overwrite_the_first(house: House) -> None:
    mine = await house.connect()
    params = [house.pleo.decide(await connect.begin(house.room, BROWSER)) for _ in range(2)]

    async with held(house, Connection, until_in_line=2):
        answers = [asyncio.create_task(connect.complete(house.room, BROWSER, one)) for one in params]
    outcomes = await asyncio.gather(*answers, return_exceptions=True)

    refused = [one for one in outcomes if isinstance(one, ConnectRefused)]
    assert [one.code for one in refused] == ["cannot_check_now"]
    assert (await watch.check(house.room, mine.connection_id)) is watch.Verdict.WELL


async def test_two_browsers_that_connect_one_company_at_once_make_one_connection(house: House) -> None:
    params = [house.pleo.decide(await connect.begin(house.room, BROWSER)) for _ in range(3)]

    outcomes = await asyncio.gather(
        *(connect.complete(house.room, BROWSER, one) for one in params), return_exceptions=True
    )

    connected = [one for one in outcomes if isinstance(one, connect.ConnectOutcome)]
    assert connected
    assert len({one.connection_id for one in connected}) == 1
    assert all(isinstance(one, connect.ConnectOutcome | ConnectRefused) for one in outcomes)
    assert await count(house, Connection) == 1


@pytest.mark.rule("AUTH-001")
async def test_the_same_company_id_in_another_environment_is_another_connection(house: House) -> None:
    await house.connect()
    async with house.room.db.transaction() as session:
        session.add(
            Connection(
                id=uuid.uuid4(),
                environment="production",
                company_id=DEMO_COMPANY_ID,
                auth_method="oauth",
                subject_urn="urn",
                status=ConnectionStatus.ACTIVE,
            )
        )
    assert await count(house, Connection) == 2


async def test_taking_a_connection_over_signs_others_out(house: House) -> None:
    mine = await house.active()
    house.pleo.control("POST", "/tokens/revoke", company_id=DEMO_COMPANY_ID)
    again = await house.connect()
    assert await sessions.connection_of(house.room, mine.session.token) is None
    assert await sessions.connection_of(house.room, again.session.token) == mine.connection_id
