"""Reading requests and writing answers the way Pleo's resource APIs do."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.credentials import Caller
from pleo_sandbox.core.paging import PAGE_PARAMETERS
from pleo_sandbox.core.problems import Refusal, bad_request
from pleo_sandbox.core.world import World

JSON = "application/json;charset=UTF-8"


def world_of(request: Request) -> World:
    """The world this application serves."""
    world: World = request.app.state.world
    return world


def caller_of(request: Request, scope: str | None = None) -> Caller:
    """The authenticated caller, holding ``scope``; raises 401 or 403."""
    caller = world_of(request).credentials.caller(request.headers.get("authorization"))
    if scope is not None:
        caller.require(scope)
    return caller


def base_url(request: Request) -> str:
    """Scheme, host and port the caller used, without a slash at the end."""
    return str(request.base_url).rstrip("/")


def answer(body: Any, status: int = 200) -> Response:
    """A JSON answer with Pleo's content type."""
    return Response(json.dumps(body, ensure_ascii=False).encode(), status, media_type=JSON)


def refusal(problem: Refusal) -> Response:
    """The published error body."""
    response = answer({"type": problem.kind, "message": problem.message}, problem.status)
    if problem.status == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response


async def json_body(request: Request) -> Any:
    """The request's JSON; a 400 refusal for another content type or for text that is not JSON."""
    content_type = request.headers.get("content-type", "")
    media_type, _, parameters = content_type.partition(";")
    if media_type.strip().lower() != "application/json" or parameters.strip().lower() not in ("", "charset=utf-8"):
        raise bad_request("The content type must be application/json;charset=UTF-8")
    try:
        return json.loads(await request.body(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise bad_request("The body is not valid JSON") from None


def query_of(request: Request, *names: str, paging: bool = True) -> list[tuple[str, str]]:
    """The query string; a name nobody publishes is let pass with a remark, as Pleo would ignore it silently."""
    query = list(request.query_params.multi_items())
    known = (*names, *(PAGE_PARAMETERS if paging else ()))
    for name, _ in query:
        if name not in known:
            text = f"{request.method} {request.url.path} does not know the parameter {name}"
            world_of(request).recorder.remark("unknown_query_parameter", text)
    return query


def one(query: list[tuple[str, str]], name: str) -> str | None:
    """A parameter that may be given once."""
    values = [value for key, value in query if key == name]
    if len(values) > 1:
        raise bad_request(f"{name} may be given once")
    return values[0] if values else None


def _no_constant(constant: str) -> Any:
    raise ValueError(constant)
