"""What the queue looks like from outside, for `/readyz`, `/metrics` and people."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.work import statements


@dataclass(frozen=True)
class WorkerSign:
    """One registered worker."""

    id: int
    silent_seconds: float
    """Since its last sign of life."""


@dataclass(frozen=True)
class QueueStats:
    """Counts of jobs, and the workers."""

    waiting: int
    """Could run now."""
    scheduled: int
    """Wait for their time."""
    retrying: int
    """Of the two above, those that have failed at least once."""
    running: int
    failed: int
    """Given up after as many tries as their rule allows; kept for a person."""
    oldest_waiting_seconds: float
    """How long the longest waiting job could have run; 0 when none waits."""
    workers: tuple[WorkerSign, ...]
    """The most lively first."""

    def has_worker(self, within_seconds: float) -> bool:
        """Whether any worker gave a sign of life within this time."""
        return any(worker.silent_seconds <= within_seconds for worker in self.workers)


async def read_stats(session: AsyncSession) -> QueueStats:
    """Read the queue's state in the caller's transaction."""
    row = (await session.execute(text(statements.STATS))).one()
    workers = (await session.execute(text(statements.WORKERS))).all()
    return QueueStats(
        waiting=row.waiting,
        scheduled=row.scheduled,
        retrying=row.retrying,
        running=row.running,
        failed=row.failed,
        oldest_waiting_seconds=max(0.0, row.oldest),
        workers=tuple(WorkerSign(worker.id, max(0.0, worker.silent)) for worker in workers),
    )
