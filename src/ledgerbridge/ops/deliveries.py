"""Reading the stored webhook deliveries, what never arrived, and what was refused."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, cast, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Date

from ledgerbridge.pleo.events import EXPORT_JOB_CREATED, VENDOR_CREATED
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    Connection,
    DeliveryRefusal,
    DeliveryStatus,
    ExportJob,
    JobPhase,
    WebhookDelivery,
)

COUNTED_DAYS = 30
"""How far back lost and refused deliveries are counted; deliveries themselves are kept as long."""


class About(StrEnum):
    """What a delivery tells of."""

    EXPORTS = "exports"
    VENDORS = "vendors"
    OTHER = "other"
    """An event type we do not know."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries; None leaves a property open."""

    connection_id: uuid.UUID | None = None
    status: DeliveryStatus | None = None
    about: About | None = None
    since: dt.datetime | None = None
    """Received then or later."""
    until: dt.datetime | None = None
    """Received before."""

    def condition(self) -> ColumnElement[bool]:
        """As a condition on `webhook_deliveries`."""
        found: ColumnElement[bool] = true()
        if self.connection_id is not None:
            found &= WebhookDelivery.connection_id == self.connection_id
        if self.status is not None:
            found &= WebhookDelivery.status == self.status
        if self.about is not None:
            found &= _about(self.about)
        if self.since is not None:
            found &= WebhookDelivery.received_at >= self.since
        if self.until is not None:
            found &= WebhookDelivery.received_at < self.until
        return found


@dataclass(frozen=True, slots=True)
class Lost:
    """Export jobs of a company that polling found on one day and that no webhook ever told of."""

    day: dt.date
    connection_id: uuid.UUID
    company: str
    """Name, or Pleo's id where the name is not known."""
    jobs: int


async def newest(
    session: AsyncSession,
    which: Filter,
    *,
    before: tuple[dt.datetime, uuid.UUID] | None = None,
    limit: int,
) -> Sequence[WebhookDelivery]:
    """At most `limit` deliveries, newest first, behind the key `before` (arrival and id)."""
    query = (
        select(WebhookDelivery)
        .where(which.condition())
        .order_by(WebhookDelivery.received_at.desc(), WebhookDelivery.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(WebhookDelivery.received_at, WebhookDelivery.id) < before)
    with across_companies(session, "an operator's list of all companies", unless=which.connection_id):
        return (await session.scalars(query)).all()


async def one(session: AsyncSession, delivery_id: uuid.UUID) -> WebhookDelivery | None:
    """One delivery."""
    with across_companies(session, "an operator names a delivery by its id"):
        return await session.get(WebhookDelivery, delivery_id)


async def jobs_told_of(session: AsyncSession, found: Sequence[WebhookDelivery]) -> dict[uuid.UUID, ExportJob]:
    """The export job that each delivery of this list tells of, by the delivery's id, where we have it."""
    told = {row.id: (row.connection_id, row.resource_id) for row in found if about(row) is About.EXPORTS}
    query = select(ExportJob).where(
        ExportJob.connection_id.in_({owner for owner, _ in told.values()}),
        ExportJob.pleo_job_id.in_({named for _, named in told.values() if named}),
    )
    with across_companies(session, "the jobs of an operator's list of all companies"):
        jobs = {(job.connection_id, job.pleo_job_id): job for job in await session.scalars(query)}
    return {delivery: jobs[key] for delivery, (owner, named) in told.items() if (key := (owner, named or "")) in jobs}


async def waiting(session: AsyncSession) -> int:
    """Deliveries that were accepted and not looked at yet."""
    query = select(func.count()).where(WebhookDelivery.status == DeliveryStatus.QUEUED)
    with across_companies(session, "an operator's count of all companies"):
        return await session.scalar(query) or 0


async def lost(session: AsyncSession, now: dt.datetime, connection_id: uuid.UUID | None = None) -> list[Lost]:
    """What webhooks did not tell of in the last days, newest first: jobs that closed without having been announced.

    Only those made while the connection was active, so that we had subscribed. The counter of the metrics is the same.
    """
    day = cast(ExportJob.closed_at, Date)
    company = func.coalesce(Connection.company_name, Connection.company_id)
    query = (
        select(day, ExportJob.connection_id, company, func.count())
        .join(Connection, Connection.id == ExportJob.connection_id)
        .where(
            ExportJob.closed_at >= now - timedelta(days=COUNTED_DAYS),
            ExportJob.phase == JobPhase.CLOSED,
            ExportJob.announced_at.is_(None),
            ExportJob.found_by == "poll",
            ExportJob.pleo_created_at >= Connection.activated_at,
        )
        .group_by(day, ExportJob.connection_id, company)
        .order_by(day.desc(), func.count().desc(), ExportJob.connection_id)
        .limit(200)
    )
    if connection_id is not None:
        query = query.where(ExportJob.connection_id == connection_id)
    with across_companies(session, "an operator's count of all companies", unless=connection_id):
        return [Lost(*row) for row in (await session.execute(query)).all()]


async def refused(session: AsyncSession, today: dt.date) -> dict[str, int]:
    """Webhook requests of the last days that were refused, by reason, most first. They belong to no company."""
    query = (
        select(DeliveryRefusal.reason, func.sum(DeliveryRefusal.deliveries))
        .where(DeliveryRefusal.day > today - timedelta(days=COUNTED_DAYS))
        .group_by(DeliveryRefusal.reason)
        .order_by(func.sum(DeliveryRefusal.deliveries).desc(), DeliveryRefusal.reason)
    )
    return {reason: int(number) for reason, number in (await session.execute(query)).all()}


def about(row: WebhookDelivery) -> About:
    """What a delivery tells of."""
    if row.event_type in EXPORT_JOB_CREATED:
        return About.EXPORTS
    return About.VENDORS if row.event_type in VENDOR_CREATED else About.OTHER


def _about(what: About) -> ColumnElement[bool]:
    if what is About.EXPORTS:
        return WebhookDelivery.event_type.in_(sorted(EXPORT_JOB_CREATED))
    if what is About.VENDORS:
        return WebhookDelivery.event_type.in_(sorted(VENDOR_CREATED))
    return WebhookDelivery.event_type.not_in(sorted(EXPORT_JOB_CREATED | VENDOR_CREATED))
