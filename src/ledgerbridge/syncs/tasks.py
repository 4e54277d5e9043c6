"""What a worker runs for the syncs: the sweep that queues what is due, and one queued run with what follows from it.

Failures never reach the queue's own retry, which would hold back the company's other syncs: the ladder says when the
kind is tried again.
"""

from __future__ import annotations

import datetime as dt
import uuid

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections import activation, watch
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.errors import ActivationRefused, ConnectionUnknown
from ledgerbridge.connections.rows import connection_row, newest_config
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Connection, ConnectionStatus, SyncKind, SyncSchedule, SyncStatus
from ledgerbridge.syncs import deliveries, ladder, schedule
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.enqueue import DRAFTS, enqueue_drafts, enqueue_first, enqueue_sync
from ledgerbridge.syncs.failing import NOT_KEPT, PLEO_AUTH, PLEO_FORBIDDEN
from ledgerbridge.syncs.kinds import Sync
from ledgerbridge.syncs.run import Ended, run
from ledgerbridge.syncs.vendors.one import drafts
from ledgerbridge.work.retry import TryLater

SWEEP_SECONDS = 120.0
BUSY_SWEEP_SECONDS = 20.0
"""Between two sweeps, the first of which found something due."""
FULL_SWEEP_SECONDS = 10.0
"""The same where it left something for the next."""
AT_ONCE = 25
"""Kinds queued a sweep: after an outage the companies come one after the other, not all at once."""
ACTIVATION_STALLED = dt.timedelta(minutes=10)
"""After this the first syncs are queued once more; those that are only slow find nothing left to do then."""
ACTIVATION_ENDS = dt.timedelta(days=1)
MOST_HOPS = 2
"""Runs that may follow from one: tax codes wait for accounts, accounts free tax codes. Then the schedule goes on."""
_BY_THEMSELVES = ("webhook", "poll", "schedule")
log = structlog.get_logger(__name__)


async def sweep(syncs: Syncs, drafts_every: dt.timedelta) -> int:
    """Queue what is due for the active companies of this environment; how much that was."""
    room = syncs.connections
    now = room.now()
    async with syncs.db.transaction() as session:
        await schedule.plan(session, room.environment, now)
        due = await schedule.take_due(session, room.environment, now, drafts_every, AT_ONCE)
        for each in due:
            if each.drafts:
                await enqueue_drafts(session, syncs.queue, each.connection_id, "poll")
            else:
                await enqueue_sync(session, syncs.queue, each.connection_id, each.kind, "schedule")
        stalled = await _revive_activations(syncs, session, now)
    for connection_id, since in stalled:
        text = "Going live did not come to an end because of a fault of ours; it is recorded. Activate again."
        await activation.give_up(room, connection_id, ActivationRefused("activation_stalled", text), since=since)
    return len(due)


def next_sweep(due: int) -> float | None:
    """Seconds until the next sweep, after one that found so much due; None when it has time."""
    if due >= AT_ONCE:
        return FULL_SWEEP_SECONDS
    return BUSY_SWEEP_SECONDS if due else None


async def _revive_activations(
    syncs: Syncs, session: AsyncSession, now: dt.datetime
) -> list[tuple[uuid.UUID, dt.datetime]]:
    """Queue first syncs whose queued work has come to nothing; the activations that never get through."""
    wanted = (
        select(Connection.id, Connection.activating_since)
        .where(
            Connection.environment == syncs.connections.environment,
            Connection.status == ConnectionStatus.SETTING_UP,
            Connection.activating_since < now - ACTIVATION_STALLED,
        )
        .order_by(Connection.id)
        .limit(AT_ONCE)
    )
    with across_companies(session, "the sweep asks which companies still wait to go live"):
        waiting = (await session.execute(wanted)).all()
    found = [(row.id, row.activating_since) for row in waiting if row.activating_since is not None]
    for connection_id, since in found:
        if since > now - ACTIVATION_ENDS:
            await enqueue_first(session, syncs.queue, connection_id)
    return [(connection_id, since) for connection_id, since in found if since <= now - ACTIVATION_ENDS]


async def work(
    syncs: Syncs,
    connection_id: uuid.UUID,
    kind: SyncKind,
    trigger: str,
    *,
    only: str | None = None,
    archive_allowed: int | None = None,
    allowed_by: str | None = None,
    asked_in: str | None = None,
    hop: int = 0,
) -> None:
    """One queued run: make it, and note what it means for the schedule and for the webhooks that asked for it.

    Raises `TryLater` when another worker still has the company, as after a worker's death.
    """
    began = syncs.connections.now()
    try:
        if not await _wanted(syncs, connection_id, kind, trigger):
            return
        ended = await run(
            syncs,
            connection_id,
            kind,
            trigger,
            only=only,
            archive_allowed=archive_allowed,
            allowed_by=allowed_by,
            asked_in=uuid.UUID(asked_in) if asked_in else None,
            work=_piece(kind, only),
        )
    except ConnectionUnknown:
        log.info("the connection of a queued sync is gone", connection_id=str(connection_id))
        return
    if ended.busy or ended.status is SyncStatus.INTERRUPTED:
        raise TryLater(syncs.lease_seconds, "another worker has the company's syncs")
    await after(syncs, connection_id, kind, ended, began, only=only)
    if hop < MOST_HOPS:
        async with syncs.db.transaction() as session:
            for following in ended.then:
                await enqueue_sync(session, syncs.queue, connection_id, following, trigger, hop=hop + 1)


def _piece(kind: SyncKind, only: str | None) -> Sync | None:
    """The part of a kind's work that was asked for, where the kind does not tell it by `only` itself."""
    if kind is not SyncKind.VENDORS or only != DRAFTS:
        return None
    return drafts


async def after(
    syncs: Syncs, connection_id: uuid.UUID, kind: SyncKind, ended: Ended, began: dt.datetime, *, only: str | None = None
) -> None:
    """Note how a run ended in the schedule; see to a connection that Pleo no longer lets in."""
    if ended.cause is not None and ended.cause.failure == PLEO_AUTH:
        await _see_to_access(syncs, connection_id)
    async with syncs.db.transaction() as session:
        connection = await connection_row(session, connection_id)
        row = await session.get(SyncSchedule, (connection_id, kind), with_for_update=True)
        if kind is SyncKind.VENDORS:
            await deliveries.settle(session, connection_id, began, ended, only)
        if row is None:
            return
        now = syncs.connections.now()
        if ended.cause is None or ended.cause.failure == NOT_KEPT:
            if only is None:
                row.last_started_at = began
                ladder.succeeded(row, now, _note(ended))
        elif only is None or ended.cause.failure == PLEO_FORBIDDEN:
            if connection.status in (ConnectionStatus.ACTIVE, ConnectionStatus.SETTING_UP):
                ladder.apply(session, row, ended.cause, now, syncs.patience)
            else:
                row.note = ended.cause.text
            row.last_started_at = began


def _note(ended: Ended) -> str | None:
    if ended.cause is not None:
        return ended.cause.text
    if ended.to_archive is not None:
        return (
            f"{ended.to_archive} records would be archived at Pleo, which waits for a person. "
            f"Look at run {ended.run_id} and allow it there if it is right."
        )
    if ended.status is SyncStatus.WITH_FAILURES:
        return f"Single records could not be synchronised; run {ended.run_id} names each with the reason."
    return None


async def _wanted(syncs: Syncs, connection_id: uuid.UUID, kind: SyncKind, trigger: str) -> bool:
    """Whether a run that nobody asked for by hand is still wanted: things may have changed since it was queued."""
    if trigger not in _BY_THEMSELVES:
        return True
    async with syncs.db.transaction() as session:
        connection = await connection_row(session, connection_id)
        if connection.status != ConnectionStatus.ACTIVE:
            return False
        row = await session.get(SyncSchedule, (connection_id, kind))
        off = row.switched_off_reason if row is not None and row.switched_off_at is not None else None
        if off is None and not await _enabled(session, connection_id, kind):
            off = f"The synchronisation of {ladder.NAMES[kind]} is switched off in the configuration."
        if off is not None and kind is SyncKind.VENDORS:
            await deliveries.park(session, connection_id, off)
    return off is None


async def _enabled(session: AsyncSession, connection_id: uuid.UUID, kind: SyncKind) -> bool:
    newest = await newest_config(session, connection_id)
    return newest is not None and schedule.rhythm(ConfigurationBody.read(newest.body), kind).enabled


async def _see_to_access(syncs: Syncs, connection_id: uuid.UUID) -> None:
    """Pause a connection that Pleo no longer lets in, and say so (ACC-112, AUTH-083); a dead grant did so itself."""
    async with syncs.db.transaction() as session:
        connection = await connection_row(session, connection_id)
    if connection.status != ConnectionStatus.ACTIVE:
        return
    try:
        verdict = await watch.check(syncs.connections, connection_id)
    except PleoError as error:
        log.warning("access not checked after a refusal", connection_id=str(connection_id), error=str(error))
    else:
        log.warning("pleo refused a sync its access", connection_id=str(connection_id), verdict=verdict.value)
