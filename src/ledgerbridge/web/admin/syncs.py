"""Syncs: start one, look at runs, allow what a run asked for, and what needs a person."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Body, Path

from ledgerbridge.connections.errors import ConnectionUnknown
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.ops import overview
from ledgerbridge.store import tables
from ledgerbridge.store.tables import SyncKind, SyncStatus
from ledgerbridge.syncs import queries
from ledgerbridge.syncs.vendors import resolve
from ledgerbridge.web import actions
from ledgerbridge.web.admin import models, render, sync_models
from ledgerbridge.web.admin.auth import Actor
from ledgerbridge.web.admin.paging import Cursor, Limit, Page, of_one_or_all
from ledgerbridge.web.admin.router import admin_router, answers
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided, Services

router = admin_router("syncs")
_RUNS = "sync-runs"
KindName = Annotated[str, Path(max_length=50, description="tags, accounts, tax_codes or vendors.")]

VendorId = Annotated[str, Path(max_length=100, description="Pleo's id of the vendor.")]


@router.post(
    "/connections/{connection_id}/syncs/{kind}",
    status_code=202,
    summary="Synchronise now",
    responses=answers(404, 409, 415, 422),
)
async def sync_now(
    services: Provided,
    actor: Actor,
    connection_id: uuid.UUID,
    kind: KindName,
    body: Annotated[sync_models.SyncNow | None, Body()] = None,
) -> models.Queued:
    """The same run as the schedule's. Takes back a switch-off after long failure."""
    queued = await actions.synchronise(services, connection_id, _kind(kind), actor, only=body.only if body else None)
    return models.Queued(id=connection_id, queued=queued)


@router.get("/sync-runs", summary="Sync runs, newest first", responses=answers(400, 404, 422))
async def list_runs(
    services: Provided,
    _actor: Actor,
    connection: uuid.UUID | None = None,
    kind: SyncKind | None = None,
    status: SyncStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[sync_models.SyncRun]:
    """Of one connection or all, with what each did."""
    listing = of_one_or_all(_RUNS, connection)
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        if connection is not None and await overview.connection(session, connection) is None:
            raise ConnectionUnknown(connection)
        found = await queries.runs(
            session, connection_id=connection, kind=kind, status=status, before=before, limit=limit + 1
        )
    return services.cursors.page(listing, found, limit, render.sync_run, lambda row: (row.started_at, row.id))


@router.get("/sync-runs/{run_id}", summary="One sync run with its problems", responses=answers(404, 422))
async def get_run(services: Provided, _actor: Actor, run_id: uuid.UUID) -> sync_models.SyncRunWithProblems:
    """Counts, and the reason of each record that failed or was left alone."""
    return render.sync_run_with_problems(await _run(services, run_id))


@router.post(
    "/sync-runs/{run_id}/confirm",
    status_code=202,
    summary="Allow the archiving a run asked for",
    responses=answers(404, 409, 422),
)
async def confirm(services: Provided, actor: Actor, run_id: uuid.UUID) -> models.Queued:
    """Both systems are read and compared anew, and no other records archived than the run asked for."""
    run = await _run(services, run_id)
    queued = await actions.allow_archiving(services, run, actor)
    return models.Queued(id=run.connection_id, queued=queued)


@router.get(
    "/connections/{connection_id}/warnings",
    summary="What a configuration or category uses that the ERP no longer has",
    responses=answers(400, 404, 422),
)
async def list_warnings(
    services: Provided,
    _actor: Actor,
    connection_id: uuid.UUID,
    resolved: bool = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[sync_models.MappingWarning]:
    """Open ones, newest first; with `resolved` also those that are settled."""
    listing = f"warnings/{connection_id}"
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        await connection_row(session, connection_id)
        found = await queries.warnings(session, connection_id, with_resolved=resolved, before=before, limit=limit + 1)
    return services.cursors.page(listing, found, limit, render.mapping_warning, lambda row: (row.seen_at, row.id))


@router.get(
    "/connections/{connection_id}/vendors",
    summary="Vendors that wait for a person",
    responses=answers(400, 404, 422),
)
async def list_parked_vendors(
    services: Provided, _actor: Actor, connection_id: uuid.UUID, cursor: Cursor = None, limit: Limit = 50
) -> Page[sync_models.ParkedVendor]:
    """With the reason and what can be done about it."""
    listing = f"vendors/{connection_id}"
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        await connection_row(session, connection_id)
        found = await queries.parked_vendors(session, connection_id, before=before, limit=limit + 1)
    return services.cursors.page(listing, found, limit, render.parked_vendor, lambda row: (row.created_at, row.id))


@router.post(
    "/connections/{connection_id}/vendors/{pleo_id}/resolve",
    summary="Decide on a vendor that waits",
    responses=answers(404, 409, 415, 422),
)
async def resolve_vendor(
    services: Provided, actor: Actor, connection_id: uuid.UUID, pleo_id: VendorId, body: sync_models.ResolveVendor
) -> sync_models.SyncRunWithProblems:
    """Carried out at once, as a run of its own, which is shown."""
    async with services.db.reading() as session:
        actions.refuse_inactive(await connection_row(session, connection_id))
    ended = await resolve.resolve(services.syncs, connection_id, pleo_id, body.action, actor, erp_id=body.erp_id)
    assert ended.run_id is not None  # noqa: S101 - a run that did not begin is refused
    return await get_run(services, actor, ended.run_id)


def _kind(name: str) -> SyncKind:
    try:
        return SyncKind(name)
    except ValueError:
        known = ", ".join(kind.value for kind in SyncKind)
        raise HttpProblem(404, f"There is no such kind of sync; the kinds are {known}.", kind="kind-unknown") from None


async def _run(services: Services, run_id: uuid.UUID) -> tables.SyncRun:
    async with services.db.reading() as session:
        found = await session.get(tables.SyncRun, run_id)
    if found is None:
        raise HttpProblem(404, "There is no such sync run.", kind="run-unknown")
    return found
