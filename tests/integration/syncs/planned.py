"""A staged company whose syncs are queued and scheduled: a clock that can be moved, and workers that are real."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select, text

from ledgerbridge.clock import utcnow
from ledgerbridge.store.tables import AuditRecord, Connection, SyncKind, SyncSchedule
from ledgerbridge.syncs import tasks
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.enqueue import FIRST, RUN
from ledgerbridge.syncs.first import first_syncs
from ledgerbridge.work.queue import Queue
from tests.integration.syncs.stage import Stage, with_connections

DRAFTS_EVERY = dt.timedelta(minutes=15)


@dataclass
class Clock:
    """Tells a time that a test moves."""

    ahead: dt.timedelta = field(default_factory=dt.timedelta)

    def __call__(self) -> dt.datetime:
        return utcnow() + self.ahead

    def move(self, **units: float) -> None:
        self.ahead += dt.timedelta(**units)


@dataclass
class Planned:
    """A company, its schedule and its queue."""

    stage: Stage
    syncs: Syncs
    clock: Clock

    @property
    def connection_id(self) -> uuid.UUID:
        return self.stage.connection_id

    async def sweep(self) -> int:
        """One look at what is due."""
        return await tasks.sweep(self.syncs, DRAFTS_EVERY)

    async def sweep_at(self, **ahead: float) -> list[str]:
        """Move the clock, sweep, and take what was queued."""
        self.clock.move(**ahead)
        await self.sweep()
        return await self.taken()

    async def queued(self) -> list[dict[str, Any]]:
        """Arguments of the jobs that wait, in their order."""
        async with self.syncs.db.reading() as session:
            rows = await session.execute(
                text(
                    "select args, lock, scheduled_at <= now() as ready from procrastinate_jobs "
                    "where status = 'todo' and task_name in (:run, :first) order by id"
                ),
                {"run": RUN, "first": FIRST},
            )
            return [{**row.args, "lock": row.lock, "ready": row.ready} for row in rows]

    async def taken(self) -> list[str]:
        """Kinds that wait, in their order, `:` and the limit behind them; nothing waits afterwards."""
        found = [f"{one['kind']}:{one['only']}" if one["only"] else one["kind"] for one in await self.queued()]
        async with self.syncs.db.transaction() as session:
            await session.execute(text("delete from procrastinate_jobs where status = 'todo'"))
        return found

    async def row(self, kind: str) -> SyncSchedule:
        async with self.syncs.db.reading() as session:
            return await session.get_one(SyncSchedule, (self.connection_id, kind))

    async def set_row(self, kind: str, **values: Any) -> None:
        async with self.syncs.db.transaction() as session:
            row = await session.get_one(SyncSchedule, (self.connection_id, kind))
            for name, value in values.items():
                setattr(row, name, value)

    async def connection(self, **values: Any) -> Connection:
        """The connection, changed first."""
        async with self.syncs.db.transaction() as session:
            row = await session.get_one(Connection, self.connection_id)
            for name, value in values.items():
                setattr(row, name, value)
        return row

    async def work(self, kind: str, trigger: str = "schedule", **order: Any) -> None:
        """What the queue would run."""
        await tasks.work(self.syncs, self.connection_id, SyncKind(kind), trigger, **order)

    async def audit(self) -> Sequence[str]:
        async with self.syncs.db.reading() as session:
            return list(await session.scalars(select(AuditRecord.action).order_by(AuditRecord.id)))


def planned(stage: Stage, database_url: str) -> Planned:
    """The stage with a queue of its own that knows the syncs, and a clock to move."""
    clock, queue = Clock(), Queue(database_url, rescue_seconds=20)
    syncs = replace(with_connections(stage.syncs, now=clock), queue=queue)
    teach(queue, syncs)
    return Planned(stage, syncs, clock)


def teach(queue: Queue, syncs: Syncs) -> None:
    """Register what a worker runs for the syncs."""

    async def run(connection_id: str, kind: str, **order: Any) -> None:
        await tasks.work(syncs, uuid.UUID(connection_id), SyncKind(kind), **order)

    async def first(connection_id: str) -> None:
        await first_syncs(syncs, uuid.UUID(connection_id))

    queue.register(RUN, run)
    queue.register(FIRST, first)


@asynccontextmanager
async def worker(queue: Queue) -> AsyncIterator[None]:
    """A worker on the queue while the body runs, drained at its end."""
    stop = asyncio.Event()
    working = asyncio.create_task(queue.run_worker(stop))
    try:
        yield
    finally:
        stop.set()
        await working
