"""The two visits of a customer's browser: pressing Connect, and coming back from Pleo (AUTH-014, -021, -027)."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ledgerbridge.connections import connect
from ledgerbridge.connections.errors import ConnectRefused
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.web import browser
from ledgerbridge.web.limiting import Limit, caller_of
from ledgerbridge.web.pages import PageRoute, message
from ledgerbridge.web.problems import request_id
from ledgerbridge.web.services import Provided

_log = get_logger(__name__)
router = APIRouter(route_class=PageRoute, tags=["browser"])

_STATUS = {
    "state_used": 409,
    "state_expired": 410,
    "other_browser": 403,
    "denied": 403,
    "not_authorised": 403,
    "installation_missing": 409,
    "company_unclear": 409,
    "organisation": 409,
    "connected_elsewhere": 409,
    "cannot_check_now": 503,
    "pleo_unreachable": 503,
    "client_rejected": 503,
}
"""By the code of the refusal; anything else is a request we cannot use: 400."""


@router.get(
    "/connect",
    status_code=302,
    summary="Where connecting starts (Initiation URI)",
    response_class=RedirectResponse,
    responses={429: {"description": "A page: too often from one address"}},
)
async def start(request: Request, services: Provided) -> Response:
    """Needs no login and no parameter; whatever Pleo adds to the address is ignored (AUTH-021)."""
    await services.limiter.count(Limit.CONNECT, caller_of(request))
    mark = browser.connecting(request) or browser.new_mark()
    answer = RedirectResponse(await connect.begin(services.connections, mark), 302, {"Cache-Control": "no-store"})
    browser.mark_connecting(services, answer, mark)
    return answer


@router.get(
    "/oauth/callback",
    status_code=303,
    summary="Where Pleo sends the browser back",
    response_class=RedirectResponse,
    responses={
        code: {"description": "A page: what happened and what to do"} for code in (400, 403, 409, 410, 429, 503)
    },
)
async def callback(request: Request, services: Provided) -> Response:
    """Finishes or refuses the attempt; a refusal is a page in the customer's words, and nothing was connected."""
    await services.limiter.count(Limit.CALLBACK, caller_of(request))
    try:
        outcome = await connect.complete(
            services.connections,
            browser.connecting(request),
            _parameters(request),
            session_token=browser.session(request),
        )
    except ConnectRefused as refused:
        _log.info("connecting refused", code=refused.code)
        status = _STATUS.get(refused.code, 400)
        return message(status, refused.title, refused.text, refused.what_to_do, request_id(request))
    _log.info("connected", connection_id=str(outcome.connection_id), created=outcome.created, status=outcome.status)
    answer = RedirectResponse("/settings", 303, {"Cache-Control": "no-store"})
    browser.sign_in(services, answer, outcome.session)
    return answer


def _parameters(request: Request) -> dict[str, str]:
    """The parameters of the address; one that comes twice is nobody's word and left out."""
    query = request.query_params
    return {name: value for name, value in query.items() if len(query.getlist(name)) == 1}
