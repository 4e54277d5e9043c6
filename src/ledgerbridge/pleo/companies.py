"""The name of the connected company, a courtesy to people; the scope for it may be missing."""

from __future__ import annotations

from ledgerbridge.pleo.endpoints import path_of
from ledgerbridge.pleo.errors import Forbidden, NotFound
from ledgerbridge.pleo.transport import Call, PleoClient


async def company_name(client: PleoClient, company_id: str) -> str | None:
    """The company's name, None when it is not visible to us (403, 404) or not told."""
    try:
        body = await client.json(Call("getCompanyById", "GET", path_of("v1", "companies", company_id)))
    except (Forbidden, NotFound):
        return None
    company = body.get("data") if isinstance(body, dict) else None
    name = company.get("name") if isinstance(company, dict) else None
    return name.strip() or None if isinstance(name, str) else None
