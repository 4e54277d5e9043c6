"""Syncs: start one, look at runs, allow what a run asked for, and what needs a person."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Body, Path
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.errors import ConnectionUnknown, Refused
from ledgerbridge.connections.rows import connection_row, newest_config
from ledgerbridge.ops import audit, overview
from ledgerbridge.store import tables
from ledgerbridge.store.tables import ConnectionStatus, SyncKind, SyncStatus
from ledgerbridge.syncs import queries
from ledgerbridge.syncs.enqueue import enqueue_sync
from ledgerbridge.syncs.ladder import NAMES
from ledgerbridge.syncs.schedule import rhythm
from ledgerbridge.syncs.tags.groups import key
from ledgerbridge.syncs.vendors import resolve
from ledgerbridge.web.admin import models, render, sync_models
from ledgerbridge.web.admin.auth import Actor
from ledgerbridge.web.admin.paging import Cursor, Limit, Page, of_one_or_all
from ledgerbridge.web.admin.router import admin_router, answers
from ledgerbridge.web.problems import Fault, HttpProblem
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
    wanted = _kind(kind)
    only = body.only if body else None
    if only is not None and wanted not in (SyncKind.TAGS, SyncKind.VENDORS):
        raise HttpProblem(422, "Only tags and vendors can be limited to one.", kind="invalid-request")
    async with services.db.transaction() as session:
        connection = await connection_row(session, connection_id)
        _refuse_inactive(connection)
        await _refuse_unconfigured(session, connection_id, wanted, only)
        queued = await enqueue_sync(session, services.queue, connection_id, wanted, "manual", only=only)
        audit.record(session, actor, "sync_requested", connection_id, kind=wanted.value, only=only, queued=queued)
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
    async with services.db.transaction() as session:
        connection = await connection_row(session, run.connection_id, lock=True)
        _refuse_inactive(connection)
        newest = await queries.newest_of_its_kind(session, run)
        if run.status != SyncStatus.NEEDS_CONFIRMATION or run.to_archive is None:
            raise Refused("nothing_to_confirm", "This run asks for nothing.")
        if newest is not None and newest.id != run.id:
            raise Refused("run_outdated", f"A newer run has looked at it since: {newest.id}. Look at that one.")
        binding = await session.get(tables.ErpBinding, run.connection_id)
        if binding is None or binding.bound_at > run.started_at:
            text = "The accounting system was connected anew after this run. Synchronise again and look at that run."
            raise Refused("run_outdated", text)
        queued = await enqueue_sync(
            session,
            services.queue,
            run.connection_id,
            SyncKind(run.kind),
            "confirmed",
            only=run.only,
            archive_allowed=run.to_archive,
            allowed_by=actor,
            asked_in=run.id,
        )
        audit.record(
            session, actor, "archiving_allowed", run.connection_id, kind=run.kind, run=str(run.id), most=run.to_archive
        )
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
        _refuse_inactive(await connection_row(session, connection_id))
    ended = await resolve.resolve(services.syncs, connection_id, pleo_id, body.action, actor, erp_id=body.erp_id)
    assert ended.run_id is not None  # noqa: S101 - a run that did not begin is refused
    return await get_run(services, actor, ended.run_id)


def _kind(name: str) -> SyncKind:
    try:
        return SyncKind(name)
    except ValueError:
        known = ", ".join(kind.value for kind in SyncKind)
        raise HttpProblem(404, f"There is no such kind of sync; the kinds are {known}.", kind="kind-unknown") from None


def _refuse_inactive(connection: tables.Connection) -> None:
    if connection.status != ConnectionStatus.ACTIVE:
        raise Refused("not_active", f"The connection is {connection.status}; only an active one is synchronised.")


async def _refuse_unconfigured(
    session: AsyncSession, connection_id: uuid.UUID, kind: SyncKind, only: str | None
) -> None:
    """Refuse what the configuration leaves out: a kind that is switched off, a dimension that is not selected."""
    newest = await newest_config(session, connection_id)
    if newest is None:
        return  # the run says so
    body = ConfigurationBody.read(newest.body)
    if not rhythm(body, kind).enabled:
        raise Refused(
            "sync_disabled",
            f"The synchronisation of {NAMES[kind]} is switched off in the configuration. Set syncs.{kind.value}.enabled"
            f" to true with PUT /admin/api/connections/{connection_id}/config, then ask again.",
        )
    selected = body.dimensions or []
    if kind is SyncKind.TAGS and only is not None and key(only) not in map(key, selected):
        offered = f"The selected ones are {', '.join(selected)}." if selected else "None is selected yet."
        text = f"Dimension {only} is not selected in the configuration. {offered}"
        raise HttpProblem(422, text, kind="dimension-not-selected", errors=[Fault("only", "Not a selected dimension.")])


async def _run(services: Services, run_id: uuid.UUID) -> tables.SyncRun:
    async with services.db.reading() as session:
        found = await session.get(tables.SyncRun, run_id)
    if found is None:
        raise HttpProblem(404, "There is no such sync run.", kind="run-unknown")
    return found
