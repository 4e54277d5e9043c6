"""Vendors API: the seven published calls."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.countries import COUNTRIES
from pleo_sandbox.core.credentials import require_company
from pleo_sandbox.core.problems import bad_request, parameter_missing
from pleo_sandbox.core.vendors import CREATE_MEMBERS, STATES, UPDATE_MEMBERS, Vendor, read_details
from pleo_sandbox.core.words import text_of, texts_of, uuids_of
from pleo_sandbox.core.world import World
from pleo_sandbox.web.answers import answer, caller_of, one, query_of, world_of
from pleo_sandbox.web.lists import company_in, listing, members_of

router = APIRouter(include_in_schema=False)

_MOST = 100
_MOST_STATES = 4
_FILTERS = ("accountingSystems", "codes", "countries", "externalIds", "ids", "name", "states", "taxRegistrationNumbers")
_SORTABLE = {
    "name": lambda vendor: vendor.details.name,
    "code": lambda vendor: vendor.details.code,
    "externalId": lambda vendor: vendor.details.external_id,
    "state": lambda vendor: vendor.state,
    "createdAt": lambda vendor: vendor.created_at,
    "updatedAt": lambda vendor: vendor.updated_at,
}


@router.post("/v1/vendors")
async def create(request: Request) -> Response:
    """A vendor the ERP has (it starts active), or one it does not have (it starts as a draft)."""
    caller = caller_of(request, "vendors:write")
    body = await members_of(request, "The vendor", CREATE_MEMBERS)
    world = world_of(request)
    vendor = world.vendors.create(company_in(caller, body), read_details(body))
    event = world.choices.vendor_event
    if event == "always" or (event == "draft" and vendor.state == "DRAFT"):
        world.announce_vendor(vendor)
    return answer({"data": vendor.as_published()}, 201)


@router.post("/v1/vendors:search")
async def search(request: Request) -> Response:
    """The vendors of one company: values of a filter count as alternatives, filters add up."""
    caller = caller_of(request, "vendors:read")
    query = query_of(request, "company_id")
    company_id = one(query, "company_id")
    if company_id is None:
        raise parameter_missing("company_id")
    companies = require_company(caller, company_id)
    body = await members_of(request, "The search", _FILTERS, optional=True)
    world = world_of(request)
    wanted = _Wanted(world, body)
    rows = world.vendors.of(companies)
    return listing(request, query, rows, wanted.keeps, _SORTABLE, Vendor.as_published, body=body)


@router.get("/v1/vendors/{vendor_id}")
async def read(request: Request, vendor_id: str) -> Response:
    """One vendor."""
    caller = caller_of(request, "vendors:read")
    query_of(request, paging=False)
    return answer({"data": world_of(request).vendors.visible(vendor_id, caller.companies).as_published()})


@router.put("/v1/vendors/{vendor_id}")
async def update(request: Request, vendor_id: str) -> Response:
    """Replaces details and state."""
    caller = caller_of(request, "vendors:write")
    vendors = world_of(request).vendors
    vendor = vendors.visible(vendor_id, caller.companies)
    body = await members_of(request, "The vendor", UPDATE_MEMBERS)
    return answer({"data": vendors.update(vendor, body).as_published()})


@router.post("/v1/vendors/{vendor_id}:activate")
async def activate(request: Request, vendor_id: str) -> Response:
    """Stores the ERP's identifiers; on an active vendor nothing changes, with a remark."""
    caller = caller_of(request, "vendors:write")
    world = world_of(request)
    vendor = world.vendors.visible(vendor_id, caller.companies)
    body = await members_of(request, "The identifiers", ("externalId", "code"))
    if not world.vendors.activate(vendor, body):
        world.recorder.remark("vendor_activated_again", f"Vendor {vendor.id} was active already")
    return Response(status_code=204)


@router.post("/v1/vendors/{vendor_id}:archive")
async def archive(request: Request, vendor_id: str) -> Response:
    """Archives; on an archived vendor nothing changes, with a remark."""
    caller = caller_of(request, "vendors:write")
    world = world_of(request)
    vendor = world.vendors.visible(vendor_id, caller.companies)
    if not world.vendors.archive(vendor):
        world.recorder.remark("vendor_archived_again", f"Vendor {vendor.id} was archived already")
    return Response(status_code=204)


class _Wanted:
    """The filters of a search, checked."""

    def __init__(self, world: World, body: dict[str, object]) -> None:
        self._lists = {name: texts_of(body, name, most=_MOST) for name in _FILTERS[:4] + _FILTERS[7:]}
        self._ids = uuids_of(body, "ids", most=_MOST)
        self._name = (text_of(body, "name") or "").lower()
        if any(country not in COUNTRIES for country in self._lists["countries"] or ()):
            raise bad_request("countries must hold published country codes")
        states = texts_of(body, "states", most=_MOST_STATES)
        if any(state not in STATES for state in states or ()):
            raise bad_request(f"states must be among {', '.join(STATES)}")
        silent = STATES if world.choices.vendor_search_default == "all" else STATES[:2]
        self._states = tuple(states) if states else silent

    def keeps(self, vendor: Vendor) -> bool:
        """Whether a vendor passes every filter; an empty list filters nothing."""
        details = vendor.details
        values = {
            "accountingSystems": vendor.accounting_system,
            "codes": details.code,
            "countries": details.country,
            "externalIds": details.external_id,
            "taxRegistrationNumbers": details.tax_registration_number,
        }
        if any(wanted and values[name] not in wanted for name, wanted in self._lists.items()):
            return False
        if self._ids and vendor.id not in self._ids:
            return False
        return vendor.state in self._states and self._name in details.name.lower()
