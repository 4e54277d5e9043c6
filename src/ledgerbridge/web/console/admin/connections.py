"""`/admin`: all companies, those in trouble to be found at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from ledgerbridge.ops import roster
from ledgerbridge.ops.invariants.standing import standings
from ledgerbridge.ops.roster import Trouble
from ledgerbridge.store.tables import ConnectionStatus
from ledgerbridge.web.console.admin import showing
from ledgerbridge.web.console.admin.showing import PAGE
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInOperator
from ledgerbridge.web.console.forms import link
from ledgerbridge.web.console.page import page
from ledgerbridge.web.services import Provided
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_HERE = "/admin"
ANY = "any"
Word = TypeVar("Word", bound=StrEnum)


@router.get("/admin")
async def all_connections(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    q: Annotated[str, Query(max_length=200)] = "",
    status: str = "",
    trouble: str = "",
    cursor: str | None = None,
) -> HTMLResponse:
    """A list to search and filter, under the numbers that say whether anything is wrong."""
    q = q.strip()
    chosen_status, chosen_trouble = chosen(ConnectionStatus, status), chosen(Trouble, trouble)
    listing = f"console/connections/{q}/{chosen_status or ''}/{trouble if trouble == ANY else chosen_trouble or ''}"
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        found = await roster.listed(
            session,
            search=q,
            status=chosen_status,
            trouble=chosen_trouble,
            troubled=trouble == ANY,
            before=before,
            limit=PAGE + 1,
        )
        totals = await roster.totals(session)
        broken = sum(1 for one in await standings(session) if one.known != 0)
    kept = {"q": q, "status": chosen_status, "trouble": trouble if trouble == ANY else chosen_trouble}
    last = found[PAGE - 1].overview.connection if len(found) > PAGE else None
    more = services.cursors.write(listing, (last.created_at, last.id)) if last else None
    return page(
        request,
        operator,
        "admin/connections.html",
        show=showing,
        rows=found[:PAGE],
        totals=totals,
        broken=broken,
        q=q,
        status_chosen=status,
        trouble=trouble,
        statuses=[(one.value, showing.connection(one).word) for one in ConnectionStatus],
        troubles=[(ANY, text("admin.trouble.any")), *((one.value, showing.trouble(one).word) for one in Trouble)],
        filtered=any(kept.values()),
        newest=link(_HERE, **kept) if cursor else None,
        older=link(_HERE, **kept, cursor=more) if more else None,
    )


def chosen(words: type[Word], value: str) -> Word | None:
    """What a filter names; None for nothing, and for a word that is not one."""
    return words(value) if value in set(words) else None
