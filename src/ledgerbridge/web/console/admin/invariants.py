"""`/admin/invariants`: what must always hold, as last checked, with links to what breaks it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ledgerbridge.ops.invariants.standing import standings
from ledgerbridge.web.console.admin import showing
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInOperator
from ledgerbridge.web.console.page import page
from ledgerbridge.web.services import Provided

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)


@router.get("/admin/invariants")
async def all_invariants(request: Request, services: Provided, operator: SignedInOperator) -> HTMLResponse:
    """Broken ones first, then those nobody knows of, then the rest."""
    async with services.db.reading() as session:
        found = await standings(session)
    return page(
        request,
        operator,
        "admin/invariants.html",
        show=showing,
        broken=[one for one in found if one.known],
        unsure=[one for one in found if one.known is None],
        holding=[one for one in found if one.known == 0],
    )
