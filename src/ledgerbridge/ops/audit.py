"""Reading the audit log. It is written by `store.audit.record`, in the transaction of each deed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.store.audit import record
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import AuditRecord

__all__ = ["newest", "record"]


async def newest(
    session: AsyncSession, *, connection_id: uuid.UUID | None = None, before: int | None = None, limit: int
) -> Sequence[AuditRecord]:
    """At most `limit` records, newest first, of one connection or all, older than the record `before`."""
    query = select(AuditRecord).order_by(AuditRecord.id.desc()).limit(limit)
    if connection_id is not None:
        query = query.where(AuditRecord.connection_id == connection_id)
    if before is not None:
        query = query.where(AuditRecord.id < before)
    with across_companies(session, "an operator's list of all companies", unless=connection_id):
        return (await session.scalars(query)).all()
