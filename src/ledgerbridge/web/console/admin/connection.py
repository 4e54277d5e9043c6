"""`/admin/connections/{id}`: one company with all that hangs on it, and a button for each remedy."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.connections import activation, configuration, uninstall, voucher_files
from ledgerbridge.connections.errors import ConnectionUnknown
from ledgerbridge.exports import queries as exports
from ledgerbridge.ops import audit, overview, roster
from ledgerbridge.ops.overview import Overview
from ledgerbridge.store.tables import ConnectionStatus, SyncKind
from ledgerbridge.syncs import queries as syncs
from ledgerbridge.web import actions
from ledgerbridge.web.console import abilities
from ledgerbridge.web.console.admin import showing
from ledgerbridge.web.console.doors import ConsoleRoute, Operator, SignedInOperator
from ledgerbridge.web.console.forms import fields, go
from ledgerbridge.web.console.operations.audit import details, sentence
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_ROWS = 10
"""Of each list; the whole lists are elsewhere."""
MOST_REASON = 1000


@router.get("/admin/connections/{connection_id}")
async def one_connection(
    request: Request, services: Provided, operator: SignedInOperator, connection_id: uuid.UUID
) -> HTMLResponse:
    """Everything about it but secrets."""
    return await _page(request, services, operator, connection_id)


@router.post("/admin/connections/{connection_id}/look")
async def look(request: Request, services: Provided, operator: SignedInOperator, connection_id: uuid.UUID) -> Response:
    """Look for export jobs now."""
    work = actions.look_for_exports(services, connection_id, operator.actor)
    return await _after(request, services, operator, connection_id, work, "admin.flash.looking")


@router.post("/admin/connections/{connection_id}/sync/{kind}")
async def synchronise(
    request: Request, services: Provided, operator: SignedInOperator, connection_id: uuid.UUID, kind: SyncKind
) -> Response:
    """Synchronise one kind now."""
    work = actions.synchronise(services, connection_id, kind, operator.actor)
    return await _after(request, services, operator, connection_id, work, "admin.flash.syncing")


@router.post("/admin/connections/{connection_id}/activate")
async def activate(
    request: Request, services: Provided, operator: SignedInOperator, connection_id: uuid.UUID
) -> Response:
    """Go live, or check and mend one that is live."""
    work = actions.activate(services, connection_id, operator.actor)
    return await _after(request, services, operator, connection_id, work, "admin.flash.activating")


@router.post("/admin/connections/{connection_id}/pause")
async def pause(request: Request, services: Provided, operator: SignedInOperator, connection_id: uuid.UUID) -> Response:
    """Leave its exports waiting, with the reason its customer reads."""
    given = await fields(request)
    reason = given.get("reason", "")
    if wrong := _reason_fault(reason):
        return await _page(request, services, operator, connection_id, errors=[wrong], entered=given, status=422)
    at_once = given.get("at_once") == "yes"
    work = actions.pause(services, connection_id, operator.actor, reason, at_once=at_once)
    return await _after(request, services, operator, connection_id, work, "admin.flash.paused", given)


@router.post("/admin/connections/{connection_id}/resume")
async def resume(
    request: Request, services: Provided, operator: SignedInOperator, connection_id: uuid.UUID
) -> Response:
    """Go on after a pause."""
    work = activation.resume(services.connections, connection_id, operator.actor)
    return await _after(request, services, operator, connection_id, work, "admin.flash.resumed")


@router.post("/admin/connections/{connection_id}/disconnect")
async def disconnect(
    request: Request, services: Provided, operator: SignedInOperator, connection_id: uuid.UUID
) -> Response:
    """Uninstall at Pleo and wipe all secrets, once its name was typed."""
    given = await fields(request)
    async with services.db.reading() as session:
        found = await overview.connection(session, connection_id)
    if found is None:
        raise ConnectionUnknown(connection_id)
    if " ".join(given.get("name", "").split()) != " ".join(showing.name_of(found).split()):
        wrong = FieldError("name", text("admin.disconnect.mistyped"))
        return await _page(request, services, operator, connection_id, errors=[wrong], status=422)
    work = uninstall.disconnect(services.connections, connection_id, operator.actor)
    return await _after(request, services, operator, connection_id, work, "admin.flash.disconnected")


def _reason_fault(reason: str) -> FieldError | None:
    if 3 <= len(reason) <= MOST_REASON:
        return None
    return FieldError("reason", text("admin.reason.fault", most=MOST_REASON))


async def _after(
    request: Request,
    services: Services,
    operator: Operator,
    connection_id: uuid.UUID,
    work: Any,
    done: str,
    entered: dict[str, str] | None = None,
) -> Response:
    if errors := await showing.refused(work):
        return await _page(request, services, operator, connection_id, errors=errors, entered=entered, status=409)
    return go(f"/admin/connections/{connection_id}", done=done)


async def _page(
    request: Request,
    services: Services,
    operator: Operator,
    connection_id: uuid.UUID,
    *,
    errors: Sequence[FieldError] = (),
    entered: dict[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    async with services.db.reading() as session:
        found = await overview.connection(session, connection_id)
        if found is None:
            raise ConnectionUnknown(connection_id)
        troubles = await roster.troubles_of(session, connection_id)
        jobs = await exports.jobs(session, connection_id=connection_id, limit=_ROWS)
        runs = await syncs.runs(session, connection_id=connection_id, limit=_ROWS)
        warnings = await syncs.warnings(session, connection_id, limit=_ROWS)
        files = await voucher_files.counted(session, connection_id)
        parked = await syncs.parked_vendors(session, connection_id, limit=_ROWS)
        records = await audit.newest(session, audit.Written(connection_id), limit=2 * _ROWS)
    versions = await configuration.versions(services.connections, connection_id, limit=_ROWS)
    able = await abilities.known(services, connection_id)
    return page(
        request,
        operator,
        "admin/connection.html",
        status=status,
        errors=errors,
        show=showing,
        one=found,
        row=found.connection,
        name=showing.name_of(found),
        here=f"/admin/connections/{connection_id}",
        troubles=troubles,
        missing=overview.missing(found),
        can=_possible(found),
        jobs=jobs,
        runs=runs,
        warnings=warnings,
        parked=parked,
        files=files,
        notes=abilities.notes(able) if able else [],
        records=records,
        sentence=sentence,
        details=details,
        versions=versions,
        entered=entered or {},
    )


def _possible(found: Overview) -> dict[str, bool]:
    """Which buttons would be refused for certain, and so are not there."""
    status, under_way = found.connection.status, found.connection.activating_since is not None
    return {
        "work": status == ConnectionStatus.ACTIVE,
        "pause": status == ConnectionStatus.ACTIVE,
        "resume": status == ConnectionStatus.PAUSED and found.connection.activated_at is not None,
        "activate": status in (ConnectionStatus.SETTING_UP, ConnectionStatus.ACTIVE) and not under_way,
        "disconnect": status != ConnectionStatus.DISCONNECTED,
    }
