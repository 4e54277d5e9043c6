"""The two visits of a customer's browser: pressing Connect, and coming back from Pleo (AUTH-014, -021, -027)."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ledgerbridge.connections import attempts, connect, sign_in
from ledgerbridge.connections.errors import ConnectRefused
from ledgerbridge.connections.refusals import Why
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.store.tables import AttemptPurpose
from ledgerbridge.web import browser
from ledgerbridge.web.limiting import Limit, caller_of
from ledgerbridge.web.pages import PageRoute, message
from ledgerbridge.web.problems import request_id
from ledgerbridge.web.services import Provided
from ledgerbridge.web.texts import text

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
    "not_connected": 409,
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
    params = _parameters(request)
    mark, earlier = browser.connecting(request), browser.session(request)
    purpose = await attempts.purpose_of(services.connections, params.get("state"))
    try:
        if purpose is AttemptPurpose.SIGN_IN:
            entered = await sign_in.complete(services.connections, mark, params, session_token=earlier)
            signed_in, where = entered.session, entered.return_to or "/settings"
            _log.info("signed in", connection_id=str(entered.connection_id))
        else:
            outcome = await connect.complete(services.connections, mark, params, session_token=earlier)
            signed_in, where = outcome.session, "/settings"
            _log.info(
                "connected",
                connection_id=str(outcome.connection_id),
                created=outcome.created,
                status=outcome.status,
            )
    except ConnectRefused as refused:
        _log.info("connecting refused", code=refused.code, purpose=purpose.value)
        return _refused(request, refused, purpose)
    answer = RedirectResponse(where, 303, {"Cache-Control": "no-store"})
    browser.sign_in(services, answer, signed_in)
    return answer


def _refused(request: Request, refused: ConnectRefused, purpose: AttemptPurpose) -> Response:
    """The page for it, with the button that leads on."""
    links, what_to_do = [], refused.what_to_do
    if purpose is AttemptPurpose.SIGN_IN:
        links.append((text("doors.customer.button"), "/settings/sign-in"))
        if refused.code == Why.NOT_CONNECTED:
            links.append((text("doors.customer.connect"), "/connect"))
        else:
            what_to_do = text("doors.customer.again")
    elif refused.code == Why.CONNECTED_ELSEWHERE:
        links.append((text("doors.customer.button"), "/settings/sign-in"))
    status = _STATUS.get(refused.code, 400)
    return message(status, refused.title, refused.text, what_to_do, request_id(request), links)


def _parameters(request: Request) -> dict[str, str]:
    """The parameters of the address; one that comes twice is nobody's word and left out."""
    query = request.query_params
    return {name: value for name, value in query.items() if len(query.getlist(name)) == 1}
