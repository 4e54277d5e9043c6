"""Polling: when each company is asked for export jobs that no webhook told of."""

from __future__ import annotations

import datetime as dt
import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from ledgerbridge.store.tables.base import Base


class LookSchedule(Base):
    """When Pleo is asked next for export jobs of one connection, and what that brought (HOOK-045)."""

    __tablename__ = "look_schedules"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    due_at: Mapped[dt.datetime] = mapped_column(index=True)
    looked_at: Mapped[dt.datetime | None]
    """When its turn last came, whether or not Pleo answered."""
    missed_at: Mapped[dt.datetime | None]
    """When an export job was last found that a webhook should have told of and did not."""
