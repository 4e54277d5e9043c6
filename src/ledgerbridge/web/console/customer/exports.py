"""`/settings/exports`: every export of the company, and each of its items with what became of it."""

from __future__ import annotations

import uuid
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.rows import connection_row, newest_config
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports import glance, queries, resolve
from ledgerbridge.exports.alone import CannotResolve
from ledgerbridge.exports.queries import ItemSummary, JobSummary
from ledgerbridge.store.tables import Connection, ItemState, PostingState
from ledgerbridge.web.console import live
from ledgerbridge.web.console.customer import showing
from ledgerbridge.web.console.doors import ConsoleRoute, Customer, SignedInCustomer
from ledgerbridge.web.console.forms import go
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.pages import fragment
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)

PAGE = 50
"""Rows on a page."""
_HERE = "/settings/exports"
_STEPS = 40
"""Of a timeline."""
_LONGEST_ENTRY = 200
JobId = Annotated[uuid.UUID, Path()]
EntryId = Annotated[str, Path(max_length=_LONGEST_ENTRY)]
Cursor = Annotated[str | None, Query(max_length=1000)]
Entry = Annotated[str | None, Query(max_length=_LONGEST_ENTRY)]


@router.get(_HERE)
async def listed(
    request: Request, services: Provided, customer: SignedInCustomer, cursor: Cursor = None, entry: Entry = None
) -> HTMLResponse:
    """All exports, newest first; with `entry` the exports of one expense by Pleo's id."""
    wanted = (entry or "").strip()
    if wanted:
        return await _one_expense(request, services, customer, wanted)
    listing = f"customer/exports/{customer.connection_id}"
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        connection = await connection_row(session, customer.connection_id)
        found = await queries.jobs(session, connection_id=connection.id, before=before, limit=PAGE + 1)
    shown = found[:PAGE]
    last = shown[-1].job if len(found) > PAGE else None
    older = f"{_HERE}?cursor={services.cursors.write(listing, (last.pleo_created_at, last.id))}" if last else None
    return page(
        request,
        customer,
        "exports/list.html",
        company=connection.company_name,
        jobs=[showing.job(one) for one in shown],
        newest=_HERE if cursor else None,
        older=older,
    )


async def _one_expense(request: Request, services: Services, customer: Customer, entry: str) -> HTMLResponse:
    async with services.db.reading() as session:
        connection = await connection_row(session, customer.connection_id)
        time_zone = await _time_zone(session, connection.id)
        past = await glance.past(session, connection.id, entry)
    exports = [(showing.job(JobSummary(one.job)), showing.item(one.found, time_zone)) for one in past]
    return page(
        request,
        customer,
        "exports/expense.html",
        company=connection.company_name,
        entry=entry,
        exports=exports,
        most=len(past) == PAGE,
    )


@router.get(_HERE + "/{job_id}")
async def one(
    request: Request,
    services: Provided,
    customer: SignedInCustomer,
    job_id: JobId,
    state: ItemState | None = None,
    entry: Entry = None,
    cursor: Cursor = None,
) -> HTMLResponse:
    """One export: how far it is, what happened when, and its items."""
    return await _job_page(request, services, customer, job_id, state=state, entry=entry, cursor=cursor)


@router.get(_HERE + "/{job_id}/live")
async def followed(
    request: Request, services: Provided, customer: SignedInCustomer, job_id: JobId
) -> StreamingResponse:
    """How far it is, told anew whenever that changes."""
    await _job(services, customer, job_id)

    async def draw() -> live.Drawn:
        job = showing.job((await _job(services, customer, job_id))[1])
        return live.Drawn(fragment("exports/progress.html", job=job), over=not job.open)

    return live.follow(request, services, draw)


@router.post(_HERE + "/{job_id}/items/{entry_id:path}/probe", response_model=None)
async def probe(
    request: Request,
    services: Provided,
    customer: SignedInCustomer,
    job_id: JobId,
    entry_id: EntryId,
    back: Annotated[str, Form(max_length=20)] = "",
) -> HTMLResponse | RedirectResponse:
    """Look in the accounting system whether an item of unknown outcome stands there; `back`: `warnings` or the job."""
    _, found = await _job(services, customer, job_id)
    async with services.db.reading() as session:
        if await queries.item(session, job_id, entry_id) is None:
            raise HttpProblem(404, text("exports.job.no_such_item"), kind="item-unknown")
    try:
        state = await resolve.probe_item(services.exports, found.job, entry_id, customer.actor)
    except CannotResolve as refusal:
        return await _refused(request, services, customer, job_id, entry_id, str(refusal))
    except ErpError as error:
        return await _refused(request, services, customer, job_id, entry_id, error.problem.text)
    done = "exports.flash.found" if state is PostingState.BOOKED else "exports.flash.not_found"
    if back == "warnings":
        return go("/settings/warnings", done=done)
    return go(f"{_HERE}/{job_id}", done=done, entry=entry_id)


async def _refused(
    request: Request, services: Services, customer: Customer, job_id: uuid.UUID, entry: str, why: str
) -> HTMLResponse:
    errors = [FieldError("", why)]
    return await _job_page(request, services, customer, job_id, entry=entry, errors=errors, status=409)


async def _job_page(
    request: Request,
    services: Services,
    customer: Customer,
    job_id: uuid.UUID,
    *,
    state: ItemState | None = None,
    entry: str | None = None,
    cursor: str | None = None,
    errors: list[FieldError] | None = None,
    status: int = 200,
) -> HTMLResponse:
    connection, found = await _job(services, customer, job_id)
    here, wanted = f"{_HERE}/{job_id}", (entry or "").strip()
    listing = f"customer/items/{job_id}/{state.value if state else 'all'}"
    after = services.cursors.read_number(listing, cursor)
    async with services.db.reading() as session:
        time_zone = await _time_zone(session, connection.id)
        rows = await _rows(session, job_id, wanted, state, after)
        steps = await queries.timeline(session, job_id, _STEPS)
        failed = [row.item.accounting_entry_id for row in rows if row.item.state in glance.NOT_BOOKED]
        since = await glance.booked(session, connection.id, failed)
    more = rows[PAGE - 1].item.position if len(rows) > PAGE else None
    kept = {"state": state.value} if state else {}
    return page(
        request,
        customer,
        "exports/job.html",
        status=status,
        errors=errors or (),
        company=connection.company_name,
        job=showing.job(found),
        here=here,
        filters=_filters(found, state, here),
        state=state,
        entry=wanted,
        items=[showing.item(row, time_zone, booked_since=row.item.accounting_entry_id in since) for row in rows[:PAGE]],
        steps=showing.steps(steps),
        steps_left_out=len(steps) == _STEPS,
        newest=f"{here}?{urlencode(kept)}#items" if cursor else None,
        older=f"{here}?{urlencode({**kept, 'cursor': services.cursors.write(listing, (more,))})}#items"
        if more is not None
        else None,
        path_of=lambda entry_id: f"{here}/items/{quote(entry_id, safe='')}",
    )


async def _rows(
    session: AsyncSession, job_id: uuid.UUID, entry: str, state: ItemState | None, after: int | None
) -> list[ItemSummary]:
    if entry:
        found = await queries.item(session, job_id, entry)
        return [found] if found else []
    return await queries.items(session, job_id, state=state, after=-1 if after is None else after, limit=PAGE + 1)


def _filters(found: JobSummary, chosen: ItemState | None, here: str) -> list[tuple[str, str, bool]]:
    """Words, path and whether it is chosen, for all items and for each state that an item is in."""
    total = sum(found.items.values())
    words = [(text("exports.items.all", count=f"{total:,}"), f"{here}#items", chosen is None)]
    for state in ItemState:
        number = found.items.get(state, 0)
        if number or state is chosen:
            words.append((f"{text(f'common.item.{state}')} {number:,}", f"{here}?state={state}#items", state is chosen))
    return words


async def _job(services: Services, customer: Customer, job_id: uuid.UUID) -> tuple[Connection, JobSummary]:
    """The company's row and its job. Raises `HttpProblem` 404 for another company's job."""
    async with services.db.reading() as session:
        connection = await connection_row(session, customer.connection_id)
        found = await queries.job_of(session, connection.id, job_id)
    if found is None:
        raise HttpProblem(404, text("exports.job.unknown"), kind="job-unknown")
    return connection, found


async def _time_zone(session: AsyncSession, connection_id: uuid.UUID) -> str:
    newest = await newest_config(session, connection_id)
    return ConfigurationBody.read(newest.body).time_zone if newest else "UTC"
