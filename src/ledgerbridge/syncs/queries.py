"""What operations ask about syncs. Read-only; pages by keyset, newest first."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import LinkPhase, MappingWarning, SyncRun, SyncStatus, VendorLink
from ledgerbridge.syncs.rows import WENT_THROUGH

_RECENT = dt.timedelta(days=8)
"""Longer than the longest interval; older runs need not be looked through."""
Key = tuple[dt.datetime, uuid.UUID]


async def runs(
    session: AsyncSession,
    *,
    connection_id: uuid.UUID | None = None,
    kind: str | None = None,
    status: str | None = None,
    before: Key | None = None,
    limit: int = 50,
) -> Sequence[SyncRun]:
    """Runs by their start; `before` is the key of the last one of the page before."""
    wanted = select(SyncRun).order_by(SyncRun.started_at.desc(), SyncRun.id.desc()).limit(limit)
    if connection_id is not None:
        wanted = wanted.where(SyncRun.connection_id == connection_id)
    if kind is not None:
        wanted = wanted.where(SyncRun.kind == kind)
    if status is not None:
        wanted = wanted.where(SyncRun.status == status)
    if before is not None:
        wanted = wanted.where(tuple_(SyncRun.started_at, SyncRun.id) < before)
    with across_companies(session, "an operator's list of all companies", unless=connection_id):
        return (await session.scalars(wanted)).all()


async def run_of(session: AsyncSession, connection_id: uuid.UUID, run_id: uuid.UUID) -> SyncRun | None:
    """One run of a connection; None for an unknown id, and for another connection's."""
    return await session.scalar(select(SyncRun).where(SyncRun.id == run_id, SyncRun.connection_id == connection_id))


async def running(session: AsyncSession, connection_id: uuid.UUID) -> Sequence[SyncRun]:
    """Runs under way."""
    under_way = (SyncRun.connection_id == connection_id, SyncRun.status == SyncStatus.RUNNING)
    return (await session.scalars(select(SyncRun).where(*under_way))).all()


async def questions(session: AsyncSession, connection_id: uuid.UUID) -> list[SyncRun]:
    """Runs that wait for a person's word: of each kind the newest full one that went through, where it asks."""
    newest = (
        select(SyncRun)
        .where(SyncRun.connection_id == connection_id, SyncRun.only.is_(None), SyncRun.status.in_(WENT_THROUGH))
        .ext(distinct_on(SyncRun.kind))
        .order_by(SyncRun.kind, SyncRun.started_at.desc(), SyncRun.id.desc())
    )
    return [run for run in await session.scalars(newest) if run.status == SyncStatus.NEEDS_CONFIRMATION]


async def newest_of_its_kind(session: AsyncSession, run: SyncRun) -> SyncRun | None:
    """The last full run of the same kind and connection that has ended and could say what is to be archived."""
    return await session.scalar(
        select(SyncRun)
        .where(
            SyncRun.connection_id == run.connection_id,
            SyncRun.kind == run.kind,
            SyncRun.only == run.only if run.only is not None else SyncRun.only.is_(None),
            SyncRun.status.in_(WENT_THROUGH),
        )
        .order_by(SyncRun.started_at.desc(), SyncRun.id.desc())
        .limit(1)
    )


async def parked_vendors(
    session: AsyncSession, connection_id: uuid.UUID, *, before: Key | None = None, limit: int = 50
) -> Sequence[VendorLink]:
    """Vendors of Pleo that wait for a person, and links that broke."""
    wanted = (
        select(VendorLink)
        .where(VendorLink.connection_id == connection_id, VendorLink.phase.in_((LinkPhase.PARKED, LinkPhase.BROKEN)))
        .order_by(VendorLink.created_at.desc(), VendorLink.id.desc())
        .limit(limit)
    )
    if before is not None:
        wanted = wanted.where(tuple_(VendorLink.created_at, VendorLink.id) < before)
    return (await session.scalars(wanted)).all()


async def warnings(
    session: AsyncSession,
    connection_id: uuid.UUID,
    *,
    with_resolved: bool = False,
    before: Key | None = None,
    limit: int = 50,
) -> Sequence[MappingWarning]:
    """Mapping warnings of a connection."""
    wanted = (
        select(MappingWarning)
        .where(MappingWarning.connection_id == connection_id)
        .order_by(MappingWarning.seen_at.desc(), MappingWarning.id.desc())
        .limit(limit)
    )
    if not with_resolved:
        wanted = wanted.where(MappingWarning.resolved_at.is_(None))
    if before is not None:
        wanted = wanted.where(tuple_(MappingWarning.seen_at, MappingWarning.id) < before)
    return (await session.scalars(wanted)).all()


async def open_warnings(session: AsyncSession) -> dict[str, int]:
    """How many warnings are open, by kind."""
    rows = await session.execute(
        select(MappingWarning.kind, func.count())
        .where(MappingWarning.resolved_at.is_(None))
        .group_by(MappingWarning.kind)
    )
    return {row[0]: row[1] for row in rows}


async def parked_count(session: AsyncSession) -> int:
    """How many vendors wait for a person, over all connections."""
    return (
        await session.scalar(select(func.count()).select_from(VendorLink).where(VendorLink.phase == LinkPhase.PARKED))
        or 0
    )


async def confirmations(session: AsyncSession) -> int:
    """Kinds of connections whose newest full run waits for a person."""
    newest = (
        select(SyncRun.status)
        .where(SyncRun.only.is_(None), SyncRun.status != SyncStatus.RUNNING, SyncRun.started_at > utcnow() - _RECENT)
        .ext(distinct_on(SyncRun.connection_id, SyncRun.kind))
        .order_by(SyncRun.connection_id, SyncRun.kind, SyncRun.started_at.desc())
        .subquery()
    )
    waiting = select(func.count()).select_from(newest).where(newest.c.status == SyncStatus.NEEDS_CONFIRMATION)
    return await session.scalar(waiting) or 0
