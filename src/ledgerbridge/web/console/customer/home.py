"""`/settings`: the customer's overview (Pleo's Settings URI, AUTH-015): what is, what went wrong, what to press."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ledgerbridge.connections import voucher_files
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.errors import Refused
from ledgerbridge.connections.rows import newest_config
from ledgerbridge.exports import glance, queries
from ledgerbridge.exports.queries import ItemSummary
from ledgerbridge.ops import overview
from ledgerbridge.ops.overview import Overview
from ledgerbridge.store.tables import ConfigVersion, ConnectionStatus
from ledgerbridge.syncs.freshness import Freshness
from ledgerbridge.syncs.schedule import rhythm
from ledgerbridge.web import actions
from ledgerbridge.web.console import tones
from ledgerbridge.web.console.customer import showing
from ledgerbridge.web.console.doors import ConsoleRoute, Customer, SignedInCustomer
from ledgerbridge.web.console.forms import go
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import known, text

front = APIRouter(route_class=ConsoleRoute, tags=["browser"])
router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)

HERE = "/settings"
SETUP = "/settings/setup"
DAYS = 30
"""Of the figures."""
JOBS = 5
"""Exports shown."""
FAILURES = 10
"""Failed items shown."""


@front.get(
    HERE,
    summary="The customer's page (Settings URI)",
    response_class=HTMLResponse,
    responses={
        303: {"description": "A browser of a company that never went live is taken on to its set-up"},
        401: {"description": "A page: how to sign in"},
    },
)
async def home(request: Request, services: Provided, customer: SignedInCustomer) -> Response:
    """State of the connection, what is missing, the last exports, what failed and why, how fresh Pleo's lists are."""
    found = await _overview(services, customer)
    if _never_live(found) and _navigates(request):
        return RedirectResponse(SETUP, 303, {"Cache-Control": "no-store"})
    return await _shown(request, services, customer, found)


@router.post(HERE + "/check", response_model=None)
async def check_now(
    request: Request, services: Provided, customer: SignedInCustomer
) -> HTMLResponse | RedirectResponse:
    """Look for exports now."""
    try:
        queued = await actions.look_for_exports(services, customer.connection_id, customer.actor)
    except Refused as refusal:
        return await _refused(request, services, customer, refusal)
    return go(HERE, done="home.flash.looking" if queued else "home.flash.looking_already")


async def _refused(request: Request, services: Services, customer: Customer, refusal: Refused) -> HTMLResponse:
    """The page as it is by now, which may be another than the one that was pressed on, with the reason."""
    name = f"home.refused.{refusal.code}"
    errors = [FieldError("", text(name) if known(name) else refusal.text)]
    return await _shown(request, services, customer, await _overview(services, customer), errors)


async def _overview(services: Services, customer: Customer) -> Overview:
    async with services.db.reading() as session:
        found = await overview.connection(session, customer.connection_id)
    assert found is not None  # noqa: S101 - a session belongs to a connection that is never deleted
    return found


def _never_live(found: Overview) -> bool:
    row = found.connection
    return row.status == ConnectionStatus.SETTING_UP and row.activated_at is None


def _navigates(request: Request) -> bool:
    """Whether a person in front of a browser asks. A program gets the state of the connection whatever it is."""
    return request.headers.get("sec-fetch-mode") == "navigate"


async def _shown(
    request: Request, services: Services, customer: Customer, found: Overview, errors: list[FieldError] | None = None
) -> HTMLResponse:
    row = found.connection
    since = services.connections.now() - timedelta(days=DAYS)
    async with services.db.reading() as session:
        newest = await newest_config(session, row.id)
        jobs = await queries.jobs(session, connection_id=row.id, limit=JOBS)
        failures = await glance.failures(session, row.id, jobs, since)
        figures = await glance.figures(session, row.id, since)
        files = await voucher_files.counted(session, row.id)
    status = ConnectionStatus(row.status)
    active = status is ConnectionStatus.ACTIVE
    failed = failures.newest[:FAILURES]
    return page(
        request,
        customer,
        "home/overview.html",
        status=409 if errors else 200,
        errors=errors or (),
        company=row.company_name or text("home.company_without_name"),
        connection=row,
        state=showing.State(text(f"common.connection.{status}"), tones.CONNECTION.get(status, "bad")),
        sentence=text(f"home.state.{status}"),
        todo=overview.missing(found),
        active=active,
        never_live=_never_live(found),
        setting_up=status is ConnectionStatus.SETTING_UP,
        reconnect=status in (ConnectionStatus.RECONNECT_NEEDED, ConnectionStatus.DISCONNECTED)
        or (status is ConnectionStatus.PAUSED and row.paused_by == "watch"),
        erp=found.binding,
        found=found,
        figures=figures,
        days=DAYS,
        jobs=[showing.job(one) for one in jobs],
        failed=[(showing.item(ItemSummary(one.item, None), "UTC"), one.job) for one in failed],
        more_failed=failures.jobs_with_more or failures.newest[FAILURES:],
        syncs=[_sync(one, newest) for one in found.syncs] if active else [],
        warnings=_warnings(found, figures),
        files=_files(files),
    )


def _sync(one: Freshness, newest: ConfigVersion | None) -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "name": text(f"common.kind.{one.kind}"),
        "state": showing.State(text(f"common.sync.{one.state}"), tones.FRESHNESS.get(one.state, "off")),
        "last_success_at": one.last_success_at,
        "reason": one.reason,
        "enabled": newest is None or rhythm(ConfigurationBody.read(newest.body), one.kind).enabled,
    }


def _files(found: voucher_files.Counted) -> list[str]:
    """How it stands with files of vouchers, in words; nothing where there are none."""
    told = [
        text(f"files.home.{name}", count=number)
        for name, number in (("troubled", found.troubled), ("to_fetch", found.to_fetch))
        if number
    ]
    return told or ([text("files.home.none", count=found.all)] if found.all else [])


def _warnings(found: Overview, figures: glance.Figures) -> list[str]:
    """What needs a look, in words, the most pressing first."""
    numbers = {
        "unknown": figures.unknown,
        "mapping": found.warnings,
        "parked": found.parked_vendors,
        "claims": found.open_claims,
    }
    return [text(f"home.warnings.{name}", count=number) for name, number in numbers.items() if number]
