"""Whether the items of a company's jobs are counted as they are: what pages show against what there is."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select

from ledgerbridge.exports import queries
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import ExportItem


async def counted_right(db: Database, connection_id: uuid.UUID) -> None:
    """Fails when a count of a state of a job is another than the number of its items."""
    async with db.reading() as session:
        shown = await queries.jobs(session, connection_id=connection_id, limit=1000)
        rows = await session.execute(
            select(ExportItem.job_id, ExportItem.state, func.count())
            .where(ExportItem.connection_id == connection_id)
            .group_by(ExportItem.job_id, ExportItem.state)
        )
    there: dict[uuid.UUID, dict[str, int]] = {}
    for job_id, state, number in rows:
        there.setdefault(job_id, {})[state] = number
    assert all(one.job.counted for one in shown), "a new job is not counted by the database"
    assert {one.job.id: one.items for one in shown if one.items} == there
