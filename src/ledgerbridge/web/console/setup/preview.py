"""`/settings/setup/preview`: what going live would do, looked up live and written nowhere."""

from __future__ import annotations

import asyncio
import uuid
from weakref import WeakValueDictionary

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from ledgerbridge.connections import setup
from ledgerbridge.connections.setup import Setup
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInCustomer
from ledgerbridge.web.console.live import Drawn, follow
from ledgerbridge.web.console.page import page
from ledgerbridge.web.console.setup import reading
from ledgerbridge.web.console.setup.foresight import WRITES, Foresight, switched_on
from ledgerbridge.web.console.setup.steps import walk
from ledgerbridge.web.pages import fragment
from ledgerbridge.web.services import Provided, Services

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
PATH = "/settings/setup/preview"
_LOOKING: WeakValueDictionary[uuid.UUID, asyncio.Lock] = WeakValueDictionary()
"""One look at a time for a company, however often its page is loaded."""


@router.get(PATH)
async def preview(
    request: Request, services: Provided, customer: SignedInCustomer, look: str | None = None
) -> HTMLResponse:
    """What the first syncs would do; with `look` found here and now, for a browser without script."""
    found = await setup.read(services.connections, customer.connection_id)
    foresight = _foresight(services, found)
    if look and foresight:
        async with _alone(customer.connection_id):
            while not foresight.over:
                await foresight.look()
    return page(
        request,
        customer,
        "setup/preview.html",
        company=found.connection.company_name,
        steps=walk(found, "preview", await reading.capabilities(services, found)),
        missing=found.missing,
        actions=[action.value for action in WRITES],
        kinds=foresight.shown() if foresight else None,
        expenses=foresight.expenses if foresight else None,
        looked=bool(look),
    )


@router.get(f"{PATH}/live")
async def live(request: Request, services: Provided, customer: SignedInCustomer) -> StreamingResponse:
    """The same, one kind after the other as it is found."""
    foresight = _foresight(services, await setup.read(services.connections, customer.connection_id))

    async def draw() -> Drawn:
        if foresight is None:
            return Drawn("", over=True)
        async with _alone(customer.connection_id):
            await foresight.look()
        html = fragment(
            "setup/foresight.html",
            actions=[action.value for action in WRITES],
            kinds=foresight.shown(),
            expenses=foresight.expenses,
        )
        return Drawn(html, over=foresight.over)

    return follow(request, services, draw)


def _foresight(services: Services, found: Setup) -> Foresight | None:
    if found.missing or found.in_force is None:
        return None
    return Foresight(services.syncs, services.exports, found.connection.id, switched_on(found.in_force.body))


def _alone(connection_id: uuid.UUID) -> asyncio.Lock:
    return _LOOKING.setdefault(connection_id, asyncio.Lock())
