"""The first syncs of an activation, in the order Pleo wants, and then its end (AUTH-070, VEN-100, TAG-120, ACC-101).

Queued work that goes on after a crash: what is done is read from `sync_runs`. A kind that does not succeed is tried
three times; after that the customer is not held up any longer, the kind stays behind on the ladder and is told.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections import activation, configuration
from ledgerbridge.connections.access import open_erp, open_pleo
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.errors import ActivationOver, ActivationRefused, ConnectionUnknown, Refused
from ledgerbridge.connections.rows import connection_row, newest_config
from ledgerbridge.erp.port import ErpError
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.store import audit
from ledgerbridge.store.tables import Connection, SyncKind, SyncRun, SyncStatus
from ledgerbridge.syncs import schedule
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.failing import NOT_KEPT, PLEO_AUTH
from ledgerbridge.syncs.ladder import NAMES
from ledgerbridge.syncs.preselect import preselected
from ledgerbridge.syncs.rows import WENT_THROUGH
from ledgerbridge.syncs.run import Ended, run
from ledgerbridge.syncs.tasks import after
from ledgerbridge.work.retry import TryLater

TRIES = 3
"""Of one kind, before activation goes on without it."""
PAUSES = (5.0, 30.0)
"""Seconds before the second and the third try."""
PATIENCE = dt.timedelta(minutes=30)
"""How long Pleo may fail to take our word that we are ready, before the activation is given up."""
ASK_AGAIN = 15.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the first syncs of an activation have come."""

    done: tuple[SyncKind, ...]
    """Kinds whose first sync went through."""
    waiting: tuple[SyncKind, ...]
    """Kinds still to come, in order; the first of them is under way."""
    left_behind: tuple[SyncKind, ...]
    """Kinds that did not succeed; the activation goes on without them."""


async def first_syncs(syncs: Syncs, connection_id: uuid.UUID) -> None:
    """Do what is left of the first syncs, then finish the activation. Repeatable; a no-op when none is under way.

    Raises `TryLater` when something must pass first.
    """
    room = syncs.connections
    try:
        connection, body, version = await _under_way(syncs, connection_id)
    except ConnectionUnknown:
        return
    if connection.activating_since is None or body is None:
        return
    async with syncs.db.transaction() as session:
        await schedule.plan_one(session, connection_id, body, version, room.now())
        await schedule.switch_on(session, connection_id)
    if body.dimensions is None:
        await _preselect(syncs, connection)
    async with syncs.db.reading() as session:
        found = await progress(session, connection)
    for kind in found.waiting if found else ():
        if not await _still_wanted(syncs, connection) or not await _one(syncs, connection, kind):
            return
    await _finish(syncs, connection)


async def progress(session: AsyncSession, connection: Connection) -> Progress | None:
    """What of an activation under way is done, read from the runs it has made; None without a configuration."""
    newest = await newest_config(session, connection.id)
    if newest is None:
        return None
    runs = await session.scalars(
        select(SyncRun).where(
            SyncRun.connection_id == connection.id,
            SyncRun.trigger == "activation",
            SyncRun.started_at >= connection.activating_since,
        )
    )
    return reckon(ConfigurationBody.read(newest.body), runs.all())


def reckon(body: ConfigurationBody, runs: Sequence[SyncRun]) -> Progress:
    """The progress that these runs make, of the kinds that the configuration has switched on."""
    wanted = [kind for kind in schedule.ORDER if schedule.rhythm(body, kind).enabled]
    done = {run.kind for run in runs if run.status in WENT_THROUGH}
    tried = [run.kind for run in runs if run.status == SyncStatus.FAILED]
    reached = max((wanted.index(SyncKind(run.kind)) for run in runs if run.kind in wanted), default=0)
    spent = {kind for kind in tried if tried.count(kind) >= TRIES or kind in wanted[:reached]}
    return Progress(
        done=tuple(kind for kind in wanted if kind in done),
        waiting=tuple(kind for kind in wanted if kind not in done | spent),
        left_behind=tuple(kind for kind in wanted if kind in spent - done),
    )


async def _still_wanted(syncs: Syncs, connection: Connection) -> bool:
    """Whether the activation that was begun still goes on; somebody may have disconnected the company meanwhile."""
    async with syncs.db.reading() as session:
        now = await connection_row(session, connection.id)
    return now.activating_since == connection.activating_since


async def _under_way(syncs: Syncs, connection_id: uuid.UUID) -> tuple[Connection, ConfigurationBody | None, int]:
    async with syncs.db.transaction() as session:
        connection = await connection_row(session, connection_id)
        newest = await newest_config(session, connection_id)
    if newest is None:
        return connection, None, 0
    return connection, ConfigurationBody.read(newest.body), newest.version


async def _one(syncs: Syncs, connection: Connection, kind: SyncKind) -> bool:
    """One first sync with its tries; False when the activation has ended instead."""
    for attempt in range(TRIES):
        began = syncs.connections.now()
        ended = await run(syncs, connection.id, kind, "activation")
        if ended.busy or ended.status is SyncStatus.INTERRUPTED:
            raise TryLater(syncs.lease_seconds, "another worker has the company's syncs")
        await after(syncs, connection.id, kind, ended, began)
        if ended.cause is None or ended.cause.failure == NOT_KEPT:
            return True
        if ended.cause.failure == PLEO_AUTH:
            refused = ActivationRefused("reconnect_needed", ended.cause.text)
            await activation.give_up(syncs.connections, connection.id, refused, since=connection.activating_since)
            return False
        if not await _still_wanted(syncs, connection):
            return False
        if not ended.cause.retry:
            break
        if attempt + 1 < TRIES:
            await syncs.connections.sleep(PAUSES[attempt])
    await _left_behind(syncs, connection, kind, ended)
    return True


async def _preselect(syncs: Syncs, connection: Connection) -> None:
    """Select the dimensions that Pleo already has groups for, once, where the configuration leaves them open."""
    room = syncs.connections
    try:
        pleo = await open_pleo(room, connection.id, urgent=False)
        async with open_erp(room, connection.id) as erp:
            found = await preselected(pleo, erp, connection.company_id)
    except (ErpError, PleoError, Refused) as error:
        log.warning("no dimensions preselected", connection_id=str(connection.id), error=str(error))
        return
    if found.beyond:
        log.info("more matching dimensions than can be carried", connection_id=str(connection.id), left=found.beyond)
    await configuration.select_open(room, connection.id, found.selected)


async def _left_behind(syncs: Syncs, connection: Connection, kind: SyncKind, ended: Ended) -> None:
    reason = ended.cause.text if ended.cause else ""
    log.warning("activation goes on without a first sync", connection_id=str(connection.id), sync=str(kind))
    async with syncs.db.transaction() as session:
        audit.record(session, "system", "first_sync_left_behind", connection.id, kind=NAMES[kind], reason=reason)


async def _synced(syncs: Syncs, connection: Connection, since: dt.datetime) -> dt.datetime:
    """When the first syncs were through, which may take long in a large company."""
    async with syncs.db.reading() as session:
        last = await session.scalar(
            select(func.max(SyncRun.ended_at)).where(
                SyncRun.connection_id == connection.id, SyncRun.trigger == "activation", SyncRun.started_at >= since
            )
        )
    return last or since


async def _finish(syncs: Syncs, connection: Connection) -> None:
    room = syncs.connections
    since = connection.activating_since
    assert since is not None  # noqa: S101
    _, body, _ = await _under_way(syncs, connection.id)
    if body is not None:
        async with syncs.db.transaction() as session:
            await schedule.go_live(session, connection.id, body, since, room.now())
    try:
        await activation.finish(room, connection.id, connection.activating_by or "system", since=since)
    except ActivationOver:
        log.info("the activation ended before its first syncs", connection_id=str(connection.id))
    except ActivationRefused as refused:
        if refused.code == "pleo_unavailable" and room.now() - await _synced(syncs, connection, since) < PATIENCE:
            raise TryLater(ASK_AGAIN, refused.text) from None
        await activation.give_up(room, connection.id, refused, since=since)
