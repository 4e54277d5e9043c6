"""`/admin/unknown`: every booking and reversal of all companies of which nobody knows what became of it."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ledgerbridge.ops import doubts
from ledgerbridge.ops.doubts import Doubt
from ledgerbridge.web.console.admin import showing
from ledgerbridge.web.console.admin.exports import company
from ledgerbridge.web.console.admin.showing import PAGE
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInOperator
from ledgerbridge.web.console.forms import link
from ledgerbridge.web.console.page import page
from ledgerbridge.web.services import Provided

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_HERE = "/admin/unknown"


@router.get("/admin/unknown")
async def all_unknown(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    connection: str = "",
    cursor: str | None = None,
) -> HTMLResponse:
    """Newest first, each with its remedy."""
    of = await company(services, connection)
    connection_id = of.connection.id if of else None
    listing = f"console/unknown/{connection_id or 'all'}"
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        found = await doubts.in_doubt(session, connection_id=connection_id, before=before, limit=PAGE + 1)
    last = found[PAGE - 1].posting if len(found) > PAGE else None
    more = services.cursors.write(listing, (last.intended_at, last.id)) if last else None
    return page(
        request,
        operator,
        "admin/unknown.html",
        show=showing,
        rows=found[:PAGE],
        of=of,
        path_of=_path,
        newest=link(_HERE, connection=connection_id) if cursor else None,
        older=link(_HERE, connection=connection_id, cursor=more) if more else None,
    )


def _path(one: Doubt) -> str | None:
    """The page of its item; None when nothing of the job is left."""
    if one.job is None or one.item is None:
        return None
    return f"/admin/exports/{one.job.id}/items/{quote(one.posting.accounting_entry_id, safe='')}"
