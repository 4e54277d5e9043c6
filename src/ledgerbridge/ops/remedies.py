"""What operators have done about queued work, with a record of who did it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.ops import audit
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import Connection
from ledgerbridge.work import desk
from ledgerbridge.work.queue import Queue


async def run_again(db: Database, work_id: int, actor: str) -> bool:
    """Have work that failed for good tried anew; False when it is not failed (any more)."""
    async with db.transaction() as session:
        found = await desk.run_again(session, work_id)
        return await _recorded(session, actor, "work_run_again", work_id, found)


async def give_up(db: Database, work_id: int, actor: str) -> bool:
    """Set work that failed for good aside; False when it is not failed (any more)."""
    async with db.transaction() as session:
        found = await desk.give_up(session, work_id)
        return await _recorded(session, actor, "work_given_up", work_id, found)


async def rescue(db: Database, queue: Queue, actor: str) -> None:
    """Put back what nobody runs any more, now and not with the next sweep. Raises ConnectionError."""
    async with db.transaction() as session:
        audit.record(session, actor, "work_rescued", None)
    await queue.rescue()


async def _recorded(
    session: AsyncSession, actor: str, action: str, work_id: int, found: tuple[str, Mapping[str, Any]] | None
) -> bool:
    if found is None:
        return False
    task, arguments = found
    owner = await _owner(session, arguments.get("connection_id"))
    audit.record(session, actor, action, owner, work=task, number=work_id)
    return True


async def _owner(session: AsyncSession, named: object) -> uuid.UUID | None:
    """The connection the work was for, if it still is one."""
    try:
        wanted = uuid.UUID(str(named))
    except ValueError:
        return None
    found = await session.get(Connection, wanted)
    return found.id if found else None
