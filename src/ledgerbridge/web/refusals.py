"""What the rooms below refuse, as problems: one row an error class or code, whichever route it came through."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from ledgerbridge.bookkeeping.problem import TABLE, Failure, Kind
from ledgerbridge.connections.errors import (
    ActivationRefused,
    BindingRefused,
    ClientRejected,
    ConfigurationRefused,
    ConnectionUnknown,
    ConnectRefused,
    ErpNotBound,
    GrantEnded,
    Refused,
)
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports.resolve import CannotResolve
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.web.problems import Fault, HttpProblem, problem_response

_log = get_logger(__name__)
_TRY_LATER = {"Retry-After": "30"}

_CONFLICTS = frozenset(
    {
        "disconnected",
        "erp_company_taken",
        "erp_company_change",
        "erp_rebound",
        "erp_not_bound",
        "erp_company_changed",
        "connected_elsewhere",
        "not_active",
    }
)
"""The request is fine, but things stand otherwise."""
_AWAY = frozenset({"pleo_unavailable", "pleo_unreachable", "cannot_check_now", "client_rejected"})
"""Somebody else has to come back first."""


def problem_of(error: Exception) -> HttpProblem:
    """The problem a refusal becomes."""
    match error:
        case ConnectionUnknown():
            return HttpProblem(404, "There is no such connection.", kind="connection-unknown")
        case ConfigurationRefused():
            return HttpProblem(422, error.text, kind="configuration-refused", errors=_faults(error))
        case Refused():
            return HttpProblem(
                _status(error), error.text, kind=_kind(error.code), errors=_faults(error), headers=_headers(error.code)
            )
        case ConnectRefused():
            return HttpProblem(
                _status_of_code(error.code),
                f"{error.text} {error.what_to_do}",
                kind=_kind(error.code),
                headers=_headers(error.code),
            )
        case CannotResolve():
            return HttpProblem(409, str(error), kind="cannot-resolve")
        case ErpError():
            found = error.problem
            return HttpProblem(503, found.text, kind=_kind(found.failure.value), headers=_TRY_LATER)
        case GrantEnded():
            return HttpProblem(409, "Pleo no longer lets us in. Press Connect in Pleo again.", kind="reconnect-needed")
        case ClientRejected():
            _log.error("ALERT: Pleo refuses our client id or secret")
            return HttpProblem(503, "Pleo refuses this service itself; operators must act.", kind="client-rejected")
        case PleoError():
            _log.warning("pleo did not answer as needed", error=str(error))
            return HttpProblem(
                503, "Pleo did not answer as needed. Try again later.", kind="pleo-unavailable", headers=_TRY_LATER
            )
        case _:
            raise error


def _status(error: Refused) -> int:
    if isinstance(error, ErpNotBound):
        return 409
    if isinstance(error, ActivationRefused):
        return 503 if error.code in _AWAY else 409
    if not isinstance(error, BindingRefused) and _passes(error.code):
        return 503
    return _status_of_code(error.code)


def _status_of_code(code: str) -> int:
    if code in _AWAY:
        return 503
    return 409 if code in _CONFLICTS else 422


def _passes(code: str) -> bool:
    """Whether a code is a row of the failure table that time alone can settle."""
    return code in set(Failure) and TABLE[Failure(code)].kind in (Kind.TRANSIENT, Kind.RATE)


def _headers(code: str) -> dict[str, str]:
    return dict(_TRY_LATER) if code in _AWAY or _passes(code) else {}


def _faults(error: Refused) -> list[Fault]:
    return [Fault(fault.path, fault.text) for fault in error.faults]


def _kind(code: str) -> str:
    return code.replace("_", "-")


def install(app: FastAPI) -> None:
    """Render the rooms' refusals as problem documents."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        return problem_response(request, problem_of(error))

    for kind in (ConnectionUnknown, Refused, ConnectRefused, CannotResolve, ErpError, PleoError):
        app.add_exception_handler(kind, refused)
