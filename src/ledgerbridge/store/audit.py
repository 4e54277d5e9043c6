"""The audit log: who did what to whose connection. Written in the transaction of the deed itself."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.redaction import redact
from ledgerbridge.store.tables import AuditRecord


def record(session: AsyncSession, actor: str, action: str, connection_id: uuid.UUID | None, **detail: Any) -> None:
    """Add an audit record to the caller's transaction; it stands if and only if the deed does.

    `actor` is `admin:<name>`, `customer`, `pleo` or `system`; `action` a short past tense (`erp_bound`). `detail` is
    plain data; anything that looks like a secret is hidden, because the log is shown to people.
    """
    session.add(AuditRecord(actor=actor, action=action, connection_id=connection_id, detail=redact(detail)))
