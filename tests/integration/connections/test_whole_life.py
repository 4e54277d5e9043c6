"""What must hold from the first press of Connect to the last wipe."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import (
    subscriptions,
    uninstall,
    watch,
)
from ledgerbridge.connections.errors import (
    GrantEnded,
)
from ledgerbridge.pleo.credentials import client_header
from pleo_sandbox.config import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
)
from tests.integration.connections.conftest import House
from tests.integration.connections.steps import make_due, works
from tests.support.erp_double import DoubleErp


class Listening(httpx.AsyncBaseTransport):
    """The network, with every request remembered and a check made before each."""

    def __init__(self) -> None:
        self._network = httpx.AsyncHTTPTransport()
        self.seen: list[httpx.Request] = []
        self.check: Callable[[], None] = lambda: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.check()
        return await self._network.handle_async_request(request)


async def whole_life(house: House) -> None:
    outcome = await house.active()
    await house.change(outcome.connection_id, expires_at=utcnow())
    await watch.check(house.room, outcome.connection_id)
    await subscriptions.secret_for(
        house.with_room(now=lambda: utcnow() + dt.timedelta(minutes=9)).room, outcome.connection_id, re_read=True
    )
    await house.connect(session_token=outcome.session.token)
    await uninstall.disconnect(house.room, outcome.connection_id, "admin:test")


@pytest.mark.rule("AUTH-017", "AUTH-031", "AUTH-041", "AUTH-003")
async def test_our_client_secret_goes_to_the_token_endpoint_and_nowhere_else(make_house: Any) -> None:
    network = Listening()
    async with make_house(transport=network) as house:
        await whole_life(house)
        ours = client_header(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)

    assert {request.url.path for request in network.seen if request.headers["authorization"] == ours} == {
        "/oauth/token"
    }
    for request in network.seen:
        said = f"{request.url} {request.content!r}"
        assert DEFAULT_CLIENT_SECRET not in said
        assert quote_plus(DEFAULT_CLIENT_SECRET) not in said
        if request.url.path != "/oauth/token":
            assert request.headers["authorization"].startswith("Bearer ")


async def test_no_transaction_is_open_while_pleo_or_the_erp_is_called(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Listening()
    erp_calls: list[str] = []
    async with make_house(transport=network) as house:
        pool: Any = house.room.db.engine.pool

        def idle() -> None:
            assert pool.checkedout() == 0, "a database connection is held while Pleo or the ERP is called"

        real = DoubleErp._call

        def calling(erp: DoubleErp, name: str, *rest: Any, **more: Any) -> Any:
            erp_calls.append(name)
            idle()
            return real(erp, name, *rest, **more)

        monkeypatch.setattr(DoubleErp, "_call", calling)
        network.check = idle
        await whole_life(house)

    assert {"/oauth/token", "/v1/introspect", "/v1/installations/me:activate"} <= {one.url.path for one in network.seen}
    assert set(erp_calls) == {"company", "preflight", "chart"}


@pytest.mark.rule("AUTH-045")
async def test_no_log_line_and_no_error_carries_a_token(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        outcome = await house.active()
        await make_due(house, outcome.connection_id)
        house.pleo.fault("drop", "POST", "/oauth/token", after_effect=True)
        with pytest.raises(GrantEnded) as caught:
            await works(house, outcome.connection_id)
    tokens = list(house.pleo.running.sandbox.world.tokens._tokens)
    chain: list[BaseException] = [caught.value]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    said = caplog.text + "".join(repr(error) + str(error) for error in chain)
    assert len(tokens) >= 4
    assert not any(token in said for token in tokens)
