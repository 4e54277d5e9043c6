"""Companies at Pleo, for the connect screen and for people; the scope for them may be missing (VEN-016)."""

from __future__ import annotations

from pydantic import Field

from ledgerbridge.pleo.endpoints import Params, path_of
from ledgerbridge.pleo.errors import Forbidden, NotFound
from ledgerbridge.pleo.models import Wire
from ledgerbridge.pleo.paging import PAGE_SIZE, records
from ledgerbridge.pleo.transport import Call, PleoClient


class Company(Wire):
    """A company. It has no currency at Pleo (VEN-018)."""

    id: str = Field(min_length=1)
    name: str
    organization_id: str | None = None
    registration_number: str | None = None


class CompaniesApi:
    """Calls on companies, read-only. `page_size` is the `limit` of the list."""

    def __init__(self, client: PleoClient, *, page_size: int = PAGE_SIZE) -> None:
        self._client = client
        self._page_size = page_size

    async def all(self, organization_id: str | None = None) -> tuple[Company, ...]:
        """The companies the credential sees, of one organisation if named. Raises `Forbidden`, which is final."""
        params: Params = [("organization_id", organization_id)] if organization_id else []
        call = Call("searchCompanies", "GET", "/v1/companies", params)
        found = await records(self._client, call, Company, limit=self._page_size)
        return tuple({company.id: company for company in found}.values())

    async def get(self, company_id: str) -> Company:
        """One company. Raises `Forbidden` and `NotFound`."""
        call = Call("getCompanyById", "GET", path_of("v1", "companies", company_id))
        return await self._client.record(call, Company, inside="data")


async def company_name(client: PleoClient, company_id: str) -> str | None:
    """The company's name, None when it is not visible to us (403, 404) or not told."""
    try:
        body = await client.json(Call("getCompanyById", "GET", path_of("v1", "companies", company_id)))
    except (Forbidden, NotFound):
        return None
    company = body.get("data") if isinstance(body, dict) else None
    name = company.get("name") if isinstance(company, dict) else None
    return name.strip() or None if isinstance(name, str) else None
