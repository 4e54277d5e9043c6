"""`/admin/exports`: export jobs of all companies, and one with its timeline and items."""

from __future__ import annotations

import uuid
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from ledgerbridge.exports import queries
from ledgerbridge.exports.queries import JobSummary
from ledgerbridge.ops import overview
from ledgerbridge.ops.overview import Overview
from ledgerbridge.ops.roster import names_of
from ledgerbridge.store.tables import ItemState
from ledgerbridge.web.console.admin import showing
from ledgerbridge.web.console.admin.connections import chosen
from ledgerbridge.web.console.admin.showing import PAGE
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInOperator
from ledgerbridge.web.console.forms import link
from ledgerbridge.web.console.page import page
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_HERE = "/admin/exports"
STATUSES = ("pending", "in_progress", "completed", "completed_with_errors", "failed")
JobId = Annotated[str, Path(max_length=100)]


@router.get("/admin/exports")
async def all_jobs(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    connection: str = "",
    status: str = "",
    job: Annotated[str, Query(max_length=100)] = "",
    cursor: str | None = None,
) -> HTMLResponse:
    """Newest first, of one company or all; or the one job with an id of ours or of Pleo's."""
    of = await company(services, connection)
    connection_id = of.connection.id if of else None
    wanted = status if status in STATUSES else None
    listing = f"console/exports/{connection_id or 'all'}/{wanted or ''}"
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        if job.strip():
            one = await queries.job(session, job.strip())
            found = [one] if one else []
        else:
            found = await queries.jobs(
                session, connection_id=connection_id, status=wanted, before=before, limit=PAGE + 1
            )
        names = await names_of(session, {one.job.connection_id for one in found})
    last = found[PAGE - 1].job if len(found) > PAGE else None
    more = services.cursors.write(listing, (last.pleo_created_at, last.id)) if last else None
    kept = {"connection": connection_id, "status": wanted}
    return page(
        request,
        operator,
        "admin/exports.html",
        show=showing,
        rows=found[:PAGE],
        names=names,
        of=of,
        status_chosen=status,
        job=job.strip(),
        statuses=[(one, showing.job(one).word) for one in STATUSES],
        newest=link(_HERE, **kept) if cursor else None,
        older=link(_HERE, **kept, cursor=more) if more else None,
    )


@router.get("/admin/exports/{job_id}")
async def one_job(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    job_id: JobId,
    state: str = "",
    cursor: str | None = None,
) -> HTMLResponse:
    """How far it is, what happened when, and its items."""
    found = await job_of(services, job_id)
    wanted = chosen(ItemState, state)
    listing = f"console/items/{found.job.id}/{wanted or ''}"
    after = services.cursors.read_number(listing, cursor)
    async with services.db.reading() as session:
        steps = await queries.timeline(session, found.job.id)
        items = await queries.items(
            session, found.job.id, state=wanted, after=-1 if after is None else after, limit=PAGE + 1
        )
        of = await overview.connection(session, found.job.connection_id)
    assert of is not None  # noqa: S101 - the row of a connection stays as long as its jobs
    here = f"{_HERE}/{found.job.id}"
    last = items[PAGE - 1].item if len(items) > PAGE else None
    more = services.cursors.write(listing, (last.position,)) if last else None
    return page(
        request,
        operator,
        "admin/export.html",
        show=showing,
        found=found,
        job=found.job,
        of=of,
        here=here,
        steps=showing.steps(steps),
        steps_left_out=len(steps) == queries.MOST_STEPS,
        items=items[:PAGE],
        state=wanted,
        filters=_filters(found, wanted, here),
        path_of=lambda entry: f"{here}/items/{quote(entry, safe='')}",
        newest=link(here, state=wanted) + "#items" if cursor else None,
        older=link(here, state=wanted, cursor=more) + "#items" if more else None,
    )


async def company(services: Services, connection: str) -> Overview | None:
    """The connection a list is limited to; None for all. Raises `HttpProblem` 404."""
    if not connection.strip():
        return None
    try:
        wanted = uuid.UUID(connection.strip())
    except ValueError:
        raise HttpProblem(404, text("admin.connection.no_such"), kind="connection-unknown") from None
    async with services.db.reading() as session:
        found = await overview.connection(session, wanted)
    if found is None:
        raise HttpProblem(404, text("admin.connection.no_such"), kind="connection-unknown")
    return found


async def job_of(services: Services, job_id: str) -> JobSummary:
    """A job by our id or Pleo's. Raises `HttpProblem` 404."""
    async with services.db.reading() as session:
        found = await queries.job(session, job_id)
    if found is None:
        raise HttpProblem(404, text("admin.export.no_such"), kind="job-unknown")
    return found


def _filters(found: JobSummary, wanted: ItemState | None, here: str) -> list[tuple[str, str, bool]]:
    """Words, path and whether it is chosen: all items, and each state that some are in."""
    shown = [(text("admin.export.all_items", number=f"{sum(found.items.values()):,}"), f"{here}#items", wanted is None)]
    for state in ItemState:
        number = found.items.get(state, 0)
        if number or state is wanted:
            words = f"{showing.item(state).word} {number:,}"
            shown.append((words, f"{here}?state={state}#items", state is wanted))
    return shown
