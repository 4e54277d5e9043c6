"""Webhooks: our subscriptions at Pleo and what they delivered."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum

from sqlalchemy import (
    ForeignKey,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from ledgerbridge.store.tables.base import NOW, Base, one_of, owner


class Subscription(Base):
    """Our webhook subscription at Pleo, one a connection, with a path of its own (HOOK-007)."""

    __tablename__ = "subscriptions"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    path_token_hash: Mapped[bytes] = mapped_column(unique=True)
    path_token_sealed: Mapped[bytes]
    pleo_id: Mapped[str | None]
    secret_sealed: Mapped[bytes | None]
    secret_read_at: Mapped[dt.datetime | None]
    """Limits re-reading after a mismatch (HOOK-037)."""
    event_types: Mapped[list[str]] = mapped_column(default=list)
    checked_at: Mapped[dt.datetime | None]
    """When it was last seen to exist and be active (HOOK-010)."""
    ended_at: Mapped[dt.datetime | None]
    """Set on disconnect: later deliveries are acknowledged and dropped (HOOK-047)."""


class DeliveryStatus(StrEnum):
    QUEUED = "queued"
    """Accepted; the queue holds work for it."""
    DONE = "done"
    """The work it asked for was looked at to the end."""
    PARKED = "parked"
    """An event type we do not know; kept for a person (HOOK-023)."""
    DROPPED = "dropped"
    """Nothing to do, for the reason in `note` (other company, disconnected)."""


class WebhookDelivery(Base):
    """One accepted webhook, inserted once by its `webhook-id` (HOOK-042)."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("connection_id", "webhook_id"),
        Index(None, "connection_id", "received_at"),
        Index(None, "received_at", "id"),
        Index("ix_webhook_deliveries_waiting", "connection_id", postgresql_where=text("status = 'queued'")),
        Index("ix_webhook_deliveries_by_status", "status", "received_at", "id"),
        one_of("status", DeliveryStatus),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = owner()
    webhook_id: Mapped[str]
    event_id: Mapped[str | None]
    event_type: Mapped[str]
    resource_id: Mapped[str | None]
    """`data.id`: the export job or vendor."""
    company_id: Mapped[str | None]
    """`data.companyId` as it arrived."""
    status: Mapped[str]
    note: Mapped[str | None]
    received_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    settled_at: Mapped[dt.datetime | None]
    repeats: Mapped[int] = mapped_column(default=0)
    """How often the same delivery came again (HOOK-043)."""
    replays: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How often a person had its work done once more."""
    replayed_at: Mapped[dt.datetime | None]
    replayed_by: Mapped[str | None]
