"""What operations ask about export jobs. Read-only; pages by keyset, newest job first, items in order of work."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.exports.claims import WAITS
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    ExportItem,
    ExportItemCount,
    ExportJob,
    ItemState,
    JobEvent,
    JobPhase,
    Posting,
    Settlement,
)

MOST_STEPS = 200
"""Of a timeline: a large job reports a thousand times."""


@dataclass(frozen=True, slots=True)
class JobSummary:
    """A job with the number of its items by state."""

    job: ExportJob
    items: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemSummary:
    """An item with the posting it led to, if any."""

    item: ExportItem
    posting: Posting | None


async def jobs(
    session: AsyncSession,
    *,
    connection_id: uuid.UUID | None = None,
    status: str | None = None,
    before: tuple[dt.datetime, uuid.UUID] | None = None,
    limit: int = 50,
) -> list[JobSummary]:
    """Jobs by time of creation at Pleo, newest first; `before` is the key of the last job of the page before."""
    wanted: Select[ExportJob] = select(ExportJob)
    if connection_id is not None:
        wanted = wanted.where(ExportJob.connection_id == connection_id)
    if status is not None:
        wanted = wanted.where(ExportJob.pleo_status == status)
    if before is not None:
        wanted = wanted.where(tuple_(ExportJob.pleo_created_at, ExportJob.id) < before)
    wanted = wanted.order_by(ExportJob.pleo_created_at.desc(), ExportJob.id.desc()).limit(limit)
    with across_companies(session, "an operator's list of all companies", unless=connection_id):
        rows = list(await session.scalars(wanted))
        numbers = await _counts(session, rows)
    return [JobSummary(row, numbers.get(row.id, {})) for row in rows]


async def job(session: AsyncSession, job_id: str) -> JobSummary | None:
    """One job by our id or by Pleo's."""
    matches = [ExportJob.pleo_job_id == job_id]
    with contextlib.suppress(ValueError):
        matches.append(ExportJob.id == uuid.UUID(job_id))
    with across_companies(session, "an operator names a job by the id that Pleo shows"):
        row = await session.scalar(select(ExportJob).where(or_(*matches)).limit(1))
    if row is None:
        return None
    return JobSummary(row, (await _counts(session, [row])).get(row.id, {}))


async def job_of(session: AsyncSession, connection_id: uuid.UUID, job_id: uuid.UUID) -> JobSummary | None:
    """One job of a company by our id; None for another company's."""
    row = await session.scalar(
        select(ExportJob).where(ExportJob.id == job_id, ExportJob.connection_id == connection_id)
    )
    return JobSummary(row, (await _counts(session, [row])).get(row.id, {})) if row else None


async def timeline(session: AsyncSession, job_id: uuid.UUID, most: int = MOST_STEPS) -> Sequence[JobEvent]:
    """What happened to a job, oldest first; of more than `most` steps the first half and the last."""
    of_job, half = select(JobEvent).where(JobEvent.job_id == job_id), most // 2
    # By time: sorted by id alone, the newest steps of a large job may be looked for among those of all jobs.
    first = list(await session.scalars(of_job.order_by(JobEvent.at, JobEvent.id).limit(half)))
    if len(first) < half:
        return first
    behind = of_job.where(tuple_(JobEvent.at, JobEvent.id) > (first[-1].at, first[-1].id))
    last = await session.scalars(behind.order_by(JobEvent.at.desc(), JobEvent.id.desc()).limit(half))
    return [*first, *reversed(list(last))]


async def items(
    session: AsyncSession, job_id: uuid.UUID, *, state: str | None = None, after: int = -1, limit: int = 50
) -> list[ItemSummary]:
    """Items in order of work; `after` is the position of the last item of the page before."""
    wanted = (
        select(ExportItem, Posting)
        .outerjoin(Posting, Posting.id == ExportItem.posting_id)
        .where(ExportItem.job_id == job_id, ExportItem.position > after)
    )
    if state is not None:
        wanted = wanted.where(ExportItem.state == state)
    rows = await session.execute(wanted.order_by(ExportItem.position).limit(limit))
    return [ItemSummary(item, posting) for item, posting in rows]


async def item(session: AsyncSession, job_id: uuid.UUID, accounting_entry_id: str) -> ItemSummary | None:
    """One item of a job."""
    row = (
        await session.execute(
            select(ExportItem, Posting)
            .outerjoin(Posting, Posting.id == ExportItem.posting_id)
            .where(ExportItem.job_id == job_id, ExportItem.accounting_entry_id == accounting_entry_id)
        )
    ).first()
    return ItemSummary(row[0], row[1]) if row else None


async def committed(session: AsyncSession, connection_id: uuid.UUID, accounting_entry_id: str) -> bool:
    """Whether a job that is not closed has told Pleo what became of an entry, or will tell that it is booked."""
    found = await session.scalar(
        select(ExportItem.position)
        .join(ExportJob, ExportJob.id == ExportItem.job_id)
        .where(
            ExportItem.connection_id == connection_id,
            ExportItem.accounting_entry_id == accounting_entry_id,
            ExportJob.phase != JobPhase.CLOSED,
            or_(ExportItem.reported_at.is_not(None), ExportItem.state == ItemState.BOOKED),
        )
        .limit(1)
    )
    return found is not None


async def open_claims(session: AsyncSession, connection_id: uuid.UUID) -> int:
    """How many bills and payments of a company stand in its ERP and wait for their counterpart (EXP-AP-04)."""
    return (await open_claims_of(session, [connection_id])).get(connection_id, 0)


async def open_claims_of(session: AsyncSession, connection_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """The same for several companies; those without any are left out."""
    rows = await session.execute(
        select(Settlement.connection_id, func.count())
        .join(Posting, Posting.id == Settlement.posting_id)
        .where(Settlement.connection_id.in_(connection_ids), *WAITS)
        .group_by(Settlement.connection_id)
    )
    return {owner: count for owner, count in rows}  # noqa: C416 - dict() loses the types


async def _counts(session: AsyncSession, jobs: Sequence[ExportJob]) -> dict[uuid.UUID, dict[str, int]]:
    """Items by state. The database has counted them, but for jobs of releases before it did."""
    numbers: dict[uuid.UUID, dict[str, int]] = {}
    for query in (_counted([job for job in jobs if job.counted]), _live([job for job in jobs if not job.counted])):
        for job_id, state, count in await session.execute(query) if query is not None else ():
            numbers.setdefault(job_id, {})[state] = count
    return numbers


def _counted(jobs: Sequence[ExportJob]) -> Select[uuid.UUID, str, int] | None:
    if not jobs:
        return None
    return select(ExportItemCount.job_id, ExportItemCount.state, ExportItemCount.items).where(
        ExportItemCount.connection_id.in_({job.connection_id for job in jobs}),
        ExportItemCount.job_id.in_([job.id for job in jobs]),
        ExportItemCount.items > 0,
    )


def _live(jobs: Sequence[ExportJob]) -> Select[uuid.UUID, str, int] | None:
    if not jobs:
        return None
    return (
        select(ExportItem.job_id, ExportItem.state, func.count())
        .where(
            ExportItem.connection_id.in_({job.connection_id for job in jobs}),
            ExportItem.job_id.in_([job.id for job in jobs]),
        )
        .group_by(ExportItem.job_id, ExportItem.state)
    )
