"""The queue as people look at it, and what they can do about work that failed for good."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.work import statements
from ledgerbridge.work.queue import Queue

MOST_RUNNING = 50
"""Runs that are listed; a worker has ten at a time."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much work of one name there is in one status."""

    task: str
    status: str
    """`todo`, `doing` or `failed`."""
    jobs: int
    oldest_seconds: float
    """How long the longest waiting one could have run; 0 when none waits."""


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work."""

    id: int
    task: str
    arguments: Mapping[str, Any]
    attempts: int
    """Runs that ended."""
    since: dt.datetime | None
    """When it was taken, or failed for good."""


@dataclass(frozen=True, slots=True)
class Running(Work):
    """Work that a worker has taken."""

    worker: int | None
    """None when its worker was struck off."""
    stalled: bool
    """Its worker gives no sign of life any more."""


@dataclass(frozen=True, slots=True)
class Failed(Work):
    """Work that was tried as often as its rule allows."""

    error: str | None
    """Kind of the last failure; None for one of an earlier release."""
    place: str | None
    """Module and line of ours where it failed."""


@dataclass(frozen=True, slots=True)
class Round:
    """Work that comes round by itself."""

    name: str
    every_seconds: float
    last: dt.datetime | None
    """When it ended well last, as far as ended work is kept."""
    next: dt.datetime | None
    """None when nobody has planned it; the sweep of any worker does."""
    running: bool


async def depths(session: AsyncSession) -> list[Depth]:
    """What waits, runs and has failed, by name of the work."""
    rows = (await session.execute(text(statements.BY_TASK))).all()
    found = [Depth(row.task, row.status, row.jobs, max(0.0, row.oldest)) for row in rows]
    return sorted(found, key=lambda one: (one.task, one.status))


async def running(session: AsyncSession, queue: Queue, limit: int = MOST_RUNNING) -> list[Running]:
    """Work in hand, the oldest first."""
    values = {"stalled_after": queue.tempo.stalled_after, "limit": limit}
    rows = (await session.execute(text(statements.RUNNING), values)).all()
    return [Running(row.id, row.task, row.args, row.attempts, row.since, row.worker, row.stalled) for row in rows]


async def failed(session: AsyncSession, *, before: int | None = None, limit: int) -> list[Failed]:
    """Work that failed for good, the newest first, behind the id `before`."""
    rows = (await session.execute(text(statements.FAILED), {"before": before, "limit": limit})).all()
    return [Failed(row.id, row.task, row.args, row.attempts, row.since, row.error, row.place) for row in rows]


async def rounds(session: AsyncSession, queue: Queue) -> list[Round]:
    """Work that comes round by itself, with its last and next time."""
    tasks: Sequence[Any] = queue.periodic
    values = {"keys": [task.key for task in tasks]}
    rows = {row.key: row for row in (await session.execute(text(statements.PERIODIC), values)).all()}
    return [
        Round(task.name, task.seconds, rows[task.key].last, rows[task.key].next, rows[task.key].running)
        for task in tasks
    ]


async def run_again(session: AsyncSession, job_id: int) -> tuple[str, Mapping[str, Any]] | None:
    """Ask anew, in the caller's transaction, for work that failed for good: its name and arguments.

    It counts its tries from the beginning; an equal one that waits already stands for it. None when it is not failed
    (any more).
    """
    row = (await session.execute(text(statements.TAKE_FAILED), {"id": job_id})).first()
    if row is None:
        return None
    values = {
        "name": row.task,
        "lock": row.lock,
        "queueing_lock": row.queueing_lock,
        "args": json.dumps(row.args),
        "seconds": 0.0,
    }
    made = (await session.execute(text(statements.DEFER), values)).first()
    if made is None or not made.inserted:
        await session.execute(text(statements.WAKE))
    await session.execute(text(statements.SET_ASIDE), {"id": job_id})
    return row.task, row.args


async def give_up(session: AsyncSession, job_id: int) -> tuple[str, Mapping[str, Any]] | None:
    """Set work that failed for good aside, in the caller's transaction: its name and arguments; None as above."""
    row = (await session.execute(text(statements.SET_ASIDE), {"id": job_id})).first()
    return None if row is None else (row.task_name, row.args)
