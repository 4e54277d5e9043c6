"""`/settings/syncs`: how fresh Pleo's lists are, runs with what they did, and the question a run may ask."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.ops import overview
from ledgerbridge.store.tables import ConnectionStatus, SyncKind, SyncRun, SyncStatus
from ledgerbridge.syncs import queries
from ledgerbridge.syncs.record import Action
from ledgerbridge.web import actions
from ledgerbridge.web.console import forms, tones
from ledgerbridge.web.console.doors import ConsoleRoute, Customer, SignedInCustomer
from ledgerbridge.web.console.live import Drawn, follow
from ledgerbridge.web.console.page import page
from ledgerbridge.web.pages import fragment
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
PATH = "/settings/syncs"
RUNS = 20

_DID = frozenset({"created", "updated", "unarchived", "archived", "skipped", "failed"})


@router.get(PATH)
async def syncs(
    request: Request, services: Provided, customer: SignedInCustomer, cursor: str | None = None
) -> HTMLResponse:
    """Freshness of each kind, open questions, and the last runs."""
    listing = f"console/syncs/{customer.connection_id}"
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        found = await _state(session, customer)
        runs = await queries.runs(session, connection_id=customer.connection_id, before=before, limit=RUNS + 1)
    older = (
        services.cursors.write(listing, (runs[RUNS - 1].started_at, runs[RUNS - 1].id)) if len(runs) > RUNS else None
    )
    return page(
        request,
        customer,
        "syncs/overview.html",
        **found,
        runs=[shown_run(run) for run in runs[:RUNS]],
        newest=PATH if before else None,
        older=f"{PATH}?cursor={older}" if older else None,
    )


@router.get(f"{PATH}/live")
async def live(request: Request, services: Provided, customer: SignedInCustomer) -> StreamingResponse:
    """The state of each kind, drawn anew while something runs."""

    async def draw() -> Drawn:
        async with services.db.reading() as session:
            found = await _state(session, customer)
        html = fragment("syncs/kinds.html", **found, visitor=customer)
        return Drawn(html, over=not found["running"])

    return follow(request, services, draw)


@router.post(PATH)
async def synchronise(request: Request, services: Provided, customer: SignedInCustomer) -> Response:
    """Synchronise one kind now."""
    kind = _kind((await forms.fields(request)).get("kind", ""))
    queued = await actions.synchronise(services, customer.connection_id, kind, customer.actor)
    return forms.go(PATH, done="syncs.flash.queued" if queued else "syncs.flash.waiting_already")


@router.get(PATH + "/{run_id}")
async def run(request: Request, services: Provided, customer: SignedInCustomer, run_id: uuid.UUID) -> HTMLResponse:
    """What one run did, and why single records were left alone."""
    found = await _run(services, customer, run_id)
    async with services.db.reading() as session:
        asked = await queries.newest_of_its_kind(session, found)
        view = await overview.connection(session, customer.connection_id)
    open_question = found.status == SyncStatus.NEEDS_CONFIRMATION and asked is not None and asked.id == found.id
    return page(
        request,
        customer,
        "syncs/run.html",
        company=view.connection.company_name if view else None,
        run=shown_run(found),
        problems=found.problems,
        left_out=found.problems_left_out,
        asks=open_question,
        outdated=found.status == SyncStatus.NEEDS_CONFIRMATION and not open_question,
    )


@router.post(PATH + "/{run_id}")
async def allow(request: Request, services: Provided, customer: SignedInCustomer, run_id: uuid.UUID) -> Response:
    """Allow the archiving the run asked for."""
    await actions.allow_archiving(services, await _run(services, customer, run_id), customer.actor)
    return forms.go(PATH, done="syncs.flash.allowed")


async def _state(session: AsyncSession, customer: Customer) -> dict[str, Any]:
    found = await overview.connection(session, customer.connection_id)
    assert found is not None  # noqa: S101 - a session belongs to a connection that is never deleted
    running = {one.kind for one in await queries.running(session, customer.connection_id)}
    questions = await queries.questions(session, customer.connection_id)
    return {
        "company": found.connection.company_name,
        "active": found.connection.status == ConnectionStatus.ACTIVE,
        "running": bool(running),
        "questions": [shown_run(one) for one in questions],
        "kinds": [
            {
                "kind": one.kind.value,
                "name": text(f"common.kind.{one.kind.value}"),
                "what": text(f"syncs.what.{one.kind.value}"),
                "status": text("common.sync.running" if one.kind in running else f"common.sync.{one.state.value}"),
                "tone": "wait" if one.kind in running else tones.FRESHNESS.get(one.state, "off"),
                "last": one.last_success_at,
                "next": one.next_due_at,
                "reason": one.reason,
                "running": one.kind in running,
            }
            for one in found.syncs
        ],
    }


def shown_run(run: SyncRun) -> dict[str, Any]:
    """A run as lists and pages show it."""
    counts = [(action.value, getattr(run, action.value)) for action in Action]
    return {
        "id": run.id,
        "path": f"{PATH}/{run.id}",
        "kind": text(f"common.kind.{run.kind}"),
        "only": run.only,
        "trigger": text(f"syncs.trigger.{run.trigger}"),
        "status": text(f"common.sync.{run.status}"),
        "tone": tones.RUN.get(run.status, "off"),
        "started": run.started_at,
        "ended": run.ended_at,
        "counts": [(text(f"syncs.count.{name}"), count) for name, count in counts],
        "did": ", ".join(text(f"syncs.did.{name}", count=count) for name, count in counts if count and name in _DID),
        "reason": run.reason,
        "to_archive": run.to_archive,
        "allowed_by": run.allowed_by,
    }


async def _run(services: Services, customer: Customer, run_id: uuid.UUID) -> SyncRun:
    async with services.db.reading() as session:
        found = await queries.run_of(session, customer.connection_id, run_id)
    if found is None:
        raise HttpProblem(404, text("syncs.no_such_run"), kind="run-unknown")
    return found


def _kind(name: str) -> SyncKind:
    try:
        return SyncKind(name)
    except ValueError:
        raise HttpProblem(422, text("syncs.no_such_kind"), kind="kind-unknown") from None
