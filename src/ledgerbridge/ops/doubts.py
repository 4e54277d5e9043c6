"""Postings of all companies of which nobody knows what became of them: each waits for a probe or a person's word."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.ops.roster import IN_DOUBT
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Connection, ExportItem, ExportJob, Posting


@dataclass(frozen=True, slots=True)
class Doubt:
    """One of them. The rows are detached."""

    posting: Posting
    connection: Connection
    job: ExportJob | None
    """The job that intended it last."""
    item: ExportItem | None
    """Its item in that job, as long as it is kept; only by it can the doubt be settled."""


async def in_doubt(
    session: AsyncSession,
    *,
    connection_id: uuid.UUID | None = None,
    before: tuple[dt.datetime, uuid.UUID] | None = None,
    limit: int = 50,
) -> Sequence[Doubt]:
    """The newest first, behind the key `before` (time of the intent, and id)."""
    wanted = (
        select(Posting, Connection, ExportJob, ExportItem)
        .join(Connection, Connection.id == Posting.connection_id)
        .outerjoin(ExportJob, ExportJob.id == Posting.job_id)
        .outerjoin(
            ExportItem,
            (ExportItem.job_id == Posting.job_id) & (ExportItem.accounting_entry_id == Posting.accounting_entry_id),
        )
        .where(IN_DOUBT)
        .order_by(Posting.intended_at.desc(), Posting.id.desc())
        .limit(limit)
    )
    if connection_id is not None:
        wanted = wanted.where(Posting.connection_id == connection_id)
    if before is not None:
        wanted = wanted.where(tuple_(Posting.intended_at, Posting.id) < before)
    with across_companies(session, "an operator's list of all companies", unless=connection_id):
        return [Doubt(*row) for row in await session.execute(wanted)]


async def revisions(session: AsyncSession, connection_id: uuid.UUID, accounting_entry_id: str) -> Sequence[Posting]:
    """Every revision of one accounting entry, newest first."""
    rows = await session.scalars(
        select(Posting)
        .where(Posting.connection_id == connection_id, Posting.accounting_entry_id == accounting_entry_id)
        .order_by(Posting.revision.desc())
    )
    return list(rows)
