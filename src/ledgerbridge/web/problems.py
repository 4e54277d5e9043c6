"""Errors as RFC 9457 problem documents: what is wrong, where, and the id under which our log tells the rest.

Never a stack trace, and never the value that was sent: it may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import DataError as PsycopgDataError
from psycopg import InterfaceError as PsycopgInterfaceError
from psycopg import OperationalError as PsycopgOperationalError
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from ledgerbridge.ops.logging import get_logger

CONTENT_TYPE = "application/problem+json"
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request, and where: `accounts.wallet.DKK`, `query.limit`."""

    path: str
    message: str


class HttpProblem(Exception):
    """A refusal to be rendered as a problem document."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        """Ends the problem's `type`; None where the status says all."""
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def request_id(request: Request) -> str | None:
    """The id given to this request by `web.middleware`."""
    found = request.scope.get("state", {}).get("request_id")
    return str(found) if found else None


def document(
    status: int, detail: str, *, kind: str | None, errors: Sequence[Fault], request: str | None
) -> dict[str, Any]:
    """The members of a problem document, absent ones left out."""
    body: dict[str, Any] = {
        "type": f"urn:ledgerbridge:problem:{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = [{"path": fault.path, "message": fault.message} for fault in errors]
    if request:
        body["request_id"] = request
    return body


def problem_response(request: Request, problem: HttpProblem) -> JSONResponse:
    """The problem as an answer to this request."""
    body = document(
        problem.status, problem.detail, kind=problem.kind, errors=problem.errors, request=request_id(request)
    )
    return JSONResponse(body, problem.status, headers=problem.headers, media_type=CONTENT_TYPE)


_BY_STATUS = {
    400: "The request cannot be read.",
    404: "There is nothing here.",
    405: "This method is not possible here.",
    408: "The request did not arrive in time.",
    413: "The request is too large.",
    415: "The content type is not supported; send application/json.",
}


def unavailable() -> HttpProblem:
    """The database is away."""
    return HttpProblem(
        503,
        "The database cannot be reached right now. Nothing was changed; try again shortly.",
        kind="unavailable",
        headers={"Retry-After": "5"},
    )


def is_outage(error: BaseException) -> bool:
    """Whether an error means that the database is away, not that we asked it for nonsense."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        return True
    return isinstance(error, PsycopgOperationalError | PsycopgInterfaceError)


def from_exception(error: Exception) -> HttpProblem:
    """The refusal an escaped exception becomes; logs what the client is not told."""
    if isinstance(error, HttpProblem):
        return error
    if isinstance(error, RequestValidationError):
        return from_validation(error)
    if isinstance(error, HTTPException):
        detail = _BY_STATUS.get(error.status_code) or HTTPStatus(error.status_code).description or "Refused."
        return HttpProblem(error.status_code, detail, headers=error.headers)
    if is_outage(error):
        _log.error("database unreachable", error=str(error))
        return unavailable()
    if isinstance(error, DataError | PsycopgDataError | UnicodeEncodeError):
        _log.warning("the database cannot hold what was sent", error=type(error).__name__)
        return HttpProblem(422, "The request holds characters that cannot be stored.", kind="invalid-characters")
    _log.error("unexpected error", exc_info=error)
    detail = "Something unexpected went wrong on our side. Tell support the request_id."
    return HttpProblem(500, detail, kind="unexpected")


def from_validation(error: RequestValidationError) -> HttpProblem:
    """A request that does not fit its model: 400 when it is no JSON at all, else 422 with every path."""
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return HttpProblem(400, "The body is not valid JSON.", kind="invalid-json")
    return HttpProblem(422, "The request is not valid.", kind="invalid-request", errors=faults(found))


def faults(errors: Sequence[Any]) -> tuple[Fault, ...]:
    """Paths and messages of pydantic errors, without the values."""
    return tuple(Fault(_path(one["loc"]), str(one["msg"]).removeprefix("Value error, ")) for one in errors)


def _path(parts: Sequence[str | int]) -> str:
    names = [str(part)[:100].encode(errors="replace").decode() for part in parts]
    if names and names[0] == "body":
        names = names[1:] or ["body"]
    return ".".join(names)


def install(app: FastAPI) -> None:
    """Render every error of the app as a problem document."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        return problem_response(request, from_exception(error))

    for kind in (HttpProblem, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, refused)
