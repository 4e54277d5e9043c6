"""What a customer's pages ask about the exports of one company. Read-only, and as quick for much as for little."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.exports import queries
from ledgerbridge.exports.queries import ItemSummary, JobSummary
from ledgerbridge.store.tables import ExportItem, ExportItemCount, ExportJob, ItemState, Posting, PostingState

NOT_BOOKED = (ItemState.FAILED, ItemState.ABANDONED)
"""Ends of an item that leave it to be exported again."""
GOOD = (ItemState.BOOKED, ItemState.NOTHING_TO_POST)
MOST_FAILURES = 20
"""Failed items looked at in one job."""
MOST_FAILING = 10
"""Jobs looked at for failed items, beside the newest."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How the exports of a stretch of time went."""

    booked: int
    """Items with an entry."""
    not_booked: int
    """Items that failed or were not worked, in whichever job; some are booked by a later one."""
    unknown: int
    """Postings of any age of which nobody knows whether they stand in the ERP."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An item whose last export failed."""

    item: ExportItem
    job: ExportJob


@dataclass(frozen=True, slots=True)
class Failures:
    """What waits for somebody to mend it."""

    newest: tuple[Failed, ...]
    """Each accounting entry once, newest job first."""
    jobs_with_more: tuple[ExportJob, ...]
    """Jobs of which not all failed items were looked at."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A posting that may or may not stand in the ERP."""

    posting: Posting
    job: ExportJob | None


@dataclass(frozen=True, slots=True)
class Past:
    """One export of an accounting entry."""

    found: ItemSummary
    job: ExportJob


async def figures(session: AsyncSession, connection_id: uuid.UUID, since: dt.datetime) -> Figures:
    """How the exports created since then went."""
    recent = select(ExportJob.id, ExportJob.counted).where(
        ExportJob.connection_id == connection_id, ExportJob.pleo_created_at > since
    )
    jobs = (await session.execute(recent)).all()
    # The database has counted them, but for jobs of releases before it did.
    counted = select(ExportItemCount.state, func.sum(ExportItemCount.items)).where(
        ExportItemCount.connection_id == connection_id,
        ExportItemCount.job_id.in_([job.id for job in jobs if job.counted]),
    )
    live = select(ExportItem.state, func.count()).where(
        ExportItem.connection_id == connection_id, ExportItem.job_id.in_([job.id for job in jobs if not job.counted])
    )
    numbers: Counter[str] = Counter()
    for state, items in await session.execute(counted.group_by(ExportItemCount.state)):
        numbers[state] += int(items)
    if not all(job.counted for job in jobs):
        for state, items in await session.execute(live.group_by(ExportItem.state)):
            numbers[state] += items
    return Figures(
        booked=numbers[ItemState.BOOKED],
        not_booked=sum(numbers[state] for state in NOT_BOOKED),
        unknown=await doubts(session, connection_id),
    )


async def doubts(session: AsyncSession, connection_id: uuid.UUID) -> int:
    """How many postings of a company nobody knows the outcome of."""
    query = select(func.count()).select_from(Posting).where(*_in_doubt(connection_id))
    return await session.scalar(query) or 0


async def in_doubt(
    session: AsyncSession,
    connection_id: uuid.UUID,
    *,
    before: tuple[dt.datetime, uuid.UUID] | None = None,
    limit: int = 50,
) -> Sequence[Doubt]:
    """Those postings, newest first; `before` is the key of the last one of the page before (time and id)."""
    wanted = (
        select(Posting, ExportJob)
        .outerjoin(ExportJob, (ExportJob.id == Posting.job_id) & (ExportJob.connection_id == connection_id))
        .where(*_in_doubt(connection_id))
        .order_by(Posting.intended_at.desc(), Posting.id.desc())
        .limit(limit)
    )
    if before is not None:
        wanted = wanted.where(tuple_(Posting.intended_at, Posting.id) < before)
    return [Doubt(posting, job) for posting, job in await session.execute(wanted)]


async def failures(
    session: AsyncSession, connection_id: uuid.UUID, newest: Sequence[JobSummary], since: dt.datetime
) -> Failures:
    """Failed items that no later export has booked: of the `newest` jobs of a company, and of those created since."""
    seen: dict[str, Failed] = {}
    earlier = await _failing(session, connection_id, since, but=[one.job.id for one in newest])
    more = [one.job for one in earlier[MOST_FAILING:]]
    for summary in [*newest, *earlier[:MOST_FAILING]]:
        number = summary.items.get(ItemState.FAILED, 0)
        if not number:
            continue
        rows = await queries.items(session, summary.job.id, state=ItemState.FAILED, limit=MOST_FAILURES)
        for row in rows:
            seen.setdefault(row.item.accounting_entry_id, Failed(row.item, summary.job))
        if number > len(rows):
            more.append(summary.job)
    by_now = await booked(session, connection_id, seen)
    return Failures(tuple(one for entry, one in seen.items() if entry not in by_now), tuple(more))


async def _failing(
    session: AsyncSession, connection_id: uuid.UUID, since: dt.datetime, *, but: Sequence[uuid.UUID]
) -> list[JobSummary]:
    """Other jobs with failed items, newest first: as many as are looked at, and one more where there is one."""
    failed = ExportItemCount.job_id == ExportJob.id, ExportItemCount.state == ItemState.FAILED
    rows = await session.execute(
        select(ExportJob, ExportItemCount.items)
        .join(ExportItemCount, and_(*failed))
        .where(
            ExportJob.connection_id == connection_id,
            ExportItemCount.connection_id == connection_id,
            ExportItemCount.items > 0,
            ExportJob.pleo_created_at > since,
            ExportJob.id.not_in(but),
        )
        .order_by(ExportJob.pleo_created_at.desc(), ExportJob.id.desc())
        .limit(MOST_FAILING + 1)
    )
    return [JobSummary(job, {ItemState.FAILED: items}) for job, items in rows]


async def booked(session: AsyncSession, connection_id: uuid.UUID, entries: Collection[str]) -> frozenset[str]:
    """Which of these accounting entries of a company stand in the ERP."""
    if not entries:
        return frozenset()
    found = await session.scalars(
        select(Posting.accounting_entry_id).where(
            Posting.connection_id == connection_id,
            Posting.accounting_entry_id.in_(entries),
            Posting.state == PostingState.BOOKED,
        )
    )
    return frozenset(found)


async def past(
    session: AsyncSession, connection_id: uuid.UUID, accounting_entry_id: str, limit: int = 50
) -> Sequence[Past]:
    """The exports of one accounting entry, newest first."""
    rows = await session.execute(
        select(ExportItem, Posting, ExportJob)
        .join(ExportJob, ExportJob.id == ExportItem.job_id)
        .outerjoin(Posting, Posting.id == ExportItem.posting_id)
        .where(
            ExportItem.connection_id == connection_id,
            ExportJob.connection_id == connection_id,
            ExportItem.accounting_entry_id == accounting_entry_id,
        )
        .order_by(ExportJob.pleo_created_at.desc(), ExportJob.id.desc())
        .limit(limit)
    )
    return [Past(ItemSummary(item, posting), job) for item, posting, job in rows]


def _in_doubt(connection_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (Posting.connection_id == connection_id, Posting.state == PostingState.UNKNOWN)
