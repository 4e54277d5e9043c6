"""The doors: signing in and out, of customers by Pleo, of administrators by a token or by their own provider."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ledgerbridge.connections import sessions, sign_in
from ledgerbridge.ops import administrators, openid_sign_in
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.ops.openid import NotBelieved, ProviderUnavailable
from ledgerbridge.web import browser
from ledgerbridge.web.console import forms
from ledgerbridge.web.console.doors import (
    ConsoleRoute,
    SignedInCustomer,
    SignedInOperator,
    own_path,
    refuse_other_site,
)
from ledgerbridge.web.console.page import FieldError
from ledgerbridge.web.limiting import Limit, caller_of
from ledgerbridge.web.pages import render
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

_log = get_logger(__name__)
_LEFT = "doors.flash.signed_out"
_NO_STORE = {"Cache-Control": "no-store"}
router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)


@router.get("/settings/sign-in")
async def customer_enters(request: Request, services: Provided, to: str | None = None) -> Response:
    """Sends the browser to Pleo, to come back signed in and nothing else; `/oauth/callback` goes on."""
    await services.limiter.count(Limit.CONNECT, caller_of(request))
    mark = browser.connecting(request) or browser.new_mark()
    return_to = own_path(to)
    wanted = return_to if return_to and return_to.startswith("/settings") else None
    answer = RedirectResponse(await sign_in.begin(services.connections, mark, wanted), 302, _NO_STORE)
    browser.mark_connecting(services, answer, mark)
    return answer


@router.post("/settings/sign-out")
async def customer_leaves(request: Request, services: Provided, _customer: SignedInCustomer) -> Response:
    """Ends the session."""
    await sessions.sign_out(services.connections, browser.session(request))
    answer = forms.go("/settings")
    browser.sign_out(services, answer)
    return answer


@router.get("/admin/sign-in")
async def operator_door(services: Provided, to: str | None = None, done: str | None = None) -> HTMLResponse:
    """Asks for an administrator's token, or leads to the provider."""
    return _door(services, own_path(to), done=text(done) if done == _LEFT else None)


@router.post("/admin/sign-in")
async def operator_enters(request: Request, services: Provided) -> Response:
    """Opens a session for the administrator whose token was sent."""
    refuse_other_site(request)
    given = await forms.fields(request)
    return_to = own_path(given.get("to"))
    signed_in = await administrators.sign_in(
        services.db, services.settings, given.get("token", ""), replaces=browser.admin_session(request)
    )
    if signed_in is None:
        await services.limiter.count(Limit.ADMIN, caller_of(request))
        _log.warning("an administrator's sign-in was refused", method="token")
        return _door(services, return_to, 401, FieldError("token", text("doors.operator.refused")))
    return _entered(services, signed_in, return_to)


@router.get("/admin/sign-in/provider")
async def operator_asks_provider(request: Request, services: Provided, to: str | None = None) -> Response:
    """Sends the browser to the operations team's own provider."""
    if services.openid is None:
        raise HttpProblem(404, text("doors.provider.none"))
    await services.limiter.count(Limit.CONNECT, caller_of(request))
    mark = browser.connecting(request) or browser.new_mark()
    return_to = own_path(to)
    try:
        url = await openid_sign_in.begin(services.openid, mark, return_to)
    except ProviderUnavailable as error:
        return _refused(services, "unreachable", error, return_to)
    answer = RedirectResponse(url, 302, _NO_STORE)
    browser.mark_connecting(services, answer, mark)
    return answer


@router.get("/admin/sign-in/back")
async def operator_comes_back(request: Request, services: Provided) -> Response:
    """Where the provider sends the browser back; opens a session for whom `OIDC_ADMINS` lets in."""
    if services.openid is None:
        raise HttpProblem(404, text("doors.provider.none"))
    await services.limiter.count(Limit.CALLBACK, caller_of(request))
    query = request.query_params
    params = {name: value for name, value in query.items() if len(query.getlist(name)) == 1}
    try:
        signed_in, return_to = await openid_sign_in.complete(
            services.openid, browser.connecting(request), params, session_token=browser.admin_session(request)
        )
    except openid_sign_in.Refused as error:
        return _refused(services, error.why, error)
    except NotBelieved as error:
        return _refused(services, "not_believed", error)
    except ProviderUnavailable as error:
        return _refused(services, "unreachable", error)
    return _entered(services, signed_in, return_to)


@router.post("/admin/sign-out")
async def operator_leaves(request: Request, services: Provided, _operator: SignedInOperator) -> Response:
    """Ends the session."""
    await administrators.sign_out(services.db, browser.admin_session(request))
    answer = forms.go("/admin/sign-in", done=_LEFT)
    browser.sign_out_admin(services, answer)
    return answer


def _entered(services: Services, signed_in: administrators.SignedIn, return_to: str | None) -> Response:
    wanted = return_to if return_to and return_to.startswith("/admin") else "/admin"
    answer = forms.go(wanted)
    browser.sign_in_admin(services, answer, signed_in)
    return answer


def _refused(services: Services, why: str, error: Exception, return_to: str | None = None) -> HTMLResponse:
    _log.warning("an administrator's sign-in was refused", method="oidc", why=why, detail=str(error))
    status = 503 if why == "unreachable" else 403
    return _door(services, return_to, status, FieldError("", text(f"doors.provider.{why}")))


def _door(
    services: Services, return_to: str | None, status: int = 200, *wrong: FieldError, done: str | None = None
) -> HTMLResponse:
    return render(
        "console/sign_in_operator.html",
        status,
        return_to=return_to,
        provider=services.openid is not None,
        by_token=bool(services.settings.admins) or services.openid is None,
        errors=wrong,
        done=done,
    )
