"""Outcomes on their way to Pleo: which it has not got yet, which it accepted, which it refused."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping

from sqlalchemy import Text, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from ledgerbridge.exports.rows import any_of, recordset
from ledgerbridge.store.tables import ExportItem, ItemState, Posting

DONE_STATES = (ItemState.BOOKED, ItemState.NOTHING_TO_POST, ItemState.FAILED)


_TOLD = (
    ExportItem.accounting_entry_id,
    ExportItem.position,
    ExportItem.state,
    ExportItem.failure_reason,
    ExportItem.failure_type,
)
_OF_POSTING = (Posting.erp_id, Posting.erp_number, Posting.erp_url, Posting.booked_at, Posting.intended_at)
"""What a report says; a row has far more."""


async def unreported(
    session: AsyncSession, job_id: uuid.UUID, limit: int, after: int = -1
) -> list[tuple[ExportItem, Posting | None]]:
    """What is to be reported: items behind this position with an outcome Pleo has not got yet, oldest position first.

    Who comes often should name one: what was reported of a long job is passed over slowly until it is vacuumed.
    """
    rows = await session.execute(
        select(ExportItem, Posting)
        .outerjoin(Posting, Posting.id == ExportItem.posting_id)
        .where(
            ExportItem.job_id == job_id,
            ExportItem.position > after,
            ExportItem.reported_at.is_(None),
            ExportItem.report_refusal.is_(None),
            ExportItem.state.in_(DONE_STATES),
        )
        .order_by(ExportItem.position)
        .limit(limit)
        .options(load_only(*_TOLD, raiseload=True), load_only(*_OF_POSTING, raiseload=True))
    )
    return [(item, posting) for item, posting in rows]


async def mark_reported(session: AsyncSession, job_id: uuid.UUID, entry_ids: Iterable[str], at: dt.datetime) -> None:
    """Pleo accepted these outcomes."""
    await session.execute(
        update(ExportItem)
        .where(ExportItem.job_id == job_id, ExportItem.accounting_entry_id == any_of(entry_ids))
        .values(reported_at=at, report_refusal=None)
        .execution_options(synchronize_session=False)
    )


async def mark_refused(session: AsyncSession, job_id: uuid.UUID, refused: Mapping[str, str]) -> None:
    """Pleo refused these outcomes for good; they are not sent again, and the ledger still knows them (EXP-UPD-07)."""
    if not refused:
        return
    given = recordset(
        [{"accounting_entry_id": entry, "kind": kind} for entry, kind in refused.items()],
        {"accounting_entry_id": Text(), "kind": Text()},
    )
    await session.execute(
        update(ExportItem)
        .where(ExportItem.job_id == job_id, ExportItem.accounting_entry_id == given.c.accounting_entry_id)
        .values(report_refusal=given.c.kind)
        .execution_options(synchronize_session=False)
    )


async def forget_refusals(session: AsyncSession, job_id: uuid.UUID) -> None:
    """Let the refused outcomes be sent once more."""
    await session.execute(update(ExportItem).where(ExportItem.job_id == job_id).values(report_refusal=None))


async def refused_count(session: AsyncSession, job_id: uuid.UUID) -> int:
    """Items whose outcome Pleo refused to take."""
    return (
        await session.scalar(
            select(func.count())
            .select_from(ExportItem)
            .where(ExportItem.job_id == job_id, ExportItem.report_refusal.is_not(None))
        )
        or 0
    )
