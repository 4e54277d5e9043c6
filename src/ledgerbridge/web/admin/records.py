"""What happened: stored webhook deliveries with their replay, and the audit log."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Query, Response
from pydantic import AwareDatetime

from ledgerbridge.connections.errors import ConnectionUnknown
from ledgerbridge.ops import audit, deliveries, overview, replay
from ledgerbridge.ops.audit import Written
from ledgerbridge.ops.deliveries import About, Filter
from ledgerbridge.store import tables
from ledgerbridge.store.tables import DeliveryStatus
from ledgerbridge.web.admin import record_models as models
from ledgerbridge.web.admin.auth import Actor
from ledgerbridge.web.admin.paging import Cursor, Limit, Page, of_one_or_all
from ledgerbridge.web.admin.router import admin_router, answers
from ledgerbridge.web.services import Provided, Services

router = admin_router("records")
_DELIVERIES = "webhook-deliveries"
_AUDIT = "audit"

From = Annotated[AwareDatetime | None, Query(alias="from", description="Then or later.")]
To = Annotated[AwareDatetime | None, Query(description="Before.")]
Name = Annotated[str | None, Query(max_length=200)]


@router.get("/webhook-deliveries", summary="Stored deliveries, newest first", responses=answers(400, 404, 422))
async def list_deliveries(
    services: Provided,
    _actor: Actor,
    connection: uuid.UUID | None = None,
    status: DeliveryStatus | None = None,
    about: About | None = None,
    since: From = None,
    to: To = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[models.WebhookDelivery]:
    """Of one connection or all."""
    listing = of_one_or_all(_DELIVERIES, connection)
    before = services.cursors.read_moment(listing, cursor)
    await _known(services, connection)
    which = Filter(connection, status, about, since, to)
    async with services.db.reading() as session:
        found = await deliveries.newest(session, which, before=before, limit=limit + 1)
    return services.cursors.page(listing, found, limit, _delivery, lambda row: (row.received_at, row.id))


@router.post(
    "/webhook-deliveries/replay",
    status_code=202,
    summary="Have the work of deliveries done once more",
    responses={200: {"model": models.Replayed, "description": "What would be done"}, **answers(404, 415, 422)},
)
async def replay_deliveries(
    services: Provided, actor: Actor, response: Response, body: models.ReplayDeliveries
) -> models.Replayed:
    """By id, or everything received in a stretch of time. Pleo is read again, so nothing is booked twice.

    Deliveries of companies that are not active are left alone, and so are those that were never believed or understood.
    """
    await _known(services, body.connection)
    if body.preview:
        response.status_code = 200
        return _replayed(await replay.foresee(services.db, body.wanted()), preview=True)
    return _replayed(await replay.replay(services.db, services.queue, body.wanted(), actor), preview=False)


@router.get("/audit", summary="The audit log, newest first", responses=answers(400, 404, 422))
async def list_audit(
    services: Provided,
    _actor: Actor,
    connection: uuid.UUID | None = None,
    by: Name = None,
    action: Name = None,
    since: From = None,
    to: To = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[models.AuditRecord]:
    """Who did what to whose connection. `by` is an actor, such as `admin:ada`."""
    listing = of_one_or_all(_AUDIT, connection)
    before = services.cursors.read_number(listing, cursor)
    await _known(services, connection)
    async with services.db.reading() as session:
        found = await audit.newest(session, Written(connection, by, action, since, to), before=before, limit=limit + 1)
    return services.cursors.page(listing, found, limit, _audit_record, lambda row: (row.id,))


async def _known(services: Services, connection_id: uuid.UUID | None) -> None:
    if connection_id is None:
        return
    async with services.db.reading() as session:
        if await overview.connection(session, connection_id) is None:
            raise ConnectionUnknown(connection_id)


def _delivery(row: tables.WebhookDelivery) -> models.WebhookDelivery:
    return models.WebhookDelivery(**{name: getattr(row, name) for name in models.WebhookDelivery.model_fields})


def _audit_record(row: tables.AuditRecord) -> models.AuditRecord:
    return models.AuditRecord(**{name: getattr(row, name) for name in models.AuditRecord.model_fields})


def _replayed(found: replay.Outcome, *, preview: bool) -> models.Replayed:
    return models.Replayed(
        preview=preview,
        replayed=found.replayed,
        skipped={reason.value: number for reason, number in found.skipped.items()},
        companies=[
            models.ReplayShare(
                id=share.connection_id,
                company_name=share.company,
                replayed=share.replayed,
                skipped={reason.value: number for reason, number in share.skipped.items()},
            )
            for share in found.shares
        ],
    )
