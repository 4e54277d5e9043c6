"""What comes round by itself: asking every company for export jobs, open bills and payments, the sweeps of due
syncs and of files to be handed over, the daily look at each connection, clearing away, the checks of what must always
hold.

A round over companies only queues work, a company a task, so that a slow company holds up nobody and every replica
shares in it. They are queued in the order of their ids, because two replicas in different orders would lock each other
out.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from ledgerbridge.connections import handover, watch
from ledgerbridge.connections.context import Connections
from ledgerbridge.exports.claims import companies_due
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.enqueue import LOOK, SETTLE, enqueue_settle
from ledgerbridge.exports.enqueue import look as look_order
from ledgerbridge.exports.filing import FILE, file_later, queue_filing
from ledgerbridge.exports.filing import ROUND_SECONDS as FILE_ROUND_SECONDS
from ledgerbridge.exports.later import settle_later
from ledgerbridge.exports.polls import Rhythm, poll
from ledgerbridge.exports.reverse import companies_with_pending
from ledgerbridge.exports.run import look
from ledgerbridge.ops import invariants
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.ops.retention import Removed, clear_away
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    Connection,
    ConnectionStatus,
    ExportJob,
    JobPhase,
    SyncKind,
)
from ledgerbridge.syncs import tasks
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.enqueue import FIRST, RUN
from ledgerbridge.syncs.first import first_syncs
from ledgerbridge.work.queue import Queue
from ledgerbridge.work.retry import RetryRule, TryLater

CHECK = "connections.check"
DAY = 86_400.0
CHECK_SPREAD_SECONDS = 1800.0
SYNCS_AT_ONCE = 5
"""Of the ten jobs a worker has in hand. The rest is kept for exports, however long Pleo or an ERP lets syncs wait."""
ACTIVATIONS_AT_ONCE = 2
HANDOVERS_AT_ONCE = 2
"""A server that takes its files slowly keeps a place for that long."""
_log = get_logger(__name__)


def teach(
    queue: Queue,
    exports: ExportContext,
    syncs: Syncs,
    *,
    polls: Rhythm,
    vendor_poll_seconds: float,
    removed: Removed | None = None,
) -> None:
    """Register everything a worker runs. `removed` counts the rows that clearing away deletes or empties."""
    connections = exports.connections

    running, going_live = asyncio.Semaphore(SYNCS_AT_ONCE), asyncio.Semaphore(ACTIVATIONS_AT_ONCE)
    handing_over = asyncio.Semaphore(HANDOVERS_AT_ONCE)

    async def work(connection_id: str, found_by: str) -> None:
        await look(exports, uuid.UUID(connection_id), found_by)

    async def check(connection_id: str) -> None:
        verdict = await watch.check(connections, uuid.UUID(connection_id))
        _log.info("connection checked", connection_id=connection_id, verdict=verdict.value)

    async def poll_round() -> float:
        return await poll(exports, polls)

    async def daily() -> None:
        await queue_checks(queue, connections)

    async def settle(connection_id: str) -> None:
        await settle_later(exports, uuid.UUID(connection_id))

    async def settle_round() -> None:
        await queue_settling(queue, connections)

    async def clear() -> None:
        await clear_away(connections, removed)

    async def file(connection_id: str) -> None:
        await file_later(exports, uuid.UUID(connection_id))

    async def file_round() -> None:
        await queue_filing(exports)

    async def hand_over(connection_id: str) -> None:
        async with _place(handing_over, "files are handed over to as many places as one worker does at once"):
            await handover.work(connections, uuid.UUID(connection_id))

    async def handover_sweep() -> None:
        await handover.sweep(connections, queue)

    async def check_swiftly() -> None:
        await invariants.check_all(connections.db, deep=False)

    async def check_deeply() -> None:
        await invariants.check_all(connections.db, deep=True)

    async def synchronise(connection_id: str, kind: str, **order: Any) -> None:
        async with _place(running):
            await tasks.work(syncs, uuid.UUID(connection_id), SyncKind(kind), **order)

    async def first(connection_id: str) -> None:
        async with _place(going_live):
            await first_syncs(syncs, uuid.UUID(connection_id))

    async def sweep() -> float | None:
        return tasks.next_sweep(await tasks.sweep(syncs, timedelta(seconds=vendor_poll_seconds)))

    queue.register(LOOK, work)
    queue.register(RUN, synchronise, retry=RetryRule(attempts=4, cap_seconds=30))
    queue.register(FIRST, first, retry=RetryRule(attempts=20, cap_seconds=60))
    queue.register(SETTLE, settle, retry=RetryRule(attempts=4, cap_seconds=60))
    queue.register(FILE, file, retry=RetryRule(attempts=4, cap_seconds=60))
    queue.register(handover.HANDOVER, hand_over, retry=RetryRule(attempts=4, first_seconds=30, cap_seconds=600))
    queue.register(CHECK, check, retry=RetryRule(attempts=6, first_seconds=60, cap_seconds=3600))
    queue.every("exports.poll", polls.idle, poll_round)
    queue.every("syncs.sweep", min(tasks.SWEEP_SECONDS, vendor_poll_seconds), sweep)
    queue.every("exports.file_round", FILE_ROUND_SECONDS, file_round)
    queue.every("files.sweep", handover.SWEEP_SECONDS, handover_sweep)
    queue.every("connections.daily", DAY, daily)
    queue.every("exports.settle_round", DAY / 4, settle_round)
    queue.every("ops.clear_away", DAY / 4, clear)
    queue.every("ops.invariants", invariants.SWIFT_SECONDS, check_swiftly)
    queue.every("ops.invariants_deep", invariants.DEEP_SECONDS, check_deeply)


@asynccontextmanager
async def _place(
    places: asyncio.Semaphore, busy: str = "as many syncs as one worker makes at once are under way"
) -> AsyncIterator[None]:
    """One of the places that such work has. Raises `TryLater` when none is free: waiting here would take one, too."""
    if places.locked():
        raise TryLater(random.uniform(2, 5), busy)  # noqa: S311
    async with places:
        yield


async def queue_recovery(queue: Queue, connections: Connections) -> int:
    """Queue a look at every company with an unfinished job, as a process that starts does (EXP-REC-*)."""
    async with connections.db.transaction() as session:
        unfinished = (
            select(ExportJob.connection_id)
            .distinct()
            .join(Connection, Connection.id == ExportJob.connection_id)
            .where(
                ExportJob.phase != JobPhase.CLOSED,
                Connection.environment == connections.environment,
                Connection.status == ConnectionStatus.ACTIVE,
            )
            .order_by(ExportJob.connection_id)
        )
        with across_companies(session, "a process that starts asks which companies have something to do"):
            found = (await session.scalars(unfinished)).all()
        await queue.place_all(session, [look_order(queue, connection_id, "recovery") for connection_id in found])
    return len(found)


async def queue_checks(queue: Queue, connections: Connections) -> int:
    """Queue the daily check of every connection that is not over (AUTH-044, AUTH-083, HOOK-010)."""
    found = sorted(await watch.watched(connections))
    orders = [
        queue.order(
            CHECK,
            lock=f"check:{connection_id}",
            queueing_lock=f"check:{connection_id}",
            in_seconds=random.uniform(0, CHECK_SPREAD_SECONDS),  # noqa: S311
            connection_id=str(connection_id),
        )
        for connection_id in found
    ]
    async with connections.db.transaction() as session:
        await queue.place_all(session, orders)
    return len(found)


async def queue_settling(queue: Queue, connections: Connections) -> int:
    """Queue a try at the open claims of every active company that has some untried for a day (EXP-AP-04), and at what
    it was taking back when it was cut short."""
    async with connections.db.transaction() as session:
        found = {
            *await companies_due(session, connections.environment),
            *await companies_with_pending(session, connections.environment),
        }
        for connection_id in found:
            await enqueue_settle(session, queue, connection_id, in_seconds=random.uniform(0, CHECK_SPREAD_SECONDS))  # noqa: S311
    return len(found)
