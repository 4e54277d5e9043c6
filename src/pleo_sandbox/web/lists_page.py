"""The page that shows a company's tags, accounts, tax codes and vendors, and on which an employee makes a vendor."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pleo_sandbox.core.countries import COUNTRIES
from pleo_sandbox.core.problems import Refusal
from pleo_sandbox.core.vendors import read_details
from pleo_sandbox.core.world import BOOKKEEPER_ID
from pleo_sandbox.web.answers import world_of
from pleo_sandbox.web.bookkeeper import company_of
from pleo_sandbox.web.control import local_only
from pleo_sandbox.web.pages import page, same_site

router = APIRouter(include_in_schema=False, dependencies=[Depends(local_only)])

SHOWN = 200
_FIELDS = ("name", "country", "defaultCurrency", "registrationNumber", "taxRegistrationNumber")


@router.get("/lists")
async def lists(request: Request) -> Response:
    """What has arrived from the ERP, newest changes included; archived rows are marked."""
    world = world_of(request)
    company = company_of(world, request.query_params.get("company", ""))
    groups = world.tags.groups(company.id)
    return page(
        request,
        "lists.html",
        company=company,
        companies=world.companies.all(),
        groups=[(group, world.tags.of_group(group)) for group in groups],
        accounts=world.accounts.of(company.id),
        categories=world.accounts.categories(company.id),
        tax_codes=world.tax_codes.of(company.id),
        vendors=list(reversed(world.vendors.of(company.id))),
        countries=sorted(COUNTRIES),
        shown=SHOWN,
        problem=request.query_params.get("problem", ""),
    )


@router.post("/vendors")
async def create_vendor(request: Request) -> Response:
    """An employee makes a vendor: a draft, announced to the integration."""
    same_site(request)
    form = await request.form()
    world = world_of(request)
    company = company_of(world, str(form.get("company", "")))
    given = {name: str(form.get(name, "")).strip() for name in _FIELDS}
    query = {"company": company.id}
    try:
        details = read_details({name: value for name, value in given.items() if value})
    except Refusal as problem:
        query["problem"] = problem.message
    else:
        vendor = world.vendors.put(company.id, details, "DRAFT", created_by=BOOKKEEPER_ID)
        if world.choices.vendor_event != "never":
            world.announce_vendor(vendor)
    return RedirectResponse(f"/lists?{urlencode(query)}#vendors", 303)
