"""One look at a company's export jobs: detect, then work every job found, oldest first, one at a time.

Webhook, poll, "check now" and recovery all come here. Detection only reads (EXP-DETECT-01); the webhook's payload is
never trusted for anything but whom to ask (EXP-DETECT-02).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import structlog
from sqlalchemy import update

from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import ConnectionState, load, open_pleo
from ledgerbridge.connections.errors import GrantEnded
from ledgerbridge.exports import closing, polls, spool
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.enqueue import enqueue_look
from ledgerbridge.exports.job import Run, work_job
from ledgerbridge.exports.ledger import FenceLost
from ledgerbridge.exports.report import JobGone, Reporter
from ledgerbridge.pleo.errors import Forbidden
from ledgerbridge.pleo.export import ExportApi
from ledgerbridge.pleo.models import ExportJob as PleoJob
from ledgerbridge.store.audit import record
from ledgerbridge.store.leases import Lease, LeaseKeeper, acquire
from ledgerbridge.store.tables import Connection, ConnectionStatus, ExportJob

log = structlog.get_logger(__name__)

FORBIDDEN = (
    "Pleo does not allow this integration to read or report exports of the company. "
    "Press Connect in Pleo again and allow everything that is asked for."
)


async def look(context: ExportContext, connection_id: uuid.UUID, found_by: str) -> None:
    """Work every eligible export job of a company.

    Raises what the queue should try again later (Pleo unavailable, lease lost). Whatever was done stays done.
    """
    with structlog.contextvars.bound_contextvars(connection_id=str(connection_id)):
        lease = await acquire(context.db, connection_id, f"{context.worker}/{uuid.uuid4()}", context.lease_seconds)
        if lease is None:
            log.info("another worker holds the company, coming back later")
            async with context.db.transaction() as session:
                await enqueue_look(session, context.queue, connection_id, found_by, in_seconds=context.lease_seconds)
            return
        async with LeaseKeeper(context.db, lease, context.lease_seconds):
            await _look(context, lease, connection_id, found_by)


async def _look(context: ExportContext, lease: Lease, connection_id: uuid.UUID, found_by: str) -> None:
    company = await load(context.connections, connection_id)
    if company.connection.status != ConnectionStatus.ACTIVE:
        log.info("connection is not active, leaving its jobs alone", status=company.connection.status)
        return
    began = utcnow()
    try:
        await _detect_and_work(context, lease, company, found_by)
    except GrantEnded:
        log.warning("pleo ended the grant, the customer must connect again")
        return
    except Forbidden as error:
        await _escalate(context, connection_id, error)
        return
    async with context.db.transaction() as session:
        await spool.settle_deliveries(session, connection_id, began)


async def _detect_and_work(context: ExportContext, lease: Lease, company: ConnectionState, found_by: str) -> None:
    connection = company.connection
    api = ExportApi(await open_pleo(context.connections, connection.id))
    async with context.db.reading() as session:
        unfinished = await spool.open_jobs(session, connection.id)
    listed = await _detect(api, connection.company_id, recovering=bool(unfinished) or found_by == "recovery")
    await _close_ended(context, lease, company, api, unfinished, listed)
    for job in listed:
        await _claim_and_work(context, lease, company, api, job, found_by)


async def _escalate(context: ExportContext, connection_id: uuid.UUID, error: Forbidden) -> None:
    """A scope or entitlement is missing: no retry helps, a person must be told (AUTH-092, EXP-RATE-06)."""
    log.error("pleo forbids the call", operation=error.operation)
    async with context.db.transaction() as session:
        record(session, "system", "exports.forbidden", connection_id, operation=error.operation)
        await session.execute(
            update(Connection)
            .where(Connection.id == connection_id)
            .values(status_reason=FORBIDDEN, updated_at=utcnow())
        )


async def _detect(api: ExportApi, company_id: str, *, recovering: bool) -> list[PleoJob]:
    """Eligible jobs, oldest first: `pending`, and after a restart also `in_progress` (EXP-DETECT-05, -06, -07)."""
    statuses = ("pending", "in_progress") if recovering else ("pending",)
    jobs = [job for job in await api.list_jobs(company_id, statuses) if job.status in statuses]
    mine = [job for job in jobs if job.company_id.lower() == company_id.lower()]
    if len(mine) < len(jobs):
        log.error("pleo listed jobs of another company, leaving them alone", count=len(jobs) - len(mine))
    return sorted(mine, key=lambda job: (job.created_at, job.id))


async def _claim_and_work(
    context: ExportContext, lease: Lease, company: ConnectionState, api: ExportApi, listed: PleoJob, found_by: str
) -> None:
    with structlog.contextvars.bound_contextvars(export_job_id=listed.id):
        if listed.expired_at is not None:
            log.warning("job has expired, leaving it alone")
            return
        async with context.db.transaction() as session:
            job = await spool.claim(session, company.connection.id, listed, found_by)
            if polls.missed(job, utcnow()):
                watched = context.connections.settings.export_poll_seconds
                await polls.note_missed(session, company.connection.id, utcnow(), watched)
        if job.closed_at is not None:
            log.warning("pleo lists a job we have closed", status=listed.status)
            return
        try:
            await work_job(context, lease, company, api, job)
        except FenceLost:
            log.error("lost the lease while working, stopping")
            raise


async def _close_ended(
    context: ExportContext,
    lease: Lease,
    company: ConnectionState,
    api: ExportApi,
    unfinished: Sequence[ExportJob],
    listed: Sequence[PleoJob],
) -> None:
    """Jobs we hold open that Pleo no longer lists have ended without us."""
    alive = {job.id for job in listed}
    for job in unfinished:
        if job.pleo_job_id in alive:
            continue
        run = Run(context, lease, company, api, job, Reporter(context, api, job))
        try:
            await closing.close_as_pleo_says(run)
        except JobGone:
            log.warning("pleo neither lists the job nor shows it ended", export_job_id=job.pleo_job_id)
