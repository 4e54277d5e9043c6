"""What the rooms below refuse, as problems: one row an error class or code, whichever route it came through."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from ledgerbridge.bookkeeping.problem import TABLE, Failure, Kind
from ledgerbridge.connections.errors import (
    ActivationRefused,
    BindingRefused,
    ClientRejected,
    ConnectionUnknown,
    ConnectRefused,
    ErpNotBound,
    GrantEnded,
    Refused,
    SecretUnreadable,
)
from ledgerbridge.connections.errors import Fault as Wrong
from ledgerbridge.connections.voucher_files import FileForgotten, FileUnknown
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports.alone import CannotResolve
from ledgerbridge.exports.run import FORBIDDEN
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.pleo.errors import Forbidden, PleoError
from ledgerbridge.syncs.vendors.resolve import CannotResolve as VendorCannotResolve
from ledgerbridge.web.problems import Fault, HttpProblem, problem_response

_log = get_logger(__name__)
_TRY_LATER = {"Retry-After": "30"}

_CONFLICTS = frozenset(
    {
        "disconnected",
        "erp_company_taken",
        "erp_company_change",
        "export_running",
        "erp_rebound",
        "erp_not_bound",
        "erp_company_changed",
        "connected_elsewhere",
        "not_active",
        "not_paused",
        "nothing_to_confirm",
        "run_outdated",
        "sync_disabled",
        "under_way",
    }
)
"""The request is fine, but things stand otherwise."""
_AWAY = frozenset({"pleo_unavailable", "pleo_unreachable", "cannot_check_now", "client_rejected"})
"""Somebody else has to come back first."""


def problem_of(error: Exception) -> HttpProblem:
    """The problem a refusal becomes."""
    match error:
        case FileUnknown():
            return _problem(404, "There is no such file.", "file_unknown")
        case FileForgotten():
            text = "The file was handed over, and forgotten with the end of the connection."
            return _problem(410, text, "file_forgotten")
        case ConnectionUnknown():
            return _problem(404, "There is no such connection.", "connection_unknown")
        case Refused():
            return _problem(_status(error), error.text, error.code, error.faults)
        case ConnectRefused():
            return _problem(_status_of(error.code), f"{error.text} {error.what_to_do}", error.code)
        case CannotResolve() | VendorCannotResolve():
            return _problem(409, str(error), "cannot_resolve")
        case ErpError():
            code = error.problem.failure.value
            return _problem(503 if _passes(code) else 409, error.problem.text, code)
        case GrantEnded():
            return _problem(409, "Pleo no longer lets us in. Press Connect in Pleo again.", "reconnect_needed")
        case SecretUnreadable():
            return _problem(503, error.text, "secret_unreadable")
        case ClientRejected():
            _log.error("ALERT: Pleo refuses our client id or secret")
            return _problem(503, "Pleo refuses this service itself; operators must act.", "client_rejected")
        case Forbidden():
            _log.error("pleo forbids the call", operation=error.operation)
            return _problem(409, FORBIDDEN, "pleo_forbids")
        case PleoError():
            _log.warning("pleo did not answer as needed", error=str(error))
            return _problem(503, "Pleo did not answer as needed. Try again later.", "pleo_unavailable")
        case _:
            raise error


def _problem(status: int, text: str, code: str, faults: Sequence[Wrong] = ()) -> HttpProblem:
    return HttpProblem(
        status,
        text,
        kind=code.replace("_", "-"),
        errors=[Fault(fault.path, fault.text) for fault in faults],
        headers=_TRY_LATER if status == 503 else None,
    )


def _status(error: Refused) -> int:
    """By the code; a binding's failure is about what was entered, even where the ERP did not answer at all."""
    if isinstance(error, ErpNotBound):
        return 409
    if isinstance(error, BindingRefused) and error.code not in _CONFLICTS:
        return 422
    if isinstance(error, ActivationRefused) and error.code not in _AWAY and not _passes(error.code):
        return 409
    return _status_of(error.code)


def _status_of(code: str) -> int:
    if code in _AWAY or _passes(code):
        return 503
    return 409 if code in _CONFLICTS else 422


def _passes(code: str) -> bool:
    """Whether a code is a row of the failure table that time alone can settle."""
    return code in set(Failure) and TABLE[Failure(code)].kind in (Kind.TRANSIENT, Kind.RATE)


def install(app: FastAPI) -> None:
    """Render the rooms' refusals as problem documents."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        return problem_response(request, problem_of(error))

    for kind in (
        *(ConnectionUnknown, FileUnknown, FileForgotten, Refused, ConnectRefused),
        *(CannotResolve, VendorCannotResolve, ErpError, PleoError),
    ):
        app.add_exception_handler(kind, refused)
