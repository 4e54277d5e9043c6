"""Export API v3: the seven published calls."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.credentials import require_company
from pleo_sandbox.core.jobs import ITEM_STATUSES, JOB_STATUSES, Job, JobItem
from pleo_sandbox.core.paging import Collection, paginate, read_page_request
from pleo_sandbox.core.problems import Refusal, bad_request, export_not_found, parameter_missing
from pleo_sandbox.core.reports import apply_updates, read_event, read_updates
from pleo_sandbox.core.words import is_uuid, object_of, uuid_of
from pleo_sandbox.core.world import missing_contra_accounts
from pleo_sandbox.web.answers import answer, base_url, caller_of, json_body, one, query_of, world_of

router = APIRouter(include_in_schema=False)

_SORT_JOBS = {
    "createdAt": lambda job: job.created_at,
    "startedAt": lambda job: job.started_at,
    "completedAt": lambda job: job.completed_at,
    "lastUpdatedAt": lambda job: job.last_updated_at,
    "status": lambda job: job.status,
    "id": lambda job: job.id,
}
_SORT_ITEMS = {
    "accountingEntryId": lambda item: item.entry_id,
    "status": lambda item: item.status,
    "exportedAt": lambda item: item.exported_at,
}
_SORT_PAYLOADS = {
    "accountingEntryId": lambda item: item.entry_id,
    "date": lambda item: item.payload.get("date"),
    "type": lambda item: item.payload.get("type"),
}


@router.post("/v3/export-job-events")
async def create_event(request: Request) -> Response:
    """Moves a job: ``started``, ``failed``, ``completed`` or ``completed_with_errors``."""
    caller = caller_of(request, "export-jobs:write")
    event = read_event(await json_body(request))
    world = world_of(request)
    job = world.jobs.visible(event.job_id, caller.companies)
    world.jobs.apply_event(job, event.event, event.failure_reason_type, event.failure_reason)
    if event.event == "started":
        world.remark_on_start(job)
    if event.event == "failed" and not (event.failure_reason_type and event.failure_reason):
        world.recorder.remark("job_failed_without_reason", f"Job {job.id} was failed without type and text")
    return Response(status_code=202)


@router.get("/v3/export-jobs")
async def list_jobs(request: Request) -> Response:
    """Jobs of the caller's company, newest first unless sorted."""
    caller = caller_of(request, "export-jobs:read")
    query = query_of(request, "company_id", "statuses")
    companies = require_company(caller, one(query, "company_id"))
    statuses = [value for name, value in query if name == "statuses"]
    for status in statuses:
        if status not in JOB_STATUSES:
            raise bad_request(f"statuses must be among {', '.join(JOB_STATUSES)}, one for each parameter")
    world = world_of(request)
    rows: Collection[Job] = Collection(
        rows=[job for job in world.jobs.all() if job.company_id in companies],
        name=lambda job: job.id,
        keep=lambda job: not statuses or job.status in statuses,
        sortable=_SORT_JOBS,
    )
    page, info = paginate(rows, read_page_request(query), world.config.page_cap)
    return answer({"data": [job.as_published() for job in page], "pagination": info})


@router.post("/v3/export-jobs")
async def create_job(request: Request) -> Response:
    """Makes a job the way Pleo's own app does."""
    caller = caller_of(request, "export-jobs:write")
    body = object_of(await json_body(request), "The job")
    companies = require_company(caller, uuid_of(body, "companyId"))
    ids = body.get("accountingEntryIds")
    if not isinstance(ids, list) or not all(is_uuid(entry_id) for entry_id in ids):
        raise bad_request("accountingEntryIds must be a list of UUIDs")
    if len(set(ids)) != len(ids):
        raise bad_request("accountingEntryIds must not repeat an entry")
    employee = body.get("employeeId")
    if employee is not None and not is_uuid(employee):
        raise bad_request("employeeId must be a UUID")
    options = {} if body.get("options") is None else object_of(body["options"], "options")
    world = world_of(request)
    _strike_contra(request)
    job = world.export(
        next(iter(companies)),
        [world.entries.get(entry_id) for entry_id in ids],
        created_by=employee,
        is_interactive=_flag(body.get("isInteractive"), "isInteractive", default=True),
        vendor_based=_flag(options.get("vendorBasedBookkeeping"), "vendorBasedBookkeeping", default=False),
    )
    return answer({"data": job.as_published()}, 201)


@router.get("/v3/export-jobs/{job_id}")
async def get_job(request: Request, job_id: str) -> Response:
    """One job."""
    caller = caller_of(request, "export-jobs:read")
    query_of(request, paging=False)
    return answer({"data": world_of(request).jobs.visible(_job_id(job_id), caller.companies).as_published()})


@router.get("/v3/export-jobs/{job_id}/items")
async def list_items(request: Request, job_id: str) -> Response:
    """The control layer: progress records of a job."""
    caller = caller_of(request, "export-jobs:read")
    query = query_of(request, "status")
    status = one(query, "status")
    if status is not None and status not in ITEM_STATUSES:
        raise bad_request(f"status must be one of {', '.join(ITEM_STATUSES)}")
    world = world_of(request)
    job = world.jobs.visible(_job_id(job_id), caller.companies)
    rows: Collection[JobItem] = Collection(
        rows=job.rows,
        name=lambda item: item.entry_id,
        keep=None if status is None else lambda item: item.status == status,
        sortable=_SORT_ITEMS,
        place=job.places.get,
    )
    page, info = paginate(rows, read_page_request(query), world.config.page_cap)
    job.control_layer_read = job.control_layer_read or not info["hasNextPage"]
    return answer({"data": [item.as_published() for item in page], "pagination": info})


@router.put("/v3/export-jobs/{job_id}/items")
async def update_items(request: Request, job_id: str) -> Response:
    """Outcomes of up to 100 items; a 200 may be partial."""
    caller = caller_of(request, "export-jobs:write")
    updates = read_updates(await json_body(request))
    world = world_of(request)
    job = world.jobs.visible(_job_id(job_id), caller.companies)
    fault = world.faults.strike(("refuse_items",), request.method, request.url.path)
    updated, errors = apply_updates(world.jobs, job, updates, [fault] if fault else [])
    world.remark_on_items(updated)
    return answer({"data": [item.as_published() for item in updated], "errors": errors})


@router.get("/v3/export-items")
async def list_payloads(request: Request) -> Response:
    """The data layer: accounting payloads of an open job, with receipt links that start to run now."""
    caller = caller_of(request, "export-items:read")
    query = query_of(request, "job_id")
    job_id = one(query, "job_id")
    if job_id is None:
        raise parameter_missing("job_id")
    world = world_of(request)
    job = world.jobs.visible(_job_id(job_id), caller.companies)
    if not job.is_open:
        raise Refusal(422, "EXPORT_JOB_STATUS_UNPROCESSABLE", f"A job that is {job.status} has no export items")
    _strike_contra(request)
    world.require_contra_accounts(job.company_id, job.wallets)
    world.remark_on_reading(job)
    rows: Collection[JobItem] = Collection(
        rows=job.rows,
        name=lambda item: item.entry_id,
        keep=None,
        sortable=_SORT_PAYLOADS,
        place=job.places.get,
    )
    page, info = paginate(rows, read_page_request(query), world.config.page_cap)
    url = base_url(request)
    return answer({"data": [world.export_item(job, item, url) for item in page], "pagination": info})


def _strike_contra(request: Request) -> None:
    faults = world_of(request).faults
    if faults.strike(("missing_contra_accounts",), request.method, request.url.path) is not None:
        raise missing_contra_accounts(["EUR", "USD"])


def _job_id(job_id: str) -> str:
    if not is_uuid(job_id):
        # A path that is no UUID names no job; answering 404 keeps one answer for "no such job".
        raise export_not_found(job_id)
    return job_id


def _flag(value: object, name: str, *, default: bool) -> bool:
    if value is None:
        return default
    if not isinstance(value, bool):
        raise bad_request(f"{name} must be true or false")
    return value
