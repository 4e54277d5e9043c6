"""All connections as operators look for them: by name or id, by status, and by what is wrong with them.

What is wrong is asked of the database in one way, for showing and for filtering alike.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ledgerbridge.ops import overview
from ledgerbridge.ops.overview import Overview
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    Connection,
    ConnectionStatus,
    ErpBinding,
    ExportJob,
    HandoverState,
    LinkPhase,
    MappingWarning,
    Posting,
    PostingState,
    ReversalState,
    SyncSchedule,
    VendorLink,
    VoucherFile,
)


class Trouble(StrEnum):
    """What may need a person, worst first."""

    UNKNOWN = "unknown"
    """Postings, or reversals of them, whose outcome nobody knows."""
    RECONNECT = "reconnect"
    """Pleo no longer lets us in."""
    PAUSED = "paused"
    STUCK = "stuck"
    """Going live was refused."""
    LAST_EXPORT = "last_export"
    """The newest export job failed as a whole."""
    FILES = "files"
    """A file of vouchers does not get to where the customer wants it."""
    SYNC = "sync"
    """A kind fails, or was switched off after failing for long."""
    VENDORS = "vendors"
    """Vendors wait for a decision."""
    WARNINGS = "warnings"
    """Something that is used has gone from the ERP."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One connection in the list."""

    overview: Overview
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """All connections together."""

    by_status: Mapping[str, int]
    troubled: int
    """Connections with any trouble."""
    unknown: int
    """Postings and reversals of unknown outcome."""

    @property
    def all(self) -> int:
        return sum(self.by_status.values())


async def listed(
    session: AsyncSession,
    *,
    search: str = "",
    status: ConnectionStatus | None = None,
    trouble: Trouble | None = None,
    troubled: bool = False,
    before: tuple[dt.datetime, uuid.UUID] | None = None,
    limit: int = 50,
) -> list[Listed]:
    """Connections that fit, newest first, behind the key `before` (creation time and id).

    `search`: part of a company's name on either side, or a whole id; `troubled`: with any trouble at all.
    """
    query: Select[Connection] = select(Connection)
    if search:
        query = query.where(_named(search))
    if status is not None:
        query = query.where(Connection.status == status)
    if trouble is not None:
        query = query.where(_TROUBLES[trouble])
    if troubled:
        query = query.where(or_(*_TROUBLES.values()))
    if before is not None:
        query = query.where(tuple_(Connection.created_at, Connection.id) < before)
    query = query.order_by(Connection.created_at.desc(), Connection.id.desc()).limit(limit)
    with across_companies(session, "an operator's list of all companies"):
        found = list(await session.scalars(query))
        with_rest = await overview.with_rest(session, found)
        troubles = await _troubles(session, [one.id for one in found])
    return [Listed(one, troubles.get(one.connection.id, ())) for one in with_rest]


async def troubles_of(session: AsyncSession, connection_id: uuid.UUID) -> tuple[Trouble, ...]:
    """What is wrong with one connection."""
    with across_companies(session, "asked as it is asked of all"):
        return (await _troubles(session, [connection_id])).get(connection_id, ())


async def names_of(session: AsyncSession, ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    """What each of these connections is called, for rows of several: its company's name, or Pleo's id of it."""
    query = select(Connection.id, Connection.company_name, Connection.company_id).where(Connection.id.in_(ids))
    with across_companies(session, "names for an operator's list of all companies"):
        return {row.id: row.company_name or row.company_id for row in await session.execute(query)}


async def totals(session: AsyncSession) -> Totals:
    """The numbers at the top."""
    with across_companies(session, "numbers over all companies"):
        rows = await session.execute(select(Connection.status, func.count()).group_by(Connection.status))
        by_status = {status: number for status, number in rows}  # noqa: C416 - dict() loses the types
        troubled = await session.scalar(select(func.count()).select_from(Connection).where(or_(*_TROUBLES.values())))
        unknown = await session.scalar(select(func.count()).select_from(Posting).where(IN_DOUBT))
    return Totals(by_status, troubled or 0, unknown or 0)


async def _troubles(session: AsyncSession, ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[Trouble, ...]]:
    columns = [condition.label(name) for name, condition in _TROUBLES.items()]
    rows = await session.execute(select(Connection.id, *columns).where(Connection.id.in_(ids)))
    return {row[0]: tuple(name for name, there in zip(_TROUBLES, row[1:], strict=True) if there) for row in rows}


def _named(search: str) -> ColumnElement[bool]:
    erp = exists().where(
        ErpBinding.connection_id == Connection.id,
        or_(
            ErpBinding.company_name.icontains(search, autoescape=True),
            ErpBinding.registration_number == search,
        ),
    )
    fits = [Connection.company_name.icontains(search, autoescape=True), Connection.company_id == search.lower(), erp]
    with contextlib.suppress(ValueError):
        fits.append(Connection.id == uuid.UUID(search))
    return or_(*fits)


_NOT_GONE = Connection.status != ConnectionStatus.DISCONNECTED
_ACTIVE = Connection.status == ConnectionStatus.ACTIVE
_newest = aliased(ExportJob)
_NEWEST_JOB_STATUS = (
    select(_newest.pleo_status)
    .where(_newest.connection_id == Connection.id)
    .order_by(_newest.pleo_created_at.desc(), _newest.id.desc())
    .limit(1)
    .correlate(Connection)
    .scalar_subquery()
)
IN_DOUBT = or_(
    Posting.state == PostingState.UNKNOWN,
    Posting.reversal_state.in_((ReversalState.INTENDED, ReversalState.UNKNOWN)),
)
"""Postings of which a person may have to say what became of them."""
_TROUBLES: Mapping[Trouble, ColumnElement[bool]] = {
    Trouble.UNKNOWN: exists().where(Posting.connection_id == Connection.id, IN_DOUBT),
    Trouble.RECONNECT: Connection.status == ConnectionStatus.RECONNECT_NEEDED,
    Trouble.PAUSED: Connection.status == ConnectionStatus.PAUSED,
    Trouble.STUCK: and_(Connection.status == ConnectionStatus.SETTING_UP, Connection.activation_refusal.is_not(None)),
    Trouble.LAST_EXPORT: and_(_NOT_GONE, func.coalesce(_NEWEST_JOB_STATUS == "failed", False)),
    Trouble.FILES: exists().where(
        VoucherFile.connection_id == Connection.id,
        or_(
            VoucherFile.handover_state == HandoverState.STUCK,
            and_(VoucherFile.handover_state == HandoverState.WAITING, VoucherFile.handover_fault.is_not(None)),
        ),
    ),
    Trouble.SYNC: and_(
        _ACTIVE,
        exists().where(
            SyncSchedule.connection_id == Connection.id,
            or_(SyncSchedule.failing_since.is_not(None), SyncSchedule.switched_off_at.is_not(None)),
        ),
    ),
    Trouble.VENDORS: and_(
        _ACTIVE, exists().where(VendorLink.connection_id == Connection.id, VendorLink.phase == LinkPhase.PARKED)
    ),
    Trouble.WARNINGS: and_(
        _ACTIVE, exists().where(MappingWarning.connection_id == Connection.id, MappingWarning.resolved_at.is_(None))
    ),
}
