"""The one way a sync begins: schedule, "sync now", webhook, poll and confirmation all end here (TAG-125, VEN-122).

One run a company at a time over all replicas (TAG-128, ACC-107, VEN-124). Nothing is queued for later, because a job
that waits for its time would hold back every other sync of the company; due times live in `sync_schedules`.
"""

from __future__ import annotations

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs import schedule
from ledgerbridge.syncs.vendors.runs import DRAFTS
from ledgerbridge.work.queue import Queue
from ledgerbridge.work.tasks import Order

RUN = "syncs.run"
"""The queued work: one run of one kind for one company."""
FIRST = "syncs.first"
"""The queued work: the first syncs of an activation, then the activation's end."""
__all__ = [
    "DRAFTS",
    "FIRST",
    "RUN",
    "enqueue_drafts",
    "enqueue_first",
    "enqueue_sync",
    "enqueue_vendor",
    "lock_of",
    "vendor",
]


def lock_of(connection_id: uuid.UUID) -> str:
    """What all syncs of a company share."""
    return f"syncs:{connection_id}"


async def enqueue_sync(
    session: AsyncSession,
    queue: Queue,
    connection_id: uuid.UUID,
    kind: SyncKind,
    trigger: str,
    *,
    only: str | None = None,
    archive_allowed: int | None = None,
    allowed_by: str | None = None,
    asked_in: uuid.UUID | None = None,
    in_seconds: float | None = None,
    hop: int = 0,
) -> bool:
    """Queue a run inside the caller's transaction; False when the same one is waiting already.

    `trigger` as in `sync_runs`. A person's request (`manual`, `confirmed`) takes back a switch-off after long failure.
    With `in_seconds` the kind only becomes due by then, as if its schedule said so. `hop` counts how many runs led to
    this one because each left work for the next.
    """
    if trigger in ("manual", "confirmed"):
        await schedule.switch_on(session, connection_id, (kind,))
    if in_seconds:
        await schedule.hasten(session, connection_id, kind, utcnow(), in_seconds)
        return True
    order = _run(
        queue,
        connection_id,
        kind,
        trigger,
        only=only,
        archive_allowed=archive_allowed,
        allowed_by=allowed_by,
        asked_in=asked_in,
        hop=hop,
    )
    return await queue.place(session, order)


def _run(
    queue: Queue,
    connection_id: uuid.UUID,
    kind: SyncKind,
    trigger: str,
    *,
    only: str | None = None,
    archive_allowed: int | None = None,
    allowed_by: str | None = None,
    asked_in: uuid.UUID | None = None,
    hop: int = 0,
) -> Order:
    key = f"{lock_of(connection_id)}:{kind}:{only or ''}"
    if archive_allowed is not None:
        key = f"{key}:archive"  # never folded into a run that was allowed less
    return queue.order(
        RUN,
        lock=lock_of(connection_id),
        queueing_lock=key,
        connection_id=str(connection_id),
        kind=str(kind),
        trigger=trigger,
        only=only,
        archive_allowed=archive_allowed,
        allowed_by=allowed_by,
        asked_in=str(asked_in) if asked_in else None,
        hop=hop,
    )


def vendor(queue: Queue, connection_id: uuid.UUID, pleo_vendor_id: str, trigger: str) -> Order:
    """The work on one vendor that Pleo told of, for a statement that stores and queues in one (VEN-060)."""
    return _run(queue, connection_id, SyncKind.VENDORS, trigger, only=pleo_vendor_id)


async def enqueue_vendor(
    session: AsyncSession, queue: Queue, connection_id: uuid.UUID, pleo_vendor_id: str, trigger: str
) -> bool:
    """Queue the work on one vendor that Pleo told of; False when it is waiting already (VEN-060)."""
    return await enqueue_sync(session, queue, connection_id, SyncKind.VENDORS, trigger, only=pleo_vendor_id)


async def enqueue_drafts(session: AsyncSession, queue: Queue, connection_id: uuid.UUID, trigger: str) -> bool:
    """Queue a look for drafts that no webhook told of; False when one is waiting already."""
    return await enqueue_sync(session, queue, connection_id, SyncKind.VENDORS, trigger, only=DRAFTS)


async def enqueue_first(session: AsyncSession, queue: Queue, connection_id: uuid.UUID) -> bool:
    """Queue the first syncs of an activation; False when they are waiting already (AUTH-070)."""
    key = lock_of(connection_id)
    return await queue.defer(session, FIRST, lock=key, queueing_lock=f"{key}:first", connection_id=str(connection_id))
