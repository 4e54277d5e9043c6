"""`/settings`: what a customer sees of their connection (Pleo's Settings URI, AUTH-015)."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections import sessions
from ledgerbridge.exports import queries
from ledgerbridge.exports.queries import JobSummary
from ledgerbridge.ops import overview
from ledgerbridge.store.tables import ConnectionStatus, ItemState
from ledgerbridge.syncs.freshness import Freshness, State
from ledgerbridge.syncs.ladder import NAMES
from ledgerbridge.web import browser
from ledgerbridge.web.pages import PageRoute, message, render
from ledgerbridge.web.services import Provided

router = APIRouter(route_class=PageRoute, tags=["browser"])

JOBS = 10
FAILURES = 20
"""Error texts shown a job."""

_STATUS = {
    ConnectionStatus.SETTING_UP: ("Setting up", "wait"),
    ConnectionStatus.ACTIVE: ("Active", "good"),
    ConnectionStatus.PAUSED: ("Paused", "wait"),
    ConnectionStatus.RECONNECT_NEEDED: ("Reconnect needed", "bad"),
    ConnectionStatus.DISCONNECTED: ("Disconnected", "bad"),
}
_SYNC = {
    State.ON_TIME: ("On time", "good"),
    State.LATE: ("Late", "wait"),
    State.FAILING: ("Failing", "bad"),
    State.OFF: ("Off", "wait"),
}
_JOB = {
    "pending": ("Waiting", "wait"),
    "in_progress": ("In progress", "wait"),
    "completed": ("Completed", "good"),
    "completed_with_errors": ("Completed with errors", "wait"),
    "failed": ("Failed", "bad"),
}


@router.get(
    "/settings",
    summary="The customer's page (Settings URI)",
    response_class=HTMLResponse,
    responses={401: {"description": "A page: press Connect in Pleo"}},
)
async def settings(request: Request, services: Provided) -> HTMLResponse:
    """Company, ERP company, status, what is missing, and the last exports with their error texts."""
    connection_id = await sessions.connection_of(services.connections, browser.session(request))
    if connection_id is None:
        return message(
            401,
            "You are not signed in",
            "This page shows the settings of one company. We only know which one when you come from Pleo.",
            "Open the integration in Pleo and press Connect there.",
        )
    async with services.db.reading() as session:
        found = await overview.connection(session, connection_id)
        assert found is not None  # noqa: S101 - a session belongs to a connection that is never deleted
        jobs = [
            await _job(session, summary)
            for summary in await queries.jobs(session, connection_id=connection_id, limit=JOBS)
        ]
    connection = found.connection
    syncs = [_sync(one) for one in found.syncs] if connection.status == ConnectionStatus.ACTIVE else []
    shown, tone = _STATUS[ConnectionStatus(connection.status)]
    return render(
        "settings.html",
        company=connection.company_name or "Your company",
        company_id=connection.company_id,
        erp=found.binding,
        shown_status=shown,
        tone=tone,
        reason=connection.status_reason,
        missing=overview.missing(found),
        connected_at=connection.created_at,
        syncs=syncs,
        jobs=jobs,
    )


def _sync(one: Freshness) -> dict[str, Any]:
    shown, tone = _SYNC[one.state]
    return {
        "name": NAMES[one.kind].capitalize(),
        "status": shown,
        "tone": tone,
        "last_success_at": one.last_success_at,
        "reason": one.reason,
    }


async def _job(session: AsyncSession, summary: JobSummary) -> dict[str, Any]:
    job, counts = summary.job, summary.items
    status, tone = _JOB.get(job.pleo_status, (job.pleo_status, "wait"))
    return {
        "created_at": job.pleo_created_at,
        "status": status,
        "tone": tone,
        "reason": job.failure_reason,
        "number": job.number_of_items,
        "booked": counts.get(ItemState.BOOKED, 0) + counts.get(ItemState.NOTHING_TO_POST, 0),
        "failed": counts.get(ItemState.FAILED, 0) + counts.get(ItemState.ABANDONED, 0),
        "unknown": counts.get(ItemState.UNKNOWN, 0),
        "waiting": counts.get(ItemState.WAITING, 0),
        "failures": await _failures(session, job.id) if counts.get(ItemState.FAILED) else [],
    }


async def _failures(session: AsyncSession, job_id: uuid.UUID) -> list[dict[str, str]]:
    failed = await queries.items(session, job_id, state=ItemState.FAILED, limit=FAILURES)
    return [{"entry": row.item.accounting_entry_id, "reason": row.item.failure_reason or ""} for row in failed]
