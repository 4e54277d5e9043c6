"""Tax Codes API: the six published calls. Their success code is unpublished; :class:`Choices` has one."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.problems import bad_request
from pleo_sandbox.core.tax_codes import MEMBERS, TYPES, TaxCode
from pleo_sandbox.core.words import choice_of, flag_of, text_of, uuids_of
from pleo_sandbox.web.answers import answer, caller_of, query_of, world_of
from pleo_sandbox.web.lists import companies_in, company_in, created, listing, members_of

router = APIRouter(include_in_schema=False)

_FILTERS = ("archived", "code", "taxCodeIds", "type")
_SORTABLE = {
    "name": lambda tax_code: tax_code.details.name,
    "code": lambda tax_code: tax_code.details.code,
    "rate": lambda tax_code: tax_code.details.rate,
    "createdAt": lambda tax_code: tax_code.created_at,
    "updatedAt": lambda tax_code: tax_code.updated_at,
}


@router.post("/v0/tax-codes")
async def create(request: Request) -> Response:
    """One tax code."""
    caller = caller_of(request, "tax-codes:write")
    body = await members_of(request, "The tax code", MEMBERS)
    return created(request, world_of(request).tax_codes.create(company_in(caller, body), body).as_published())


@router.post("/v0/tax-codes:search")
async def search(request: Request) -> Response:
    """Tax codes of a company, active and archived together unless ``archived`` says otherwise."""
    caller = caller_of(request, "tax-codes:read")
    query = query_of(request, "company_id")
    companies = companies_in(request, caller, query, needed=False)
    body = await members_of(request, "The search", _FILTERS, optional=True)
    archived, code = flag_of(body, "archived"), text_of(body, "code")
    kind, ids = choice_of(body, "type", TYPES), uuids_of(body, "taxCodeIds")

    def keep(tax_code: TaxCode) -> bool:
        details = tax_code.details
        if archived not in (None, details.archived) or code not in (None, details.code):
            return False
        return kind in (None, details.type) and (not ids or tax_code.id in ids)

    rows = world_of(request).tax_codes.of(companies)
    return listing(request, query, rows, keep, _SORTABLE, TaxCode.as_published, body=body)


@router.post("/v0/tax-codes:calculate-tax-amounts")
async def calculate(request: Request) -> Response:
    """Splits amounts by tax code."""
    caller = caller_of(request, "tax-codes:read")
    body = await members_of(request, "The amounts", ("amountsByTaxCodeId",))
    return answer({"data": world_of(request).tax_codes.split(body, caller.companies)})


@router.get("/v0/tax-codes/{tax_code_id}")
async def read(request: Request, tax_code_id: str) -> Response:
    """One tax code."""
    caller = caller_of(request, "tax-codes:read")
    query_of(request, paging=False)
    return answer({"data": world_of(request).tax_codes.visible(tax_code_id, caller.companies).as_published()})


@router.put("/v0/tax-codes/{tax_code_id}")
async def update(request: Request, tax_code_id: str) -> Response:
    """Replaces, archives or unarchives."""
    caller = caller_of(request, "tax-codes:write")
    tax_codes = world_of(request).tax_codes
    tax_code = tax_codes.visible(tax_code_id, caller.companies)
    body = await members_of(request, "The tax code", MEMBERS)
    if company_in(caller, body) != tax_code.company_id:
        raise bad_request("companyId of a tax code cannot be changed")
    return answer({"data": tax_codes.update(tax_code, body).as_published()})


@router.delete("/v0/tax-codes/{tax_code_id}")
async def delete(request: Request, tax_code_id: str) -> Response:
    """Deletes; the body of the answer is not published."""
    caller = caller_of(request, "tax-codes:write")
    tax_codes = world_of(request).tax_codes
    tax_codes.delete(tax_codes.visible(tax_code_id, caller.companies))
    return answer({})
