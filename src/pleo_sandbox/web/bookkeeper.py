"""The page where a person plays the bookkeeper: connect, queue expenses, press Export, read what came back."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pleo_sandbox.core.companies import Company
from pleo_sandbox.core.problems import Refusal
from pleo_sandbox.core.queue import queue_seeds
from pleo_sandbox.core.world import World
from pleo_sandbox.seeds import CATALOGUE, GROUPS, PAYABLES
from pleo_sandbox.web.answers import world_of
from pleo_sandbox.web.control import local_only
from pleo_sandbox.web.pages import page, same_site

router = APIRouter(include_in_schema=False, dependencies=[Depends(local_only)])

SHOWN = 20


@router.get("/")
async def home(request: Request) -> Response:
    """Everything about one company on one page."""
    world = world_of(request)
    company = company_of(world, request.query_params.get("company", ""))
    entries = world.entries.of_company(company.id)
    return page(
        request,
        "home.html",
        company=company,
        companies=world.companies.all(),
        connections=_connections(world, company),
        groups={group: [seed for seed in CATALOGUE.values() if seed.group == group] for group in (*GROUPS, PAYABLES)},
        waiting=world.entries.waiting(company.id),
        exported=sum(entry.state == "exported" for entry in entries),
        jobs=[job for job in world.jobs.all() if job.company_id == company.id][:SHOWN],
        messages=[m for m in reversed(world.messages) if company.id in m.subscription.companies][:SHOWN],
        problem=request.query_params.get("problem", ""),
    )


@router.post("/queue")
async def queue(request: Request) -> Response:
    """Puts seeds into the queue."""
    same_site(request)
    form = await request.form()
    world = world_of(request)
    company = company_of(world, str(form.get("company", "")))
    choices = [str(choice) for choice in form.getlist("seed")]
    try:
        queue_seeds(world, company.id, choices, world.chart)
    except Refusal as problem:
        return _home(company, problem.message)
    return _home(company, "" if choices else "Choose at least one expense.")


@router.post("/export")
async def export(request: Request) -> Response:
    """Presses Export for everything in the queue."""
    same_site(request)
    form = await request.form()
    world = world_of(request)
    company = company_of(world, str(form.get("company", "")))
    waiting = world.entries.waiting(company.id)
    if not waiting:
        return _home(company, "The queue is empty: add expenses first.")
    try:
        job = world.export(company.id, waiting, vendor_based=form.get("vendor_based") == "yes")
    except Refusal as problem:
        return _home(company, problem.message)
    return RedirectResponse(f"/jobs/{job.id}", 303)


@router.get("/jobs/{job_id}")
async def job_page(request: Request, job_id: str) -> Response:
    """One export with the outcome of every item; outcomes show once the job is closed, as in Pleo."""
    world = world_of(request)
    try:
        job = world.jobs.get(job_id)
    except Refusal:
        return page(request, "refused.html", status=404, reason="There is no such export.")
    return page(request, "job.html", job=job, company=world.companies.get(job.company_id))


@router.post("/jobs/{job_id}/cancel")
async def cancel(request: Request, job_id: str) -> Response:
    """Cancels a running export."""
    same_site(request)
    world = world_of(request)
    try:
        world.jobs.cancel(world.jobs.get(job_id))
    except Refusal as problem:
        return page(request, "refused.html", status=problem.status, reason=problem.message)
    return RedirectResponse(f"/jobs/{job_id}", 303)


@router.get("/expenses/{entry_id}")
async def expense_page(request: Request, entry_id: str) -> Response:
    """One expense: where the link inside an export item leads."""
    world = world_of(request)
    try:
        entry = world.entries.get(entry_id)
    except Refusal:
        return page(request, "refused.html", status=404, reason="There is no such expense.")
    jobs = [world.jobs.get(job_id) for job_id in entry.jobs]
    return page(request, "expense.html", entry=entry, jobs=jobs, company=world.companies.get(entry.company_id))


def company_of(world: World, company_id: str) -> Company:
    """The company a page is about; the first one when it is not said."""
    try:
        return world.companies.get(company_id)
    except Refusal:
        return world.companies.all()[0]


def _connections(world: World, company: Company) -> list[dict[str, str]]:
    installed = {i.client_id: i.status for i in world.installations.all() if i.resource == company.urn}
    return [
        {
            "name": client.config.name,
            "initiation_uri": client.config.initiation_uri,
            "settings_uri": client.config.settings_uri,
            "status": installed.get(client.client_id, ""),
        }
        for client in world.clients.all()
    ]


def _home(company: Company, problem: str = "") -> Response:
    query = {"company": company.id, **({"problem": problem} if problem else {})}
    return RedirectResponse(f"/?{urlencode(query)}", 303)
