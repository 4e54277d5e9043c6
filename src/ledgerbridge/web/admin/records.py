"""What happened: stored webhook deliveries and the audit log."""

from __future__ import annotations

import uuid

from ledgerbridge.connections.errors import ConnectionUnknown
from ledgerbridge.ops import audit, deliveries, overview
from ledgerbridge.store.tables import DeliveryStatus
from ledgerbridge.web.admin import models, render
from ledgerbridge.web.admin.auth import Actor
from ledgerbridge.web.admin.paging import Cursor, Limit, Page, of_one_or_all
from ledgerbridge.web.admin.router import admin_router, answers
from ledgerbridge.web.services import Provided, Services

router = admin_router("records")
_DELIVERIES = "webhook-deliveries"
_AUDIT = "audit"


@router.get("/webhook-deliveries", summary="Stored deliveries, newest first", responses=answers(400, 404, 422))
async def list_deliveries(
    services: Provided,
    _actor: Actor,
    connection: uuid.UUID | None = None,
    status: DeliveryStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[models.WebhookDelivery]:
    """Of one connection or all."""
    listing = of_one_or_all(_DELIVERIES, connection)
    before = services.cursors.read_moment(listing, cursor)
    await _known(services, connection)
    async with services.db.reading() as session:
        found = await deliveries.newest(
            session, connection_id=connection, status=status, before=before, limit=limit + 1
        )
    return services.cursors.page(listing, found, limit, render.delivery, lambda row: (row.received_at, row.id))


@router.get("/audit", summary="The audit log, newest first", responses=answers(400, 404, 422))
async def list_audit(
    services: Provided,
    _actor: Actor,
    connection: uuid.UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[models.AuditRecord]:
    """Who did what to whose connection."""
    listing = of_one_or_all(_AUDIT, connection)
    before = services.cursors.read_number(listing, cursor)
    await _known(services, connection)
    async with services.db.reading() as session:
        found = await audit.newest(session, connection_id=connection, before=before, limit=limit + 1)
    return services.cursors.page(listing, found, limit, render.audit_record, lambda row: (row.id,))


async def _known(services: Services, connection_id: uuid.UUID | None) -> None:
    if connection_id is None:
        return
    async with services.db.reading() as session:
        if await overview.connection(session, connection_id) is None:
            raise ConnectionUnknown(connection_id)
