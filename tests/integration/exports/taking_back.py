"""A company whose booked entries are taken back, and how that is pressed and looked at."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from sqlalchemy import select, text, update

from ledgerbridge.exports.reverse import reverse
from ledgerbridge.store.tables import (
    ExportJob,
    Posting,
    ReversalState,
)
from tests.support.rig import PATIENT, Rig

ANNA = "admin:anna"
WHY = "Booked on the wrong cost centre"
CHANGED = {"type": "personal_spend"}
DUE = text("update procrastinate_jobs set scheduled_at = now() where task_name = 'exports.settle'")


async def job_of(rig: Rig) -> ExportJob:
    """The newest job."""
    async with rig.db.reading() as session:
        newest = await session.scalars(select(ExportJob).order_by(ExportJob.pleo_created_at.desc()).limit(1))
        return newest.one()


async def postings(rig: Rig) -> list[Posting]:
    async with rig.db.reading() as session:
        return list(await session.scalars(select(Posting).order_by(Posting.revision)))


async def states(rig: Rig) -> list[tuple[int, str, str | None]]:
    return [(one.revision, one.state, one.reversal_state) for one in await postings(rig)]


async def exported(rig: Rig, entry: str, **options: Any) -> dict[str, Any]:
    """Press Export for one entry and look; the item as Pleo shows it."""
    job_id = rig.pleo.export([entry], **options)
    await rig.look()
    item: dict[str, Any] = rig.pleo.items(job_id)[entry]
    return item


async def booked(rig: Rig) -> tuple[ExportJob, str]:
    (entry,) = rig.pleo.queue("card_purchase")
    assert (await exported(rig, entry))["status"] == "successful"
    return await job_of(rig), entry


async def taken_back(rig: Rig, job: ExportJob, entry: str) -> ReversalState:
    return await reverse(rig.context, job, entry, reason=WHY, actor=ANNA)


async def time_passes(rig: Rig) -> None:
    async with rig.db.transaction() as session:
        await session.execute(update(Posting).values(reversal_at=Posting.reversal_at - dt.timedelta(hours=1)))


def patient(rig: Rig, **changes: float) -> Rig:
    """The same company with more patience."""
    context = replace(rig.context, patience=replace(PATIENT, **changes))  # type: ignore[arg-type]
    return Rig(context, rig.connection_id, rig.pleo, rig.books)


def counters(rig: Rig, entry: str) -> int:
    """How many counter-entries stand for an accounting entry."""
    return sum(one.taken_back is not None for one in rig.books.all_of(entry))
