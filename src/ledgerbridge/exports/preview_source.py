"""What a preview reads at Pleo: which job, and one page of what is in it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import or_, select

from ledgerbridge.connections.access import ConnectionState
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.fetch import unfetchable
from ledgerbridge.pleo.errors import BadRequest, NotFound, Unprocessable
from ledgerbridge.pleo.export import ExportApi
from ledgerbridge.pleo.models import ExportJob as PleoJob
from ledgerbridge.store.tables import ExportJob

log = structlog.get_logger(__name__)

MOST_ITEMS = 100
"""On one page, which is a page of Pleo's."""
_PAGES_SEARCHED = 10
"""For one item, before whoever asks decides whether to go on."""


class NoSuchJob(Exception):
    """The company has no such export job."""


class NoSuchItem(Exception):
    """The job has no such item."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next page of a preview begins."""

    pleo_job_id: str
    """The job it is in: with it none need be named, and none that came meanwhile is taken."""
    after: str
    """Pleo's cursor."""
    seen: int
    """How many items the pages before held."""


class Ended(Exception):
    """The job ended while we looked."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items are asked for."""

    entry_id: str | None
    limit: int
    place: Place | None


@dataclass(frozen=True, slots=True)
class Page:
    """Items with their payloads, which one that Pleo gave no data for does not have."""

    items: tuple[tuple[str, Mapping[str, Any] | None], ...]
    next: Place | None
    without_data: int = 0


# ------------------------------------------------------------------ which job


async def job_of(
    context: ExportContext, api: ExportApi, company: ConnectionState, job_id: str | None
) -> PleoJob | None:
    """The job as Pleo shows it now, by our id or Pleo's; without one the oldest that waits. Raises `NoSuchJob`."""
    company_id = company.connection.company_id
    if job_id is None:
        waiting = await api.list_jobs(company_id, ("pending", "in_progress"))
        mine = [job for job in waiting if job.company_id.lower() == company_id.lower() and job.expired_at is None]
        return next(iter(sorted(mine, key=lambda job: (job.status != "pending", job.created_at, job.id))), None)
    try:
        job = await api.get_job(await _pleo_id(context, company.connection.id, job_id))
    except (NotFound, BadRequest, ValueError):
        raise NoSuchJob from None
    if job.company_id.lower() != company_id.lower():
        log.error("pleo showed a job of another company", export_job_id=job.id)
        raise NoSuchJob
    return job


async def _pleo_id(context: ExportContext, connection_id: uuid.UUID, job_id: str) -> str:
    """Pleo's id of a job that may be named by ours."""
    names = [ExportJob.pleo_job_id == job_id]
    with contextlib.suppress(ValueError):
        names.append(ExportJob.id == uuid.UUID(job_id))
    async with context.db.reading() as session:
        known = await session.scalar(
            select(ExportJob.pleo_job_id).where(ExportJob.connection_id == connection_id, or_(*names)).limit(1)
        )
    return known or job_id


# ------------------------------------------------------------------ items at Pleo


async def page_of(api: ExportApi, job: PleoJob, wanted: Wanted) -> Page:
    """The items asked for, in Pleo's order. Raises `NoSuchItem`, `Unfetchable`, `Ended`."""
    try:
        if wanted.entry_id is not None:
            return await _one(api, job, wanted.entry_id, wanted.place)
        found, following = await _read(api, job, wanted.place, min(wanted.limit, MOST_ITEMS))
    except (NotFound, Unprocessable) as error:
        raise Ended from error
    except BadRequest as error:
        raise unfetchable(error) from error
    seen = len(found) + (wanted.place.seen if wanted.place else 0)
    return Page(found, following, max(0, job.number_of_items - seen) if following is None else 0)


async def _one(api: ExportApi, job: PleoJob, entry_id: str, place: Place | None) -> Page:
    for _ in range(_PAGES_SEARCHED):
        found, place = await _read(api, job, place, MOST_ITEMS)
        if mine := [each for each in found if each[0] == entry_id]:
            return Page((mine[0],), None)
        if place is None:
            break
    else:
        return Page((), place)
    async for listed in api.job_items(job.id):
        if any(one.accounting_entry_id == entry_id for one in listed):
            return Page(((entry_id, None),), None)
    raise NoSuchItem


async def _read(
    api: ExportApi, job: PleoJob, place: Place | None, limit: int
) -> tuple[tuple[tuple[str, Mapping[str, Any]], ...], Place | None]:
    found, after = await api.export_items_page(job.id, after=place.after if place else None, limit=limit)
    keyed = {one.accounting_entry_id: one.raw for one in found if one.accounting_entry_id}
    seen = len(keyed) + (place.seen if place else 0)
    return tuple(keyed.items()), Place(job.id, after, seen) if after else None
