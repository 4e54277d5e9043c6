"""Rows of `sync_runs`: begun, kept up to date and ended under the lease's fence."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import aliased

from ledgerbridge.store.engine import Database
from ledgerbridge.store.leases import Lease, LeaseLost, holds
from ledgerbridge.store.tables import SyncKind, SyncRun, SyncStatus
from ledgerbridge.syncs.failing import Cause
from ledgerbridge.syncs.record import Record

WENT_THROUGH = (SyncStatus.SUCCEEDED, SyncStatus.WITH_FAILURES, SyncStatus.NEEDS_CONFIRMATION)
"""Ends of runs that read and compared everything."""
_CONFIRMED_BY = dt.timedelta(hours=1)
_INTERRUPTED = "The worker of this run ended before it; the next run started from scratch."


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for."""

    kind: SyncKind
    trigger: str
    """`schedule`, `manual`, `activation`, `webhook`, `poll`, `export` or `confirmed`."""
    only: str | None = None
    archive_allowed: int | None = None
    allowed_by: str | None = None
    """Who allowed it: `admin:<name>`."""
    asked_in: uuid.UUID | None = None
    """The run that asked for it."""


async def begin(db: Database, lease: Lease, order: Order) -> uuid.UUID:
    """Close runs that a dead worker left open, and open this one. Raises `LeaseLost`."""
    async with db.transaction() as session:
        if not await holds(session, lease):
            raise LeaseLost(f"the lease of connection {lease.connection_id} was lost")
        await session.execute(
            update(SyncRun)
            .where(SyncRun.connection_id == lease.connection_id, SyncRun.status == SyncStatus.RUNNING)
            .values(status=SyncStatus.INTERRUPTED, ended_at=func.clock_timestamp(), reason=_INTERRUPTED)
        )
        row = SyncRun(
            id=uuid.uuid4(),
            connection_id=lease.connection_id,
            kind=order.kind,
            trigger=order.trigger,
            only=order.only,
            archive_allowed=order.archive_allowed,
            allowed_by=order.allowed_by,
        )
        session.add(row)
    return row.id


async def progress(db: Database, lease: Lease, run_id: uuid.UUID, record: Record) -> None:
    """Show how far a run has come. Raises `LeaseLost`."""
    await _write(db, lease, run_id, record.counters)


async def end(
    db: Database, lease: Lease, run_id: uuid.UUID, record: Record, status: SyncStatus, cause: Cause | None
) -> None:
    """Close a run. Raises `LeaseLost`; the next holder closes it then."""
    ended = {
        "status": status,
        "ended_at": func.clock_timestamp(),
        "failure": cause.failure if cause else None,
        "reason": cause.text if cause else None,
    }
    await _write(db, lease, run_id, record.columns | ended)
    if cause is None:
        await _forget_held(db, run_id)


async def shown(db: Database, connection_id: uuid.UUID, run_id: uuid.UUID) -> frozenset[str]:
    """Pleo's ids of the records that a run of this connection asked about."""
    async with db.reading() as session:
        held = await session.scalar(
            select(SyncRun.held).where(SyncRun.id == run_id, SyncRun.connection_id == connection_id)
        )
    return frozenset(held or ())


async def _forget_held(db: Database, run_id: uuid.UUID) -> None:
    """Runs before this one can no longer be confirmed, and what was confirmed a moment ago has had its time."""
    this, older = aliased(SyncRun), SyncRun
    async with db.transaction() as session:
        await session.execute(
            update(older)
            .where(
                this.id == run_id,
                older.connection_id == this.connection_id,
                older.kind == this.kind,
                older.only.is_not_distinct_from(this.only),
                older.started_at < this.started_at - _CONFIRMED_BY,
                older.held.is_not(None),
            )
            .values(held=None)
            .execution_options(synchronize_session=False)
        )


async def _write(db: Database, lease: Lease, run_id: uuid.UUID, values: Mapping[str, Any]) -> None:
    async with db.transaction() as session:
        if not await holds(session, lease):
            raise LeaseLost(f"the lease of connection {lease.connection_id} was lost")
        await session.execute(
            update(SyncRun).where(SyncRun.id == run_id, SyncRun.status == SyncStatus.RUNNING).values(**values)
        )


async def unanswered(db: Database, connection_id: uuid.UUID, order: Order) -> bool:
    """Whether no run of this kind has gone through yet, or the last one asked a question that nobody has answered."""
    query = (
        select(SyncRun.status)
        .where(
            SyncRun.connection_id == connection_id,
            SyncRun.kind == order.kind,
            SyncRun.only.is_(None),
            SyncRun.status.in_(WENT_THROUGH),
            SyncRun.failure.is_(None),  # a run that found nothing kept has compared nothing
        )
        .order_by(SyncRun.started_at.desc(), SyncRun.id.desc())
        .limit(1)
    )
    async with db.reading() as session:
        return await session.scalar(query) in (None, SyncStatus.NEEDS_CONFIRMATION)


async def one(db: Database, run_id: uuid.UUID) -> SyncRun | None:
    """A run by id."""
    async with db.reading() as session:
        return await session.scalar(select(SyncRun).where(SyncRun.id == run_id))
