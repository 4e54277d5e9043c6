"""Runs on vendors that are smaller than a full one: an event, the drafts poll, vendors an export job is tagged with.

All go through `run`, under the company's lease and with a row of `sync_runs`, so that work on vendors is one at a time
(VEN-081, VEN-124); `only` says what they were limited to.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.rows import newest_config
from ledgerbridge.store.tables import LinkPhase, SyncKind, SyncRun, SyncSchedule, SyncStatus
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.run import Ended, run
from ledgerbridge.syncs.vendors import links, one

log = structlog.get_logger(__name__)

DRAFTS = "drafts"
"""`only` of a drafts poll."""
FRESH = dt.timedelta(hours=24)
"""A full run that ended well so recently is trusted (VEN-127)."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long an export waits for its vendors. Seconds."""

    lease: float = 60
    """For another synchronisation of the company to end."""
    work: float = 120
    """For its own."""
    pause: float = 1


async def event(syncs: Syncs, connection_id: uuid.UUID, pleo_vendor_id: str, trigger: str = "webhook") -> Ended:
    """Handle the one vendor an event or a person speaks of; `Ended.busy` means come back later."""
    return await run(syncs, connection_id, SyncKind.VENDORS, trigger, only=pleo_vendor_id)


async def poll(syncs: Syncs, connection_id: uuid.UUID, trigger: str = "poll") -> Ended:
    """Look for drafts; `Ended.busy` means that a run under way does it."""
    return await run(syncs, connection_id, SyncKind.VENDORS, trigger, only=DRAFTS, work=one.drafts)


async def ready(
    syncs: Syncs, connection_id: uuid.UUID, pleo_vendor_ids: Collection[str], waiting: Waiting = Waiting()
) -> None:
    """Before a job's items are worked: bring the vendors they are tagged with to the ERP (VEN-110, VEN-127).

    Those without a finished link always; all of them when the last full run is older than a day or failed. Waits a
    bounded time and never raises: an item whose vendor is still unknown fails by itself, in words.
    """
    ids = sorted(set(pleo_vendor_ids))
    try:
        async with asyncio.timeout(waiting.lease + waiting.work):
            wanted = await _not_ready(syncs, connection_id, ids) if ids else []
            if wanted:
                await _bring(syncs, connection_id, wanted, waiting)
    except TimeoutError:
        log.warning("the vendors of an export were not brought in step in time", connection_id=str(connection_id))
    except Exception:
        log.exception("the vendors of an export were not brought in step", connection_id=str(connection_id))


async def _bring(syncs: Syncs, connection_id: uuid.UUID, wanted: Sequence[str], waiting: Waiting) -> None:
    async def work(desk: Desk) -> None:
        await one.several(desk, wanted)

    clock = asyncio.get_running_loop()
    patient_until = clock.time() + waiting.lease
    only = wanted[0] if len(wanted) == 1 else f"{len(wanted)} vendors"
    while True:
        ended = await run(syncs, connection_id, SyncKind.VENDORS, "export", only=only, work=work)
        if not ended.busy or clock.time() >= patient_until:
            break
        await asyncio.sleep(waiting.pause)
    if ended.cause is not None:
        log.warning("vendors of an export not in step", connection_id=str(connection_id), why=ended.cause.failure)


async def _not_ready(syncs: Syncs, connection_id: uuid.UUID, ids: Sequence[str]) -> list[str]:
    """Which of the vendors need a look first; none where vendors are not synchronised at all (VEN-004)."""
    async with syncs.db.reading() as session:
        newest = await newest_config(session, connection_id)
        if newest is None or not ConfigurationBody.read(newest.body).syncs.vendors.enabled:
            return []
        schedule = await session.get(SyncSchedule, (connection_id, SyncKind.VENDORS))
        if schedule is not None and schedule.switched_off_at is not None:
            return []
        if not await _fresh(session, connection_id, syncs.connections.now()):
            return list(ids)
        known = await links.about(session, connection_id, ids, [])
    finished = {link.pleo_id for link in known if link.phase in (LinkPhase.LINKED, LinkPhase.ENDED)}
    return [key for key in ids if key not in finished]


async def _fresh(session: AsyncSession, connection_id: uuid.UUID, now: dt.datetime) -> bool:
    """Whether the last full run that ended did so well, and within a day."""
    last = await session.scalar(
        select(SyncRun)
        .where(
            SyncRun.connection_id == connection_id,
            SyncRun.kind == SyncKind.VENDORS,
            SyncRun.only.is_(None),
            SyncRun.status != SyncStatus.RUNNING,
        )
        .order_by(SyncRun.started_at.desc())
        .limit(1)
    )
    return (
        last is not None
        and last.status not in (SyncStatus.FAILED, SyncStatus.INTERRUPTED)
        and last.ended_at is not None
        and now - last.ended_at < FRESH
    )
