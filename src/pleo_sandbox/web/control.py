"""Control API, the bookkeeper's side: companies, expenses, exports, the clock, and reading what happened.

JSON without authentication, answered to callers on this machine only.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from fastapi import HTTPException as Problem
from starlette.requests import Request

from pleo_sandbox.config import CompanyConfig
from pleo_sandbox.core.clock import stamp
from pleo_sandbox.core.entries import Entry
from pleo_sandbox.core.problems import bad_request
from pleo_sandbox.core.queue import queue_items, queue_payload, queue_seeds
from pleo_sandbox.core.words import is_uuid
from pleo_sandbox.core.world import World
from pleo_sandbox.seeds import CATALOGUE, GROUPS, Chart, chart_from
from pleo_sandbox.web.answers import world_of
from pleo_sandbox.web.control_models import (
    AdvanceBody,
    ChartBody,
    CompanyBody,
    ContraBody,
    ExpensesBody,
    ExportBody,
    UnexportBody,
)
from pleo_sandbox.web.control_views import company_view, entry_view, job_view

_LOOPBACK = ("127.0.0.1", "::1", "localhost", "testclient")


async def local_only(request: Request) -> None:
    """Refuses callers that are not on this machine."""
    if request.client is not None and request.client.host not in _LOOPBACK:
        raise Problem(403, "The control API is open to this machine only")


router = APIRouter(prefix="/sandbox", dependencies=[Depends(local_only)], tags=["bookkeeper"])


@router.post("/reset")
async def reset(request: Request) -> dict[str, str]:
    """Forgets everything that happened and stops deliveries under way."""
    await request.app.state.dispatcher.stop()
    world_of(request).reset()
    return {"state": "reset"}


@router.get("/companies")
async def companies(request: Request) -> list[dict[str, Any]]:
    """All companies."""
    return [company_view(company) for company in world_of(request).companies.all()]


@router.post("/companies", status_code=201)
async def add_company(request: Request, body: CompanyBody) -> dict[str, Any]:
    """Adds a company."""
    if body.id and not is_uuid(body.id):
        raise bad_request("id must be a UUID")
    return company_view(world_of(request).add_company(CompanyConfig(**body.model_dump())))


@router.put("/companies/{company_id}/contra-accounts")
async def set_contra_accounts(request: Request, company_id: str, body: ContraBody) -> dict[str, Any]:
    """Sets or empties the contra accounts in Pleo's settings."""
    return company_view(world_of(request).companies.set_contra_accounts(company_id, body.contra_accounts))


@router.get("/seeds")
async def seeds(group: str | None = None) -> list[dict[str, Any]]:
    """Every seed with its group and, for bad ones, the failure it must be reported with; ``payables`` by that name."""
    return [
        {"name": s.name, "group": s.group, "about": s.about, "expected_failure": s.expected_failure}
        for s in CATALOGUE.values()
        if (s.group == group if group else s.group in GROUPS)
    ]


@router.post("/expenses", status_code=201)
async def add_expenses(request: Request, body: ExpensesBody) -> list[dict[str, Any]]:
    """Fills the Export queue and returns the new entries, unless they are too many to be looked at."""
    world = world_of(request)
    chart = world.chart if body.chart is None else _chart(body.chart)
    made = queue_seeds(world, body.company_id, body.seeds, chart, body.copies, body.vendor_id)
    made += queue_items(world, body.company_id, [item.described() for item in body.items], chart)
    for custom in body.custom:
        files = None if custom.files is None else [file.model_dump() for file in custom.files]
        entry = queue_payload(
            world,
            body.company_id,
            custom.payload,
            files,
            verbatim=custom.verbatim,
            expected_failure=custom.expected_failure,
        )
        made.append(entry)
    return [] if body.brief else [entry_view(entry) for entry in made]


@router.put("/chart", status_code=204)
async def set_chart(request: Request, body: ChartBody) -> None:
    """The ERP codes for seeds from now on, those queued on the page included."""
    world_of(request).chart = _chart(body)


@router.get("/expenses")
async def expenses(request: Request, company_id: str) -> list[dict[str, Any]]:
    """A company's entries."""
    return [entry_view(entry) for entry in world_of(request).entries.of_company(company_id)]


@router.post("/expenses/{entry_id}/unexport")
async def unexport(request: Request, entry_id: str, body: UnexportBody) -> dict[str, Any]:
    """What Pleo support can do: back into the queue, possibly changed."""
    return entry_view(world_of(request).entries.unexport(entry_id, body.changes))


@router.post("/exports", status_code=201)
async def press_export(request: Request, body: ExportBody) -> dict[str, Any]:
    """Presses Export. Named entries may have been exported before: users may export again."""
    world = world_of(request)
    job = world.export(
        body.company_id,
        _chosen(world, body),
        is_interactive=body.is_interactive,
        vendor_based=body.vendor_based,
        expires_in=body.expires_in,
        alongside=body.alongside,
        event_type=body.event_type,
    )
    return job_view(job, items=not body.brief)


@router.get("/jobs")
async def jobs(request: Request, company_id: str | None = None) -> list[dict[str, Any]]:
    """Jobs, newest first."""
    return [job_view(job) for job in world_of(request).jobs.all() if company_id in (None, job.company_id)]


@router.get("/jobs/{job_id}")
async def job(request: Request, job_id: str) -> dict[str, Any]:
    """One job with every item and outcome."""
    return job_view(world_of(request).jobs.get(job_id), items=True)


@router.post("/jobs/{job_id}/cancel")
async def cancel(request: Request, job_id: str) -> dict[str, Any]:
    """The bookkeeper cancels the export."""
    world = world_of(request)
    found = world.jobs.get(job_id)
    world.jobs.cancel(found)
    return job_view(found, items=True)


@router.get("/clock")
async def clock(request: Request) -> dict[str, str]:
    """The sandbox's present moment."""
    return {"now": stamp(world_of(request).clock.now())}


@router.post("/clock")
async def advance(request: Request, body: AdvanceBody) -> dict[str, str]:
    """Moves the clock forward: tokens, jobs and receipt links age; webhook timestamps stay real."""
    return {"now": stamp(world_of(request).clock.advance(body.seconds))}


@router.get("/requests")
async def requests(
    request: Request, path_prefix: str = "/", method: str | None = None, after: int = 0, limit: int = 1000
) -> list[dict[str, Any]]:
    """Recorded calls in order of arrival; ``after`` is the number of a call already seen."""
    found = [
        recorded
        for recorded in world_of(request).recorder.requests
        if recorded.path.startswith(path_prefix) and method in (None, recorded.method) and recorded.number > after
    ]
    return [recorded.as_json() for recorded in found[:limit]]


@router.get("/requests/counts")
async def counts(request: Request) -> dict[str, int]:
    """Recorded calls per endpoint."""
    return world_of(request).recorder.counts()


@router.delete("/requests", status_code=204)
async def forget_requests(request: Request) -> None:
    """Forgets recorded calls and remarks."""
    world_of(request).recorder.clear()


@router.get("/remarks")
async def remarks(request: Request) -> list[dict[str, Any]]:
    """What Pleo's pages forbid and its API lets pass."""
    return [remark.as_json() for remark in world_of(request).recorder.remarks]


def _chart(body: ChartBody) -> Chart:
    try:
        return chart_from(body.model_dump())
    except (ValueError, KeyError) as problem:
        raise bad_request(str(problem)) from None


def _chosen(world: World, body: ExportBody) -> list[Entry]:
    described = [item.described() for item in body.items]
    made = queue_items(world, body.company_id, described, world.chart)
    if body.entry_ids is None and made:
        return made
    if body.entry_ids is None:
        return world.entries.waiting(body.company_id)
    return [*(world.entries.get(entry_id) for entry_id in body.entry_ids), *made]
