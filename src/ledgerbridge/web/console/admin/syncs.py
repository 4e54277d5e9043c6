"""`/admin/syncs`: sync runs of all companies, and one with what it could not do and what it asks."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.ops import overview
from ledgerbridge.ops.roster import names_of
from ledgerbridge.store.tables import SyncKind, SyncRun, SyncStatus
from ledgerbridge.syncs import queries
from ledgerbridge.web import actions
from ledgerbridge.web.console.admin import showing
from ledgerbridge.web.console.admin.connections import chosen
from ledgerbridge.web.console.admin.exports import company
from ledgerbridge.web.console.admin.showing import PAGE
from ledgerbridge.web.console.doors import ConsoleRoute, Operator, SignedInOperator
from ledgerbridge.web.console.forms import go, link
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_HERE = "/admin/syncs"
COUNTS = ("created", "updated", "unarchived", "archived", "unchanged", "skipped", "failed")


@router.get("/admin/syncs")
async def all_runs(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    connection: str = "",
    kind: str = "",
    status: str = "",
    cursor: str | None = None,
) -> HTMLResponse:
    """Newest first, of one company or all."""
    of = await company(services, connection)
    connection_id = of.connection.id if of else None
    wanted_kind, wanted = chosen(SyncKind, kind), chosen(SyncStatus, status)
    listing = f"console/syncs/{connection_id or 'all'}/{wanted_kind or ''}/{wanted or ''}"
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        found = await queries.runs(
            session, connection_id=connection_id, kind=wanted_kind, status=wanted, before=before, limit=PAGE + 1
        )
        names = await names_of(session, {one.connection_id for one in found})
    last = found[PAGE - 1] if len(found) > PAGE else None
    more = services.cursors.write(listing, (last.started_at, last.id)) if last else None
    kept = {"connection": connection_id, "kind": wanted_kind, "status": wanted}
    return page(
        request,
        operator,
        "admin/syncs.html",
        show=showing,
        rows=found[:PAGE],
        names=names,
        of=of,
        kind=kind,
        status_chosen=status,
        kinds=[(one.value, text(f"common.kind.{one}")) for one in SyncKind],
        statuses=[(one.value, text(f"common.sync.{one}")) for one in SyncStatus],
        newest=link(_HERE, **kept) if cursor else None,
        older=link(_HERE, **kept, cursor=more) if more else None,
    )


@router.get("/admin/syncs/{run_id}")
async def one_run(request: Request, services: Provided, operator: SignedInOperator, run_id: uuid.UUID) -> HTMLResponse:
    """What it did, and each record it could not do."""
    return await _page(request, services, operator, await _run(services, run_id))


@router.post("/admin/syncs/{run_id}/confirm")
async def confirm(request: Request, services: Provided, operator: SignedInOperator, run_id: uuid.UUID) -> Response:
    """Allow the archiving it asks for."""
    run = await _run(services, run_id)
    if errors := await showing.refused(actions.allow_archiving(services, run, operator.actor)):
        return await _page(request, services, operator, run, errors)
    return go(f"{_HERE}/{run_id}", done="admin.flash.allowed")


async def _page(
    request: Request, services: Services, operator: Operator, run: SyncRun, errors: list[FieldError] | None = None
) -> HTMLResponse:
    async with services.db.reading() as session:
        of = await overview.connection(session, run.connection_id)
        newest = await queries.newest_of_its_kind(session, run)
    assert of is not None  # noqa: S101 - the row of a connection stays as long as its runs
    return page(
        request,
        operator,
        "admin/sync.html",
        status=409 if errors else 200,
        errors=errors or (),
        show=showing,
        run=run,
        of=of,
        counts=[(text(f"admin.sync.{name}"), getattr(run, name)) for name in COUNTS],
        asks=run.status == SyncStatus.NEEDS_CONFIRMATION and (newest is None or newest.id == run.id),
        newer=newest if newest is not None and newest.id != run.id else None,
    )


async def _run(services: Services, run_id: uuid.UUID) -> SyncRun:
    async with services.db.reading() as session:
        found = await session.get(SyncRun, run_id)
    if found is None:
        raise HttpProblem(404, text("admin.sync.no_such"), kind="run-unknown")
    return found
