"""Webhooks about vendors: each ends when its vendor was worked on, or waits with its reason (invariant 5)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.pleo.events import VENDOR_CREATED
from ledgerbridge.store.tables import DeliveryStatus, SyncStatus, WebhookDelivery
from ledgerbridge.syncs.enqueue import DRAFTS
from ledgerbridge.syncs.failing import NOT_KEPT, PLEO_FORBIDDEN
from ledgerbridge.syncs.run import Ended


async def settle(
    session: AsyncSession, connection_id: uuid.UUID, began: dt.datetime, ended: Ended, only: str | None
) -> None:
    """End the deliveries that a vendor run answered, in the caller's transaction.

    A run over one vendor answers those of that vendor; the drafts, or all vendors, answer every one that arrived before
    the run. After a failure they wait for the next look at the drafts, which tries that vendor again, unless Pleo does
    not open its Vendors API or the ERP keeps no vendors.
    """
    single = only is not None and only != DRAFTS
    if ended.cause is not None:
        if ended.cause.failure in (PLEO_FORBIDDEN, NOT_KEPT):
            await park(session, connection_id, ended.cause.text)
        return
    if single and ended.status is not SyncStatus.SUCCEEDED:
        return
    answered = [func.greatest(WebhookDelivery.received_at, WebhookDelivery.replayed_at) <= began]
    if single:
        answered.append(WebhookDelivery.resource_id == only)
    await _end(session, connection_id, answered, status=DeliveryStatus.DONE)


async def park(session: AsyncSession, connection_id: uuid.UUID, why: str) -> None:
    """Keep the waiting deliveries for a person, because vendors are not synchronised."""
    await _end(session, connection_id, (), status=DeliveryStatus.PARKED, note=why)


async def _end(
    session: AsyncSession, connection_id: uuid.UUID, which: Sequence[ColumnElement[bool]], **values: Any
) -> None:
    mine = WebhookDelivery.connection_id == connection_id
    # Locked by rising id, as a replay does, so that the two never wait for each other in a circle.
    waiting = (
        select(WebhookDelivery.id)
        .where(
            mine,
            WebhookDelivery.status == DeliveryStatus.QUEUED,
            WebhookDelivery.event_type.in_(VENDOR_CREATED),
            *which,
        )
        .order_by(WebhookDelivery.id)
        .with_for_update()
    )
    changed = update(WebhookDelivery).where(mine, WebhookDelivery.id.in_(waiting)).values(settled_at=utcnow(), **values)
    await session.execute(changed.execution_options(synchronize_session=False))
