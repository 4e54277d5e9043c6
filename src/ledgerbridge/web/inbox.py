"""The inbox for Pleo's deliveries: each is stored once by its `webhook-id`, and its work is queued in that transaction.

Nothing here trusts a body for more than which event it is and whom to ask (HOOK-024, -025).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import subscriptions
from ledgerbridge.exports.enqueue import enqueue_look
from ledgerbridge.pleo.events import Event, ExportJobCreated, VendorCreated
from ledgerbridge.store.tables import Connection, ConnectionStatus, DeliveryStatus, Subscription, WebhookDelivery
from ledgerbridge.store.vault import hash_token
from ledgerbridge.syncs.enqueue import enqueue_vendor
from ledgerbridge.web.services import Services

_LONGEST = 200
"""Characters kept of a text that the sender chooses."""


class Result(StrEnum):
    """What became of a delivery that was believed."""

    QUEUED = "queued"
    DUPLICATE = "duplicate"
    """Seen before; nothing was done again (HOOK-043)."""
    PARKED = "parked"
    """Kept for a person or a later release; no work."""
    DROPPED = "dropped"
    """The connection has ended (HOOK-047)."""
    MISMATCH = "mismatch"
    """Names another company than the subscription's (HOOK-026)."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The subscription behind a path."""

    connection_id: uuid.UUID
    company_id: str
    ended: bool
    secret: str | None = field(repr=False)


async def mailbox(services: Services, path_token: str) -> Mailbox | None:
    """The subscription with this path; None when there is none."""
    async with services.db.reading() as session:
        row = (
            await session.execute(
                select(Subscription, Connection)
                .join(Connection, Connection.id == Subscription.connection_id)
                .where(Subscription.path_token_hash == hash_token(path_token))
            )
        ).first()
    if row is None:
        return None
    subscription, connection = row
    sealed = subscription.secret_sealed
    return Mailbox(
        connection_id=connection.id,
        company_id=connection.company_id,
        ended=subscription.ended_at is not None or connection.status == ConnectionStatus.DISCONNECTED,
        secret=subscriptions.readable(services.connections, sealed, connection.id) if sealed else None,
    )


async def accept(services: Services, box: Mailbox, webhook_id: str, event: Event) -> Result:
    """Store a verified delivery and queue what it asks for, together or not at all (HOOK-040, -042)."""
    result, note = _decide(box, event)
    async with services.db.transaction() as session:
        if not await _store(session, box, webhook_id, event, result, note):
            return Result.DUPLICATE
        if result is Result.QUEUED and isinstance(event, VendorCreated):
            await enqueue_vendor(session, services.queue, box.connection_id, event.vendor_id, "webhook")
        elif result is Result.QUEUED:
            await enqueue_look(session, services.queue, box.connection_id, "webhook")
    return result


def _decide(box: Mailbox, event: Event) -> tuple[Result, str | None]:
    if box.ended:
        return Result.DROPPED, "the connection has ended"
    if isinstance(event, ExportJobCreated | VendorCreated) and event.company_id.lower() != box.company_id.lower():
        return Result.MISMATCH, "names another company than the connected one"
    match event:
        case ExportJobCreated() | VendorCreated():
            return Result.QUEUED, None
        case _:
            return Result.PARKED, "an event type we do not know"


_STATUS = {
    Result.QUEUED: DeliveryStatus.QUEUED,
    Result.PARKED: DeliveryStatus.PARKED,
    Result.DROPPED: DeliveryStatus.DROPPED,
    Result.MISMATCH: DeliveryStatus.DROPPED,
}


async def _store(
    session: AsyncSession, box: Mailbox, webhook_id: str, event: Event, result: Result, note: str | None
) -> bool:
    """Insert the delivery, or count a repeat of one that is there; True when it is new."""
    resource = event.job_id if isinstance(event, ExportJobCreated) else None
    resource = event.vendor_id if isinstance(event, VendorCreated) else resource
    row = insert(WebhookDelivery).values(
        id=uuid.uuid4(),
        connection_id=box.connection_id,
        webhook_id=webhook_id,
        event_id=_storable(event.event_id),
        event_type=_storable(event.event_type),
        resource_id=resource,
        company_id=event.company_id if isinstance(event, ExportJobCreated | VendorCreated) else None,
        status=_STATUS[result],
        note=note,
        settled_at=None if result is Result.QUEUED else utcnow(),
    )
    repeated = row.on_conflict_do_update(
        index_elements=[WebhookDelivery.connection_id, WebhookDelivery.webhook_id],
        set_={"repeats": WebhookDelivery.repeats + 1},
    )
    # A row that an INSERT has just made carries no xmax; one that it updated does.
    new = await session.scalar(repeated.returning(literal_column("(xmax = 0)")))
    return bool(new)


def _storable(text: str | None) -> str | None:
    """A text the sender chose, cut, and without what PostgreSQL cannot hold (NUL, lone surrogates)."""
    if text is None:
        return None
    return text[:_LONGEST].encode(errors="replace").decode().replace("\0", "?")
