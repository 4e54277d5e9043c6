"""The doors: signing in and out, of customers and of administrators."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.ops import administrators
from ledgerbridge.web import browser
from ledgerbridge.web.console import forms
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInOperator, own_path, refuse_other_site
from ledgerbridge.web.console.page import FieldError
from ledgerbridge.web.limiting import Limit, caller_of
from ledgerbridge.web.pages import render
from ledgerbridge.web.services import Provided
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)


@router.get("/admin/sign-in")
async def operator_door(to: str | None = None) -> HTMLResponse:
    """Asks for an administrator's token."""
    return render("console/sign_in_operator.html", return_to=own_path(to))


@router.post("/admin/sign-in")
async def operator_enters(request: Request, services: Provided) -> Response:
    """Opens a session for the administrator whose token was sent."""
    refuse_other_site(request)
    given = await forms.fields(request)
    return_to = own_path(given.get("to")) or "/admin"
    signed_in = await administrators.sign_in(services.db, services.settings, given.get("token", ""))
    if signed_in is None:
        await services.limiter.count(Limit.ADMIN, caller_of(request))
        wrong = [FieldError("token", text("doors.operator.refused"))]
        return render("console/sign_in_operator.html", 401, return_to=return_to, errors=wrong)
    answer = forms.go(return_to)
    browser.sign_in_admin(services, answer, signed_in)
    return answer


@router.post("/admin/sign-out")
async def operator_leaves(request: Request, services: Provided, _operator: SignedInOperator) -> Response:
    """Ends the session."""
    await administrators.sign_out(services.db, browser.admin_session(request))
    answer = forms.go("/admin/sign-in")
    browser.sign_out_admin(services, answer)
    return answer
