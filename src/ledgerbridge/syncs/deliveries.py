"""Webhooks about vendors: each ends when its vendor was worked on, or waits with its reason (invariant 5)."""

from __future__ import annotations

import datetime as dt
import uuid

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.pleo.events import VENDOR_CREATED
from ledgerbridge.store.tables import DeliveryStatus, SyncStatus, WebhookDelivery
from ledgerbridge.syncs.enqueue import DRAFTS
from ledgerbridge.syncs.failing import PLEO_FORBIDDEN
from ledgerbridge.syncs.run import Ended


async def settle(
    session: AsyncSession, connection_id: uuid.UUID, began: dt.datetime, ended: Ended, only: str | None
) -> None:
    """End the deliveries that a vendor run answered, in the caller's transaction.

    A run over one vendor answers those of that vendor; the drafts, or all vendors, answer every one that arrived before
    the run. After a failure they wait for the next look at the drafts, which tries that vendor again, unless Pleo does
    not open its Vendors API.
    """
    single = only is not None and only != DRAFTS
    if ended.cause is not None:
        if ended.cause.failure == PLEO_FORBIDDEN:
            await park(session, connection_id, ended.cause.text)
        return
    if single and ended.status is not SyncStatus.SUCCEEDED:
        return
    answered = update(WebhookDelivery).where(
        WebhookDelivery.connection_id == connection_id,
        WebhookDelivery.status == DeliveryStatus.QUEUED,
        WebhookDelivery.event_type.in_(VENDOR_CREATED),
        func.greatest(WebhookDelivery.received_at, WebhookDelivery.replayed_at) <= began,
    )
    if single:
        answered = answered.where(WebhookDelivery.resource_id == only)
    await session.execute(answered.values(status=DeliveryStatus.DONE, settled_at=utcnow()))


async def park(session: AsyncSession, connection_id: uuid.UUID, why: str) -> None:
    """Keep the waiting deliveries for a person, because vendors are not synchronised."""
    await session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.connection_id == connection_id,
            WebhookDelivery.status == DeliveryStatus.QUEUED,
            WebhookDelivery.event_type.in_(VENDOR_CREATED),
        )
        .values(status=DeliveryStatus.PARKED, settled_at=utcnow(), note=why)
    )
