"""Companies and Employees APIs: look-ups only."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.companies import Company
from pleo_sandbox.core.credentials import require_company
from pleo_sandbox.core.employees import Employee
from pleo_sandbox.core.problems import bad_request, company_not_found, forbidden
from pleo_sandbox.core.words import is_uuid
from pleo_sandbox.web.answers import answer, caller_of, one, query_of, world_of
from pleo_sandbox.web.lists import listing

router = APIRouter(include_in_schema=False)


@router.get("/v1/companies")
async def list_companies(request: Request) -> Response:
    """The companies the credential opens; a foreign organisation is a 403."""
    caller = caller_of(request, "companies:read")
    query = query_of(request, "organization_id")
    organisation_id = one(query, "organization_id")
    world = world_of(request)
    if organisation_id is not None and not is_uuid(organisation_id):
        raise bad_request("organization_id must be a UUID")
    if organisation_id is not None and organisation_id.lower() != world.config.organisation_id:
        raise forbidden("The credential does not open this organisation")
    rows = [company for company in world.companies.all() if company.id in caller.companies]
    sortable = {"name": lambda company: company.name}
    return listing(request, query, rows, lambda _: True, sortable, Company.as_published)


@router.get("/v1/companies/{company_id}")
async def get_company(request: Request, company_id: str) -> Response:
    """One company."""
    caller = caller_of(request, "companies:read")
    if company_id.lower() not in caller.companies:
        raise company_not_found(company_id)
    return answer({"data": world_of(request).companies.get(company_id).as_published()})


@router.get("/v2/employees")
async def list_employees(request: Request) -> Response:
    """Employees of one company, or of every company the credential opens."""
    caller = caller_of(request, "users:read")
    query = query_of(request, "companyId", "email", "code")
    company_id, email, code = (one(query, name) for name in ("companyId", "email", "code"))
    companies = caller.companies if company_id is None else require_company(caller, company_id)
    rows = world_of(request).employees.of(sorted(companies))

    def keep(employee: Employee) -> bool:
        return email in (None, employee.email) and code in (None, employee.code)

    sortable = {"lastName": lambda employee: employee.last_name, "code": lambda employee: employee.code}
    return listing(request, query, rows, keep, sortable, Employee.as_published)


@router.get("/v2/employees/{employee_id}")
async def get_employee(request: Request, employee_id: str) -> Response:
    """One employee; one of a company the credential does not open is a 403."""
    caller = caller_of(request, "users:read")
    employee = world_of(request).employees.get(employee_id)
    if employee.company_id not in caller.companies:
        raise forbidden("The credential does not open the company of this employee")
    return answer({"data": employee.as_published()})
