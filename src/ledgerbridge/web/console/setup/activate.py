"""`/settings/setup/activate`: going live, with its progress, and the way back to Pleo."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections import setup
from ledgerbridge.connections.errors import Refused
from ledgerbridge.ops import overview
from ledgerbridge.store.tables import Connection, ConnectionStatus, SyncKind
from ledgerbridge.syncs import queries
from ledgerbridge.web import actions
from ledgerbridge.web.console import forms
from ledgerbridge.web.console.customer.syncs import shown_run
from ledgerbridge.web.console.doors import ConsoleRoute, Customer, SignedInCustomer
from ledgerbridge.web.console.live import Drawn, follow
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.console.setup import reading
from ledgerbridge.web.console.setup.steps import walk
from ledgerbridge.web.pages import fragment
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
PATH = "/settings/setup/activate"
REFRESH_SECONDS = 5


@router.get(PATH)
async def activation(request: Request, services: Provided, customer: SignedInCustomer) -> HTMLResponse:
    """What is missing, the button, the progress, or the end."""
    return await _shown(request, services, customer)


@router.post(PATH)
async def activate(request: Request, services: Provided, customer: SignedInCustomer) -> Response:
    """Go live. A pause that our operations ordered is theirs to lift."""
    try:
        if _held((await setup.read(services.connections, customer.connection_id)).connection):
            raise Refused("paused", text("golive.activate.held"))
        await setup.put_in_force(services.connections, customer.connection_id, customer.actor)
        await actions.activate(services, customer.connection_id, customer.actor)
    except Refused as refused:
        told = [FieldError("", refused.text), *(FieldError("", fault.text) for fault in refused.faults)]
        return await _shown(request, services, customer, status=409, errors=told)
    return forms.go(PATH)


@router.get(f"{PATH}/live")
async def live(request: Request, services: Provided, customer: SignedInCustomer) -> StreamingResponse:
    """The progress, until the activation has ended."""

    async def draw() -> Drawn:
        async with services.db.reading() as session:
            progress = await _progress(session, customer)
        return Drawn(fragment("setup/progress.html", progress=progress), over=not progress["under_way"])

    return follow(request, services, draw)


async def _shown(
    request: Request,
    services: Services,
    customer: Customer,
    *,
    status: int = 200,
    errors: list[FieldError] | None = None,
) -> HTMLResponse:
    found = await setup.read(services.connections, customer.connection_id)
    async with services.db.reading() as session:
        progress = await _progress(session, customer)
        questions = await queries.questions(session, customer.connection_id)
    return page(
        request,
        customer,
        "setup/activate.html",
        status=status,
        errors=errors or (),
        company=found.connection.company_name,
        erp=found.binding,
        steps=walk(found, "activate", await reading.capabilities(services, found)),
        missing=found.missing,
        status_word=found.connection.status,
        active=found.connection.status == ConnectionStatus.ACTIVE,
        may_activate=found.connection.status in (ConnectionStatus.SETTING_UP, ConnectionStatus.PAUSED)
        and not _held(found.connection),
        held=_held(found.connection),
        reason=found.connection.status_reason,
        progress=progress,
        questions=[shown_run(one) for one in questions],
        pleo=services.connections.endpoints.web_app,
        refresh_seconds=REFRESH_SECONDS if progress["under_way"] else None,
    )


def _held(connection: Connection) -> bool:
    """Whether our operations paused the company: for a reason that pressing Activate does not take away."""
    return connection.status == ConnectionStatus.PAUSED and connection.paused_by == "operator"


async def _progress(session: AsyncSession, customer: Customer) -> dict[str, Any]:
    """Each kind of an activation under way in a word, and how many records the one at work has done."""
    found = await overview.connection(session, customer.connection_id)
    assert found is not None  # noqa: S101 - a session belongs to a connection that is never deleted
    if found.progress is None:
        return {"under_way": found.connection.activating_since is not None, "kinds": []}
    runs = {run.kind: run for run in await queries.running(session, customer.connection_id)}

    def one(kind: SyncKind, state: str, tone: str) -> dict[str, Any]:
        run = runs.get(kind)
        done = run.created + run.updated + run.unarchived + run.unchanged if run and state == "now" else None
        return {
            "name": text(f"common.kind.{kind.value}"),
            "state": text(f"golive.activate.state.{state}"),
            "tone": tone,
            "done": done,
        }

    now = found.progress.waiting[:1]
    return {
        "under_way": True,
        "kinds": [
            *(one(kind, "done", "good") for kind in found.progress.done),
            *(one(kind, "left_behind", "bad") for kind in found.progress.left_behind),
            *(one(kind, "now", "wait") for kind in now),
            *(one(kind, "ahead", "off") for kind in found.progress.waiting[1:]),
        ],
    }
