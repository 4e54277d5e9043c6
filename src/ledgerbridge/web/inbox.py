"""The inbox for Pleo's deliveries: each is stored once by its `webhook-id`, and its work is queued in that statement.

Nothing here trusts a body for more than which event it is and whom to ask (HOOK-024, -025).
"""

from __future__ import annotations

import uuid
from enum import StrEnum

from sqlalchemy import select

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import subscriptions
from ledgerbridge.exports import enqueue as exports
from ledgerbridge.pleo.events import Event, ExportJobCreated, VendorCreated
from ledgerbridge.store.tables import Connection, ConnectionStatus, DeliveryStatus, Subscription
from ledgerbridge.store.vault import hash_token
from ledgerbridge.syncs import enqueue as syncs
from ledgerbridge.web.gathering import Row
from ledgerbridge.web.mailboxes import Mailbox
from ledgerbridge.web.services import Services
from ledgerbridge.work.tasks import Order

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


class Overtaken(Exception):
    """The subscription is not what it was taken for (any more): look anew, and judge the delivery by that."""


def remembered(services: Services, path_token: str) -> Mailbox | None:
    """What this process remembers of the subscription with this path; None when that is nothing."""
    return services.mailboxes.known(hash_token(path_token))


async def mailbox(services: Services, path_token: str) -> Mailbox | None:
    """The subscription with this path, looked up and remembered; None when there is none."""
    path = hash_token(path_token)
    services.mailboxes.forget(path)
    async with services.db.reading() as session:
        row = (
            await session.execute(
                select(
                    Connection.id,
                    Connection.company_id,
                    Connection.status,
                    Subscription.ended_at,
                    Subscription.secret_sealed,
                )
                .join(Connection, Connection.id == Subscription.connection_id)
                .where(Subscription.path_token_hash == path)
            )
        ).first()
    if row is None:
        return None
    ended = row.ended_at is not None or row.status == ConnectionStatus.DISCONNECTED
    box = Mailbox(row.id, row.company_id, ended, row.secret_sealed)
    if not ended:
        services.mailboxes.learn(path, box)
    return box


def secret_of(services: Services, box: Mailbox) -> str | None:
    """The secret that signs its deliveries; None when there is none, or it does not open."""
    return subscriptions.readable(services.connections, box.sealed, box.connection_id) if box.sealed else None


async def accept(services: Services, box: Mailbox, webhook_id: str, event: Event) -> Result:
    """Store a verified delivery and queue what it asks for, together or not at all (HOOK-040, -042).

    Raises `Overtaken` when the mailbox has changed since somebody looked; then nothing was stored.
    """
    result, note = _decide(box, event)
    new = await services.gathering.store(_row(services, box, webhook_id, event, result, note))
    if new is None:
        raise Overtaken
    if not new:
        return Result.DUPLICATE
    if result is Result.QUEUED:
        services.crier.cry()
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


def _row(services: Services, box: Mailbox, webhook_id: str, event: Event, result: Result, note: str | None) -> Row:
    known = event if isinstance(event, ExportJobCreated | VendorCreated) else None
    queued = result is Result.QUEUED
    return {
        "connection_id": str(box.connection_id),
        "sealed": None if box.sealed is None else box.sealed.hex(),
        "ended": box.ended,
        "id": str(uuid.uuid4()),
        "webhook_id": webhook_id,
        "event_id": _storable(event.event_id),
        "event_type": _storable(event.event_type),
        "resource_id": _resource(event),
        "company_id": known.company_id if known else None,
        "status": _STATUS[result].value,
        "note": note,
        "settled_at": None if queued else utcnow().isoformat(),
    } | (_work(services, box, event).values if queued else {})


def _resource(event: Event) -> str | None:
    match event:
        case ExportJobCreated():
            return event.job_id
        case VendorCreated():
            return event.vendor_id
        case _:
            return None


def _work(services: Services, box: Mailbox, event: Event) -> Order:
    if isinstance(event, VendorCreated):
        return syncs.vendor(services.queue, box.connection_id, event.vendor_id, "webhook")
    return exports.look(services.queue, box.connection_id, "webhook")


def _storable(text: str | None) -> str | None:
    """A text the sender chose, cut, and without what PostgreSQL cannot hold (NUL, lone surrogates)."""
    if text is None:
        return None
    return text[:_LONGEST].encode(errors="replace").decode().replace("\0", "?")
