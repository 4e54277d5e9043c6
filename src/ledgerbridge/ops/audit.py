"""Reading the audit log. It is written by `store.audit.record`, in the transaction of each deed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.store.audit import record
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import AuditRecord

__all__ = ["Written", "newest", "record"]


@dataclass(frozen=True, slots=True)
class Written:
    """Which records; None leaves a property open."""

    connection_id: uuid.UUID | None = None
    actor: str | None = None
    action: str | None = None
    since: dt.datetime | None = None
    """Written then or later."""
    until: dt.datetime | None = None
    """Written before."""

    def condition(self) -> ColumnElement[bool]:
        """As a condition on `audit_log`."""
        found: ColumnElement[bool] = true()
        if self.connection_id is not None:
            found &= AuditRecord.connection_id == self.connection_id
        if self.actor is not None:
            found &= AuditRecord.actor == self.actor
        if self.action is not None:
            found &= AuditRecord.action == self.action
        if self.since is not None:
            found &= AuditRecord.at >= self.since
        if self.until is not None:
            found &= AuditRecord.at < self.until
        return found


async def newest(
    session: AsyncSession, which: Written, *, before: int | None = None, limit: int
) -> Sequence[AuditRecord]:
    """At most `limit` records, newest first, older than the record `before`."""
    query = select(AuditRecord).where(which.condition()).order_by(AuditRecord.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditRecord.id < before)
    with across_companies(session, "an operator's list of all companies", unless=which.connection_id):
        return (await session.scalars(query)).all()
