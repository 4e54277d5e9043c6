"""Pleo's deliveries: verify the raw bytes, store, answer 202, work later (HOOK-030, -040)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import subscriptions
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.pleo.events import UnreadableEvent, parse_event
from ledgerbridge.pleo.signature import Refusal, Verdict, verify
from ledgerbridge.web import inbox
from ledgerbridge.web.admin.auth import is_json
from ledgerbridge.web.inbox import Overtaken, Result
from ledgerbridge.web.limiting import Limit, caller_of
from ledgerbridge.web.mailboxes import Mailbox
from ledgerbridge.web.middleware import declared_length, too_large
from ledgerbridge.web.problems import HttpProblem, from_exception, unavailable
from ledgerbridge.web.services import Services, services_of

MAX_BODY = 256 * 1024
"""Bytes of a delivery; Pleo's are below one KiB (HOOK-048)."""
READ_SECONDS = 10
STORE_SECONDS = 10
"""For each visit to the database; a sender hears from us before it gives up on its own."""
SECRET_SECONDS = 3
"""For reading a secret again, so that the answer still comes in time (HOOK-040)."""
LOOKS = 4
"""At a subscription, for one delivery: what is remembered, what is stored, after a secret was read again, and one more
for a change in between."""
_log = get_logger(__name__)

T = TypeVar("T")


class Direct(APIRoute):
    """A route without FastAPI's look at what its function wants: it takes the path's token and the request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def handle(request: Request) -> Response:
            answer: Response = await self.endpoint(request.path_params["subscription_token"], request)
            return answer

        return handle


router = APIRouter(tags=["webhooks"], route_class=Direct)


@router.post(
    "/webhooks/pleo/{subscription_token}",
    status_code=202,
    summary="Take a delivery from Pleo",
    description="Verified by its signature over the raw body. Answers 202 for everything that was stored or needs no "
    "storing; 401 without detail for a failed check; 503 when it could not be stored, so that Pleo sends it again.",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
    responses={code: {"description": text} for code, text in {
        400: "Verified, but no event", 401: "Not believed", 404: "No such subscription", 413: "Larger than 256 KiB",
        415: "Not JSON", 429: "Too many that were not believed from one address, or too many of one subscription",
        503: "Could not be stored",
    }.items()},
)  # fmt: skip
async def receive(subscription_token: str, request: Request) -> JSONResponse:
    """One delivery."""
    services = services_of(request)
    try:
        if not services.limiter.proven(subscription_token):
            await services.limiter.check(Limit.WEBHOOK, caller_of(request))
        result = await _receive(services, subscription_token, request)
    except Exception as error:
        problem = await _limited(services, request, from_exception(error))
        reason = _REFUSED.get(problem.status, "not_stored")
        services.metrics.delivery(reason)
        services.tally.refused(reason)
        raise problem from None
    services.metrics.delivery(result)
    return JSONResponse({"result": result.value}, 202)


async def _limited(services: Services, request: Request, problem: HttpProblem) -> HttpProblem:
    """The refusal, counted against its sender unless it may have come from Pleo; 429 once there are too many."""
    if problem.status not in _NOT_BELIEVED:
        return problem
    try:
        await services.limiter.count(Limit.WEBHOOK, caller_of(request))
    except HttpProblem as too_many:
        return too_many
    return problem


_NOT_BELIEVED = frozenset({401, 404, 408, 413, 415})
_REFUSED = {
    400: "unreadable",
    401: "signature_refused",
    404: "unknown_path",
    408: "too_slow",
    413: "too_large",
    415: "not_json",
    429: "too_many",
}


async def _receive(services: Services, path_token: str, request: Request) -> Result:
    if (declared_length(request.headers) or 0) > MAX_BODY:
        raise too_large(MAX_BODY)
    # A missing header is let pass: the signature says who sent it, the parser whether it is JSON (HOOK-048 is ours).
    if not is_json(request.headers.get("content-type", "application/json")):
        raise HttpProblem(415, "Deliveries are application/json.", kind="not-json")
    box = inbox.remembered(services, path_token)
    anew, body = box is None, None
    for _ in range(LOOKS):
        if anew:
            box = await _in_time(inbox.mailbox(services, path_token))
        if box is None:
            raise HttpProblem(404, "There is no such subscription.")
        body = await _read(request) if body is None else body
        try:
            structlog.contextvars.bind_contextvars(connection_id=str(box.connection_id))
            return await _deliver(services, box, path_token, request, body, final=anew)
        except Overtaken:
            anew = True
    _log.error("a subscription changed again and again while its delivery was stored")
    raise unavailable()


async def _deliver(
    services: Services, box: Mailbox, path_token: str, request: Request, body: bytes, *, final: bool
) -> Result:
    """Judge and store a delivery by this mailbox. Raises `Overtaken` when another look may judge otherwise."""
    secret = inbox.secret_of(services, box)
    if box.ended and secret is None:
        _log.info("delivery for an ended connection dropped")
        return Result.DROPPED
    verdict = await _verify(services, box, secret, request, body, final=final)
    services.limiter.prove(path_token)
    await services.limiter.count(Limit.DELIVERIES, str(box.connection_id))
    return await _accept(services, box, verdict, body)


async def _read(request: Request) -> bytes:
    """The raw body, counted while it arrives: Content-Length may be absent or wrong, and the rest may never come."""
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise too_large(MAX_BODY)
    except TimeoutError:
        raise HttpProblem(408, "The delivery did not arrive in time.", kind="too-slow") from None
    return bytes(body)


async def _verify(
    services: Services, box: Mailbox, secret: str | None, request: Request, body: bytes, *, final: bool
) -> Verdict:
    """The verdict on a delivery that is Pleo's; raises 401 otherwise, after one look for a newer secret (HOOK-037).

    Unless the look at the mailbox was `final`, nobody is refused by it: it may have been a remembered one.
    """
    headers = _headers(request)
    verdict = verify(headers, body, [secret] if secret else [], utcnow())
    if verdict.refusal in (Refusal.NO_MATCH, Refusal.NO_USABLE_SECRET):
        if not final:
            raise Overtaken
        if not box.ended and await _newer_secret(services, box, secret):
            raise Overtaken
    if not verdict.ok:
        _log.warning("delivery refused", reason=str(verdict.refusal))
        raise HttpProblem(401, "Not accepted.")
    return verdict


async def _in_time(work: Awaitable[T]) -> T:
    """What the database answered; 503 when it takes so long that the sender would give up (HOOK-046)."""
    try:
        async with asyncio.timeout(STORE_SECONDS):
            return await work
    except TimeoutError:
        _log.error("the database was too slow for a delivery")
        raise unavailable() from None


async def _newer_secret(services: Services, box: Mailbox, tried: str | None) -> bool:
    """Whether there is another secret than the one just tried, from Pleo or from a colleague who read it."""
    try:
        async with asyncio.timeout(SECRET_SECONDS):
            found = await subscriptions.secret_for(services.connections, box.connection_id, re_read=True)
    except TimeoutError:
        _log.warning("reading the webhook secret again took too long")
        return False
    return found is not None and found != tried


def _headers(request: Request) -> dict[str, str]:
    """The headers with repeated ones joined, so that a second `webhook-signature` cannot hide behind the first."""
    joined: dict[str, str] = {}
    for name, value in request.headers.items():
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


async def _accept(services: Services, box: Mailbox, verdict: Verdict, body: bytes) -> Result:
    try:
        event = parse_event(body)
    except UnreadableEvent as error:
        _log.error("signed delivery cannot be read", reason=str(error), webhook_id=verdict.webhook_id)
        raise HttpProblem(400, f"The delivery cannot be read: {error}.", kind="unreadable-event") from None
    assert verdict.webhook_id is not None  # noqa: S101 - set on every accepted verdict
    result = await _in_time(inbox.accept(services, box, verdict.webhook_id, event))
    said = {"result": result.value, "event_type": event.event_type, "webhook_id": verdict.webhook_id}
    structlog.contextvars.bind_contextvars(**said)  # for the one line a request leaves in the log
    if result is Result.MISMATCH:
        services.metrics.mismatch()
        _log.error("ALERT: delivery names another company than the connected one")
    return result
