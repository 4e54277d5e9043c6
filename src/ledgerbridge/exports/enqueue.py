"""The one way work on export jobs begins: webhook, poll, "check now" and recovery all end here. And that on claims."""

from __future__ import annotations

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.work.queue import Queue
from ledgerbridge.work.tasks import Order

LOOK = "exports.look"
"""The queued work: look at one company's export jobs and finish every one found."""
SETTLE = "exports.settle"
"""The queued work: match one company's bills and payments that were left open."""


def look(queue: Queue, connection_id: uuid.UUID, found_by: str, *, in_seconds: float | None = None) -> Order:
    """A look that may be queued; for `enqueue_look`, and for a statement that stores and queues in one."""
    key = f"exports:{connection_id}"
    return queue.order(
        LOOK,
        lock=key,
        queueing_lock=key,
        in_seconds=in_seconds,
        connection_id=str(connection_id),
        found_by=found_by,
    )


async def enqueue_look(
    session: AsyncSession, queue: Queue, connection_id: uuid.UUID, found_by: str, *, in_seconds: float | None = None
) -> bool:
    """Queue a look inside the caller's transaction; False when one is waiting already.

    `found_by` is `webhook`, `poll`, `manual` or `recovery`. One look at a time a company over all replicas, and one
    waiting (EXP-ORDER-01, -02).
    """
    return await queue.place(session, look(queue, connection_id, found_by, in_seconds=in_seconds))


async def enqueue_settle(
    session: AsyncSession, queue: Queue, connection_id: uuid.UUID, *, in_seconds: float | None = None
) -> bool:
    """Queue a try at open claims inside the caller's transaction; False when one is waiting already.

    Under the lock of the company's looks, because both write its ledger.
    """
    return await queue.defer(
        session,
        SETTLE,
        lock=f"exports:{connection_id}",
        queueing_lock=f"settle:{connection_id}",
        in_seconds=in_seconds,
        connection_id=str(connection_id),
    )
