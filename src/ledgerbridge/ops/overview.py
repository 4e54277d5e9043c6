"""Connections as operations and customers see them: the company, its ERP company, what is missing, its last job."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased, defer

from ledgerbridge.clock import utcnow
from ledgerbridge.exports.queries import open_claims_of
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    ConfigVersion,
    Connection,
    ConnectionStatus,
    ErpBinding,
    ExportJob,
    LinkPhase,
    MappingWarning,
    Subscription,
    VendorLink,
)
from ledgerbridge.syncs import freshness
from ledgerbridge.syncs.first import Progress, progress
from ledgerbridge.syncs.freshness import Freshness


@dataclass(frozen=True, slots=True)
class Overview:
    """One connection with what hangs on it. The rows are detached."""

    connection: Connection
    binding: ErpBinding | None
    """None too when its access was wiped on disconnect."""
    subscription: Subscription | None
    config_version: int | None
    last_job: ExportJob | None
    syncs: tuple[Freshness, ...]
    """Every kind, in the order of work."""
    warnings: int
    """Mapping warnings that are open."""
    parked_vendors: int
    """Vendors that wait for a person."""
    open_claims: int
    """Bills and payments in the ERP that wait for their counterpart."""
    progress: Progress | None = None
    """Of an activation under way."""


async def connections(
    session: AsyncSession, *, before: tuple[dt.datetime, uuid.UUID] | None = None, limit: int
) -> list[Overview]:
    """At most `limit` connections, newest first, behind the key `before` (creation time and id)."""
    query = select(Connection).order_by(Connection.created_at.desc(), Connection.id.desc()).limit(limit)
    if before is not None:
        query = query.where(tuple_(Connection.created_at, Connection.id) < before)
    with across_companies(session, "an operator's list of all companies"):
        return await with_rest(session, (await session.scalars(query)).all())


async def connection(session: AsyncSession, connection_id: uuid.UUID) -> Overview | None:
    """One connection; None for an unknown id."""
    found = await session.get(Connection, connection_id)
    return (await with_rest(session, [found]))[0] if found else None


def missing(overview: Overview) -> list[str]:
    """What has to be done before exports are booked, in order; empty once the connection is active or becomes so."""
    match overview.connection.status:
        case ConnectionStatus.ACTIVE:
            return []
        case ConnectionStatus.PAUSED:
            return ["Clear the reason for the pause, then switch the connection on again."]
        case ConnectionStatus.RECONNECT_NEEDED | ConnectionStatus.DISCONNECTED:
            return ["Press Connect in Pleo to allow access again."]
    if overview.connection.activating_since is not None:
        return []
    steps = []
    if overview.binding is None:
        steps.append("Connect the accounting system.")
    if overview.config_version is None:
        steps.append("Choose journal and accounts.")
    return [*steps, "Switch the connection on."]


async def with_rest(session: AsyncSession, found: Sequence[Connection]) -> list[Overview]:
    """The same rows with what hangs on them, in their order."""
    ids = [row.id for row in found]
    bindings = await session.scalars(
        select(ErpBinding)
        .where(ErpBinding.connection_id.in_(ids), ErpBinding.settings_sealed.is_not(None))
        .options(
            defer(ErpBinding.settings_sealed)
        )  # large where a file is among the settings, and nobody's business here
    )
    subscriptions = await session.scalars(select(Subscription).where(Subscription.connection_id.in_(ids)))
    versions = await session.execute(
        select(ConfigVersion.connection_id, func.max(ConfigVersion.version))
        .where(ConfigVersion.connection_id.in_(ids))
        .group_by(ConfigVersion.connection_id)
    )
    candidate = aliased(ExportJob)
    newest_job = (
        select(candidate.id)
        .where(candidate.connection_id == Connection.id)
        .order_by(candidate.pleo_created_at.desc(), candidate.id.desc())
        .limit(1)
        .correlate(Connection)
        .scalar_subquery()
    )
    jobs = await session.scalars(
        select(ExportJob).join(Connection, ExportJob.id == newest_job).where(Connection.id.in_(ids))
    )
    binding_of = {row.connection_id: row for row in bindings}
    subscription_of = {row.connection_id: row for row in subscriptions}
    version_of = {row[0]: row[1] for row in versions}
    job_of = {row.connection_id: row for row in jobs}
    syncs = await freshness.of_connections(session, found, utcnow())
    warnings = await _counted(session, MappingWarning.connection_id, ids, MappingWarning.resolved_at.is_(None))
    parked = await _counted(session, VendorLink.connection_id, ids, VendorLink.phase == LinkPhase.PARKED)
    claims = await open_claims_of(session, ids)
    return [
        Overview(
            row,
            binding_of.get(row.id),
            subscription_of.get(row.id),
            version_of.get(row.id),
            job_of.get(row.id),
            syncs[row.id],
            warnings.get(row.id, 0),
            parked.get(row.id, 0),
            claims.get(row.id, 0),
            await progress(session, row) if row.activating_since is not None else None,
        )
        for row in found
    ]


async def _counted(
    session: AsyncSession, owner: InstrumentedAttribute[uuid.UUID], ids: Sequence[uuid.UUID], which: ColumnElement[bool]
) -> dict[uuid.UUID, int]:
    rows = await session.execute(select(owner, func.count()).where(owner.in_(ids), which).group_by(owner))
    return {row[0]: row[1] for row in rows}
