"""Who may use the admin API: bearers of a token whose SHA-256 stands in `ADMIN_TOKENS`.

Checked before anything of the request is read, so that a stranger learns nothing from validation errors.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import structlog
from fastapi import Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from ledgerbridge.web.limiting import Limit, caller_of
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import services_of

_REALM = 'Bearer realm="ledgerbridge admin"'
_documented = HTTPBearer(
    auto_error=False, scheme_name="admin", description="A token whose hash stands in ADMIN_TOKENS."
)


class AdminRoute(APIRoute):
    """A route for administrators that takes JSON or no body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                request.state.administrator = _administrator(request)
            except HttpProblem:
                await services_of(request).limiter.count(Limit.ADMIN, caller_of(request))
                raise
            _require_json(request)
            return await handler(request)

        return handle


def _administrator(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise HttpProblem(
            401,
            "Send an administrator's token as `Authorization: Bearer <token>`.",
            kind="unauthorised",
            headers={"WWW-Authenticate": _REALM},
        )
    name = services_of(request).settings.admin_named(token.strip())
    if name is None:
        raise HttpProblem(
            401,
            "This token is not an administrator's.",
            kind="unauthorised",
            headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'},
        )
    structlog.contextvars.bind_contextvars(actor=f"admin:{name}")
    return name


def _require_json(request: Request) -> None:
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if has_body and not is_json(request.headers.get("content-type", "")):
        raise HttpProblem(415, "Send the body as application/json.", kind="not-json")


def is_json(content_type: str) -> bool:
    """Whether a Content-Type header names JSON."""
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


def _actor(request: Request, _bearer: Annotated[object, Depends(_documented)]) -> str:
    return f"admin:{request.state.administrator}"


Actor = Annotated[str, Depends(_actor)]
"""`admin:<name>` of the caller, as the audit log writes it."""
