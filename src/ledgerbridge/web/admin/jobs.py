"""Export jobs: list, look into, and settle by hand what nobody could settle."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from fastapi import Path, Query

from ledgerbridge.connections.errors import ConnectionUnknown
from ledgerbridge.exports import queries, resolve
from ledgerbridge.exports.queries import ItemSummary, JobSummary
from ledgerbridge.exports.reverse import reverse
from ledgerbridge.ops import overview
from ledgerbridge.store.tables import ItemState
from ledgerbridge.web.admin import models, render
from ledgerbridge.web.admin.auth import Actor
from ledgerbridge.web.admin.paging import Cursor, Limit, Page, of_one_or_all
from ledgerbridge.web.admin.router import admin_router, answers
from ledgerbridge.web.problems import Fault, HttpProblem
from ledgerbridge.web.services import Provided, Services

router = admin_router("export jobs")
Status = Literal["pending", "in_progress", "completed", "completed_with_errors", "failed"]
JobId = Annotated[str, Path(max_length=100, description="Our id or Pleo's.")]
EntryId = Annotated[str, Path(max_length=200, description="Pleo's accounting entry id.")]
_LISTING = "export-jobs"


@router.get("/export-jobs", summary="List export jobs, newest first", responses=answers(400, 404, 422))
async def list_jobs(
    services: Provided,
    _actor: Actor,
    connection: uuid.UUID | None = None,
    status: Annotated[Status | None, Query(description="At Pleo, as last known.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[models.ExportJob]:
    """Of one connection or all."""
    listing = of_one_or_all(_LISTING, connection)
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        if connection is not None and await overview.connection(session, connection) is None:
            raise ConnectionUnknown(connection)
        found = await queries.jobs(session, connection_id=connection, status=status, before=before, limit=limit + 1)
    return services.cursors.page(listing, found, limit, render.job, lambda row: (row.job.pleo_created_at, row.job.id))


@router.get("/export-jobs/{job_id}", summary="One export job with its timeline", responses=answers(404, 422))
async def get_job(services: Provided, _actor: Actor, job_id: JobId) -> models.ExportJobWithTimeline:
    """State, counts, and what happened when."""
    found = await _job(services, job_id)
    async with services.db.reading() as session:
        steps = await queries.timeline(session, found.job.id)
    return models.ExportJobWithTimeline(**dict(render.job(found)), timeline=[render.event(step) for step in steps])


@router.get("/export-jobs/{job_id}/items", summary="Items in order of work", responses=answers(400, 404, 422))
async def list_items(
    services: Provided,
    _actor: Actor,
    job_id: JobId,
    state: ItemState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[models.ExportItem]:
    """Each with its outcome, the reason a bookkeeper reads, and the link into the ERP."""
    found = await _job(services, job_id)
    listing = f"items/{found.job.id}"
    after = services.cursors.read_number(listing, cursor)
    async with services.db.reading() as session:
        rows = await queries.items(
            session, found.job.id, state=state, after=-1 if after is None else after, limit=limit + 1
        )
    return services.cursors.page(listing, rows, limit, render.item, lambda row: (row.item.position,))


@router.post(
    "/export-jobs/{job_id}/items/{entry_id}/resolve",
    summary="Settle an item by hand, or take back what it was booked as",
    responses=answers(404, 409, 415, 422),
)
async def resolve_item(
    services: Provided, actor: Actor, job_id: JobId, entry_id: EntryId, body: models.Resolve
) -> models.ExportItem:
    """`probe` looks in the ERP again; the others take a person's word, with a reason.

    `mark_booked` names the entry it is; `mark_not_booked` confirms that there is none, and the next export books it.
    Pleo is told with the next export of the item.

    `reverse` takes a booked entry back by a linked counter-entry, a draft by deleting it. Pleo goes on showing the
    expense as exported; exported again there, it is booked as its next revision. Without a reply of the ERP
    `posting.reversal.state` is `unknown`: asking again looks first and finishes it, and so do we after some minutes.
    """
    found = await _job(services, job_id)
    await _item(services, found, entry_id)
    exports = services.exports
    match body.action:
        case "probe":
            await resolve.probe_item(exports, found.job, entry_id, actor)
        case "mark_booked":
            _ask_for(body, "reference", "reason", text="say which entry in the ERP it is and how you know")
            reference, reason = (body.reference or "").strip(), (body.reason or "").strip()
            await resolve.mark_booked(exports, found.job, entry_id, reference=reference, reason=reason, actor=actor)
        case "mark_not_booked":
            _ask_for(body, "reason", "confirm", text="confirm that it is not in the ERP and say how you know")
            reason = (body.reason or "").strip()
            await resolve.mark_not_booked(exports, found.job, entry_id, reason=reason, actor=actor)
        case "reverse":
            _ask_for(body, "reason", "confirm", text="confirm that it is to be taken back in the ERP and say why")
            await reverse(exports, found.job, entry_id, reason=(body.reason or "").strip(), actor=actor)
    return render.item(await _item(services, found, entry_id))


def _ask_for(body: models.Resolve, *names: str, text: str) -> None:
    """Raises a problem that names what is missing or blank of what a person must say; `text` asks for it."""
    said = {name: getattr(body, name) for name in names}
    lacking = [name for name, value in said.items() if not (value.strip() if isinstance(value, str) else value)]
    if lacking:
        raise HttpProblem(
            422,
            f"To {body.action.replace('_', ' ')}, {text}.",
            kind="invalid-request",
            errors=[Fault(name, f"is needed for {body.action}") for name in lacking],
        )


async def _job(services: Services, job_id: str) -> JobSummary:
    async with services.db.reading() as session:
        found = await queries.job(session, job_id)
    if found is None:
        raise HttpProblem(404, "There is no such export job.", kind="job-unknown")
    return found


async def _item(services: Services, job: JobSummary, entry_id: str) -> ItemSummary:
    async with services.db.reading() as session:
        found = await queries.item(session, job.job.id, entry_id)
    if found is None:
        raise HttpProblem(404, "The export job has no such item.", kind="item-unknown")
    return found
