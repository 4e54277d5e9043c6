"""`/settings/warnings`: what needs a person's look though no export has failed over it, or not yet."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from ledgerbridge.connections.rows import connection_row
from ledgerbridge.exports import glance
from ledgerbridge.exports import queries as exports
from ledgerbridge.syncs import queries as syncs
from ledgerbridge.web.console.customer import fields
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInCustomer
from ledgerbridge.web.console.page import page
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)

PAGE = 20
"""Rows of each list."""
_HERE = "/settings/warnings"
_CONFIGURATION = "configuration: "
_Cursor = Annotated[str | None, Query(max_length=1000)]


@router.get(_HERE)
async def warnings(
    request: Request,
    services: Provided,
    customer: SignedInCustomer,
    unknown: _Cursor = None,
    mapping: _Cursor = None,
    vendors: _Cursor = None,
) -> HTMLResponse:
    """Unknown outcomes, mappings that point at what is gone, vendors that wait, each a list of its own to page in."""
    own, cursors = customer.connection_id, {"unknown": unknown, "mapping": mapping, "vendors": vendors}
    keys = {name: services.cursors.read_moment(_listing(name, own), cursor) for name, cursor in cursors.items()}
    async with services.db.reading() as session:
        connection = await connection_row(session, own)
        doubts = await glance.in_doubt(session, own, before=keys["unknown"], limit=PAGE + 1)
        stale = await syncs.warnings(session, own, before=keys["mapping"], limit=PAGE + 1)
        parked = await syncs.parked_vendors(session, own, before=keys["vendors"], limit=PAGE + 1)
        claims = await exports.open_claims(session, own)
    last = {
        "unknown": (doubts[PAGE - 1].posting.intended_at, doubts[PAGE - 1].posting.id) if len(doubts) > PAGE else None,
        "mapping": (stale[PAGE - 1].seen_at, stale[PAGE - 1].id) if len(stale) > PAGE else None,
        "vendors": (parked[PAGE - 1].created_at, parked[PAGE - 1].id) if len(parked) > PAGE else None,
    }
    return page(
        request,
        customer,
        "home/warnings.html",
        company=connection.company_name,
        doubts=doubts[:PAGE],
        stale=stale[:PAGE],
        parked=parked[:PAGE],
        claims=claims,
        where_of=_where,
        newest={name: f"{_HERE}#{name}" if cursor else None for name, cursor in cursors.items()},
        older={name: _older(services, own, name, key) for name, key in last.items()},
        probe_of=lambda one: (
            f"/settings/exports/{one.job.id}/items/{quote(one.posting.accounting_entry_id, safe='')}/probe"
        ),
    )


def _where(used_by: str) -> str:
    """What uses the thing that is gone, in words."""
    if not used_by.startswith(_CONFIGURATION):
        return text("home.warnings.mapping_list.category")
    field = fields.label(fields.members(used_by.removeprefix(_CONFIGURATION)))
    return text("home.warnings.mapping_list.configuration", field=field)


def _older(services: Services, own: uuid.UUID, name: str, key: tuple[dt.datetime, uuid.UUID] | None) -> str | None:
    if key is None:
        return None
    return f"{_HERE}?{urlencode({name: services.cursors.write(_listing(name, own), key)})}#{name}"


def _listing(name: str, own: uuid.UUID) -> str:
    return f"customer/{name}/{own}"
