"""Control API, the master-data side: tags, accounts, tax codes, vendors and employees put in by hand and read back.

Rows take the published member names. They go in as given, past the rules of Pleo's API, as data made by people does.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from pleo_sandbox.core import accounts, employees, tax_codes, vendors
from pleo_sandbox.core.choices import Choices
from pleo_sandbox.core.problems import bad_request
from pleo_sandbox.core.tags import Group
from pleo_sandbox.core.words import filled_text_of, is_uuid, new_id, text_of
from pleo_sandbox.core.world import World
from pleo_sandbox.web.answers import world_of
from pleo_sandbox.web.control import local_only
from pleo_sandbox.web.control_rows import (
    CategoriesBody,
    GroupBody,
    GroupsBody,
    LimitBody,
    RowsBody,
    VendorChangeBody,
    VendorsBody,
)

router = APIRouter(prefix="/sandbox", dependencies=[Depends(local_only)], tags=["master data"])

_COMPANY = "/companies/{company_id}"
_CHOICES = TypeAdapter(Choices)


@router.get("/choices")
async def choices(request: Request) -> dict[str, Any]:
    """What the sandbox does where Pleo is silent."""
    return asdict(world_of(request).choices)


@router.put("/choices")
async def choose(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Changes the members that are given; ``/sandbox/reset`` brings the defaults back."""
    world = world_of(request)
    present = asdict(world.choices)
    _known(body, tuple(present))
    try:
        wanted = asdict(_CHOICES.validate_python({**present, **body}))
    except ValidationError as problem:
        raise bad_request(str(problem)) from None
    # The parts of the world hold this one object, so it is changed and not replaced.
    for name, value in wanted.items():
        setattr(world.choices, name, value)
    return wanted


@router.put("/rate-limit")
async def set_limit(request: Request, body: LimitBody) -> dict[str, Any]:
    """Sets the calls a minute for each credential, and how many seconds a minute lasts."""
    limiter = world_of(request).limiter
    limiter.per_minute, limiter.minute_seconds = body.per_minute, body.minute_seconds
    return body.model_dump()


@router.get(_COMPANY + "/calls")
async def calls(request: Request, company_id: str, seconds: float = 60) -> dict[str, Any]:
    """Every call the company's credentials made: monotonic times, the busiest stretch of ``seconds``, the refused."""
    world = world_of(request)
    tally = world.recorder.tally(world.companies.get(company_id).urn)
    return {
        "total": len(tally.times),
        "refused": tally.refused,
        "busiest": tally.busiest(seconds),
        "times": tally.times,
    }


@router.get(_COMPANY + "/master-data")
async def master_data(request: Request, company_id: str) -> dict[str, Any]:
    """Everything the company has, archived rows included, in the published shapes."""
    world = world_of(request)
    company = world.companies.get(company_id)
    return {
        "tag_groups": [_group_view(world, group) for group in world.tags.groups(company.id)],
        "accounts": [account.as_published() for account in world.accounts.of(company.id)],
        "tax_codes": [tax_code.as_published() for tax_code in world.tax_codes.of(company.id)],
        "vendors": [vendor.as_published() for vendor in world.vendors.of(company.id)],
        "employees": [employee.as_published() for employee in world.employees.of(company.id)],
        "categories": world.accounts.categories(company.id),
    }


@router.post(_COMPANY + "/tag-groups", status_code=201)
async def put_groups(request: Request, company_id: str, body: GroupsBody) -> list[dict[str, Any]]:
    """Groups with tags; tags of a code that is there already join its first group."""
    world = world_of(request)
    company = world.companies.get(company_id)
    return [_put_group(world, company.id, group) for group in body.groups]


@router.post(_COMPANY + "/accounts", status_code=201)
async def put_accounts(request: Request, company_id: str, body: RowsBody) -> list[dict[str, Any]]:
    """Accounts as given, and ``generate`` made-up ones."""
    world = world_of(request)
    company = world.companies.get(company_id)
    first = len(world.accounts.of(company.id)) + 1
    made_up = [
        {"externalId": f"gen-{n}", "code": f"{n:05d}", "name": f"Account {n}"}
        for n in range(first, first + body.generate)
    ]
    made = []
    for row in (*body.items, *made_up):
        details = accounts.read_details({"archived": False, **_known(row, accounts.ITEM_MEMBERS)})
        made.append(world.accounts.put(company.id, filled_text_of(row, "externalId"), details))
    return [account.as_published() for account in made]


@router.post(_COMPANY + "/tax-codes", status_code=201)
async def put_tax_codes(request: Request, company_id: str, body: RowsBody) -> list[dict[str, Any]]:
    """Tax codes as given, and ``generate`` made-up ones."""
    world = world_of(request)
    company = world.companies.get(company_id)
    first = len(world.tax_codes.of(company.id)) + 1
    made_up = [{"code": f"G{n}", "name": f"Tax code {n}"} for n in range(first, first + body.generate)]
    made = []
    for row in (*body.items, *made_up):
        filled = {"archived": False, "rate": 0.25, "type": "inclusive", **_known(row, tax_codes.MEMBERS)}
        made.append(world.tax_codes.put(company.id, world.tax_codes.read(filled)))
    return [tax_code.as_published() for tax_code in made]


@router.post(_COMPANY + "/vendors", status_code=201)
async def put_vendors(request: Request, company_id: str, body: VendorsBody) -> list[dict[str, Any]]:
    """Vendors as given: drafts unless ``state`` says otherwise, announced when asked for.

    ``generate`` made-up ones are active and have a code and an ``externalId``.
    """
    world = world_of(request)
    company = world.companies.get(company_id)
    first = len(world.vendors.of(company.id)) + 1
    made_up = [
        {"name": f"Vendor {n}", "code": f"G{n:05d}", "externalId": f"gen-{n}", "state": "ACTIVE"}
        for n in range(first, first + body.generate)
    ]
    made = [_put_vendor(world, company.id, company.default_currency, row) for row in (*body.items, *made_up)]
    for vendor in made if body.announce else ():
        world.announce_vendor(vendor)
    return [vendor.as_published() for vendor in made]


@router.put("/vendors/{vendor_id}")
async def change_vendor(request: Request, vendor_id: str, body: VendorChangeBody) -> dict[str, Any]:
    """What a person does to a vendor inside Pleo: some members, the state."""
    world = world_of(request)
    everyone = frozenset(company.id for company in world.companies.all())
    vendor = world.vendors.visible(vendor_id, everyone)
    changed = world.vendors.change(vendor, _known(body.changes, vendors.CREATE_MEMBERS), body.state)
    return changed.as_published()


@router.post("/vendors/{vendor_id}/announce", status_code=202)
async def announce_vendor(request: Request, vendor_id: str) -> list[dict[str, Any]]:
    """Announces a vendor again, as a new event."""
    world = world_of(request)
    everyone = frozenset(company.id for company in world.companies.all())
    made = world.announce_vendor(world.vendors.visible(vendor_id, everyone))
    return [message.as_json() for message in made]


@router.post(_COMPANY + "/employees", status_code=201)
async def put_employees(request: Request, company_id: str, body: RowsBody) -> list[dict[str, Any]]:
    """Employees; one with a known ``id`` is replaced."""
    world = world_of(request)
    company = world.companies.get(company_id)
    return [world.employees.put(_employee(company.id, row)).as_published() for row in body.items]


@router.put(_COMPANY + "/categories")
async def set_categories(request: Request, company_id: str, body: CategoriesBody) -> dict[str, str]:
    """Which account, by ``externalId``, each expense category is set to."""
    world = world_of(request)
    company = world.companies.get(company_id)
    world.accounts.assign(company.id, body.categories)
    return world.accounts.categories(company.id)


def _group_view(world: World, group: Group) -> dict[str, Any]:
    return {**group.as_published(), "tags": [tag.as_published() for tag in world.tags.of_group(group)]}


def _put_group(world: World, company_id: str, wanted: GroupBody) -> dict[str, Any]:
    known = [group for group in world.tags.groups(company_id) if group.code == wanted.code]
    group = known[0] if known and (wanted.tags or wanted.generate) else None
    if group is None:
        group = world.tags.put_group(company_id, wanted.code, wanted.name, wanted.archived, wanted.metadata)
    for tag in wanted.tags:
        world.tags.put_tag(group, tag.code, tag.name, tag.archived)
    first = len(world.tags.of_group(group)) + 1
    for number in range(first, first + wanted.generate):
        world.tags.put_tag(group, f"G{number:05d}", f"Tag {number}", archived=False)
    return _group_view(world, group)


def _put_vendor(world: World, company_id: str, currency: str, row: dict[str, Any]) -> vendors.Vendor:
    _known(row, (*vendors.UPDATE_MEMBERS, "accountingSystem", "createdBy"))
    state = text_of(row, "state") or "DRAFT"
    if state not in vendors.STATES:
        raise bad_request(f"state must be one of {', '.join(vendors.STATES)}")
    return world.vendors.put(
        company_id,
        vendors.read_details({"defaultCurrency": currency, **row}),
        state,
        created_by=text_of(row, "createdBy"),
        accounting_system=text_of(row, "accountingSystem"),
    )


def _employee(company_id: str, row: dict[str, Any]) -> employees.Employee:
    _known(row, ("id", "firstName", "lastName", "email", "code", "jobTitle", "phone"))
    made = text_of(row, "id") or new_id()
    if not is_uuid(made):
        raise bad_request("id must be a UUID")
    return employees.Employee(
        made.lower(),
        company_id,
        filled_text_of(row, "firstName"),
        text_of(row, "lastName") or "",
        text_of(row, "email") or f"{made[:8]}@example.com",
        text_of(row, "code"),
        text_of(row, "jobTitle"),
        text_of(row, "phone"),
    )


def _known(row: dict[str, Any], members: tuple[str, ...]) -> dict[str, Any]:
    unknown = sorted(set(row) - set(members))
    if unknown:
        raise bad_request(f"{', '.join(unknown)} is no member here; known are {', '.join(members)}")
    return row
