"""Coordination over replicas, and the audit log."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from ledgerbridge.store.tables.base import NOW, Base


class Lease(Base):
    """Who may work on a company just now, over all replicas. The fence rises with every holder."""

    __tablename__ = "leases"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True, server_default=text("'exports'"))
    """What of the company: `exports` or `syncs`."""
    holder: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[dt.datetime]


class RateBudget(Base):
    """Calls to Pleo still allowed, shared by all replicas (LIMIT-001)."""

    __tablename__ = "rate_budgets"

    key: Mapped[str] = mapped_column(primary_key=True)
    """Environment and connection, or environment alone for the ceiling over all."""
    next_free_at: Mapped[dt.datetime]
    """When the next call would be free if calls were spaced evenly; may lie ahead by the burst."""
    urgent_until: Mapped[dt.datetime | None]
    """Until then an urgent caller is expected back, and others let it go first."""
    paused_until: Mapped[dt.datetime | None]
    """Until then Pleo asked for no call at all, with a 429 (LIMIT-002)."""


class AuditRecord(Base):
    """Who did what to whose connection. Holds no secret."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "connection_id", "id"), Index("ix_audit_log_at", "at"))

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    actor: Mapped[str]
    """`admin:<name>`, `customer`, `pleo`, `system`."""
    connection_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("connections.id"))
    action: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
