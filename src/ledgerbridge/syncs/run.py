"""One run of one kind for one company: lease, both systems opened, the work of the kind, the run's end.

Every way to start a sync ends here: schedule, "sync now", activation, webhook (TAG-125, ACC-103).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ledgerbridge.connections.access import open_erp, open_pleo, verify_erp_company
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.rows import connection_row, newest_config
from ledgerbridge.pleo.transport import Observation
from ledgerbridge.store.leases import Lease, LeaseKeeper, LeaseLost, acquire
from ledgerbridge.store.tables import Connection, ConnectionStatus, ErpBinding, SyncKind, SyncStatus
from ledgerbridge.syncs import kept, rows, warnings
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.failing import BUSY, NOT_KEPT, UNEXPECTED, Cause, Stopped, cause_of, not_ready, of_problem
from ledgerbridge.syncs.kinds import KINDS, Sync
from ledgerbridge.syncs.record import Action, Record
from ledgerbridge.syncs.rows import Order
from ledgerbridge.syncs.seen import Seen, watched

log = structlog.get_logger(__name__)

PROGRESS_SECONDS = 2.0
_ENDED = (ConnectionStatus.DISCONNECTED, ConnectionStatus.RECONNECT_NEEDED)
_BUSY = Cause(BUSY, cause_of(LeaseLost()).kind, "Another synchronisation of this company is under way.", retry=True)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, for whoever started it."""

    run_id: uuid.UUID | None
    """Row of `sync_runs`; None when no run began, because another worker has the company."""
    status: SyncStatus | None
    """None with `run_id`."""
    cause: Cause | None = None
    """Why it ended early; None unless it failed, was interrupted, did not begin or found that nothing is kept."""
    to_archive: int | None = None
    """Records whose archiving waits for a person."""
    then: tuple[SyncKind, ...] = ()
    """Kinds that should run next, because this run made work for them (TAX-051)."""

    @property
    def busy(self) -> bool:
        return self.run_id is None


async def run(
    syncs: Syncs,
    connection_id: uuid.UUID,
    kind: SyncKind,
    trigger: str,
    *,
    only: str | None = None,
    archive_allowed: int | None = None,
    allowed_by: str | None = None,
    asked_in: uuid.UUID | None = None,
    work: Sync | None = None,
) -> Ended:
    """Bring one kind in step with the ERP and say how it ended.

    `asked_in` names the run whose question `allowed_by` answered. `work` is done instead of the kind's whole sync,
    where a kind has smaller pieces of work. Foreseeable failures are values in `Ended.cause`. Raises
    `ConnectionUnknown`, and what our own database does not let us write down.
    """
    order = Order(kind, trigger, only, archive_allowed, allowed_by, asked_in)
    with structlog.contextvars.bound_contextvars(connection_id=str(connection_id), sync=str(kind)):
        holder = f"{syncs.worker}/{uuid.uuid4()}"
        lease = await acquire(syncs.db, connection_id, holder, syncs.lease_seconds, scope="syncs")
        if lease is None:
            return Ended(None, None, _BUSY)
        run_id: uuid.UUID | None = None
        try:
            async with LeaseKeeper(syncs.db, lease, syncs.lease_seconds):
                run_id = await rows.begin(syncs.db, lease, order)
                return await _to_the_end(syncs, lease, run_id, order, work or KINDS[kind].sync)
        except LeaseLost as error:
            log.error("lost the lease, stopping")
            return Ended(run_id, SyncStatus.INTERRUPTED if run_id else None, cause_of(error))


async def preview(syncs: Syncs, connection_id: uuid.UUID, kind: SyncKind, *, only: str | None = None) -> Record:
    """What a run would do just now, counted in a record; the same reads and the same plan, nothing written.

    Raises what `cause_of` puts into words: `Stopped`, `ErpError`, `PleoError`, `EmptyRead`; and `ConnectionUnknown`.
    """
    record = Record()
    async with _desk(syncs, connection_id, Order(kind, "preview", only), record) as desk:
        await KINDS[kind].foresee(desk)
    return record


async def _to_the_end(syncs: Syncs, lease: Lease, run_id: uuid.UUID, order: Order, work: Sync) -> Ended:
    record, began = Record(), time.monotonic()
    cause: Cause | None = None
    then: tuple[SyncKind, ...] = ()
    async with _shown(syncs, lease, run_id, record):
        try:
            async with _desk(syncs, lease.connection_id, order, record) as desk:
                desk = replace(desk, lease=lease, run_id=run_id)
                await work(desk)
                await warnings.review(desk)
            then = tuple(sorted(record.then))
        except (LeaseLost, SQLAlchemyError):
            raise
        except Exception as error:
            cause = cause_of(error)
            if cause.failure == UNEXPECTED:
                log.exception("unexpected failure in a sync")
    status = _status(record, cause)
    await rows.end(syncs.db, lease, run_id, record, status, cause)
    _observe(syncs, order, status, record, time.monotonic() - began)
    return Ended(run_id, status, cause, record.to_archive, then)


def _status(record: Record, cause: Cause | None) -> SyncStatus:
    if cause is not None:
        return SyncStatus.SUCCEEDED if cause.failure == NOT_KEPT else SyncStatus.FAILED
    if record.to_archive is not None:
        return SyncStatus.NEEDS_CONFIRMATION
    return SyncStatus.WITH_FAILURES if record.counts[Action.FAILED] else SyncStatus.SUCCEEDED


def _observe(syncs: Syncs, order: Order, status: SyncStatus, record: Record, seconds: float) -> None:
    syncs.observer.run(order.kind, status, seconds)
    for action, count in record.counts.items():
        syncs.observer.record(order.kind, action, count)
    log.info("sync ended", status=str(status), calls=record.calls, **{str(k): n for k, n in record.counts.items()})


@asynccontextmanager
async def _desk(syncs: Syncs, connection_id: uuid.UUID, order: Order, record: Record) -> AsyncIterator[Desk]:
    """Both systems opened, the pinned ERP company seen. Raises `Stopped` for what a person must set right first."""
    connection, binding, body, version = await _set_up(syncs, connection_id, order)

    def count(seen: Observation) -> None:
        record.calls += 1
        if syncs.connections.observe is not None:
            syncs.connections.observe(seen)

    pleo = await open_pleo(replace(syncs.connections, observe=count), connection_id, urgent=order.trigger == "preview")
    async with open_erp(syncs.connections, connection_id) as erp:
        if wrong := await verify_erp_company(erp, binding):
            raise Stopped(of_problem(wrong))
        kept.insist(erp.capabilities, order.kind)
        seen = Seen()
        first = order.trigger == "activation" or connection.status == ConnectionStatus.SETTING_UP
        yield Desk(
            syncs=syncs,
            connection=connection,
            configuration=body.configuration(version),
            body=body,
            kind=order.kind,
            bound_at=binding.bound_at,
            pleo=pleo,
            erp=watched(erp, seen),
            seen=seen,
            record=record,
            archive_allowed=order.archive_allowed,
            shown=await rows.shown(syncs.db, connection_id, order.asked_in) if order.asked_in else None,
            only=order.only,
            asks=first or await rows.unanswered(syncs.db, connection_id, order),
        )


async def _set_up(
    syncs: Syncs, connection_id: uuid.UUID, order: Order
) -> tuple[Connection, ErpBinding, ConfigurationBody, int]:
    async with syncs.db.transaction() as session:
        connection = await connection_row(session, connection_id)
        binding = await session.get(ErpBinding, connection_id)
        newest = await newest_config(session, connection_id)
    if connection.status in _ENDED:
        raise Stopped(not_ready("The company is not connected to Pleo. Press Connect in Pleo again."))
    going_live = connection.status == ConnectionStatus.SETTING_UP and order.trigger == "activation"
    if connection.status != ConnectionStatus.ACTIVE and not going_live and order.trigger != "preview":
        raise Stopped(not_ready(f"The connection is not active but {connection.status.replace('_', ' ')}."))
    if binding is None or binding.settings_sealed is None:
        raise Stopped(not_ready("No accounting system is connected. Connect one first."))
    if newest is None:
        raise Stopped(not_ready("The bookkeeping configuration is missing. Fill it in first."))
    return connection, binding, ConfigurationBody.read(newest.body), newest.version


@asynccontextmanager
async def _shown(syncs: Syncs, lease: Lease, run_id: uuid.UUID, record: Record) -> AsyncIterator[None]:
    """While the body runs, the row shows how far it has come."""

    async def show() -> None:
        seen = -1
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            if record.calls == seen:
                continue
            seen = record.calls
            try:
                await rows.progress(syncs.db, lease, run_id, record)
            except (LeaseLost, SQLAlchemyError, OSError) as error:
                log.warning("progress not written", error=type(error).__name__)

    showing = asyncio.create_task(show(), name="sync progress")
    try:
        yield
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing
