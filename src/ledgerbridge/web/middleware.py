"""Around every request: an id, headers that bind the browser, a cap on bodies, one log line, no escaping exception."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable

import structlog
from fastapi import Request
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledgerbridge.ops.logging import get_logger
from ledgerbridge.web.problems import HttpProblem, from_exception, problem_response

MAX_BODY = 1024 * 1024
"""Bytes of a request body, everywhere but for uploads and where a route sets its own lower cap."""
MAX_UPLOAD = 8 * 1024 * 1024
"""The same where `_UPLOADS` are sent: the largest file of an ERP's settings as base64, and what is around it."""
MAX_HEAD = 32 * 1024
"""Bytes of a request's line and headers."""
BODY_SECONDS = 30.0
"""For a whole request body to arrive, everywhere but for uploads and where a route sets its own shorter time."""
UPLOAD_SECONDS = 120.0
"""The same for an upload, which comes over a slow line."""
_UPLOADS = re.compile(r"POST /settings/setup/erp|PUT /admin/api/connections/[^/]+/erp")
"""Requests that bring a file. Both prove who sends them before their body is read."""
_GIVEN_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = get_logger("ledgerbridge.web")

Refuse = Callable[[Request, HttpProblem], Response]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with it, browsers send `Origin: null` with our own forms, too.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Nearly everything is about one company, changes, or is nobody's business; the stylesheet says otherwise.
    "Cache-Control": "no-store",
}


def too_large(limit: int) -> HttpProblem:
    """A body of more than `limit` bytes."""
    return HttpProblem(413, f"The request body is larger than {limit} bytes.", kind="too-large")


def _two_lengths() -> HttpProblem:
    """A body of two lengths. What follows it may be a second request to us and not to the proxy: it goes unread."""
    return HttpProblem(400, "Send Content-Length or Transfer-Encoding, not both.", headers={"Connection": "close"})


def declared_length(headers: Headers) -> int | None:
    """Content-Length as a number; None when absent or no number (then only counting tells)."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


class RequestFrame:
    """ASGI middleware; outermost, so that nothing answers without it."""

    def __init__(self, app: ASGIApp, *, secure: bool, refuse: Refuse = problem_response) -> None:
        """`refuse` answers what no route answers any more."""
        self._app, self._refuse = app, refuse
        more = {"Strict-Transport-Security": "max-age=31536000"} if secure else {}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in (_HEADERS | more).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [(name.lower(), value) for name, value in message.get("headers", ())]
                said = {name for name, _ in own}
                ours = [header for header in self._headers if header[0] not in said]
                message["headers"] = [*own, *ours, (b"x-request-id", request_id.encode())]
            await send(message)

        structlog.contextvars.clear_contextvars()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                if _head_size(scope) > MAX_HEAD:
                    raise HttpProblem(431, f"The request's headers are larger than {MAX_HEAD} bytes.", kind="too-large")
                if "transfer-encoding" in headers and "content-length" in headers:
                    raise _two_lengths()
                uploads = _UPLOADS.fullmatch(f"{scope['method']} {scope['path']}") is not None
                most, time_for_it = (MAX_UPLOAD, UPLOAD_SECONDS) if uploads else (MAX_BODY, BODY_SECONDS)
                if (declared_length(headers) or 0) > most:
                    raise too_large(most)
                await self._app(scope, _counted(receive, most, time_for_it), framed)
            except Exception as error:
                if status:
                    _log.error("failed while answering", exc_info=error)
                    raise
                await self._refuse(Request(scope), from_exception(error))(scope, receive, framed)
            seconds = time.perf_counter() - began
            route = _route(scope)
            # A word of the caller's own would make a time series of its own, kept for ever.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            scope["app"].state.services.metrics.request(method, route, status, seconds)
            level = _log.debug if scope["path"] in _QUIET else _log.info
            level("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _route(scope: Scope) -> str:
    """The pattern of the route, never the path: a path may hold a subscription's token."""
    return str(getattr(scope.get("route"), "path", "unknown"))


def _head_size(scope: Scope) -> int:
    target = len(scope.get("raw_path") or b"") + len(scope.get("query_string", b""))
    return target + sum(len(name) + len(value) for name, value in scope["headers"])


def _counted(receive: Receive, most: int, seconds: float) -> Receive:
    """Count what arrives and refuse beyond `most` bytes, whatever Content-Length says, and beyond so many seconds."""
    seen, whole, ends = 0, False, asyncio.get_running_loop().time() + seconds

    async def counted() -> Message:
        nonlocal seen, whole
        try:
            # What comes after the body is the end of the connection, which may take its time.
            async with asyncio.timeout_at(None if whole else ends):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408) from None
        if message["type"] == "http.request":
            whole = not message.get("more_body", False)
            seen += len(message.get("body", b""))
            if seen > most:
                # An HTTPException, because FastAPI turns every other error while reading a body into a 400.
                raise HTTPException(413)
        return message

    return counted
