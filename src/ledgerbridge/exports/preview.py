"""What an export would do, told without doing it: the run's own look-ups and checks, and nothing written anywhere.

Pleo is only read (EXP-PREV-01), and so is the ERP. No lease is taken, so that a preview beside a running export
disturbs nothing; no receipt is fetched, no vendor made, no row written. Works for a connection that is not live yet and
with a configuration that is not stored.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy import or_, select

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Configuration
from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import ConnectionState, load, open_erp, open_pleo
from ledgerbridge.connections.errors import SecretUnreadable
from ledgerbridge.erp.port import Erp
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.desk import ErpDown, Grounds, JobStopped
from ledgerbridge.exports.fetch import Unfetchable, unfetchable
from ledgerbridge.exports.judging import load_signs, today_in
from ledgerbridge.exports.outlook import ItemPreview, Outlook, foresee
from ledgerbridge.exports.preflight import NotReady, Ready, inspect, set_up
from ledgerbridge.exports.vendors import index_of, needed_by
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


@dataclass(frozen=True, slots=True)
class JobGlance:
    """The job whose items are shown."""

    pleo_job_id: str
    status: str
    """At Pleo, just now."""
    number_of_items: int
    """As Pleo announces."""
    created_at: dt.datetime
    vendor_based: bool
    """Whether it may hold bills."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of an export job, or of one of its items."""

    checked_at: dt.datetime
    """When all this was looked up."""
    job: JobGlance | None = None
    """None when no job was named and none waits at Pleo."""
    problems_of_the_job: tuple[Problem, ...] = ()
    """What would stop or delay the job as a whole; the first is what Pleo would be told."""
    ended: bool = False
    """The job is over at Pleo, which no longer shows what was in it; its outcome stands in our records."""
    items: tuple[ItemPreview, ...] = ()
    """In Pleo's order; empty where the job would stop before its first item."""
    without_data: int = 0
    """On the last page: how many items Pleo announced and gave no data for; each would fail (EXP-DATA-11)."""
    config_version: int | None = None
    """Of the configuration used; None for one that was handed in, or where there is none."""
    next: Place | None = None
    """Where to go on; None on the last page."""


async def preview(
    context: ExportContext,
    connection_id: uuid.UUID,
    *,
    job_id: str | None = None,
    entry_id: str | None = None,
    configuration: Configuration | None = None,
    limit: int = 50,
    place: Place | None = None,
) -> Preview:
    """What would become of a job, ours or Pleo's id; without one of the oldest that waits.

    With `entry_id` of that one item; it may stand behind `next` in a long job. A `configuration` takes the place of the
    stored one. At most `MOST_ITEMS` at once. Raises `ConnectionUnknown`, `NoSuchJob`, `NoSuchItem`, `PleoError`.
    """
    company = await load(context.connections, connection_id)
    if configuration is not None:
        company = replace(company, configuration=configuration)
    version = company.configuration.version if company.configuration and configuration is None else None
    about = Preview(utcnow(), config_version=version)
    api = ExportApi(await open_pleo(context.connections, connection_id))
    job = await _job(context, api, company, place.pleo_job_id if place else job_id)
    if job is None:
        return about
    about = replace(about, job=_glance(job))
    if job.finished or job.expired_at is not None:
        return replace(about, ended=True)
    return await _looked_at(context, company, api, job, about, _Wanted(entry_id, limit, place))


# ------------------------------------------------------------------ which job


async def _job(context: ExportContext, api: ExportApi, company: ConnectionState, job_id: str | None) -> PleoJob | None:
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


def _glance(job: PleoJob) -> JobGlance:
    return JobGlance(job.id, job.status, job.number_of_items, job.created_at, job.vendor_based_bookkeeping)


# ------------------------------------------------------------------ what would become of it


class _Ended(Exception):
    """The job ended while we looked."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which items are asked for."""

    entry_id: str | None
    limit: int
    place: Place | None


@dataclass(frozen=True, slots=True)
class _Page:
    """Items with their payloads, which one that Pleo gave no data for does not have."""

    items: tuple[tuple[str, Mapping[str, Any] | None], ...]
    next: Place | None
    without_data: int = 0


async def _looked_at(
    context: ExportContext, company: ConnectionState, api: ExportApi, job: PleoJob, about: Preview, wanted: _Wanted
) -> Preview:
    """The part that needs the ERP; what stops a run here stops the preview in the same words."""
    vendor_based = job.vendor_based_bookkeeping
    try:
        ready = set_up(company)
        async with open_erp(context.connections, company.connection.id) as erp:
            chart = await inspect(erp, ready, vendor_based=vendor_based)
            page = await _page(api, job, wanted)
            grounds = await _grounds(context, company, erp, ready, chart, page)
            items, stopped = await _foreseen(grounds, page)
    except NotReady as error:
        return replace(about, problems_of_the_job=(error.problem, *error.others))
    except SecretUnreadable as error:
        return replace(about, problems_of_the_job=(problem(Failure.ERP_ACCESS_UNREADABLE, str(error)),))
    except Unfetchable as error:
        return replace(about, problems_of_the_job=(error.problem,))
    except _Ended:
        return replace(about, ended=True)
    return replace(
        about,
        problems_of_the_job=(stopped,) if stopped else (),
        items=items,
        without_data=page.without_data,
        next=page.next,
    )


async def _grounds(
    context: ExportContext, company: ConnectionState, erp: Erp, ready: Ready, chart: ChartIndex, page: _Page
) -> Grounds:
    """As the desk of a run. Raises `NotReady` when the vendors cannot be read."""
    connection = company.connection
    needed = needed_by(payload for _, payload in page.items if payload is not None)
    return Grounds(
        context=context,
        connection_id=connection.id,
        company_id=connection.company_id,
        configuration=ready.configuration,
        erp=erp,
        chart=chart,
        today=today_in(ready.configuration),
        signs=await load_signs(context, connection.id),
        vendors=await index_of(context.db, connection.id, erp, needed),
    )


async def _foreseen(grounds: Grounds, page: _Page) -> tuple[tuple[ItemPreview, ...], Problem | None]:
    """Every item of the page. What would stop the job stops it here, and the rest shares its reason as in a run."""
    made: list[ItemPreview] = []
    stopped: tuple[Outlook, Problem] | None = None
    for entry_id, payload in page.items:
        if stopped is None:
            try:
                made.append(await foresee(grounds, entry_id, payload))
                continue
            except JobStopped as reason:
                stopped = Outlook.WOULD_FAIL, reason.problem
            except ErpDown as reason:
                stopped = Outlook.UNKNOWN, reason.problem
        made.append(ItemPreview(entry_id, stopped[0], problems=(stopped[1],)))
    return tuple(made), stopped[1] if stopped else None


# ------------------------------------------------------------------ items at Pleo


async def _page(api: ExportApi, job: PleoJob, wanted: _Wanted) -> _Page:
    """Raises `NoSuchItem`, `Unfetchable`, `_Ended`."""
    try:
        if wanted.entry_id is not None:
            return await _one(api, job, wanted.entry_id, wanted.place)
        found, following = await _read(api, job, wanted.place, min(wanted.limit, MOST_ITEMS))
    except (NotFound, Unprocessable) as error:
        raise _Ended from error
    except BadRequest as error:
        raise unfetchable(error) from error
    seen = len(found) + (wanted.place.seen if wanted.place else 0)
    return _Page(found, following, max(0, job.number_of_items - seen) if following is None else 0)


async def _one(api: ExportApi, job: PleoJob, entry_id: str, place: Place | None) -> _Page:
    for _ in range(_PAGES_SEARCHED):
        found, place = await _read(api, job, place, MOST_ITEMS)
        if mine := [each for each in found if each[0] == entry_id]:
            return _Page((mine[0],), None)
        if place is None:
            break
    else:
        return _Page((), place)
    async for listed in api.job_items(job.id):
        if any(one.accounting_entry_id == entry_id for one in listed):
            return _Page(((entry_id, None),), None)
    raise NoSuchItem


async def _read(
    api: ExportApi, job: PleoJob, place: Place | None, limit: int
) -> tuple[tuple[tuple[str, Mapping[str, Any]], ...], Place | None]:
    found, after = await api.export_items_page(job.id, after=place.after if place else None, limit=limit)
    keyed = {one.accounting_entry_id: one.raw for one in found if one.accounting_entry_id}
    seen = len(keyed) + (place.seen if place else 0)
    return tuple(keyed.items()), Place(job.id, after, seen) if after else None
