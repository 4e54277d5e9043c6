"""Reading the stored webhook deliveries."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import DeliveryStatus, WebhookDelivery


async def newest(
    session: AsyncSession,
    *,
    connection_id: uuid.UUID | None = None,
    status: DeliveryStatus | None = None,
    before: tuple[dt.datetime, uuid.UUID] | None = None,
    limit: int,
) -> Sequence[WebhookDelivery]:
    """At most `limit` deliveries, newest first, behind the key `before` (arrival and id)."""
    query = select(WebhookDelivery).order_by(WebhookDelivery.received_at.desc(), WebhookDelivery.id.desc()).limit(limit)
    if connection_id is not None:
        query = query.where(WebhookDelivery.connection_id == connection_id)
    if status is not None:
        query = query.where(WebhookDelivery.status == status)
    if before is not None:
        query = query.where(tuple_(WebhookDelivery.received_at, WebhookDelivery.id) < before)
    with across_companies(session, "an operator's list of all companies", unless=connection_id):
        return (await session.scalars(query)).all()
