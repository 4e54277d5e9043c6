"""What an export would do, told without doing it: the run's own look-ups and checks, and nothing written anywhere.

Pleo is only read (EXP-PREV-01), and so is the ERP. No lease is taken, so that a preview beside a running export
disturbs nothing; no receipt is fetched, no vendor made, no row written. Works for a connection that is not live yet and
with a configuration that is not stored.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Configuration
from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import ConnectionState, load, open_erp, open_pleo
from ledgerbridge.connections.errors import SecretUnreadable
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.desk import ErpDown, Grounds, JobStopped
from ledgerbridge.exports.fetch import Unfetchable
from ledgerbridge.exports.judging import load_signs, today_in
from ledgerbridge.exports.outlook import ItemPreview, Outlook, foresee
from ledgerbridge.exports.preflight import NotReady, Ready, inspect, set_up
from ledgerbridge.exports.preview_source import (
    MOST_ITEMS,
    Ended,
    NoSuchItem,
    NoSuchJob,
    Page,
    Place,
    Wanted,
    job_of,
    page_of,
)
from ledgerbridge.exports.vendors import index_of, needed_by
from ledgerbridge.pleo.export import ExportApi
from ledgerbridge.pleo.models import ExportJob as PleoJob

__all__ = ["MOST_ITEMS", "JobGlance", "NoSuchItem", "NoSuchJob", "Place", "Preview", "preview"]


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
    job = await job_of(context, api, company, place.pleo_job_id if place else job_id)
    if job is None:
        return about
    about = replace(about, job=_glance(job))
    if job.finished or job.expired_at is not None:
        return replace(about, ended=True)
    return await _looked_at(context, company, api, job, about, Wanted(entry_id, limit, place))


def _glance(job: PleoJob) -> JobGlance:
    return JobGlance(job.id, job.status, job.number_of_items, job.created_at, job.vendor_based_bookkeeping)


# ------------------------------------------------------------------ what would become of it


class _Clock:
    """The time that a person waits for an ERP which does not answer, or answers slowly."""

    def __init__(self, seconds: float) -> None:
        self._ends = asyncio.get_running_loop().time() + seconds

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Raises `NotReady` when time is up."""
        try:
            async with asyncio.timeout_at(self._ends):
                yield
        except TimeoutError:
            raise NotReady(problem(Failure.ERP_TIMEOUT, "the preview took too long")) from None


async def _looked_at(
    context: ExportContext, company: ConnectionState, api: ExportApi, job: PleoJob, about: Preview, wanted: Wanted
) -> Preview:
    """The part that needs the ERP; what stops a run here stops the preview in the same words."""
    vendor_based = job.vendor_based_bookkeeping
    clock = _Clock(context.patience.preview)
    try:
        ready = set_up(company)
        async with open_erp(context.connections, company.connection.id) as erp:
            async with clock.in_time():
                chart = await inspect(erp, ready, vendor_based=vendor_based)
            page = await page_of(api, job, wanted)
            async with clock.in_time():
                grounds = await _grounds(context, company, erp, ready, chart, page)
            items, stopped = await _foreseen(grounds, page, clock)
    except NotReady as error:
        return replace(about, problems_of_the_job=(error.problem, *error.others))
    except SecretUnreadable as error:
        return replace(about, problems_of_the_job=(problem(Failure.ERP_ACCESS_UNREADABLE, str(error)),))
    except (ErpError, Unfetchable) as error:
        return replace(about, problems_of_the_job=(error.problem,))
    except Ended:
        return replace(about, ended=True)
    return replace(
        about,
        problems_of_the_job=(stopped,) if stopped else (),
        items=items,
        without_data=page.without_data,
        next=page.next,
    )


async def _grounds(
    context: ExportContext, company: ConnectionState, erp: Erp, ready: Ready, chart: ChartIndex, page: Page
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


async def _foreseen(grounds: Grounds, page: Page, clock: _Clock) -> tuple[tuple[ItemPreview, ...], Problem | None]:
    """Every item of the page. What would stop the job stops it here, and the rest shares its reason as in a run."""
    made: list[ItemPreview] = []
    stopped: tuple[Outlook, Problem] | None = None
    for entry_id, payload in page.items:
        if stopped is None:
            try:
                async with clock.in_time():
                    made.append(await foresee(grounds, entry_id, payload))
                continue
            except JobStopped as reason:
                stopped = Outlook.WOULD_FAIL, reason.problem
            except (ErpDown, NotReady) as reason:
                stopped = Outlook.UNKNOWN, reason.problem
        made.append(ItemPreview(entry_id, stopped[0], problems=(stopped[1],)))
    return tuple(made), stopped[1] if stopped else None
