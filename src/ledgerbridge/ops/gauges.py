"""What the database knows better than one process, read at scrape time."""

from __future__ import annotations

import asyncio
import math

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.ops.invariants.standing import standings
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.store.engine import Database
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    Connection,
    ConnectionStatus,
    DeliveryStatus,
    ExportJob,
    HandoverState,
    JobPhase,
    LookSchedule,
    Posting,
    PostingState,
    SyncKind,
    Voucher,
    VoucherFile,
    WebhookDelivery,
)
from ledgerbridge.syncs import freshness, queries
from ledgerbridge.work.queue import Queue

SECONDS = 5
"""For all queries of one scrape; a database that is slower counts as down."""
_OPEN = [phase for phase in JobPhase if phase is not JobPhase.CLOSED]
_log = get_logger(__name__)


async def read(metrics: Metrics, db: Database, queue: Queue) -> None:
    """Set the gauges. A database that does not answer shows as `database_up 0`; never raises for that."""
    try:
        async with asyncio.timeout(SECONDS):
            async with db.reading() as session:
                with across_companies(session, "a gauge counts over all companies and shows no row"):
                    await _read_business(metrics, session)
                    await _read_files(metrics, session)
                    await _read_syncs(metrics, session)
                await _read_queue(metrics, queue, session)
                await _read_invariants(metrics, session)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        _log.warning("the database did not answer the scrape", error=str(error))
        metrics.database_up.set(0)
    else:
        metrics.database_up.set(1)


async def _read_business(metrics: Metrics, session: AsyncSession) -> None:
    connections = await session.execute(select(Connection.status, func.count()).group_by(Connection.status))
    found = {row[0]: row[1] for row in connections}
    for status in ConnectionStatus:
        metrics.connections.labels(status.value).set(found.get(status.value, 0))
    jobs = await session.execute(
        select(ExportJob.phase, func.count()).where(ExportJob.phase != JobPhase.CLOSED).group_by(ExportJob.phase)
    )
    found = {row[0]: row[1] for row in jobs}
    for phase in _OPEN:
        metrics.open_jobs.labels(phase.value).set(found.get(phase.value, 0))
    waiting = select(func.count()).where(WebhookDelivery.status == DeliveryStatus.QUEUED)
    metrics.waiting_deliveries.set(await session.scalar(waiting) or 0)
    now = utcnow()
    due = await session.scalar(select(func.min(LookSchedule.due_at)))
    metrics.polls_late.set(max(0.0, (now - due).total_seconds()) if due is not None else 0.0)
    unknown = select(func.count()).where(Posting.state == PostingState.UNKNOWN)
    metrics.unknown_postings.set(await session.scalar(unknown) or 0)


async def _read_files(metrics: Metrics, session: AsyncSession) -> None:
    due = VoucherFile.handover_state == HandoverState.WAITING, VoucherFile.handover_due_at.is_not(None)
    oldest = await session.scalar(select(func.min(VoucherFile.made_at)).where(*due))
    metrics.files_waiting.set(max(0.0, (utcnow() - oldest).total_seconds()) if oldest is not None else 0.0)
    waiting = select(func.count()).select_from(Voucher).where(Voucher.file_id.is_(None))
    metrics.vouchers_waiting.set(await session.scalar(waiting) or 0)
    stuck = select(func.count()).where(VoucherFile.handover_state == HandoverState.STUCK)
    metrics.files_stuck.set(await session.scalar(stuck) or 0)


async def _read_syncs(metrics: Metrics, session: AsyncSession) -> None:
    found = await freshness.counted(session, utcnow())
    for kind in SyncKind:
        for state in freshness.State:
            metrics.sync_freshness.labels(kind.value, state.value).set(found[kind, state])
    warnings = await queries.open_warnings(session)
    for kind in SyncKind:
        metrics.mapping_warnings.labels(kind.value).set(warnings.get(kind.value, 0))
    metrics.parked_vendors.set(await queries.parked_count(session))
    metrics.confirmations.set(await queries.confirmations(session))


async def _read_queue(metrics: Metrics, queue: Queue, session: AsyncSession) -> None:
    stats = await queue.stats(session)
    for status, number in (
        ("waiting", stats.waiting),
        ("scheduled", stats.scheduled),
        ("retrying", stats.retrying),
        ("running", stats.running),
        ("failed", stats.failed),
    ):
        metrics.queue_depth.labels(status).set(number)
    metrics.queue_oldest.set(stats.oldest_waiting_seconds)
    metrics.workers.set(sum(worker.silent_seconds <= queue.tempo.stalled_after for worker in stats.workers))


async def _read_invariants(metrics: Metrics, session: AsyncSession) -> None:
    now = utcnow()
    for one in await standings(session):
        name, known, age = one.invariant.name, one.known, one.age(now)
        metrics.invariant_violations.labels(name).set(math.nan if known is None else known)
        metrics.invariant_age.labels(name).set(math.inf if age is None else age)
        metrics.invariant_failed.labels(name).set(one.row is not None and one.row.failure is not None)
